/* SPDX-License-Identifier: Apache-2.0 */
/* Makes passages from the lines that were read in single frames: the same text
 * at about the same place over time is one passage, and counts only if two
 * frames agree. Pure. Times: microseconds of the video. */
#ifndef VDET_SCREENTEXT_MERGE_H
#define VDET_SCREENTEXT_MERGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "screentext/reader.h"

/* What is dropped, and why. */
#define TEXT_SEEN_ONCE "seen in one frame only"
#define TEXT_UNSURE "low confidence"

/* A line of less confidence is not shown. */
#define TEXT_CONF_LEAST 0.7

/* More passages than this are not kept, and as many dropped texts. */
enum { TEXT_PASSAGES_MAX = 20000, TEXT_DROPPED_MAX = 2000 };

struct text_passage {
	int64_t start, end; /* at least two microseconds apart */
	struct text_region box;
	char *text;
	double conf;        /* of the best reading */
	int readings;       /* frames in which it was read */
	bool counts;        /* digits that change, as of a clock: the text is the first and the last */
	const char *reason; /* why it is dropped: one of the above; NULL = it is shown */
};

struct text_passages {
	struct text_passage *items; /* in order of start */
	size_t n, cap;
	size_t shown, dropped; /* of them */
	size_t lost;           /* beyond the limits */
};
void text_passages_clear(struct text_passages *p);

/* What was read in a frame; in [from, until) the picture looks like it. */
struct text_reading {
	int64_t time, from, until;
	const struct text_lines *lines;
};

struct text_merge;
struct text_merge *text_merge_new(void);
void text_merge_free(struct text_merge *m);
DEFINE_FREEP(struct text_merge, text_merge)

/* Takes the next frame; times ascend. */
void text_merge_add(struct text_merge *m, const struct text_reading *r);
/* Whether another frame should be read soon after this one, because it has a
 * text that no other frame has confirmed. */
bool text_merge_wants_more(const struct text_merge *m);
/* The end of the video. The caller clears *ret, which is overwritten. */
void text_merge_end(struct text_merge *m, struct text_passages *ret);

/* Whether a line is likely to be writing, by its letters and its confidence. */
bool text_is_plausible(const struct text_line *l);

#endif
