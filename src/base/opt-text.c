/* SPDX-License-Identifier: Apache-2.0 */
/* The texts that are made of the rows: help and documentation. */
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/opt.h"

static void add_range(const struct opt_row *row, struct buf *out)
{
	if (row->type == OPT_CHOICE)
		buf_addf(out, "%s", row->choices);
	else if (row->type == OPT_INT || row->type == OPT_DOUBLE || row->type == OPT_TIME ||
	         row->type == OPT_SIZE)
		buf_addf(out, "%s%s%.15g to %.15g", row->choices ? row->choices : "",
		         row->choices ? ", " : "", opt_least(row), row->max);
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
