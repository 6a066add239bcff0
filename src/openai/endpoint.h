/* SPDX-License-Identifier: Apache-2.0 */
/* One place that speaks the OpenAI-compatible API, and
 * one attempt to use it. What to do after a failed attempt is the caller's
 * (engine.c). Thread-safe once probed. */
#ifndef VDET_OPENAI_ENDPOINT_H
#define VDET_OPENAI_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cancel.h"
#include "base/err.h"
#include "base/mem.h"
#include "openai/chat.h"
#include "openai/dialect.h"

struct endpoint;

/* How a connection is made and how long an answer may take. */
struct endpoint_limits {
	/* microseconds, 0 = none; see struct engine_options */
	int64_t connect, vision, generation, idle;
	const char *ca_file; /* PEM file of certificates to trust; NULL or "" = the system's alone */
};

/* What a probe found. Valid, and not changed, until endpoint_free(); a later
 * probe makes another. */
struct endpoint_info {
	char *version, *model;
	bool llama;      /* it is llama-server */
	bool images;     /* takes pictures; true if unknown */
	int slots;       /* 0 = unknown */
	int64_t context; /* per slot; 0 = unknown */
};

/* Why an attempt failed, and what that means for the next one. */
struct endpoint_failure {
	bool retry;    /* it may work the next time */
	int64_t after; /* the endpoint asked to wait for that long, microseconds; 0 = it did not */
	/* the request itself was found wanting (4xx): it will be by this endpoint
	 * each time */
	bool refused;
	bool no_room; /* it had no room for the request: 503, or memory ran out */
};

/* `url`: http(s)://host[:port][/path] ("/v1" where there is no path), or
 * unix:/path/to/socket. `model`: the name to ask for, "" = what the endpoint
 * lists. ERR_ARG for a URL that is none, or that holds a password. */
int endpoint_new(const char *url, const char *key, const char *model,
                 const struct endpoint_limits *limits, struct endpoint **ret, struct err *err);
void endpoint_free(struct endpoint *e);
DEFINE_FREEP(struct endpoint, endpoint)

const char *endpoint_url(const struct endpoint *e); /* without credentials */
const struct endpoint_info *endpoint_info(const struct endpoint *e);

/* GET /health: 0 if it is up and its model loaded, ERR_BUSY while it loads,
 * else why not. For llama-server. */
int endpoint_health(struct endpoint *e, struct cancel *cancel, struct err *err);
/* The same with a time limit; an answer of any kind will do. For what may hang. */
int endpoint_ping(struct endpoint *e, int64_t timeout, struct cancel *cancel, struct err *err);
/* In which form this endpoint takes requests, as far as its refusals have
 * shown. */
struct dialect endpoint_dialect(struct endpoint *e);
/* Begins with what an earlier run has learned. */
void endpoint_set_dialect(struct endpoint *e, const struct dialect *d);
/* `learned` is called whenever a refusal has changed the dialect, from the
 * thread of the request. Set it before the first request. */
void endpoint_on_learned(struct endpoint *e, void (*learned)(void *ctx), void *ctx);
/* POST to a path of the server, as llama-server has them beside the API; 0 for
 * status 200. */
int endpoint_post(struct endpoint *e, const char *path, struct cancel *cancel, struct err *err);
/* GET likewise; appends the reply's body. */
int endpoint_read(struct endpoint *e, const char *path, struct cancel *cancel, struct buf *out,
                  struct err *err);
/* Asks what is there, tolerating what an endpoint does not offer. ERR_BUSY
 * while it loads its model. Two threads must not probe one endpoint at the same
 * time; others may use it meanwhile. */
int endpoint_probe(struct endpoint *e, struct cancel *cancel, struct err *err);

/* Whether an engine's words mean that its memory ran out. */
bool endpoint_says_no_room(const char *words);

/* One attempt; `failure` is written on failure. */
int endpoint_chat(struct endpoint *e, const struct chat *c, int attempt, struct cancel *cancel,
                  void (*progress)(void *ctx, const struct chat_progress *p), void *ctx,
                  struct chat_result *ret, struct endpoint_failure *failure, struct err *err);

#endif
