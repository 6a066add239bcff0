/* SPDX-License-Identifier: Apache-2.0 */
/* The server's one stream of events, in order and numbered without gaps, kept
 * for a while so that a client that was away gets what it missed.
 *
 * Any thread posts; the listener is told that there is something new (it must
 * return at once, and may not post); any thread reads. An event is written as
 * JSON once and shared by reference among all who send it.
 *
 * A number is never used twice, not even by another run of the server: a run
 * begins where the clock stands, in microseconds, and no run posts more than
 * one event in each. So a number of an earlier run is always older than what is
 * kept, and its client is told to load anew. All numbers fit into a double. */
#ifndef VDET_BOARD_EVENTS_H
#define VDET_BOARD_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/mem.h"

/* What posts put in front of "data":
 *
 *   {"seq": 1763816400000017, "time": 1763816400.25, "type": "job", "job": "7", "data": {…}}
 *
 * type        data
 * job         the whole job as GET /jobs/{id} gives it: it was added, or
 *             anything of it changed, progress included
 * job-removed null
 * chunk       one chunk as in GET /jobs/{id}/chunks, without its samples, when
 *             its state changed
 * results     {"chunk": 7, "summary": …, "events": [… as GET /jobs/{id}/events
 *             gives them]}: a chunk was finished
 * video       the whole video as GET /videos/{id} gives it; "video" stands in
 *             the place of "job"
 * video-removed null
 * log         {"level": "warning", "text": …}
 * Others may follow; a client passes over what it does not know. */
struct event {
	uint64_t seq;
	char type[16];
	int64_t
		/* the job or video that it is about, 0 = none: later "job" events of
		 * one subject replace earlier */
		subject;
	size_t len;
	char json[]; /* NUL-terminated */
};

struct events;

/* Keeps the last `keep` events. `listener` may be NULL. */
struct events *events_new(size_t keep);
void events_free(struct events *e); /* events that somebody holds live on */
DEFINE_FREEP(struct events, events)

/* Replaces the listener; it is called from the posting thread, without a lock
 * held but its own turn. */
void events_listen(struct events *e, void (*listener)(void *ctx), void *ctx);

/* `about` is the key of the subject ("job", "video"), NULL = none. `data` is
 * stolen; NULL = null. */
void events_post(struct events *e, const char *type, const char *about, int64_t subject,
                 json_t *data);

/* number of the last event; of "before the first" when there is none */
uint64_t events_last(struct events *e);

/* The event after number `after`: held for the caller, who gives it back with
 * event_drop(). NULL if there is none yet, or with *ret_gap set if the events
 * after that number are no longer there, or the number is not one of ours: then
 * the client has to load anew and go on from events_last(). */
struct event *events_next(struct events *e, uint64_t after, bool *ret_gap);
struct event *event_hold(struct event *v);
void event_drop(struct event *v);

#endif
