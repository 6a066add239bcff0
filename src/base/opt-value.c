/* SPDX-License-Identifier: Apache-2.0 */
/* Values of options: from text, to text, copied and compared. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/opt.h"
#include "base/text.h"

/* Holds the value of any row. */
union opt_value {
	bool boolean;
	int64_t integer;
	double number;
	char *text;
};

static bool is_text(const struct opt_row *row)
{
	return row->type == OPT_STRING || row->type == OPT_CHOICE;
}

/* The same row for a target that is one value. */
static struct opt_row at_start(const struct opt_row *row)
{
	struct opt_row alone = *row;
	alone.offset = 0;
	return alone;
}

int opt_bool(const char *s, bool *ret)
{
	static const char *const yes[] = {"true", "yes", "on", "1"}, *const no[] = {"false", "no",
	                                                                            "off", "0"};
	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		if (strcasecmp(s, yes[i]) == 0 || strcasecmp(s, no[i]) == 0) {
			*ret = strcasecmp(s, yes[i]) == 0;
			return 0;
		}
	}
	return -1;
}

static int parse_number(const char *s, double *ret, const char **end)
{
	char *e;
	errno = 0;
	*ret = strtod(s, &e);
	*end = e;
	return e == s || errno || !isfinite(*ret) || isspace((unsigned char)*s) ? -1 : 0;
}

static int parse_size(const char *s, double *ret)
{
	static const char suffixes[] = "kmgt";
	const char *end;
	if (parse_number(s, ret, &end) < 0)
		return -1;
	const char *suffix = *end ? strchr(suffixes, tolower((unsigned char)*end)) : NULL;
	if (suffix) {
		*ret *= pow(1024, (double)(suffix - suffixes + 1));
		end++;
		if (*end == 'i')
			end++;
	}
	if (tolower((unsigned char)*end) == 'b')
		end++;
	return *end ? -1 : 0;
}

static bool is_choice(const char *choices, const char *s)
{
	size_t n = strlen(s);
	for (const char *p = choices; *p;) {
		size_t len = strcspn(p, "|");
		if (len == n && memcmp(p, s, n) == 0)
			return true;
		p += len + (p[len] == '|');
	}
	return false;
}

/* The words that stand for numbers, or NULL. */
static const char *words_of(const struct opt_row *row)
{
	return row->type == OPT_INT || row->type == OPT_DOUBLE ? row->choices : NULL;
}

double opt_least(const struct opt_row *row)
{
	const char *words = words_of(row);
	double least = row->min + (words != NULL);
	for (const char *p = words; p && *p; p++)
		least += *p == '|';
	return least;
}

static int out_of_range(const struct opt_row *row, const char *value, const char *where,
                        struct err *err)
{
	return err_set(err, ERR_ARG, "%s: \"%s\" is out of range: %s must be from %.15g to %.15g%s",
	               where, value, row->name, opt_least(row), row->max,
	               row->type == OPT_TIME   ? " seconds"
	               : row->type == OPT_SIZE ? " bytes"
	                                       : "");
}

static int set_time(const struct opt_row *row, int64_t *at, const char *value, const char *where,
                    struct err *err)
{
	int64_t us;
	int r = clock_parse(value, &us, err);
	if (r < 0)
		return err_wrap(err, "%s", where);
	if ((double)us < row->min * 1e6 || (double)us > row->max * 1e6)
		return out_of_range(row, value, where, err);
	*at = us;
	return 0;
}

/* The number that a word of the row stands for. */
static bool word_number(const struct opt_row *row, const char *value, double *ret)
{
	int word = 0;
	for (const char *p = words_of(row); p && *p; word++) {
		size_t len = strcspn(p, "|");
		if (strlen(value) == len && memcmp(p, value, len) == 0) {
			*ret = row->min + word;
			return true;
		}
		p += len + (p[len] == '|');
	}
	return false;
}

static int set_number(const struct opt_row *row, void *at, const char *value, const char *where,
                      struct err *err)
{
	double d;
	const char *end = "";
	int r = row->type == OPT_SIZE         ? parse_size(value, &d)
	        : word_number(row, value, &d) ? 0
	                                      : parse_number(value, &d, &end);
	if (r < 0 || *end || (row->type == OPT_INT && d != floor(d)))
		return err_set(err, ERR_ARG, "%s: \"%s\" is not %s", where, value,
		               row->type == OPT_INT    ? "a whole number"
		               : row->type == OPT_SIZE ? "a size (write 500M or 2G)"
		                                       : "a number");
	if (d < row->min || d > row->max || (d < opt_least(row) && d != floor(d)))
		return out_of_range(row, value, where, err);
	if (row->type == OPT_DOUBLE)
		*(double *)at = d;
	else
		*(int64_t *)at = (int64_t)d;
	return 0;
}

