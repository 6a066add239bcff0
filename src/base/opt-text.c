/* SPDX-License-Identifier: Apache-2.0 */
/* Option values from and to text, and the texts about options: help and
 * documentation. */
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

static int parse_bool(const char *s, bool *ret)
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

static int out_of_range(const struct opt_row *row, const char *value, const char *where,
                        struct err *err)
{
	return err_set(err, ERR_ARG, "%s: \"%s\" is out of range: %s must be from %.15g to %.15g%s",
	               where, value, row->name, row->min, row->max,
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

static int set_number(const struct opt_row *row, void *at, const char *value, const char *where,
                      struct err *err)
{
	double d;
	const char *end = "";
	int r = row->type == OPT_SIZE ? parse_size(value, &d) : parse_number(value, &d, &end);
	if (r < 0 || *end || (row->type == OPT_INT && d != floor(d)))
		return err_set(err, ERR_ARG, "%s: \"%s\" is not %s", where, value,
		               row->type == OPT_INT    ? "a whole number"
		               : row->type == OPT_SIZE ? "a size (write 500M or 2G)"
		                                       : "a number");
	if (d < row->min || d > row->max)
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
		if (parse_bool(value, at) < 0)
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
	case OPT_STRING: break;
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
	if (us % CLOCK_SECOND)
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

static void add_range(const struct opt_row *row, struct buf *out)
{
	if (row->type == OPT_CHOICE)
		buf_addf(out, "%s", row->choices);
	else if (row->type == OPT_INT || row->type == OPT_DOUBLE || row->type == OPT_TIME ||
	         row->type == OPT_SIZE)
		buf_addf(out, "%.15g to %.15g", row->min, row->max);
}

/* Appends text wrapped at `width` columns, each line indented. */
static void add_wrapped(struct buf *out, const char *text, size_t indent, size_t width)
{
	size_t column = width;
	while (*text) {
		size_t word = strcspn(text, " ");
		if (column + word + 1 > width) {
			buf_addf(out, "\n%*s", (int)indent, "");
			column = indent;
		} else {
			buf_adds(out, " ");
			column++;
		}
		buf_add(out, text, word);
		column += word;
		text += word + (text[word] == ' ');
	}
}

void opt_help(const struct opt_set *set, struct buf *out)
{
	char flag[64];
	for (size_t g = 0; g < set->n; g++) {
		const struct opt_group *group = set->binds[g].group;
		buf_addf(out, "\n%s:\n", group->title);
		for (size_t i = 0; i < group->n; i++) {
			const struct opt_row *row = &group->rows[i];
			opt_flag_name(row, flag);
			buf_addf(out, "  --%s", flag);
			if (row->type != OPT_BOOL)
				buf_addf(out, " %s",
				         row->type == OPT_CHOICE ? row->choices
				         : row->metavar          ? row->metavar
				                                 : "VALUE");
			AUTO(buf_free) struct buf text = BUF(4096);
			buf_adds(&text, row->help);
			if (*row->def && row->type != OPT_BOOL)
				buf_addf(&text, " [%s]", row->def);
			add_wrapped(out, buf_str(&text), 6, 100);
			buf_adds(out, "\n");
		}
	}
}

void opt_markdown(const struct opt_set *set, struct buf *out)
{
	char flag[64];
	for (size_t g = 0; g < set->n; g++) {
		const struct opt_group *group = set->binds[g].group;
		buf_addf(out,
		         "\n## %s\n\n| flag | key in `vdet.conf` | default | range | meaning |\n"
		         "|---|---|---|---|---|\n",
		         group->title);
		for (size_t i = 0; i < group->n; i++) {
			const struct opt_row *row = &group->rows[i];
			AUTO(buf_free) struct buf range = BUF(1024);
			opt_flag_name(row, flag);
			add_range(row, &range);
			for (char *p = range.data; p && *p; p++)
				if (*p == '|') /* would end the table's cell */
					*p = '/';
			buf_addf(out, "| `--%s` | %s%s%s | %s%s%s | %s | %s |\n", flag,
			         row->flags & OPT_COMMAND_ONLY ? "" : "`",
			         row->flags & OPT_COMMAND_ONLY ? "command line only" : row->name,
			         row->flags & OPT_COMMAND_ONLY ? "" : "`", *row->def ? "`" : "", row->def,
			         *row->def ? "`" : "", buf_str(&range), row->help);
		}
	}
}
