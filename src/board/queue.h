/* SPDX-License-Identifier: Apache-2.0 */
/* Whose turn it is: which of the waiting jobs begins, and which of the running
 * ones gives its place away. Pure.
 *
 * A higher priority goes first, and takes the place of a lower one. Within one
 * priority all get the same share of time, whatever their length: the one that
 * had the least work so far is next, and a running one that was ahead of a
 * waiting one gives its place when its turn is over. One that comes new begins
 * level with the one that had the least, so it waits for one turn at most for
 * each that stands before it, and nobody starves. */
#ifndef VDET_BOARD_QUEUE_H
#define VDET_BOARD_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum queue_state {
	QUEUE_IDLE,    /* wants nothing: paused, done, … */
	QUEUE_WAITING, /* may begin */
	QUEUE_RUNNING,
	QUEUE_LEAVING, /* was told to come to rest, and still has its place */
};

struct queue_job {
	enum queue_state state;
	int64_t priority;
	double place;   /* order in which people see them; decides between equals */
	int64_t served; /* microseconds of work before this turn */
	int64_t began;  /* when this turn began; for RUNNING */
};

enum queue_move { QUEUE_NOTHING, QUEUE_START, QUEUE_YIELD };

/* The next thing to do with at most `places` running at once; call again until
 * it is QUEUE_NOTHING. A turn lasts `turn` microseconds, 0 = for ever. */
enum queue_move queue_next(const struct queue_job *jobs, size_t n, int64_t places, int64_t turn,
                           int64_t now, size_t *ret);
/* When queue_next() may say something else without anything having changed;
 * INT64_MAX = never. */
int64_t queue_when(const struct queue_job *jobs, size_t n, int64_t places, int64_t turn,
                   int64_t now);
/* What a new job, or one that wants to go on after a rest, counts as served: no
 * less than `own`, and level with the one of its priority that had the
 * least. */
int64_t queue_level(const struct queue_job *jobs, size_t n, int64_t priority, int64_t own,
                    int64_t now);
/* Whether a stands before b in the queue, by place only. */
bool queue_before(const struct queue_job *a, const struct queue_job *b);

#endif
