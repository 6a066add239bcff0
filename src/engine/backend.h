/* SPDX-License-Identifier: Apache-2.0 */
/* A backend of the engine: a llama-server child, or an
 * endpoint by URL. Thread-safe once started. */
#ifndef VDET_ENGINE_BACKEND_H
#define VDET_ENGINE_BACKEND_H

#include <pthread.h>
#include <stdatomic.h>

#include "engine/endpoint-config.h"
#include "engine/engine.h"
#include "llama/server.h"
#include "models/model.h"
#include "openai/endpoint.h"

struct backend {
	char name[ENDPOINT_NAME_MAX];
	bool single;           /* there is no other: what it says is what counts */
	struct cancel *cancel; /* borrowed, may be NULL */
	struct endpoint_limits limits;
	int64_t slots, context; /* asked for; 0 = choose */
	bool slots_chosen;      /* by us, not by the user: a probe may find a better number */
	double cost;
	struct endpoint_cap cap;
	bool cloud;
	bool no_metrics; /* it has no metrics; of the memory policy's thread alone */

	/* Either a child … */
	struct model *model; /* borrowed; NULL = no child */
	struct server_options server_options;
	char *program, *device, *log_path;
	/* where what an address refuses is kept (engine/learned.h); NULL = nowhere */
	char *learned_path;
	bool learn_again;              /* what is there is not used */
	struct server *_Atomic server; /* set once; its own thread looks, too */
	/* … or an address. `endpoint` is the one in use in both cases, NULL for a
	 * child that has not started. */
	struct endpoint *_Atomic endpoint;
	atomic_bool probed;

	pthread_mutex_t probing; /* held while an endpoint is probed */
	pthread_mutex_t lock;    /* guards what follows */
	char served[200];        /* the model that answered first */
	char error[300];         /* the last failure; "" = none */
	struct engine_spending today;
	int64_t day; /* of `today` */
};

/* A child of `model`; strings are copied. */
struct backend *backend_child(const struct endpoint_config *s, struct model *model,
                              const struct server_options *o);
int backend_url(const struct endpoint_config *s, const char *key,
                const struct endpoint_limits *limits, struct backend **ret, struct err *err);
void backend_free(struct backend *m); /* stops a child; NULL is fine */

/* The key that a spec names: from its file or its variable; "" = none. The
 * caller wipes and frees. `warning` is set to a message for the user,
 * or to NULL. */
int backend_key(const struct endpoint_config *s, char **ret, char **warning, struct err *err);

/* Starts the child, or asks the endpoint what it is. ERR_BUSY while it loads
 * its model. */
int backend_start(struct backend *m, struct err *err);
/* Waits until a child is healthy, over restarts; probes an endpoint that has
 * not been asked yet. */
int backend_ready(struct backend *m, struct cancel *cancel,
                  void (*note)(void *ctx, const char *what), void *ctx, struct err *err);

/* One attempt; `failure` is written on failure, and *ret_permanent: it will not
 * pass by itself. */
int backend_chat(struct backend *m, const struct chat *c, int attempt,
                 void (*progress)(void *ctx, const struct chat_progress *p), void *ctx,
                 struct chat_result *ret, struct endpoint_failure *failure, bool *ret_permanent,
                 struct err *err);
/* keeps what went wrong, for who asks */
void backend_failed(struct backend *m, const struct err *err);
bool backend_capped(struct backend *m); /* its limit of today is reached */

#endif