int opt_set_value(const struct opt_row *row, void *target, const char *value, const char *where,
                  struct err *err)
{
	void *at = (char *)target + row->offset;
	switch (row->type) {
	case OPT_BOOL:
		if (opt_bool(value, at) < 0)
			return err_set(err, ERR_ARG, "%s: \"%s\" is neither true nor false", where, value);
		return 0;
	case OPT_TIME: return set_time(row, at, value, where, err);
	case OPT_INT:
	case OPT_DOUBLE:
	case OPT_SIZE: return set_number(row, at, value, where, err);
	case OPT_CHOICE:
		if (!is_choice(row->choices, value))
			return err_set(err, ERR_ARG, "%s: \"%s\" is none of %s", where, value, row->choices);
		break;
	case OPT_STRING:
		/* A path may be anything; what a model is sent is text. */
		if (row->flags & OPT_RESULT && !text_is_utf8(value))
			return err_set(err, ERR_ARG, "%s: the text is not valid UTF-8", where);
		break;
	}

	char **s = at;
	bool more = row->flags & OPT_APPEND && *value && *s && **s && strcmp(value, "none") != 0;
	char *text = more ? mem_printf("%s\n%s", *s, value)
	             : row->flags & OPT_APPEND && strcmp(value, "none") == 0 ? mem_strdup("")
	                                                                     : mem_strdup(value);
	free(*s);
	*s = text;
	return 0;
}

static void add_time(int64_t us, struct buf *out)
{
	if (us % 1000)
		buf_addf(out, "%" PRId64 ".%06" PRId64, us / CLOCK_SECOND, us % CLOCK_SECOND);
	else if (us % CLOCK_SECOND)
		buf_addf(out, "%" PRId64 "ms", us / 1000);
	else
		buf_addf(out, "%" PRId64, us / CLOCK_SECOND);
}

void opt_get_text(const struct opt_row *row, const void *target, struct buf *out)
{
	const void *at = (const char *)target + row->offset;
	switch (row->type) {
	case OPT_BOOL: buf_adds(out, *(const bool *)at ? "true" : "false"); break;
	case OPT_INT:
	case OPT_SIZE: buf_addf(out, "%" PRId64, *(const int64_t *)at); break;
	case OPT_DOUBLE: buf_addf(out, "%.15g", *(const double *)at); break;
	case OPT_TIME: add_time(*(const int64_t *)at, out); break;
	case OPT_STRING:
	case OPT_CHOICE: {
		const char *s = *(char *const *)at;
		buf_adds(out, !s ? "" : row->flags & OPT_SECRET && *s ? "***" : s);
		break;
	}
	}
}

int opt_check(const struct opt_row *row, const char *value, const char *where, struct err *err)
{
	union opt_value scratch = {0};
	const struct opt_row alone = at_start(row);
	int r = opt_set_value(&alone, &scratch, value, where, err);
	if (is_text(row))
		free(scratch.text);
	return r;
}

bool opt_is_default(const struct opt_row *row, const void *target)
{
	union opt_value def = {0};
	const struct opt_row alone = at_start(row);
	const void *at = (const char *)target + row->offset;
	struct err err;
	bool same = false;
	if (opt_set_value(&alone, &def, row->def, row->name, &err) < 0)
		return false;

	switch (row->type) {
	case OPT_BOOL: same = def.boolean == *(const bool *)at; break;
	case OPT_INT:
	case OPT_TIME:
	case OPT_SIZE: same = def.integer == *(const int64_t *)at; break;
	case OPT_DOUBLE: same = def.number == *(const double *)at; break;
	case OPT_STRING:
	case OPT_CHOICE: {
		const char *s = *(char *const *)at;
		same = strcmp(def.text, s ? s : "") == 0;
		free(def.text);
		break;
	}
	}
	return same;
}

void opt_copy(const struct opt_group *group, const void *from, void *to)
{
	for (size_t i = 0; i < group->n; i++) {
		const struct opt_row *row = &group->rows[i];
		const void *source = (const char *)from + row->offset;
		void *copy = (char *)to + row->offset;
		switch (row->type) {
		case OPT_BOOL: *(bool *)copy = *(const bool *)source; break;
		case OPT_INT:
		case OPT_TIME:
		case OPT_SIZE: *(int64_t *)copy = *(const int64_t *)source; break;
		case OPT_DOUBLE: *(double *)copy = *(const double *)source; break;
		case OPT_STRING:
		case OPT_CHOICE: {
			const char *s = *(char *const *)source;
			char *text = mem_strdup(s ? s : "");
			free(*(char **)copy);
			*(char **)copy = text;
			break;
		}
		}
	}
}

void opt_free(const struct opt_set *set)
{
	for (size_t g = 0; g < set->n; g++)
		for (size_t i = 0; i < set->binds[g].group->n; i++) {
			const struct opt_row *row = &set->binds[g].group->rows[i];
			char **s = (char **)((char *)set->binds[g].target + row->offset);
			if (is_text(row)) {
				free(*s);
				*s = NULL;
			}
		}
}
