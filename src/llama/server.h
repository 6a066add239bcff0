/* SPDX-License-Identifier: Apache-2.0 */
/* A `llama-server` of our own. A thread starts it,
 * reads what it writes, waits until it is healthy, starts it again after a
 * crash, and stops it. It listens on a Unix socket in a private folder and
 * wants a random key; address and key stay the same over restarts. It dies with
 * us, even when we are killed. */
#ifndef VDET_LLAMA_SERVER_H
#define VDET_LLAMA_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/mem.h"
#include "models/model.h"
#include "openai/endpoint.h"

struct server;

struct server_options {
	const char *program;       /* llama-server */
	const struct model *model; /* borrowed */
	int64_t slots, context;    /* context per slot */
	const char *cache_type;    /* of keys and values; NULL = f16 */
	const char *log_path;      /* NULL = none */
	int64_t start_timeout;     /* 0 = none */
	int64_t hang_timeout; /* requests are in flight and it answers nothing: 0 = wait for ever */
	/* nothing asked for that long: it is stopped until the next request; 0 =
	 * never */
	int64_t unload_after;
	const char *device; /* "CUDA0", "CUDA0+CUDA1", "none"; "" = its own choice */
	int64_t gpu_layers; /* how many of the model's layers; -1 = as it does by itself */
	/* how a model is split over several devices: none, layer or row; "" = its
	 * own choice */
	const char *split;
	/* Called when it became ready, or ceased to be; from the server's thread.
	 * May be NULL. */
	void (*changed)(void *ctx);
	void *changed_ctx;
	struct endpoint_limits limits;
};

enum server_state {
	SERVER_STARTING,
	SERVER_READY,
	SERVER_DOWN,
	SERVER_ASLEEP,
	SERVER_FAILED,
	SERVER_STOPPED
};
const char *server_state_name(enum server_state state);

/* Returns at once; server_wait() reports how it goes. */
int server_start(const struct server_options *o, struct server **ret, struct err *err);
void server_free(struct server *s); /* stops it: SIGTERM, after a short grace SIGKILL */
DEFINE_FREEP(struct server, server)

/* Waits until it is healthy, over restarts. ERR_ENGINE once it is given up,
 * with the reason from its log; ERR_CANCELED when either `cancel` (may be NULL)
 * fires. Any thread. `note` (may be NULL) is called with what happens. */
int server_wait(struct server *s, struct cancel *cancel, struct cancel *cancel2,
                void (*note)(void *ctx, const char *what), void *ctx, struct err *err);
/* Which life is running: grows by one at each start. A request that failed
 * waits until server_wait() returns. */
int server_life(struct server *s);
/* A request of life `life` lost its connection: waits a moment for the news of
 * its end, so that server_wait() does not return for a server that is already
 * dead. */
void server_suspect(struct server *s, int life);
int server_restarts(struct server *s);
enum server_state server_state(struct server *s);
/* Life `life` ended, and what it said last is that memory ran out. */
bool server_lacked_memory(struct server *s, int life);
/* A request is in flight; at its end `timed_out` says that a time limit ended
 * it. A server that answers nothing, not even whether it is well, or that lets
 * request after request run out of time, hangs, and is started again. */
void server_flight_begin(struct server *s);
void server_flight_end(struct server *s, bool timed_out);
/* Starts it again, with `slots` of them (0 = as before): what it holds of
 * memory is given back in between. */
void server_restart(struct server *s, int64_t slots);
/* Probed once it was healthy; its URL is for display only. */
struct endpoint *server_endpoint(struct server *s);
/* Process id of the running llama-server, or 0. For tests and doctors. */
int server_pid(struct server *s);

#endif
