/* SPDX-License-Identifier: Apache-2.0 */
/* The connection to a NATS server, which is made again whenever it breaks.
 * Inside the module only, as it needs the headers of libnats. Thread-safe. */
#ifndef VDET_FLEET_LINK_H
#define VDET_FLEET_LINK_H

#include <nats/nats.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "fleet/options.h"

struct link {
	natsConnection *nc;
	jsCtx *js;
	char *inbox; /* owned; what subjects for replies begin with */
};

/* What a file of credentials says, owned: whose they are, and for which head
 * alone (NULL: any). A file of NATS, with a token, says none of it. */
struct link_creds {
	char *user, *password, *head;
};
int link_read_creds(const char *path, struct link_creds *ret, struct err *err);
void link_creds_clear(struct link_creds *c);

/* `inbox`: what the subjects for replies begin with. ERR_ARG, ERR_PERM,
 * ERR_IO, ERR_UNSUPPORTED with what to do. Blocks for up to 10 seconds. */
int link_open(const struct fleet_options *o, const char *inbox, struct link **ret, struct err *err);
void link_free(struct link *l);
DEFINE_FREEP(struct link, link)

/* Whether the connection is there now; and whether it ended for good, since
 * the server refuses the credentials. */
bool link_up(struct link *l);
bool link_ended(struct link *l);

/* The address of the server that it is connected to, without a password; and
 * how often it was connected, from 1. */
enum { LINK_ADDRESS = 512 };
void link_address(struct link *l, char out[static LINK_ADDRESS]);
uint64_t link_connects(struct link *l);

/* A server reports a subject that is not permitted by itself: the request gets
 * no reply. ERR_PERM if it has reported one, with whose credentials are needed:
 * "those of a head, head.creds"; else 0. */
int link_check_permitted(struct link *l, const struct fleet_options *o, const char *needed,
                         struct err *err);

/* Sets an error with the server's text; returns its code. */
int link_err(struct err *err, natsStatus s, jsErrCode js, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* ERR_UNSUPPORTED without JetStream. */
int link_check_jetstream(struct link *l, struct err *err);

/* Sends a message that may get lost. */
int link_publish(struct link *l, const char *subject, const void *data, size_t len,
                 struct err *err);

/* Takes messages of consumers, for one thread at a time. A request of libnats
 * cannot: its replies must have the subject of the request, and those of a
 * consumer have that of the message. */
struct puller {
	struct link *link;
	natsSubscription *sub;
	char *inbox; /* owned */
	uint64_t n;  /* of requests */
};
int puller_open(struct link *l, struct puller *ret, struct err *err);
void puller_clear(struct puller *p);
/* Takes the next message of a consumer, waiting for it up to `wait`
 * milliseconds; 0: not at all. NULL if there is none. An error if the consumer
 * does not exist. The caller destroys the message. */
int puller_take(struct puller *p, const char *stream, const char *consumer, int64_t wait,
                natsMsg **ret, struct err *err);
/* What is done with a message that was taken. */
enum link_ack { LINK_ACK, LINK_PROGRESS, LINK_BACK };
void link_ack(struct link *l, const char *reply, enum link_ack what);
/* Gives it back; not before `delay` microseconds have passed. */
void link_back(struct link *l, const char *reply, int64_t delay);
/* LINK_ACK that the server has confirmed. */
int link_ack_sure(struct link *l, const char *reply, struct err *err);

static inline void msg_freep(natsMsg **m)
{
	natsMsg_Destroy(*m);
}

static inline void sub_freep(natsSubscription **s)
{
	natsSubscription_Destroy(*s);
}

#endif
