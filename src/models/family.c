/* SPDX-License-Identifier: Apache-2.0 */
#include "models/family.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"

static const char *const keys[] = {
	"name",  "source", "checked",    "match",     "temperature",        "top_p",
	"top_k", "min_p",  "frame_pair", "reasoning", "picture_tokens_min", NULL};

static int fault(const char *where, const struct model_family *f, const char *what, struct err *err)
{
	return err_set(err, ERR_FORMAT, "%s: family %s: %s", where, *f->name ? f->name : "without name",
	               what);
}

/* Returns -1 if the key is missing. */
static double number_of(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);
	return json_is_number(v) ? json_number_value(v) : -1;
}

char *family_source(const json_t *v)
{
	struct buf b = BUF(8192);
	size_t i;
	json_t *one;
	if (json_is_string(v))
		buf_adds(&b, json_string_value(v));
	json_array_foreach ((json_t *)v, i, one) {
		const char *s = json_string_value(one);
		buf_addf(&b, "%s%s", b.len ? " " : "", s ? s : "");
	}
	char *text = buf_take(&b);
	return text ? text : mem_strdup("");
}

static char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));
	return mem_strdup(s ? s : "");
}

/* Converts to lower case, and other characters than letters, digits and dots to
 * single dashes. */
static char *plain(const char *name)
{
	char *out = mem_alloc(strlen(name) + 1, 1);
	size_t n = 0;
	for (const char *p = name; *p; p++) {
		bool kept = isalnum((unsigned char)*p) || *p == '.';
		if (kept)
			out[n++] = (char)tolower((unsigned char)*p);
		else if (n && out[n - 1] != '-')
			out[n++] = '-';
	}
	out[n] = '\0';
	return out;
}

static int read_matches(const json_t *list, const char *where, struct model_family *f,
                        struct err *err)
{
	size_t i;
	json_t *v;
	if (!json_is_array(list) || !json_array_size(list) ||
	    json_array_size(list) > FAMILY_MATCHES_MAX)
		return fault(where, f, "\"match\" must be a list of 1 to 16 texts", err);
	json_array_foreach (list, i, v) {
		const char *s = json_string_value(v);
		if (!s || !*s || strspn(s, " ") == strlen(s))
			return fault(where, f, "\"match\" holds something that is not a text", err);
		f->match[f->n_match++] = mem_strdup(s);
	}
	return 0;
}

int family_read(const json_t *o, const char *where, struct model_family *ret, struct err *err)
{
	double least = number_of(o, "picture_tokens_min"), pair = number_of(o, "frame_pair"),
		   top_k = number_of(o, "top_k");
	const char *reasoning = json_string_value(json_object_get(o, "reasoning"));
	*ret = (struct model_family){
		.name = text_of(o, "name"),
		.source = family_source(json_object_get(o, "source")),
		.checked = json_is_true(json_object_get(o, "checked")),
		.picture_tokens_min = least > 0 ? (int64_t)least : 0,
		.frame_pair = pair > 0 ? (int64_t)pair : 0,
		.reasons = reasoning != NULL,
		.template_switch = reasoning && !strcmp(reasoning, "enable_thinking"),
		.temperature = number_of(o, "temperature"),
		.top_p = number_of(o, "top_p"),
		.min_p = number_of(o, "min_p"),
		.top_k = top_k > 0 ? (int64_t)top_k : -1,
	};
	if (!*ret->name)
		return fault(where, ret, "it needs a \"name\"", err);

	const char *unknown = json_unknown_key(o, keys);
	if (unknown) {
		AUTO(mem_freep) char *what = mem_printf("unknown key \"%.40s\"", unknown);
		return fault(where, ret, what, err);
	}

	int r = read_matches(json_object_get(o, "match"), where, ret, err);
	if (r < 0)
		return r;
	if (reasoning && !ret->template_switch && strcmp(reasoning, "always") != 0)
		return fault(where, ret, "\"reasoning\" is enable_thinking or always", err);
	if (ret->temperature > 2 || ret->top_p > 1 || ret->min_p > 1 || least > 1 << 20 || pair > 64)
		return fault(where, ret, "a number in it is out of range", err);
	return 0;
}

void family_clear(struct model_family *f)
{
	free(f->name);
	free(f->source);
	for (size_t i = 0; i < f->n_match; i++)
		free(f->match[i]);
	*f = (struct model_family){0};
}

/* Whether `name` contains `word` as a whole word: "3.1" does not contain "3". */
static bool has_word(const char *name, const char *word, size_t len)
{
	for (const char *p = name; *p; p++) {
		bool begins = p == name || p[-1] == '-';
		char after = p[0] && !strncmp(p, word, len) ? p[len] : 'x';
		if (begins && (!after || after == '-'))
			return true;
	}
	return false;
}

bool family_matches(const struct model_family *f, const char *name)
{
	AUTO(mem_freep) char *text = plain(name);
	for (size_t i = 0; i < f->n_match; i++) {
		bool all = true;
		for (const char *p = f->match[i]; all && *p; p += strspn(p, " ")) {
			size_t len = strcspn(p, " ");
			all = !len || has_word(text, p, len);
			p += len;
		}
		if (all)
			return true;
	}
	return false;
}

const struct model_family *family_find(const struct model_family *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (family_matches(&list[i], name))
			return &list[i];
	return NULL;
}
