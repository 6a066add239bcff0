/* SPDX-License-Identifier: Apache-2.0 */
#include "openai/embed.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

/* What is after a picture that comes without a text. */
#define PICTURE_TEXT "A frame of a video."

void embed_result_clear(struct embed_result *r)
{
	free(r->vectors);
	free(r->model);
	*r = (struct embed_result){0};
}

/* ---- the request */

/* Appends text as a JSON string, as valid UTF-8. */
static void add_string(struct buf *out, const char *text)
{
	AUTO(buf_free) struct buf valid = BUF(EMBED_BODY_MAX);
	text_utf8(&valid, text, strlen(text));
	json_auto_t *s = json_string(buf_str(&valid));
	AUTO(mem_freep) char *json = json_dumps(s, JSON_ENCODE_ANY);
	buf_adds(out, json ? json : "\"\"");
}

static int add_picture(struct buf *out, const struct embed_item *item, struct err *err)
{
	const unsigned char *p = item->jpeg;
	size_t n = item->jpeg_len;
	if (n < 4 || p[0] != 0xff || p[1] != 0xd8 || p[n - 2] != 0xff || p[n - 1] != 0xd9)
		return err_set(err, ERR_FORMAT, "a picture is not a whole JPEG");
	buf_adds(out, "{\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/jpeg;"
	              "base64,");
	text_base64(out, item->jpeg, n);
	buf_adds(out, "\"}},{\"type\":\"text\",\"text\":");
	add_string(out, item->text && *item->text ? item->text : PICTURE_TEXT);
	buf_adds(out, "}]}");
	return 0;
}

int embed_body(const struct embed_item *items, size_t n, const char *model, struct buf *out,
               struct err *err)
{
	int r = 0;
	if (n < 1 || n > EMBED_ITEMS_MAX)
		return err_set(err, ERR_INTERNAL, "%zu texts in one request for vectors", n);
	buf_adds(out, "{");
	if (*model) {
		buf_adds(out, "\"model\":");
		add_string(out, model);
		buf_adds(out, ",");
	}
	buf_adds(out, "\"input\":[");
	for (size_t i = 0; i < n && r == 0; i++) {
		buf_adds(out, i ? "," : "");
		if (items[i].jpeg)
			r = add_picture(out, &items[i], err);
		else
			add_string(out, items[i].text);
	}
	buf_adds(out, "]}");
	return r < 0 ? r : buf_check(out, "the request for vectors", err);
}

/* ---- the reply */

static int digit_of(char c)
{
	return c >= 'A' && c <= 'Z'   ? c - 'A'
	       : c >= 'a' && c <= 'z' ? c - 'a' + 26
	       : c >= '0' && c <= '9' ? c - '0' + 52
	       : c == '+'             ? 62
	       : c == '/'             ? 63
	                              : -1;
}

/* The bytes of base64 with padding, at most `most`; SIZE_MAX if it is none. */
static size_t decode_base64(const char *text, size_t len, unsigned char *out, size_t most)
{
	uint32_t bits = 0;
	size_t n = 0, held = 0;
	while (len && text[len - 1] == '=')
		len--;
	for (size_t i = 0; i < len; i++) {
		int d = digit_of(text[i]);
		if (d < 0)
			return SIZE_MAX;
		bits = bits << 6 | (uint32_t)d;
		held += 6;
		if (held < 8)
			continue;
		held -= 8;
		if (n == most)
			return SIZE_MAX;
		out[n++] = (unsigned char)(bits >> held);
	}
	return n;
}

