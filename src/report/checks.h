/* SPDX-License-Identifier: Apache-2.0 */
/* What second looks at statements found: from the journal into the report, and
 * as text. */
#ifndef VDET_REPORT_CHECKS_H
#define VDET_REPORT_CHECKS_H

#include "report/report.h"

/* The verdicts of a job, while its statements are loaded in order. */
struct report_verdicts {
	struct store_verdict *items;
	size_t n, next;
};
void report_verdicts_clear(struct report_verdicts *v);

/* Sets r->checks, from the member "checks" of the facts of the job (may be
 * NULL) and the controls of its model, and loads the verdicts. */
int report_checks_load(struct store *s, const char *job, const json_t *checks, struct report *r,
                       struct report_verdicts *ret, struct err *err);
/* The check of the next statement, which is counted in r->checks. */
struct report_check report_check_take(struct report_verdicts *v, struct report *r, int64_t chunk,
                                      int64_t index);

struct report_statement {
	int64_t chunk, index;       /* index -1: the summary of the chunk */
	enum check_verdict verdict; /* of a summary: withdrawn if a statement of its chunk is */
};
/* Sets the verdicts of n statements without loading the report of their job.
 * Blocks for the disk. ERR_NOENT if there is no such job. */
int report_verdicts_find(struct store *s, const char *job, struct report_statement *of, size_t n,
                         struct err *err);

/* Of an event the least certain verdict of its parts; "" if none was checked. */
const char *report_event_verdict(const struct report_event *e);
/* The word for people that marks such a verdict: "checked", "unsure"; "" where
 * there was nothing to check, or it was not. */
const char *report_verdict_mark(const char *verdict);
/* That mark after an event in Markdown, if the verdict has one. */
void report_markdown_verdict(struct buf *out, const char *verdict);
/* "4 statements were checked: 3 shown, …" for people; "" if nothing was. */
void report_checks_text(const struct report *r, struct buf *out);
/* "2 statements that a check contradicts". */
void report_withdrawn_text(const struct report *r, struct buf *out);
/* What the letter of an answer means, as a sentence; "" for none. */
const char *report_check_says(const struct report_check *c);

/* The controls of a model and prompt, over all jobs. Blocks for the disk. */
int report_controls_count(struct store *s, const char *model, const char *prompt,
                          struct check_controls *ret, struct err *err);

/* Why the answers of a model with these controls do not count; NULL if they do.
 * The caller frees. */
char *report_disbelief(const struct check_controls *c);

#endif
