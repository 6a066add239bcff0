/* SPDX-License-Identifier: Apache-2.0 */
#include "wallclock/parse.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "wallclock/civil.h"

#define SECOND INT64_C(1000000)

enum { TOKENS_MAX = 40, WORD_MAX = 12 };

const char *const wallclock_order_name[WALLCLOCK_ORDERS] = {"ymd", "dmy", "mdy"};

/* A number, a word, or a separator: what is between them apart from blanks. */
struct token {
	enum { NUMBER, WORD, SEPARATOR } kind;
	char text[WORD_MAX + 1];
	int digits, value; /* of a number */
	bool blank;        /* one or several are before it */
};

struct tokens {
	struct token list[TOKENS_MAX];
	size_t n;
};

/* ---- tokens ---- */

/* The digit that a character is, or looks like; -1 = none. */
static int digit_of(char c)
{
	static const char *const like[10] = {"OoQD", "lIi|!", "Zz", "", "", "Ss", "", "", "B", ""};
	if (c >= '0' && c <= '9')
		return c - '0';
	for (int i = 0; i < 10 && c; i++)
		if (strchr(like[i], c))
			return i;
	return -1;
}

static bool of_run(char c)
{
	return isalnum((unsigned char)c) || c == '|' || c == '!' || (c & 0x80);
}

static struct token number(const char *s, size_t n, bool blank)
{
	struct token k = {.kind = NUMBER, .digits = (int)n, .blank = blank};
	for (size_t i = 0; i < n; i++) {
		k.value = k.value * 10 + digit_of(s[i]);
		if (i < WORD_MAX)
			k.text[i] = s[i];
	}
	return k;
}

static void add_number(struct tokens *t, const char *s, size_t n, bool blank)
{
	if (t->n < TOKENS_MAX)
		t->list[t->n++] = number(s, n, blank);
}

static void add_word(struct tokens *t, const char *s, size_t n, bool blank)
{
	struct token k = {.kind = WORD, .blank = blank};
	memcpy(k.text, s, n < WORD_MAX ? n : WORD_MAX);
	if (t->n < TOKENS_MAX)
		t->list[t->n++] = k;
}

static bool is_number(const char *s, size_t n, bool beside)
{
	size_t digits = 0;
	for (size_t i = 0; i < n; i++) {
		if (digit_of(s[i]) < 0)
			return false;
		digits += isdigit((unsigned char)s[i]) != 0;
	}
	/* "SO" alone is a word, beside a colon it can be 50 */
	return n > 0 && n <= 8 && (digits > 0 || (beside && n <= 2));
}

/* A run of letters and digits: "09PM" and "30T14" are two numbers or words. */
static void add_run(struct tokens *t, const char *s, size_t n, bool blank, bool beside)
{
	size_t i = 0, word = 0;
	/* what follows two digits and is none: "09Z", "09|" */
	if (n == 3 && !isdigit((unsigned char)s[2]) && is_number(s, 2, beside)) {
		add_number(t, s, 2, blank);
		add_word(t, s + 2, 1, false);
		return;
	}
	if (is_number(s, n, beside)) {
		add_number(t, s, n, blank);
		return;
	}
	while (i < n && digit_of(s[i]) >= 0)
		i++;
	while (word < n && !isdigit((unsigned char)s[word]))
		word++;
	if (i > 0 && i < n && is_number(s, i, beside)) {
		add_number(t, s, i, blank);
		if (s[i] == 'T' && is_number(s + i + 1, n - i - 1, true))
			add_number(t, s + i + 1, n - i - 1, true);
		else
			add_word(t, s + i, n - i, false);
	} else if (word > 0 && word < n && is_number(s + word, n - word, beside)) {
		add_word(t, s, word, blank);
		add_number(t, s + word, n - word, false);
	} else {
		add_word(t, s, n, blank);
	}
}

static bool is_separator(char c)
{
	return c == ':' || c == ';' || c == '-' || c == '/' || c == '.' || c == ',' || c == '\\';
}

/* Chinese and Japanese dates have the words for year, month and day behind the
 * numbers. */
static void plain(const char *text, char out[static WALLCLOCK_PARSE_MAX + 1])
{
	static const struct {
		const char *from;
		char to;
	} marks[] = {{"年", '-'}, {"月", '-'}, {"日", ' '}, {"時", ':'}, {"时", ':'}, {"分", ':'},
	             {"秒", ' '}, {"：", ':'}, {"–", '-'},  {"—", '-'},  {"‘", ' '},  {"’", ' '}};
	size_t n = 0;
	while (*text && n < WALLCLOCK_PARSE_MAX) {
		size_t i = 0;
		while (i < ARRAY_LEN(marks) && strncmp(text, marks[i].from, strlen(marks[i].from)) != 0)
			i++;
		out[n++] = i < ARRAY_LEN(marks) ? marks[i].to : *text;
		text += i < ARRAY_LEN(marks) ? strlen(marks[i].from) : 1;
	}
	out[n] = '\0';
}

