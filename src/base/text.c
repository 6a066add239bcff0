/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

/* Length of the well-formed UTF-8 sequence at s (Unicode 15, table 3-7), or 0. */
static size_t utf8_len(const unsigned char *s, size_t left)
{
	if (s[0] < 0x80)
		return 1;
	size_t n = s[0] >= 0xc2 && s[0] <= 0xdf   ? 2
	           : (s[0] & 0xf0) == 0xe0        ? 3
	           : s[0] >= 0xf0 && s[0] <= 0xf4 ? 4
	                                          : 0;
	if (!n || n > left)
		return 0;
	unsigned char lo = 0x80, hi = 0xbf;
	if (s[0] == 0xe0)
		lo = 0xa0;
	if (s[0] == 0xed)
		hi = 0x9f;
	if (s[0] == 0xf0)
		lo = 0x90;
	if (s[0] == 0xf4)
		hi = 0x8f;
	if (s[1] < lo || s[1] > hi)
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

bool text_is_utf8(const char *s)
{
	size_t left = strlen(s);
	while (left) {
		size_t n = utf8_len((const unsigned char *)s, left);
		if (!n)
			return false;
		s += n;
		left -= n;
	}
	return true;
}

/* Of the well-formed sequence at s. U+0080 to U+009F control terminals as do
 * those of ASCII: U+009B begins a sequence as ESC [ does. */
static bool is_control(const unsigned char *s)
{
	return s[0] < 0x20 || s[0] == 0x7f || (s[0] == 0xc2 && s[1] < 0xa0);
}

void text_utf8(struct buf *out, const void *data, size_t len)
{
	const unsigned char *s = data;
	for (size_t i = 0; i < len;) {
		size_t n = utf8_len(s + i, len - i);
		if (!n)
			buf_adds(out, "\xef\xbf\xbd");
		else if (is_control(s + i) && s[i] != '\n' && s[i] != '\t')
			buf_add(out, " ", 1);
		else
			buf_add(out, s + i, n);
		i += n ? n : 1;
	}
}

/* The length of a character at s that has no place in a line, or 0: it controls
 * the direction of text (U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to
 * U+2069), or has no width and no meaning (U+200B, U+2060, U+FEFF). U+200C and
 * U+200D stay, which some scripts need. */
static size_t hidden(const char *s)
{
	const unsigned char *u = (const unsigned char *)s;
	if (u[0] == 0xd8 && u[1] == 0x9c)
		return 2;
	if (u[0] == 0xef && u[1] == 0xbb && u[2] == 0xbf)
		return 3;
	if (u[0] != 0xe2 || (u[1] != 0x80 && u[1] != 0x81))
		return 0;
	bool marks = u[1] == 0x80 &&
	             (u[2] == 0x8b || u[2] == 0x8e || u[2] == 0x8f || (u[2] >= 0xaa && u[2] <= 0xae));
	bool isolates = u[1] == 0x81 && (u[2] == 0xa0 || (u[2] >= 0xa6 && u[2] <= 0xa9));
	return marks || isolates ? 3 : 0;
}

/* The length of a character at s that ends a line or is a tab (U+2028 and
 * U+2029 besides the usual ones; text_utf8() takes U+0085), or 0. */
static size_t line_break(const char *s)
{
	const unsigned char *u = (const unsigned char *)s;
	if (*s == '\n' || *s == '\t')
		return 1;
	return u[0] == 0xe2 && u[1] == 0x80 && (u[2] == 0xa8 || u[2] == 0xa9) ? 3 : 0;
}

char *text_line(const char *s, size_t max)
{
	struct buf b = BUF(SIZE_MAX / 2);
	size_t len = strlen(s);
	if (len > max) /* do not cut a character in two */
		for (len = max; len && ((unsigned char)s[len] & 0xc0) == 0x80;)
			len--;
	text_utf8(&b, s, len);
	char *line = buf_take(&b);
	char *to = line;
	for (const char *p = line; *p;) {
		size_t skip = hidden(p), end = line_break(p);
		if (!skip)
			*to++ = end ? ' ' : *p;
		p += skip ? skip : end ? end : 1;
	}
	*to = '\0';
	return line;
}

/* The length of a blank at s (a space separator of Unicode), or 0. */
static size_t blank(const char *s)
{
	const unsigned char *u = (const unsigned char *)s;
	if (*s == ' ')
		return 1;
	if (u[0] == 0xc2 && u[1] == 0xa0)
		return 2;
	return (u[0] == 0xe2 && u[1] == 0x80 && ((u[2] >= 0x80 && u[2] <= 0x8a) || u[2] == 0xaf)) ||
	               (u[0] == 0xe2 && u[1] == 0x81 && u[2] == 0x9f) ||
	               (u[0] == 0xe1 && u[1] == 0x9a && u[2] == 0x80) ||
	               (u[0] == 0xe3 && u[1] == 0x80 && u[2] == 0x80)
	           ? 3
	           : 0;
}

char *text_squeeze(const char *s)
{
	char *out = mem_alloc(strlen(s) + 1, 1), *to = out;
	while (*s) {
		size_t n = blank(s), all = 0, more;
		while ((more = blank(s + all)) > 0)
			all += more;
		if (all > n)
			*to++ = ' ';
		else
			*to++ = *s;
		s += all > n ? all : 1;
	}
	return out;
}

int text_check_name(char *name, const char *what, struct err *err)
{
	size_t first = strspn(name, " "), len = strlen(name + first);
	memmove(name, name + first, len + 1);
	while (len && name[len - 1] == ' ')
		name[--len] = '\0';
	if (!len)
		return err_set(err, ERR_ARG, "the %s is empty; give a text", what);
	if (len > TEXT_NAME_MAX)
		return err_set(err, ERR_ARG, "the %s has %zu bytes; at most %d are possible", what, len,
		               TEXT_NAME_MAX);
	if (!text_is_utf8(name))
		return err_set(err, ERR_ARG, "the %s is not valid UTF-8", what);
	AUTO(mem_freep) char *line = text_line(name, TEXT_NAME_MAX);
	if (strcmp(line, name) != 0)
		return err_set(err, ERR_ARG,
		               "the %s contains control characters, or such that are not visible or "
		               "change the direction of text; give one line of plain text",
		               what);
	return 0;
}

bool text_loops(const char *s)
{
	enum { TIMES = 4, LEAST = 60, LONGEST = 400 };
	size_t len = strlen(s);
	for (size_t period = 1; period <= LONGEST && TIMES * period <= len; period++) {
		size_t same = 0; /* how many bytes at the end are those of one period before */
		while (same + period < len && s[len - 1 - same] == s[len - 1 - same - period])
			same++;
		if (same + period >= LEAST && same >= (TIMES - 1) * period)
			return true;
	}
	return false;
}

void text_html(struct buf *out, const char *s)
{
	for (; *s; s++) {
		switch (*s) {
		case '&': buf_adds(out, "&amp;"); break;
		case '<': buf_adds(out, "&lt;"); break;
		case '>': buf_adds(out, "&gt;"); break;
		case '"': buf_adds(out, "&quot;"); break;
		case '\'': buf_adds(out, "&#39;"); break;
		default: buf_add(out, s, 1);
		}
	}
}

void text_csv(struct buf *out, const char *s)
{
	buf_adds(out, "\"");
	if (*s && strchr("=+-@\t", *s))
		buf_adds(out, "'");
	for (; *s; s++)
		buf_adds(out, *s == '"' ? "\"\"" : (char[2]){*s});
	buf_adds(out, "\"");
}

void text_markdown(struct buf *out, const char *s)
{
	for (; *s; s++) {
		if (strchr("\\`*_[]<>|#&~", *s))
			buf_adds(out, "\\");
		buf_add(out, *s == '\n' ? " " : s, 1);
	}
}

void text_base64(struct buf *out, const void *data, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *s = data;
	for (size_t i = 0; i < len; i += 3) {
		uint32_t v = (uint32_t)s[i] << 16 | (i + 1 < len ? (uint32_t)s[i + 1] << 8 : 0) |
		             (i + 2 < len ? s[i + 2] : 0);
		char quad[4] = {digits[v >> 18], digits[v >> 12 & 63],
		                i + 1 < len ? digits[v >> 6 & 63] : '=',
		                i + 2 < len ? digits[v & 63] : '='};
		buf_add(out, quad, sizeof quad);
	}
}

const char *text_size(double bytes, char out[static TEXT_SIZE_MAX])
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
	size_t u = 0;
	for (; bytes >= 999.5 && u + 1 < ARRAY_LEN(units); u++)
		bytes /= 1000;
	snprintf(out, TEXT_SIZE_MAX, u && bytes < 9.95 ? "%.1f %s" : "%.0f %s", bytes, units[u]);
	return out;
}

bool text_one_of(const char *s, const char *const *list)
{
	while (*list && strcmp(*list, s) != 0)
		list++;
	return *list;
}

bool text_one_of_any_case(const char *s, const char *const *list)
{
	while (*list && strcasecmp(*list, s) != 0)
		list++;
	return *list;
}

const char *text_s(int64_t n)
{
	return n == 1 ? "" : "s";
}
