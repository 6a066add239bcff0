/* SPDX-License-Identifier: Apache-2.0 */
/* What the writers of reports share: sums, times and text. Pure functions. */
#ifndef VDET_REPORT_TEXT_H
#define VDET_REPORT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "report/report.h"

/* Everything that is counted over the whole report. */
struct report_sums {
	size_t seen;     /* distinct times of frames that an accepted answer is based on */
	size_t faults;   /* samples without a picture */
	size_t repeated; /* samples that fell on the frame of the one before */
	size_t pictures; /* samples whose picture the model saw … */
	size_t damaged;  /* … whose damage was concealed by the decoder */
	size_t holes;
	int64_t described, lost; /* microseconds of chunks that are done, that are holes */
	int64_t max_gap, max_gap_start;
	int64_t mean_gap; /* the length that was analyzed, for each sample; 0: there is none */
	int64_t decode_time, engine_time;
	int64_t prompt_tokens, cached_tokens, output_tokens;
};
void report_sum(const struct report *r, struct report_sums *ret);

/* Presentation times of all frames that an accepted answer is based on,
 * ascending, each once. The caller frees. */
int64_t *report_seen(const struct report *r, size_t *ret_n);

/* The k-th frame of a part; NULL if the report names one that does not exist. */
const struct report_sample *report_evidence(const struct report *r, const struct report_part *p,
                                            size_t k);
/* Who or what the event is about; "" if the model did not say. */
const char *report_subject(const struct report_event *e);

bool report_is_empty(const char *s); /* NULL or "" */

/* Appends s in a form that shows what is there: control characters and those
 * that reorder or hide other text become U+FFFD, all line ends become '\n'.
 * NULL is "". Escaping for a format comes after it. */
void report_visible(struct buf *out, const char *s);
/* The same as one line; longer than `max` bytes is cut with "…" (0 = no limit).
 * The caller frees. */
char *report_line(const char *s, size_t max);

/* Appends one line of foreign text, escaped for Markdown, also where it is the
 * beginning of a line. */
void report_markdown_line(struct buf *out, const char *s);

/* "00:12:03.120000": exact, unlike clock_text(). Returns out. */
const char *report_exact(int64_t us, char out[static CLOCK_TEXT_MAX]);
/* "723.120000". Returns out. */
const char *report_seconds(int64_t us, char out[static CLOCK_TEXT_MAX]);
/* "76,800". Returns out. */
const char *report_count(int64_t n, char out[static CLOCK_TEXT_MAX]);
/* "1 hole", "2 holes": `one` is the singular, its plural ends in -s. Returns
 * out. */
const char *report_plural(size_t n, const char *one, char out[static CLOCK_TEXT_MAX]);
/* What the index found wrong with the recording. */
struct report_anomaly {
	const char *kind, *text; /* "frozen"; for people; of the report */
	int64_t start, end;
};
/* False: there is no i-th one. */
bool report_anomaly(const struct report *r, size_t i, struct report_anomaly *ret);
size_t report_count_anomalies(const struct report *r);
/* Where they were looked for, and whether some were found. */
void report_anomalies_text(const struct report *r, struct buf *out);

/* One line about the frames that the model saw, for people: "The model looked
 * at 150 frames, …". */
void report_coverage_text(const struct report *r, const struct report_sums *s, struct buf *out);
/* "3 states, in which something only stays as it is". */
void report_states_text(const struct report *r, struct buf *out);
/* "Not looked at: 00:03:21.000 – 00:08:00.000, left out by the given plan";
 * nothing where nothing is. */
void report_left_out_text(const struct report *r, struct buf *out);
/* Bursts of activity without a frame, those included that are not listed. */
size_t report_count_missed(const struct report *r);
/* "3 of 8 bursts of activity have no frame …: 00:00:05.000 – 00:00:06.000, …";
 * nothing where each has one. */
void report_missed_text(const struct report *r, struct buf *out);
/* "5 of 6 frames are damaged …"; nothing where none is. */
void report_damaged_text(const struct report_sums *s, struct buf *out);
/* What came of the chunks that two workers did; nothing if there are none. */
void report_twice_text(const struct report *r, struct buf *out);
/* After the summary of a chunk of which something is withdrawn. */
void report_chunk_note(const struct report_chunk *c, struct buf *out);
/* One line about how the frames were chosen; nothing where that is not known. */
void report_plan_text(const struct report *r, struct buf *out);

#endif
