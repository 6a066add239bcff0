/* SPDX-License-Identifier: Apache-2.0 */
/* A second pass over a video: which chunks it describes again, and with which
 * frames. Pure. Times: microseconds. */
#ifndef VDET_STORY_SECOND_H
#define VDET_STORY_SECOND_H

#include <stddef.h>
#include <stdint.h>

#include "story/check-plan.h"

/* One of so many chunks is described again at most. */
enum { SECOND_SHARE = 4 };

/* How many chunks of so many there may be: a quarter, rounded up. */
size_t second_limit(size_t chunks);

/* Chooses the chunks that have statements in doubt, at most `limit`: first
 * those with the most doubtful statement, of these the earlier ones.
 * `ranks[i]`: how doubtful statement i of the video is, 0 = not at all. Writes
 * their indices in ascending order, and returns how many. */
size_t second_chunks(const struct check_video *v, const unsigned *ranks, size_t limit, size_t *ret);

/* What the times of a chunk are chosen from. */
struct second_chunk {
	size_t index;         /* of the chunk */
	int64_t start, end;   /* of the chunk; no new time is outside */
	int64_t from, to;     /* ends of the video */
	const int64_t *times; /* that the first pass asked for, ascending */
	size_t n_times;
	const int64_t *seen; /* frames that the model was shown, of the whole video, ascending */
	size_t n_seen;
	size_t most; /* times in all, at least n_times */
};
/* The times at which frames are taken: those of the first pass, and beside each
 * frame that a doubtful statement cites two new ones (check_times()), the most
 * doubtful statement first, as long as there is room. Ascending, each once;
 * returns how many. `out` has room for `most`. */
size_t second_times(const struct check_video *v, const unsigned *ranks,
                    const struct second_chunk *c, int64_t *out);

#endif
