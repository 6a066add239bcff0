/* SPDX-License-Identifier: Apache-2.0 */
/* What a head keeps in JetStream: its streams, and the consumer of each queue.
 * Each function blocks for a reply of the server. Thread-safe. */
#ifndef VDET_FLEET_STREAMS_H
#define VDET_FLEET_STREAMS_H

#include <stdint.h>

#include "fleet/link.h"
#include "fleet/wire.h"

enum { STREAM_NAME = 64 };
/* "vdet-HEAD" and "vdet-HEAD-results". */
void streams_units(const char *head, char out[static STREAM_NAME]);
void streams_results(const char *head, char out[static STREAM_NAME]);
#define STREAMS_RESULTS_CONSUMER "head"

/* Makes the streams that are missing, and the consumer of results; ERR_FORMAT
 * if one has other settings. */
int streams_ensure(struct link *l, const char *head, int replicas, struct err *err);
/* Makes the consumer of results again, so that those come that were taken and
 * not acknowledged. */
int streams_restart_results(struct link *l, const char *head, struct err *err);
/* Makes the consumer of a queue, if it is missing. */
int streams_ensure_queue(struct link *l, const char *head, const char *model, const char *source,
                         int64_t ack_wait, struct err *err);
enum queue_state {
	QUEUE_UNKNOWN, /* the server does not say, or there is no such consumer */
	QUEUE_WAITS,   /* messages wait to be delivered */
	QUEUE_GIVEN,   /* all are delivered, and not all acknowledged */
	QUEUE_EMPTY,
};
enum queue_state streams_queue_state(struct link *l, const char *stream, const char *queue);
void streams_remove_queue(struct link *l, const char *head, const char *queue);

/* Publishes a unit once: another one with this id within two minutes is
 * refused, and *ret_seq is that of the first. */
int streams_publish(struct link *l, const char *subject, const char *id, const struct buf *data,
                    uint64_t *ret_seq, bool *ret_twice, struct err *err);
/* 1: the message is in the stream, and a unit with this nonce; 0: it is not;
 * negative: not known. */
int streams_has(struct link *l, const char *stream, uint64_t seq, const char *nonce,
                struct err *err);
/* The place of the last message that was ever published to it; 0: not known. */
uint64_t streams_last(struct link *l, const char *stream);
void streams_delete(struct link *l, const char *stream, uint64_t seq);
/* The first unit in the stream from *seq on, whose place is put there; false
 * if there is none, or it cannot be read. */
bool streams_next_unit(struct link *l, const char *head, uint64_t *seq, struct wire_unit *ret);

/* Who is the head of this id: one at a time. */
struct owner {
	kvStore *kv;
	uint64_t revision;
	char *value; /* owned: host, process, a random number */
	/* Of an entry of another head that was found when this one was renewed. */
	uint64_t foreign;
	unsigned char secret[WIRE_SECRET];
};
/* Waits for a head that was killed on another machine until its time is over;
 * ERR_BUSY if it lives. After another error it may be called again with the
 * same *ret, which is zero at first; owner_give_up() frees it in any case. */
int owner_take(struct link *l, const char *head, int replicas, struct owner *o, struct err *err);
/* ERR_BUSY once another one has taken over; other errors: not known now. */
int owner_renew(struct owner *o, struct err *err);
/* Makes the buckets again, where they are gone from the server. */
int owner_mend(struct link *l, const char *head, int replicas, struct owner *o, struct err *err);
void owner_give_up(struct owner *o);
enum { OWNER_RENEW = 5 }; /* seconds */

#endif
