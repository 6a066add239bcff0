/* SPDX-License-Identifier: Apache-2.0 */
#include "report/subject-text.h"

#include "report/text.h"

enum { TIMES_MAX = 3 }; /* of an edit */

const char *report_subject_name(const struct report_subject *s)
{
	return report_is_empty(s->name) ? s->description : s->name;
}

void report_subject_text(const struct report_subject *s, struct buf *out)
{
	AUTO(mem_freep) char *name = report_line(report_subject_name(s), 0);
	buf_addf(out, "subject %lld (%s)", (long long)s->number, name);
}

void report_possible_text(const struct report_subject *s, struct buf *out)
{
	if (!s->n_possible && !s->more_possible)
		return;
	buf_adds(out, "possibly the same as ");
	for (size_t i = 0; i < s->n_possible; i++)
		buf_addf(out, "%s%lld", i ? ", " : "", (long long)s->possible[i]);
	buf_adds(out, !s->more_possible ? "" : s->n_possible ? " and others" : "others");
}

void report_edit_text(const struct report_subject_edit *e, struct buf *out)
{
	char t[CLOCK_TEXT_MAX];
	AUTO(mem_freep) char *subject = report_line(e->subject, 0), *text = report_line(e->text, 0);
	buf_addf(out, "%s of %s (", e->kind, subject);
	for (size_t i = 0; i < e->n_frames && i < TIMES_MAX; i++)
		buf_addf(out, "%s%s", i ? ", " : "", clock_text(e->frames[i], t));
	buf_adds(out, e->n_frames > TIMES_MAX ? ", …)" : ")");
	if (*text)
		buf_addf(out, " to %s", text);
	if (e->fault)
		buf_addf(out, ": not applied, %s", e->fault);
}

size_t report_count_not_applied(const struct report *r)
{
	size_t n = 0;
	for (size_t i = 0; i < r->n_subject_edits; i++)
		n += r->subject_edits[i].fault != NULL;
	return n;
}
