/* SPDX-License-Identifier: Apache-2.0 */
/* Which files of a repository make up a model. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/file.h"
#include "models/get.h"

/* From the finest to the coarsest. */
static const char *const order[] = {"f32",    "bf16",   "f16",    "q8_0",   "q6_k",   "q5_k_m",
                                    "q5_k_s", "q5_1",   "q5_0",   "q4_k_m", "q4_k_s", "q4_1",
                                    "q4_0",   "iq4_nl", "iq4_xs", "q3_k_l", "q3_k_m", "q3_k_s",
                                    "iq3_m",  "q2_k",   "iq2_m"};

static size_t rank_of(const char *quantize)
{
	for (size_t i = 0; i < ARRAY_LEN(order); i++)
		if (!strcasecmp(order[i], quantize))
			return i;
	return ARRAY_LEN(order);
}

static bool is_model(const struct catalogue_file *f)
{
	return !model_is_projector(f->path);
}

static bool has(const struct catalogue_file *files, size_t n, const char *quantize)
{
	for (size_t i = 0; i < n; i++)
		if (is_model(&files[i]) && !strcmp(model_name_precision(files[i].path), quantize))
			return true;
	return false;
}

/* The wanted precision, or the next finer one that there is; NULL if there is
 * none. "mixed" is made from a fine one. */
static const char *best(const struct catalogue_file *files, size_t n, const char *quantize)
{
	size_t at = rank_of(strcasecmp(quantize, "mixed") == 0 ? "f16" : quantize);
	if (!strcasecmp(quantize, "bf16") || !strcasecmp(quantize, "f16")) {
		/* Equal size, and each can be made from the other nearly without
		 * loss. */
		const char *same[] = {quantize, strcasecmp(quantize, "f16") ? "f16" : "bf16"};
		for (size_t i = 0; i < 2; i++)
			if (has(files, n, same[i]))
				return order[rank_of(same[i])];
	}
	for (size_t i = at < ARRAY_LEN(order) ? at + 1 : 0; i-- > 0;)
		if (has(files, n, order[i]))
			return order[i];
	return !strcasecmp(quantize, "mixed") && has(files, n, "q8_0") ? "q8_0" : NULL;
}

/* The finest useful projector: f16 before the others. */
static size_t projector(const struct catalogue_file *files, size_t n)
{
	static const char *const wanted[] = {"f16", "bf16", "q8_0", "f32"};
	for (size_t w = 0; w < ARRAY_LEN(wanted); w++)
		for (size_t i = 0; i < n; i++)
			if (!is_model(&files[i]) && !strcmp(model_name_precision(files[i].path), wanted[w]))
				return i;
	for (size_t i = 0; i < n; i++)
		if (!is_model(&files[i]))
			return i;
	return n;
}

static int nothing_fits(const struct catalogue_file *files, size_t n, const char *quantize,
                        struct err *err)
{
	AUTO(buf_free) struct buf all = BUF(300);
	for (size_t i = 0; i < ARRAY_LEN(order); i++)
		if (has(files, n, order[i]))
			buf_addf(&all, "%s%s", all.len ? ", " : "", order[i]);
	if (!all.len)
		return err_set(err, ERR_NOENT, "it holds no GGUF file of a precision that vdet knows");
	return err_set(err, ERR_NOENT, "it is not there at %s or finer; there is %s", quantize,
	               buf_str(&all));
}

/* Parts of a split model belong together: those with the stem and count of the
 * first that is found. */
static int pick_parts(const struct catalogue_file *files, size_t n, const char *precision,
                      bool *choice, struct err *err)
{
	size_t stem = 0, first = n;
	int64_t count = 0, found = 0;
	for (size_t i = 0; i < n; i++) {
		size_t s;
		int64_t c, number = model_split(files[i].path, &s, &c);
		if (!is_model(&files[i]) || strcmp(model_name_precision(files[i].path), precision) != 0)
			continue;
		if (first == n) {
			first = i;
			stem = number ? s : 0;
			count = number ? c : 0;
			choice[i] = true;
			found = 1;
		} else if (count && number && c == count && s == stem &&
		           !strncmp(files[i].path, files[first].path, stem)) {
			choice[i] = true;
			found++;
		}
	}
	if (count && found != count)
		return err_set(err, ERR_NOENT, "only %lld of the %lld parts of the model are there",
		               (long long)found, (long long)count);
	return 0;
}

int model_pick(const struct catalogue_file *files, size_t n, const char *quantize, bool *choice,
               const char **ret_quantize, struct err *err)
{
	memset(choice, 0, n * sizeof *choice);
	size_t p = projector(files, n);
	const char *precision = best(files, n, quantize);
	if (!precision) {
		/* If there is only one model and its name states no precision, it is
		 * chosen. */
		size_t models = 0, last = 0;
		for (size_t i = 0; i < n; i++)
			if (is_model(&files[i])) {
				models++;
				last = i;
			}
		if (models != 1 || *model_name_precision(files[last].path))
			return nothing_fits(files, n, quantize, err);
		choice[last] = true;
		precision = "";
	} else {
		int r = pick_parts(files, n, precision, choice, err);
		if (r < 0)
			return r;
	}

	if (p == n)
		return err_set(err, ERR_UNSUPPORTED,
		               "it holds no projector (mmproj*.gguf), so the model could not see");
	choice[p] = true;
	*ret_quantize = precision;
	return 0;
}
