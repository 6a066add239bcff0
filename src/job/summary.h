/* SPDX-License-Identifier: Apache-2.0 */
/* The overall summary: a tree of text requests over the chunks' summaries, and
 * the plain timeline as its fallback. */
#ifndef VDET_JOB_SUMMARY_H
#define VDET_JOB_SUMMARY_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"

struct note {
	int64_t start, end;
	char *text;
};

struct notes {
	struct note *items;
	size_t n;
	/* How a time is written; NULL = HH:MM:SS of a video. */
	const char *(*stamp)(int64_t us, char out[static CLOCK_TEXT_MAX]);
};
/* copies; joins an equal neighbour */
void notes_add(struct notes *t, int64_t start, int64_t end, const char *text);
void notes_clear(struct notes *t);

/* How many of the notes from `first` on fit into `max` bytes of request text:
 * at least 2 if there are 2. */
size_t notes_fit(const struct notes *t, size_t first, size_t max);
void notes_print(const struct notes *t, size_t first, size_t n, struct buf *out);

/* Calls `ask` (one text request: notes in, summary out; the caller frees *ret)
 * until one text is left. `max` bounds a request's notes in bytes. A single
 * note is its own summary. */
int summary_make(const struct notes *t, size_t max,
                 int (*ask)(void *ctx, const char *notes, char **ret, struct err *err), void *ctx,
                 char **ret, struct err *err);

/* Without a model: the notes, each with its time, one per line, at most
 * `max_lines`. `described`: at least one chunk was, so that no event means that
 * none was seen. The caller frees. */
char *summary_timeline(const struct notes *events, size_t max_lines, bool described);

#endif
