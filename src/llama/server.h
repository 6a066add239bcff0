/* SPDX-License-Identifier: Apache-2.0 */
/* A `llama-server` child, or another program of its kind. A thread starts it,
 * reads its output, waits until it is healthy, restarts it after a crash, and
 * stops it. It listens on a Unix socket in a private folder; llama-server also
 * requires a random key. Address and key stay the same over restarts. The
 * kernel kills it when this process ends. A "life" is the time from one start
 * of the program to its end; lives are numbered from 1.
 *
 * All calls but server_start() and server_free() may come from any thread.
 * Times: microseconds. */
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
struct child;

/* Another program that is looked after in the same way: it has to answer
 * GET /health with 200 once it is ready, below `prefix`. */
struct server_kind {
	const char *name;   /* "whisper-server", for messages */
	const char *prefix; /* of its paths; "" = none */
	/* Starts it for a life, on the server's thread. It has to listen on the
	 * socket, and may use the folder that it is in, which is ours; its output
	 * goes to log_fd. */
	int (*start)(void *ctx, const char *socket, int log_fd, struct child **ret, struct err *err);
	void *ctx;
};

struct server_options {
	/* NULL = llama-server. Else the members that say how llama-server runs are
	 * not used, and of `model` only its name and its bytes. Borrowed. */
	const struct server_kind *kind;
	const char *program;       /* path of llama-server */
	const struct model *model; /* borrowed */
	int64_t slots, context;    /* context: tokens of each slot */
	const char *cache_type;    /* of keys and values; NULL = f16 */
	const char *log_path;      /* NULL = none */
	int64_t start_timeout;     /* until it is healthy; 0 = none */
	/* for so long it may answer nothing while requests are in flight; 0 = none */
	int64_t hang_timeout;
	/* without a request for so long it is stopped, until the next one; 0 =
	 * never */
	int64_t unload_after;
	const char *device; /* "CUDA0", "CUDA0+CUDA1", "none"; "" = its own choice */
	int64_t gpu_layers; /* layers of the model on the GPU; -1 = its own choice */
	/* how a model is split over several devices: none, layer or row; "" = its
	 * own choice */
	const char *split;
	/* It makes vectors, one for a text, made in this way: "auto" (as the model
	 * says), "last", "mean", "cls"; borrowed. NULL: it answers chats. */
	const char *pooling;
	int64_t image_min_tokens; /* minimum tokens of a picture; 0 = its own default */
	/* Called after each change of the state, from the server's thread. May be
	 * NULL. */
	void (*changed)(void *ctx);
	void *changed_ctx;
	struct endpoint_limits limits;
};

enum server_state {
	SERVER_STARTING,
	SERVER_READY,
	SERVER_DOWN,   /* it ended; a restart follows */
	SERVER_ASLEEP, /* stopped by unload_after */
	SERVER_FAILED, /* it will not be started again */
	SERVER_STOPPED /* by server_free() */
};
const char *server_state_name(enum server_state state);

/* Returns at once; server_wait() waits for the result. Strings of `o` are
 * copied except the model and `cache_type`, which are borrowed. */
int server_start(const struct server_options *o, struct server **ret, struct err *err);
/* Stops it: SIGTERM, after two seconds SIGKILL. Blocks. No other call may be in
 * progress. */
void server_free(struct server *s);
DEFINE_FREEP(struct server, server)

/* Waits until it is healthy, over restarts; wakes it if it is asleep.
 * ERR_ENGINE or ERR_TIMEOUT once it will not be started again, with the reason
 * from its log; ERR_CANCELED when either `cancel` (may be NULL) fires. `note`
 * (may be NULL) is called with each step ("loading the model …"), on the
 * caller's thread. */
int server_wait(struct server *s, struct cancel *cancel, struct cancel *cancel2,
                void (*note)(void *ctx, const char *what), void *ctx, struct err *err);
/* The number of the current life. A request that failed calls server_wait()
 * before its retry. */
int server_life(struct server *s);
/* To be called when a request of life `life` lost its connection: waits at most
 * half a second for the end of that life to be noticed, so that server_wait()
 * does not succeed for a server that is already dead. */
void server_suspect(struct server *s, int life);
int server_restarts(struct server *s); /* lives after the first */
enum server_state server_state(struct server *s);
/* Whether life `life` ended because memory ran out, according to its log. */
bool server_lacked_memory(struct server *s, int life);
/* To be called before and after each request; `timed_out`: a time limit ended
 * it. A server that does not even answer health checks, or that lets two
 * requests in a row time out, hangs, and is restarted. */
void server_flight_begin(struct server *s);
void server_flight_end(struct server *s, bool timed_out);
/* Restarts it with this number of slots (0 = as before), which frees its
 * memory. Returns at once. */
void server_restart(struct server *s, int64_t slots);
/* Owned by the server, probed once it was healthy unless it is of another kind;
 * its URL is for display only. */
struct endpoint *server_endpoint(struct server *s);
/* Process id of the running llama-server, or 0. */
int server_pid(struct server *s);

#endif
