/* SPDX-License-Identifier: Apache-2.0 */
#include "sign/canonical.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { DIGITS_MAX = 17 };

/* The fewest digits that are read as this number: "12345" with the exponent of
 * the first of them. */
static void shortest(double v, char digits[static DIGITS_MAX + 1], int *ret_exponent)
{
	char text[CANONICAL_NUMBER_MAX];
	for (int n = 1; n <= DIGITS_MAX; n++) {
		snprintf(text, sizeof text, "%.*e", n - 1, v);
		if (strtod(text, NULL) == v)
			break;
	}
	size_t len = 0;
	const char *s = text;
	for (; *s && *s != 'e'; s++)
		if (*s >= '0' && *s <= '9' && len < DIGITS_MAX)
			digits[len++] = *s;
	while (len > 1 && digits[len - 1] == '0')
		len--;
	digits[len] = '\0';
	*ret_exponent = *s ? (int)strtol(s + 1, NULL, 10) : 0;
}

void canonical_number(double v, char out[static CANONICAL_NUMBER_MAX])
{
	char digits[DIGITS_MAX + 1];
	int e;
	if (v == 0) { /* also -0 */
		snprintf(out, CANONICAL_NUMBER_MAX, "0");
		return;
	}
	const char *sign = v < 0 ? "-" : "";
	shortest(v < 0 ? -v : v, digits, &e);
	int n = (int)strlen(digits);
	static const char zeros[] = "00000000000000000000";
	if (e >= 21 || e < -6)
		snprintf(out, CANONICAL_NUMBER_MAX, "%s%c%s%se%c%d", sign, digits[0], n > 1 ? "." : "",
		         digits + 1, e < 0 ? '-' : '+', abs(e));
	else if (e < 0)
		snprintf(out, CANONICAL_NUMBER_MAX, "%s0.%.*s%s", sign, -e - 1, zeros, digits);
	else if (n <= e + 1)
		snprintf(out, CANONICAL_NUMBER_MAX, "%s%s%.*s", sign, digits, e + 1 - n, zeros);
	else
		snprintf(out, CANONICAL_NUMBER_MAX, "%s%.*s.%s", sign, e + 1, digits, digits + e + 1);
}

static void add_string(const char *s, size_t len, struct buf *out)
{
	static const char plain[] = "btn\0fr"; /* after the backslash: \b is 8 */
	buf_adds(out, "\"");
	for (size_t i = 0, from = 0; i <= len; i++) {
		unsigned char c = i < len ? (unsigned char)s[i] : '"';
		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		buf_add(out, s + from, i - from);
		from = i + 1;
		if (i == len)
			break;
		if (c >= 8 && c <= 13 && plain[c - 8])
			buf_addf(out, "\\%c", plain[c - 8]);
		else if (c < 0x20)
			buf_addf(out, "\\u%04x", c);
		else
			buf_addf(out, "\\%c", c);
	}
	buf_adds(out, "\"");
}

/* By UTF-16 code units. In UTF-8 the order is the same, except that characters
 * of four bytes come before those from U+E000 to U+FFFF. */
static int compare_keys(const void *a, const void *b)
{
	const unsigned char *x = *(const unsigned char *const *)a,
						*y = *(const unsigned char *const *)b;
	while (*x && *x == *y)
		x++, y++;
	if (*x >= 0xf0 && (*y == 0xee || *y == 0xef))
		return -1;
	if (*y >= 0xf0 && (*x == 0xee || *x == 0xef))
		return 1;
	return *x - *y;
}

static int add_value(const json_t *json, int depth, struct buf *out, struct err *err);

static int add_object(const json_t *json, int depth, struct buf *out, struct err *err)
{
	size_t n = 0;
	AUTO(mem_freep) const char **keys = mem_alloc(json_object_size(json) + 1, sizeof *keys);
	const char *key;
	json_t *value;
	json_object_foreach ((json_t *)json, key, value)
		keys[n++] = key;
	qsort(keys, n, sizeof *keys, compare_keys);

	buf_adds(out, "{");
	for (size_t i = 0; i < n; i++) {
		buf_adds(out, i ? "," : "");
		add_string(keys[i], strlen(keys[i]), out);
		buf_adds(out, ":");
		int r = add_value(json_object_get(json, keys[i]), depth + 1, out, err);
		if (r < 0)
			return r;
	}
	buf_adds(out, "}");
	return 0;
}

static int add_array(const json_t *json, int depth, struct buf *out, struct err *err)
{
	buf_adds(out, "[");
	for (size_t i = 0; i < json_array_size(json); i++) {
		buf_adds(out, i ? "," : "");
		int r = add_value(json_array_get(json, i), depth + 1, out, err);
		if (r < 0)
			return r;
	}
	buf_adds(out, "]");
	return 0;
}

static int add_value(const json_t *json, int depth, struct buf *out, struct err *err)
{
	char number[CANONICAL_NUMBER_MAX];
	if (depth > CANONICAL_DEPTH)
		return err_set(err, ERR_FORMAT, "values are nested more than %d deep", CANONICAL_DEPTH);
	switch (json_typeof(json)) {
	case JSON_OBJECT: return add_object(json, depth, out, err);
	case JSON_ARRAY: return add_array(json, depth, out, err);
	case JSON_STRING: add_string(json_string_value(json), json_string_length(json), out); return 0;
	case JSON_INTEGER: buf_addf(out, "%lld", (long long)json_integer_value(json)); return 0;
	case JSON_REAL:
		canonical_number(json_real_value(json), number);
		buf_adds(out, number);
		return 0;
	case JSON_TRUE: buf_adds(out, "true"); return 0;
	case JSON_FALSE: buf_adds(out, "false"); return 0;
	case JSON_NULL: break;
	}
	buf_adds(out, "null");
	return 0;
}

int canonical_add(const json_t *json, struct buf *out, struct err *err)
{
	int r = add_value(json, 0, out, err);
	return r < 0 ? r : buf_check(out, "the canonical form", err);
}
