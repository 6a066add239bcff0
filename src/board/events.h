/* SPDX-License-Identifier: Apache-2.0 */
/* The event stream of the server: numbered without gaps, kept for a while, so
 * that a client that was away gets what it missed.
 *
 * Any thread posts; a listener is notified of new events (it must return at
 * once, and must not post); any thread reads. An event becomes JSON once and is
 * shared by reference by all connections.
 *
 * Numbers are never reused, not even by another run of the server: they start
 * at the Unix time in microseconds, and no run posts more than one event per
 * microsecond. So a number of an earlier run is older than all kept events, and
 * its client is asked to reload. All numbers fit into a double. */
#ifndef VDET_BOARD_EVENTS_H
#define VDET_BOARD_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/mem.h"
#include "base/message.h"

enum event_type {
	EVENT_JOB,
	EVENT_JOB_REMOVED,
	EVENT_CHUNK,
	EVENT_RESULTS,
	EVENT_VIDEO,
	EVENT_VIDEO_REMOVED,
	EVENT_CASE,
	EVENT_CASE_REMOVED,
	EVENT_ASK,
	EVENT_ASK_REMOVED,
	EVENT_HIT,
	EVENT_PERFORMANCE,
	EVENT_LOG,
};
enum { EVENT_TYPES = EVENT_LOG + 1 };

/* The table of all events, by enum event_type: docs/protocols.md and the schema
 * are made from it. Clients ignore types and members that they do not know. */
extern const struct message_type event_messages[EVENT_TYPES];

struct event {
	uint64_t seq;
	enum event_type type;
	/* Id of the job, video, case or question, 0 = none. A later EVENT_JOB or
	 * EVENT_ASK of one subject replaces an earlier one. */
	int64_t subject;
	size_t len;
	/* NUL-terminated:
	 * {"seq": 1763816400000017, "time": 1763816400.25, "type": "job",
	 *  "job": "7", "data": {…}} */
	char json[];
};

struct events;

/* Keeps the last `keep` events. */
struct events *events_new(size_t keep);
void events_free(struct events *e); /* events held by others stay valid */
DEFINE_FREEP(struct events, events)

/* Replaces the listener, NULL = none. It is called on the posting thread, by
 * one thread at a time, and not after it was replaced. */
void events_listen(struct events *e, void (*listener)(void *ctx), void *ctx);

/* `subject` is the id of the job, video, case or question, 0 for types without
 * one. `data` is stolen; NULL = null. */
void events_post(struct events *e, enum event_type type, int64_t subject, json_t *data);

/* Number of the last event; before the first one, a number less than it. */
uint64_t events_last(struct events *e);

/* The event after number `after`; the caller releases it with event_release().
 * NULL if there is none yet. NULL with *ret_gap set if events after that number
 * are no longer kept, or the number was never used: the client has to reload
 * and continue from events_last(). */
struct event *events_next(struct events *e, uint64_t after, bool *ret_gap);
struct event *event_acquire(struct event *v);
void event_release(struct event *v); /* NULL is fine */

#endif
