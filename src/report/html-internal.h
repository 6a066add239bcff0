/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of report.html, each appended to `out`. Internal to the writer of
 * the page (html.c).
 *
 * A picture is stored once, as the background that a class stands for (`.t12`),
 * however many events show it; the rules come last, so that text can be read
 * while pictures still load. */
#ifndef VDET_REPORT_HTML_INTERNAL_H
#define VDET_REPORT_HTML_INTERNAL_H

#include "report/text.h"

struct report_page {
	const struct report *r;
	struct report_sums sums;
	struct buf *out;
	/* number of the first sample of each chunk, counted over the whole report;
	 * n_chunks + 1 */
	size_t *first;
	bool *shown; /* by that number: its picture is in the page */
	/* how many there are, and how many of them fit into the page */
	size_t thumbs, shown_thumbs;
};

/* Foreign text, made visible and escaped for text and quoted attributes. */
void report_page_text(struct report_page *p, const char *s);
/* <time> in hours to milliseconds, the rest of the microseconds dim. */
void report_page_time(struct report_page *p, int64_t us);
/* The time of day at a time of the video, if it is known. */
void report_page_clock_at(struct report_page *p, int64_t time);
/* A frame as a figure: picture or the reason why there is none, and its exact
 * time. `link`: the picture leads to the frame's place among those of its
 * chunk; else that place is here. */
void report_page_frame(struct report_page *p, size_t chunk, size_t sample, bool link);

/* Where a time is on the strip: share of the analyzed part in percent. */
double report_page_across(const struct report *r, int64_t t);
/* Ends a mark (<a>) with the text that shows in the reading line while it has
 * the pointer or the focus. */
void report_page_tip(struct report_page *p, const char *s);
/* The lanes of texts, from this y on, and their height; html-lanes.c */
void report_page_lanes(struct report_page *p, int y);
int report_page_lanes_height(const struct report *r);

void report_page_timeline(struct report_page *p); /* html-timeline.c */
void report_page_subjects(struct report_page *p); /* html-subjects.c */
void report_page_said(struct report_page *p);     /* html-said.c */
void report_page_clock(struct report_page *p);    /* html-clock.c */
void report_page_events(struct report_page *p);   /* html-lists.c */
void report_page_anomalies(struct report_page *p);
void report_page_holes(struct report_page *p);
void report_page_chunks(struct report_page *p);
void report_page_made(struct report_page *p);   /* html-provenance.c */
void report_page_thumbs(struct report_page *p); /* the rules */
/* Decides which pictures are in the page: those of events first. */
void report_page_choose(struct report_page *p, size_t max_bytes);

#endif