static void split(const char *s, struct tokens *t)
{
	bool blank = false;
	while (*s) {
		size_t n = 0;
		while (of_run(s[n]))
			n++;
		if (n > 0) {
			bool beside =
				is_separator(s[n]) || (t->n > 0 && !blank && t->list[t->n - 1].kind == SEPARATOR);
			add_run(t, s, n, blank, beside);
			blank = false;
		} else if (is_separator(*s) && t->n < TOKENS_MAX) {
			t->list[t->n++] = (struct token){.kind = SEPARATOR, .text = {*s}, .blank = blank};
			blank = false;
			n = 1;
		} else {
			blank = true;
			n = 1;
		}
		s += n;
	}
}

/* ---- matching ---- */

static const struct token *at(const struct tokens *t, size_t i)
{
	static const struct token none = {.kind = WORD};
	return i < t->n ? &t->list[i] : &none;
}

static bool is_sep(const struct tokens *t, size_t i, const char *any)
{
	const struct token *k = at(t, i);
	return k->kind == SEPARATOR && strchr(any, k->text[0]);
}

static bool is_num(const struct tokens *t, size_t i, int least, int most)
{
	const struct token *k = at(t, i);
	return i < t->n && k->kind == NUMBER && k->digits >= least && k->digits <= most;
}

static void cut(struct tokens *t, size_t from, size_t n)
{
	memmove(&t->list[from], &t->list[from + n], (t->n - from - n) * sizeof t->list[0]);
	t->n -= n;
}

/* Makes two numbers of one. */
static void divide(struct tokens *t, size_t i, size_t first)
{
	struct token k = t->list[i];
	if (t->n == TOKENS_MAX)
		return;
	memmove(&t->list[i + 1], &t->list[i], (t->n - i) * sizeof t->list[0]);
	t->n++;
	t->list[i] = number(k.text, first, k.blank);
	t->list[i + 1] = number(k.text + first, (size_t)k.digits - first, true);
}

/* "2026-11-3014:05:09": the blank between date and time was lost. */
static void divide_joined(struct tokens *t)
{
	for (size_t i = 1; i + 1 < t->n; i++) {
		const struct token *k = &t->list[i];
		if (k->kind != NUMBER || (k->digits != 4 && k->digits != 6))
			continue;
		if (is_sep(t, i - 1, "-/.") && is_sep(t, i + 1, ":;"))
			divide(t, i, (size_t)k->digits - 2);
		else if (is_sep(t, i - 1, ":;") && is_sep(t, i + 1, "-/."))
			divide(t, i, 2);
	}
}

static int month_of(const char *word)
{
	static const char *const names[12][3] = {
		{"JAN"}, {"FEB"}, {"MAR", "MRZ"}, {"APR"},        {"MAY", "MAI"}, {"JUN"},
		{"JUL"}, {"AUG"}, {"SEP"},        {"OCT", "OKT"}, {"NOV"},        {"DEC", "DEZ"}};
	for (int m = 0; m < 12 && strlen(word) >= 3; m++)
		for (int k = 0; k < 3 && names[m][k]; k++)
			if (strncasecmp(word, names[m][k], 3) == 0)
				return m + 1;
	return 0;
}

