/* SPDX-License-Identifier: Apache-2.0 */
/* A backend of the engine: a llama-server child, or an endpoint by URL.
 * Thread-safe once started. */
#ifndef VDET_ENGINE_BACKEND_H
#define VDET_ENGINE_BACKEND_H

#include <pthread.h>
#include <stdatomic.h>

#include "engine/asking.h"
#include "engine/endpoint-config.h"
#include "engine/engine.h"
#include "llama/server.h"
#include "models/catalogue.h"
#include "models/model.h"
#include "openai/endpoint.h"

struct backend {
	char name[ENDPOINT_NAME_MAX];
	bool single;           /* the only backend of its engine */
	struct cancel *cancel; /* borrowed, may be NULL */
	struct endpoint_limits limits;
	int64_t slots, context; /* as configured; 0 = choose */
	bool slots_chosen;      /* by us, not by the user: a probe may find a better number */
	double cost;            /* of a million tokens */
	struct endpoint_cap cap;
	bool cloud;
	bool no_metrics; /* it has no metrics; used by the memory policy's thread only */

	/* Either a child … */
	struct model *model; /* borrowed; NULL = no child */
	struct server_options server_options;
	char *program, *device, *log_path;
	/* file for what the endpoint refuses (engine/learned.h); NULL = none */
	char *learned_path;
	struct sampling sampling; /* of a child: how its model is asked */
	/* of an endpoint, whose model is known after its probe; borrowed */
	const struct catalogue *catalogue;
	struct asking asking;
	bool learn_again;              /* ignore what is in that file */
	struct server *_Atomic server; /* set once; read by its own thread, too */
	/* … or an address. `endpoint` is the one in use in both cases, NULL for a
	 * child that has not started. */
	struct endpoint *_Atomic endpoint;
	atomic_bool probed;

	pthread_mutex_t probing; /* held while an endpoint is probed */
	pthread_mutex_t lock;    /* guards what follows */
	char served[200];        /* the model that answered first */
	char error[300];         /* the last failure; "" = none */
	struct engine_spending today;
	int64_t day; /* of `today`: days since 1970, UTC */
};

/* A child that runs `model` (borrowed); not started. Strings of `s`, and the
 * paths in `o`, are copied; its other strings are borrowed. */
struct backend *backend_child(const struct endpoint_config *s, struct model *model,
                              const struct server_options *o);
/* An endpoint by URL, with this bearer key ("" = none); all is copied. ERR_ARG
 * if the URL is invalid. */
int backend_url(const struct endpoint_config *s, const char *key,
                const struct endpoint_limits *limits, struct backend **ret, struct err *err);
void backend_free(struct backend *m); /* stops a child; NULL is fine */

/* Reads the key that the configuration names, from its file or variable; "" =
 * none. The caller wipes and frees it. `warning` is set to a message for the
 * user (the caller frees), or to NULL. */
int backend_key(const struct endpoint_config *s, char **ret, char **warning, struct err *err);

/* Starts the child (returns at once), or probes the endpoint (blocks). ERR_BUSY
 * while an endpoint loads its model. */
int backend_start(struct backend *m, struct err *err);
/* Blocks until a child is healthy, over restarts; probes an endpoint that has
 * not been probed yet. `note` as in server_wait(). */
int backend_ready(struct backend *m, struct cancel *cancel,
                  void (*note)(void *ctx, const char *what), void *ctx, struct err *err);

/* Sends a request once, without a retry; blocks. On failure writes `failure`
 * and *ret_permanent: whether a retry is useless. The caller clears `ret`. */
int backend_chat(struct backend *m, const struct chat *c, int attempt,
                 void (*progress)(void *ctx, const struct chat_progress *p), void *ctx,
                 struct chat_result *ret, struct endpoint_failure *failure, bool *ret_permanent,
                 struct err *err);
/* Likewise, for vectors. */
int backend_embed(struct backend *m, const struct embed_item *items, size_t n,
                  struct cancel *cancel, struct embed_result *ret, struct endpoint_failure *failure,
                  struct err *err);
/* records the last error, for engine_endpoints_json() */
void backend_failed(struct backend *m, const struct err *err);
bool backend_capped(struct backend *m); /* its limit of today is reached */

#endif
