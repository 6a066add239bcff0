/* Inside the engine room: a `llama-server` of our own. A thread starts it, reads what it writes, waits until it is
 * healthy, starts it again after a crash, and stops it. It listens on a Unix socket in a private folder and wants a
 * random key; address and key stay the same over restarts. It dies with us, even when we are killed. */
#ifndef VDET_ENGINE_SERVER_H
#define VDET_ENGINE_SERVER_H

#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/mem.h"
#include "engine/endpoint.h"
#include "engine/model.h"

struct server;

struct server_options {
	const char *program;       /* llama-server */
	const struct model *model; /* borrowed */
	int64_t slots, context;    /* context per slot */
	const char *cache_type;    /* of keys and values; NULL = f16 */
	const char *log_path;      /* NULL = none */
	int64_t start_timeout;     /* 0 = none */
	struct endpoint_limits limits;
};

/* Returns at once; server_wait() tells how it goes. */
int server_start(const struct server_options *o, struct server **ret, struct err *err);
void server_free(struct server *s); /* stops it: SIGTERM, after a short grace SIGKILL */
DEFINE_FREEP(struct server, server)

/* Waits until it is healthy, over restarts. ERR_ENGINE once it is given up, with the reason from its log;
 * ERR_CANCELED when either `cancel` (may be NULL) fires. Any thread. `note` (may be NULL) is told what happens. */
int server_wait(struct server *s, struct cancel *cancel, struct cancel *cancel2,
                void (*note)(void *ctx, const char *what), void *ctx, struct err *err);
/* Which life is running: grows by one at each start. A request that failed waits until server_wait() returns. */
int server_life(struct server *s);
/* A request of life `life` lost its connection: waits a moment for the news of its end, so that server_wait() does
 * not return for a server that is already dead. */
void server_suspect(struct server *s, int life);
int server_restarts(struct server *s);
/* Probed once it was healthy; its URL is for display only. */
struct endpoint *server_endpoint(struct server *s);
/* Process id of the running llama-server, or 0. For tests and doctors. */
int server_pid(struct server *s);

#endif