static int weekday_of(const char *word)
{
	static const char *const names[7] = {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"};
	for (int d = 0; d < 7 && strlen(word) >= 3; d++)
		if (strncasecmp(word, names[d], 3) == 0)
			return d;
	return -1;
}

static int year_of(const struct token *k)
{
	return k->digits == 4 ? k->value : k->value < 70 ? 2000 + k->value : 1900 + k->value;
}

static void try_order(struct wallclock_reading *r, enum wallclock_order o, const struct token *y,
                      int month, const struct token *d)
{
	int year = year_of(y);
	if (d->digits > 2 || (y->digits != 2 && y->digits != 4) || year < 1970 || year > 2100 ||
	    !civil_valid(year, month, d->value))
		return;
	r->possible[o] = true;
	r->days[o] = civil_days(year, month, d->value);
	r->dated = true;
}

/* Three numbers with separators, or two around the name of a month. Returns the
 * number of tokens. */
static size_t match_date(const struct tokens *t, size_t i, struct wallclock_reading *r, char *sep)
{
	size_t b = i + 1, c;
	int month = 0;
	bool sep1 = is_sep(t, b, "-/.,\\");
	b += sep1;
	if (at(t, b)->kind == WORD && b < t->n)
		month = month_of(at(t, b)->text);
	if (!month && (!sep1 || !is_num(t, b, 1, 2)))
		return 0;
	c = b + 1;
	bool sep2 = is_sep(t, c, "-/.,\\");
	c += sep2;
	if ((!month && !sep2) || !is_num(t, i, 1, 4) || !is_num(t, c, 1, 4))
		return 0;
	const struct token *x = at(t, i), *y = at(t, b), *z = at(t, c);
	*sep = sep1 ? at(t, i + 1)->text[0] : ' ';
	if (month) {
		if (x->digits == 4)
			try_order(r, WALLCLOCK_YMD, x, month, z);
		else
			try_order(r, WALLCLOCK_DMY, z, month, x);
	} else if (x->digits == 4) {
		try_order(r, WALLCLOCK_YMD, x, y->value, z);
	} else if (z->digits == 4 || z->digits == 2) {
		try_order(r, WALLCLOCK_DMY, z, y->value, x);
		try_order(r, WALLCLOCK_MDY, z, x->value, y);
		if (x->digits == 2 && z->digits == 2)
			try_order(r, WALLCLOCK_YMD, x, y->value, z);
	}
	return r->dated ? c + 1 - i : 0;
}

/* "NOV 30 2026", "NOV 30, 2026" */
static size_t match_named(const struct tokens *t, size_t i, struct wallclock_reading *r, char *sep)
{
	int month = at(t, i)->kind == WORD && i < t->n ? month_of(at(t, i)->text) : 0;
	size_t b = i + 1;
	b += is_sep(t, b, "-/.,");
	size_t c = b + 1;
	c += is_sep(t, c, "-/.,");
	if (!month || !is_num(t, b, 1, 2) || (!is_num(t, c, 4, 4) && !is_num(t, c, 2, 2)))
		return 0;
	*sep = ' ';
	try_order(r, WALLCLOCK_MDY, at(t, c), month, at(t, b));
	return r->dated ? c + 1 - i : 0;
}

/* ---- the time ---- */

struct hours {
	int meridiem; /* 0 none, 1 AM, 2 PM */
	bool seconds;
	int fraction; /* digits behind the second */
};

static int meridiem_of(const struct tokens *t, size_t i)
{
	const struct token *k = at(t, i);
	if (i >= t->n || k->kind != WORD)
		return 0;
	return strcasecmp(k->text, "AM") == 0 || strcmp(k->text, "A") == 0   ? 1
	       : strcasecmp(k->text, "PM") == 0 || strcmp(k->text, "P") == 0 ? 2
	                                                                     : 0;
}

/* Returns the number of tokens, 0 if there is no time at i. `seps`: separators
 * that are allowed. */
static size_t match_time(const struct tokens *t, size_t i, const char *seps,
                         struct wallclock_reading *r, struct hours *ret)
{
	if (!is_num(t, i, 1, 2) || !is_sep(t, i + 1, seps) || !is_num(t, i + 2, 2, 2))
		return 0;
	size_t n = i + 3;
	int h = at(t, i)->value, m = at(t, i + 2)->value, s = 0;
	*ret = (struct hours){0};
	r->unit = 60 * SECOND;
	if ((is_sep(t, n, seps) || is_sep(t, n, ".")) && is_num(t, n + 1, 2, 2)) {
		s = at(t, n + 1)->value;
		r->unit = SECOND;
		ret->seconds = true;
		n += 2;
	} else if (is_sep(t, n, ":;")) {
		return 0; /* there are seconds, which were not read */
	}
	int64_t fraction = 0;
	if (ret->seconds && is_sep(t, n, ":;.,") && is_num(t, n + 1, 1, 3) && !at(t, n + 1)->blank) {
		ret->fraction = at(t, n + 1)->digits;
		r->framed = ret->fraction < 3;
		fraction = ret->fraction == 3 ? at(t, n + 1)->value * SECOND / 1000 : 0;
		r->unit = ret->fraction == 3 ? SECOND / 1000 : SECOND;
		n += 2;
	}
	ret->meridiem = meridiem_of(t, n);
	if (m > 59 || s > 59 || h > 23 || (ret->meridiem && (h < 1 || h > 12)))
		return 0;
	r->bare = at(t, i)->digits == 1;
	r->half = !ret->meridiem && h >= 1 && h <= 12;
	if (ret->meridiem)
		h = h % 12 + (ret->meridiem == 2 ? 12 : 0);
	r->of_day = ((h * 60 + m) * INT64_C(60) + s) * SECOND + fraction;
	r->timed = true;
	return n + (ret->meridiem != 0) - i;
}

static bool find_time(struct tokens *t, const char *seps, struct wallclock_reading *r,
                      struct hours *ret)
{
	for (size_t i = 0; i < t->n; i++) {
		if (i > 0 && is_sep(t, i - 1, ":;")) /* the end of something else */
			continue;
		struct wallclock_reading one = *r;
		size_t n = match_time(t, i, seps, &one, ret);
		if (n == 0)
			continue;
		*r = one;
		/* some cameras write AM or PM before the time */
		int before = i > 0 ? meridiem_of(t, i - 1) : 0;
		if (before && r->half) {
			int64_t noon = 12 * 3600 * SECOND;
			r->of_day = r->of_day % noon + (before == 2 ? noon : 0);
			r->half = false;
			ret->meridiem = before;
		}
		cut(t, i, n);
		return true;
	}
	return false;
}

static bool find_date(struct tokens *t, struct wallclock_reading *r, char *sep, bool *named,
                      int *year_digits)
{
	for (size_t i = 0; i < t->n; i++) {
		size_t n = match_date(t, i, r, sep), m = 0;
		if (n == 0)
			m = match_named(t, i, r, sep);
		if (n + m == 0)
			continue;
		*named = false;
		*year_digits = 2;
		for (size_t k = i; k < i + n + m; k++) {
			*named |= t->list[k].kind == WORD;
			if (t->list[k].kind == NUMBER && t->list[k].digits == 4)
				*year_digits = 4;
		}
		cut(t, i, n + m);
		return true;
	}
	return false;
}

/* A weekday excludes the orders that do not agree with it, unless that would be
 * all: then it was not read well. */
static void use_weekday(const struct tokens *t, struct wallclock_reading *r)
{
	for (size_t i = 0; i < t->n && r->dated; i++) {
		int day = t->list[i].kind == WORD ? weekday_of(t->list[i].text) : -1;
		bool agrees = false;
		if (day < 0)
			continue;
		for (int o = 0; o < WALLCLOCK_ORDERS; o++)
			agrees |= r->possible[o] && civil_weekday(r->days[o]) == day;
		for (int o = 0; o < WALLCLOCK_ORDERS && agrees; o++)
			r->possible[o] &= civil_weekday(r->days[o]) == day;
		return;
	}
}

static void say_format(struct wallclock_reading *r, const struct hours *h, char sep, bool named,
                       int year_digits)
{
	const char *year = year_digits == 4 ? "YYYY" : "YY", *month = named ? "MON" : "MM";
	char *out = r->format;
	size_t cap = sizeof r->format, n = 0;
	out[0] = '\0';
	if (r->dated && r->possible[WALLCLOCK_DMY])
		n = (size_t)snprintf(out, cap, "DD%c%s%c%s", sep, month, sep, year);
	else if (r->dated && r->possible[WALLCLOCK_MDY])
		n = (size_t)snprintf(out, cap, "%s%cDD%c%s", month, sep, sep, year);
	else if (r->dated)
		n = (size_t)snprintf(out, cap, "%s%c%s%cDD", year, sep, month, sep);
	if (r->timed)
		snprintf(out + n, cap - n, "%shh:mm%s%s%s", n ? " " : "", h->seconds ? ":ss" : "",
		         h->fraction == 3 ? ".mmm"
		         : h->fraction    ? ":ff"
		                          : "",
		         h->meridiem ? " AM" : "");
}

bool wallclock_parse(const char *text, struct wallclock_reading *ret)
{
	struct tokens t = {.n = 0};
	struct hours hours = {0};
	char flat[WALLCLOCK_PARSE_MAX + 1], sep = '-';
	bool named = false;
	int year_digits = 2;
	*ret = (struct wallclock_reading){0};
	if (strlen(text) > WALLCLOCK_PARSE_MAX)
		return false;
	plain(text, flat);
	split(flat, &t);
	divide_joined(&t);
	bool timed = find_time(&t, ":;", ret, &hours);
	bool dated = find_date(&t, ret, &sep, &named, &year_digits);
	/* "14.05.09", where another three numbers are the date */
	if (!timed && dated)
		find_time(&t, ":;.", ret, &hours);
	if (dated)
		use_weekday(&t, ret);
	say_format(ret, &hours, sep, named, year_digits);
	return ret->timed || ret->dated;
}

bool wallclock_same(const struct wallclock_reading *a, const struct wallclock_reading *b)
{
	if (a->timed != b->timed || a->dated != b->dated)
		return false;
	if (a->timed && (a->of_day != b->of_day || a->unit != b->unit || a->half != b->half))
		return false;
	for (size_t i = 0; a->dated && i < WALLCLOCK_ORDERS; i++)
		if (a->possible[i] != b->possible[i] || (a->possible[i] && a->days[i] != b->days[i]))
			return false;
	return true;
}