/* Numbers of 32 bits, the smallest byte first. */
static size_t read_base64(const json_t *j, float *out)
{
	size_t most = EMBED_DIM_MAX * 4;
	AUTO(mem_freep) unsigned char *bytes = mem_alloc(most, 1);
	size_t n = decode_base64(json_string_value(j), json_string_length(j), bytes, most);
	if (n == SIZE_MAX || n % 4)
		return 0;
	for (size_t i = 0; i < n / 4; i++) {
		const unsigned char *b = bytes + 4 * i;
		uint32_t u =
			(uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
		memcpy(&out[i], &u, sizeof u);
	}
	return n / 4;
}

static size_t read_numbers(const json_t *j, float *out)
{
	size_t n = json_array_size(j);
	if (n > EMBED_DIM_MAX)
		return 0;
	for (size_t i = 0; i < n; i++) {
		const json_t *x = json_array_get(j, i);
		if (!json_is_number(x))
			return 0;
		out[i] = (float)json_number_value(x);
	}
	return n;
}

/* Writes the numbers to `out`, which has EMBED_DIM_MAX places. */
static int read_vector(const json_t *j, float *out, size_t *ret_dim, struct err *err)
{
	double square = 0;
	if (json_is_array(json_array_get(j, 0)))
		return err_set(err, ERR_PROTO,
		               "the reply has a vector for each token, not one for a text: start the "
		               "engine with --pooling last or mean (engine.embed_pooling)");
	size_t n = json_is_string(j)  ? read_base64(j, out)
	           : json_is_array(j) ? read_numbers(j, out)
	                              : 0;
	if (!n)
		return err_set(err, ERR_PROTO, "the reply has no vector of 1 to %d numbers", EMBED_DIM_MAX);
	for (size_t i = 0; i < n; i++) {
		if (!isfinite(out[i]))
			return err_set(err, ERR_PROTO, "a vector has a number that is not finite");
		square += (double)out[i] * (double)out[i];
	}
	if (!(square > 0))
		return err_set(err, ERR_PROTO, "a vector is zero");
	*ret_dim = n;
	return 0;
}

/* Each at the place of its index, which may be left out. */
static int read_all(const json_t *data, size_t n, struct embed_result *ret, struct err *err)
{
	AUTO(mem_freep) float *one = mem_alloc(EMBED_DIM_MAX, sizeof *one);
	AUTO(mem_freep) bool *has = mem_alloc(n, sizeof *has);
	for (size_t i = 0; i < n; i++) {
		const json_t *o = json_array_get(data, i), *index = json_object_get(o, "index");
		json_int_t at = json_is_integer(index) ? json_integer_value(index) : (json_int_t)i;
		size_t dim = 0;
		if (at < 0 || at >= (json_int_t)n || has[at])
			return err_set(err, ERR_PROTO, "the vectors of the reply are numbered wrongly");
		int r = read_vector(json_object_get(o, "embedding"), one, &dim, err);
		if (r < 0)
			return r;
		if (!ret->dim) {
			ret->dim = dim;
			ret->vectors = mem_alloc(n * dim, sizeof *ret->vectors);
		}
		if (dim != ret->dim)
			return err_set(err, ERR_PROTO, "one vector has %zu numbers, another %zu", ret->dim,
			               dim);
		memcpy(ret->vectors + (size_t)at * dim, one, dim * sizeof *one);
		has[at] = true;
	}
	return 0;
}

int embed_read(const char *reply, size_t len, size_t n, struct embed_result *ret, struct err *err)
{
	AUTO(embed_result_clear) struct embed_result result = {.n = n};
	json_auto_t *j = json_loadb(reply, len, 0, NULL);
	const json_t *data = json_object_get(j, "data");
	const char *model = json_string_value(json_object_get(j, "model"));
	if (!json_is_array(data))
		return err_set(err, ERR_PROTO,
		               "the reply to a request for vectors is not JSON with \"data\"");
	if (n < 1 || json_array_size(data) != n)
		return err_set(err, ERR_PROTO, "the reply has %zu vectors, not %zu", json_array_size(data),
		               n);
	int r = read_all(data, n, &result, err);
	if (r < 0)
		return r;
	result.model = text_line(model ? model : "", 200);
	*ret = result;
	result = (struct embed_result){0};
	return 0;
}
