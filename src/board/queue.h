/* SPDX-License-Identifier: Apache-2.0 */
/* Which waiting job starts, and which running job makes way. Pure.
 *
 * A higher priority starts first, and takes the place of a lower one. Within
 * one priority all jobs get equal shares of time, whatever their length: the
 * job with the least work so far is next, and a running job that has had more
 * makes way at the end of its turn. A new job starts level with the one that
 * has had the least, so it waits for at most one turn of each job before it,
 * and none starves. */
#ifndef VDET_BOARD_QUEUE_H
#define VDET_BOARD_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum queue_state {
	QUEUE_IDLE,    /* paused, done, … */
	QUEUE_WAITING, /* may start */
	QUEUE_RUNNING,
	QUEUE_LEAVING, /* asked to stop, and still running */
};

struct queue_job {
	enum queue_state state;
	int64_t priority;
	double place;   /* order in which the jobs are shown; decides between equals */
	int64_t served; /* microseconds of work in earlier turns */
	int64_t began;  /* start of this turn; for QUEUE_RUNNING */
};

enum queue_move { QUEUE_NOTHING, QUEUE_START, QUEUE_YIELD };

/* The next action, *ret the job it applies to, with at most `places` jobs
 * running at once; call again until it is QUEUE_NOTHING. A turn lasts `turn`
 * microseconds, 0 = without end. */
enum queue_move queue_next(const struct queue_job *jobs, size_t n, int64_t places, int64_t turn,
                           int64_t now, size_t *ret);
/* When the result of queue_next() changes by time alone; INT64_MAX = never. */
int64_t queue_when(const struct queue_job *jobs, size_t n, int64_t places, int64_t turn,
                   int64_t now);
/* The time that a new or resumed job counts as served: at least `own`, and at
 * least that of the job of its priority that has had the least. */
int64_t queue_level(const struct queue_job *jobs, size_t n, int64_t priority, int64_t own,
                    int64_t now);
/* Whether a comes before b in the queue, by priority and place. */
bool queue_before(const struct queue_job *a, const struct queue_job *b);

#endif
