/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the engine room: one of those who answer: a llama-server of ours, or
 * an endpoint by URL. Thread-safe once started. */
#ifndef VDET_ENGINE_BACKEND_H
#define VDET_ENGINE_BACKEND_H

#include <pthread.h>
#include <stdatomic.h>

#include "engine/endpoint-config.h"
#include "engine/engine.h"
#include "llama/server.h"
#include "models/model.h"
#include "openai/endpoint.h"

struct member {
	char name[SPEC_NAME_MAX];
	bool lone;             /* there is no other: what it says is what counts */
	struct cancel *cancel; /* borrowed, may be NULL */
	struct endpoint_limits limits;
	int64_t slots, context; /* asked for; 0 = choose */
	bool slots_chosen;      /* by us, not by the user: a probe may tell better */
	double cost;
	struct spec_cap cap;
	bool cloud;
	bool mute; /* it tells no metrics; of the memory policy's thread alone */

	/* Either a child … */
	struct model *model; /* borrowed; NULL = no child */
	struct server_options server_options;
	char *program, *device, *log_path;
	struct server *_Atomic server; /* set once; its own thread looks, too */
	/* … or an address. `endpoint` is the one in use in both cases, NULL for a
	 * child that has not started. */
	struct endpoint *endpoint;

	pthread_mutex_t lock; /* guards what follows */
	bool probed;
	char served[200]; /* the model that answered first */
	char error[300];  /* the last failure; "" = none */
	struct engine_spending today;
	int64_t day; /* of `today` */
};

/* A child of `model`; strings are copied. */
struct member *member_child(const struct spec *s, struct model *model,
                            const struct server_options *o);
int member_url(const struct spec *s, const char *key, const struct endpoint_limits *limits,
               struct member **ret, struct err *err);
void member_free(struct member *m); /* stops a child; NULL is fine */

/* The key that a spec names: from its file or its variable; "" = none. The
 * caller wipes and frees. `warning` is set to something to tell the user once,
 * or to NULL. */
int member_key(const struct spec *s, char **ret, char **warning, struct err *err);

/* Starts the child, or asks the endpoint what it is. ERR_BUSY while it loads
 * its model. */
int member_start(struct member *m, struct err *err);
/* Waits until a child is healthy, over restarts; probes an endpoint that has
 * not been asked yet. */
int member_ready(struct member *m, struct cancel *cancel, void (*note)(void *ctx, const char *what),
                 void *ctx, struct err *err);

/* One attempt; `fate` is written on failure, and *ret_grave: it will not pass
 * by itself. */
int member_chat(struct member *m, const struct chat *c, int attempt,
                void (*progress)(void *ctx, const struct chat_progress *p), void *ctx,
                struct chat_result *ret, struct endpoint_fate *fate, bool *ret_grave,
                struct err *err);
/* keeps what went wrong, for who asks */
void member_failed(struct member *m, const struct err *err);
bool member_capped(struct member *m); /* its limit of today is reached */

#endif
