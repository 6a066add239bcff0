/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of case.html, each appended to `out`. Internal to its writer
 * (html.c). */
#ifndef VDET_CASES_HTML_INTERNAL_H
#define VDET_CASES_HTML_INTERNAL_H

#include "base/buf.h"
#include "cases/data.h"

struct case_page {
	const struct case_report *r;
	struct case_sums sums;
	struct buf *out;
	size_t most; /* events of one video that are listed */
};

/* Foreign text in one line of at most `max` bytes. */
void case_page_text(struct case_page *p, const char *s, size_t max);

void case_page_sentences(struct case_page *p); /* html-lists.c */
void case_page_subjects(struct case_page *p);
void case_page_holes(struct case_page *p);
void case_page_events(struct case_page *p);
void case_page_files(struct case_page *p);

#endif
