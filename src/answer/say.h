/* SPDX-License-Identifier: Apache-2.0 */
/* What the forms of an answer for people share: the sentences that the program
 * makes of its numbers. What they append is plain text in which foreign text is
 * visible and in one line; escaping for a form comes after it. Pure. */
#ifndef VDET_ANSWER_SAY_H
#define VDET_ANSWER_SAY_H

#include "answer/answer.h"
#include "base/clock.h"

/* Over all sources that are analyzed. */
struct answer_sums {
	size_t sources, windows, frames, holes; /* frames 0: not known of each */
	int64_t length, examined, lost;         /* that was analyzed; of windows; of holes */
	int64_t mean_gap, max_gap;              /* 0 = not known */
	const struct answer_source *gap;        /* where the longest gap is; NULL = none */
};
void answer_sum(const struct answer *a, struct answer_sums *ret);

/* "0:41:07.120". Returns out. */
const char *answer_time(int64_t us, char out[static CLOCK_TEXT_MAX]);
/* "48 s", "9 min", "2:05 h". */
void answer_add_length(struct buf *out, int64_t us);
/* "23 requests, 31k tokens, 41 s". */
void answer_add_spent(const struct answer *a, struct buf *out);
/* "0:41:07.120 – 0:41:11.480". */
void answer_add_times(const struct answer_cite *c, struct buf *out);
/* Whether it is a text of the transcript, which has no frames. */
bool answer_is_quote(const struct answer_cite *c);
/* "checked: shown (0.97)"; "compared with the transcript" of a quote; nothing
 * where there was nothing to check. */
void answer_add_verdict(const struct answer_cite *c, struct buf *out);

/* Whether the text says more than the state does. */
bool answer_has_text(const struct answer *a);
/* What was looked at; with the verdicts "Not found." and "Not seen.", which
 * nothing else in an answer makes. */
void answer_add_coverage(const struct answer *a, struct buf *out);

/* What a reader has to know beside the answer, one at a time. */
enum answer_note { NOTE_PLAIN, NOTE_WARN, NOTE_BAD };
typedef void answer_note_fn(void *ctx, enum answer_note note, const char *title, const char *text);
void answer_each_note(const struct answer *a, answer_note_fn *fn, void *ctx);

/* What made the answer, as rows of a table. */
typedef void answer_row_fn(void *ctx, const char *name, const char *value);
void answer_each_row(const struct answer *a, answer_row_fn *fn, void *ctx);

#endif
