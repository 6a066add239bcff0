/* SPDX-License-Identifier: Apache-2.0 */
#include "board/queue.h"

static int64_t served_by(const struct queue_job *j, int64_t now)
{
	return j->served +
	       (j->state == QUEUE_RUNNING || j->state == QUEUE_LEAVING ? now - j->began : 0);
}

bool queue_before(const struct queue_job *a, const struct queue_job *b)
{
	return a->priority != b->priority ? a->priority > b->priority : a->place < b->place;
}

/* Whether the waiting job a is nearer to its turn than the waiting job b. */
static bool is_next(const struct queue_job *a, const struct queue_job *b)
{
	if (a->priority == b->priority && a->served != b->served)
		return a->served < b->served;
	return queue_before(a, b);
}

static const struct queue_job *find_next(const struct queue_job *jobs, size_t n)
{
	const struct queue_job *best = NULL;
	for (size_t i = 0; i < n; i++)
		if (jobs[i].state == QUEUE_WAITING && (!best || is_next(&jobs[i], best)))
			best = &jobs[i];
	return best;
}

static int64_t count_busy(const struct queue_job *jobs, size_t n, bool *leaving)
{
	int64_t busy = 0;
	*leaving = false;
	for (size_t i = 0; i < n; i++) {
		busy += jobs[i].state == QUEUE_RUNNING || jobs[i].state == QUEUE_LEAVING;
		*leaving |= jobs[i].state == QUEUE_LEAVING;
	}
	return busy;
}

/* When `running` has to make way for `waiting`. */
static int64_t due(const struct queue_job *running, const struct queue_job *waiting, int64_t turn)
{
	if (running->priority != waiting->priority)
		return running->priority < waiting->priority ? INT64_MIN : INT64_MAX;
	if (!turn)
		return INT64_MAX;
	/* At the end of its turn, but not before it has had as much as the waiting
	 * one. */
	int64_t ahead = waiting->served - running->served;
	return running->began + (ahead > turn ? ahead : turn);
}

/* The running job that has to make way first. */
static const struct queue_job *find_due(const struct queue_job *jobs, size_t n,
                                        const struct queue_job *waiting, int64_t turn,
                                        int64_t *ret_when)
{
	const struct queue_job *first = NULL;
	int64_t when = INT64_MAX;
	for (size_t i = 0; i < n; i++) {
		if (jobs[i].state != QUEUE_RUNNING)
			continue;
		int64_t d = due(&jobs[i], waiting, turn);
		if (d == INT64_MAX)
			continue;
		bool lower = first && jobs[i].priority < first->priority;
		if (!first || lower || (jobs[i].priority == first->priority && d < when)) {
			first = &jobs[i];
			when = d;
		}
	}
	*ret_when = when;
	return first;
}

enum queue_move queue_next(const struct queue_job *jobs, size_t n, int64_t places, int64_t turn,
                           int64_t now, size_t *ret)
{
	bool leaving;
	int64_t when, busy = count_busy(jobs, n, &leaving);
	const struct queue_job *waiting = find_next(jobs, n), *running;
	if (!waiting)
		return QUEUE_NOTHING;
	if (busy < places) {
		*ret = (size_t)(waiting - jobs);
		return QUEUE_START;
	}
	if (leaving) /* a place will be free soon */
		return QUEUE_NOTHING;
	running = find_due(jobs, n, waiting, turn, &when);
	if (!running || when > now)
		return QUEUE_NOTHING;
	*ret = (size_t)(running - jobs);
	return QUEUE_YIELD;
}

int64_t queue_when(const struct queue_job *jobs, size_t n, int64_t places, int64_t turn,
                   int64_t now)
{
	bool leaving;
	int64_t when;
	const struct queue_job *waiting = find_next(jobs, n);
	if (!waiting)
		return INT64_MAX;
	if (count_busy(jobs, n, &leaving) < places)
		return now;
	find_due(jobs, n, waiting, turn, &when);
	return leaving ? INT64_MAX : when;
}

int64_t queue_level(const struct queue_job *jobs, size_t n, int64_t priority, int64_t own,
                    int64_t now)
{
	int64_t least = INT64_MAX;
	for (size_t i = 0; i < n; i++)
		if (jobs[i].state != QUEUE_IDLE && jobs[i].priority == priority &&
		    served_by(&jobs[i], now) < least)
			least = served_by(&jobs[i], now);
	return least == INT64_MAX || least < own ? own : least;
}
