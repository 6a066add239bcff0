/* SPDX-License-Identifier: Apache-2.0 */
#include "screentext/alike.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

enum { LONGEST = 200 };

/* The next character; a malformed byte stands for itself. */
static uint32_t next(const unsigned char **p)
{
	const unsigned char *s = *p;
	size_t n = *s < 0xc0 ? 1 : *s < 0xe0 ? 2 : *s < 0xf0 ? 3 : 4;
	uint32_t c = n == 1 ? *s : *s & (0xffU >> (n + 1));
	size_t i = 1;
	for (; i < n && (s[i] & 0xc0) == 0x80; i++)
		c = c << 6 | (s[i] & 0x3f);
	*p = s + i;
	return c;
}

static bool is_digit(uint32_t c)
{
	return c >= '0' && c <= '9';
}

/* The characters that are compared. */
static size_t take(const char *text, bool digits, uint32_t out[static LONGEST])
{
	const unsigned char *p = (const unsigned char *)text;
	size_t n = 0;
	while (*p && n < LONGEST) {
		uint32_t c = next(&p);
		bool counts = c >= 0x80 || isalnum((int)c);
		if (counts && (digits || !is_digit(c)))
			out[n++] = c < 0x80 ? (uint32_t)tolower((int)c) : c;
	}
	return n;
}

/* The number of characters to insert, delete or replace. */
static size_t distance(const uint32_t *a, size_t n, const uint32_t *b, size_t m)
{
	size_t row[LONGEST + 1];
	for (size_t j = 0; j <= m; j++)
		row[j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);
			diagonal = row[j];
			best = row[j] + 1 < best ? row[j] + 1 : best;
			row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
		}
	}
	return row[m];
}

static double compare(const char *a, const char *b, bool digits)
{
	uint32_t x[LONGEST], y[LONGEST];
	size_t n = take(a, digits, x), m = take(b, digits, y), longest = n > m ? n : m;
	return longest ? 1 - (double)distance(x, n, y, m) / (double)longest : 1;
}

double text_alike(const char *a, const char *b)
{
	return compare(a, b, true);
}

bool text_is_part(const char *a, const char *b)
{
	enum { LEAST = 4 };
	uint32_t x[LONGEST], y[LONGEST];
	size_t n = take(a, true, x), m = take(b, true, y);
	const uint32_t *part = n < m ? x : y, *whole = n < m ? y : x;
	size_t few = n < m ? n : m, all = n < m ? m : n;
	for (size_t i = 0; few >= LEAST && i + few <= all; i++)
		if (!memcmp(part, whole + i, few * sizeof *part))
			return true;
	return false;
}

double text_alike_but_digits(const char *a, const char *b)
{
	return compare(a, b, false);
}

bool text_same_digits(const char *a, const char *b)
{
	for (;; a++, b++) {
		while (*a && !is_digit((unsigned char)*a))
			a++;
		while (*b && !is_digit((unsigned char)*b))
			b++;
		if (*a != *b || !*a)
			return *a == *b;
	}
}

struct text_letters text_count_letters(const char *s)
{
	struct text_letters n = {0};
	const unsigned char *p = (const unsigned char *)s;
	while (*p) {
		uint32_t c = next(&p);
		/* U+2000 to U+2BFF are punctuation, arrows and symbols. */
		bool symbol = c < 0x80 ? !isalnum((int)c) : c < 0xc0 || (c >= 0x2000 && c < 0x2c00);
		if (symbol)
			n.marks += c != ' ';
		else
			n.letters += c >= 0x800 ? 2 : 1;
		n.digits += is_digit(c);
		n.capitals += c >= 'A' && c <= 'Z';
	}
	return n;
}
