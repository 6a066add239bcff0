/* SPDX-License-Identifier: Apache-2.0 */
/* An endpoint with the OpenAI-compatible API, and single attempts to use it;
 * the caller (engine/engine-run.c) decides what to do after a failed one.
 * Thread-safe once probed. Requests block and observe `cancel`, which may be
 * NULL. */
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
#include "openai/embed.h"
#include "openai/sampling.h"

struct endpoint;

/* How a connection is made and how long an answer may take. */
struct endpoint_limits {
	/* microseconds, 0 = none; see struct engine_options */
	int64_t connect, vision, generation, idle;
	const char *ca_file; /* PEM file of certificates to trust; NULL or "" = the system's only */
};

/* The result of a probe. Valid and constant until endpoint_free(), also after a
 * later probe, which makes another. */
struct endpoint_info {
	char *version, *model;
	bool llama;      /* it is llama-server */
	bool ollama;     /* it is Ollama */
	bool images;     /* takes pictures; true if unknown */
	int slots;       /* 0 = unknown */
	int64_t context; /* tokens per slot; 0 = unknown */
};

/* Why an attempt failed, and what follows for the next one. */
struct endpoint_failure {
	bool retry;    /* a retry may succeed */
	int64_t after; /* microseconds that the endpoint asked to wait; 0 = none */
	/* it refused the request itself (4xx), and will refuse it again */
	bool refused;
	bool no_room; /* it is out of memory or slots: 503, or its message says so */
};

/* `url`: http(s)://host[:port][/path] (without a path: "/v1"), or
 * unix:/path/to/socket. `key`: bearer token, "" = none. `model`: its name in
 * requests, "" = the one that the endpoint lists. All is copied. ERR_ARG for a
 * URL that is invalid or contains a password. */
int endpoint_new(const char *url, const char *key, const char *model,
                 const struct endpoint_limits *limits, struct endpoint **ret, struct err *err);
/* The key in a file: its first word, "" if it has none. *ret and *ret_warning,
 * for people ("others can read …"; NULL = nothing to say), are the caller's to
 * free. Blocks for the disk. */
int endpoint_read_key(const char *path, char **ret, char **ret_warning, struct err *err);
void endpoint_free(struct endpoint *e);
DEFINE_FREEP(struct endpoint, endpoint)

/* Puts a path before all paths, those outside of the API too: "/prefix". To be
 * set before the first request. */
void endpoint_set_prefix(struct endpoint *e, const char *prefix);

const char *endpoint_url(const struct endpoint *e); /* without credentials */
const struct endpoint_info *endpoint_info(const struct endpoint *e);

/* GET /health of llama-server: 0 if its model is loaded, ERR_BUSY while it
 * loads, else why not. */
int endpoint_health(struct endpoint *e, struct cancel *cancel, struct err *err);
/* The same with a limit of `timeout` microseconds; any reply counts as success.
 * To find out whether a server hangs. */
int endpoint_ping(struct endpoint *e, int64_t timeout, struct cancel *cancel, struct err *err);
/* The dialect that was learned from its refusals so far. */
struct dialect endpoint_dialect(struct endpoint *e);
/* Starts with what an earlier run learned. */
void endpoint_set_dialect(struct endpoint *e, const struct dialect *d);
/* `learned` is called when a request is answered in a dialect that refusals
 * changed, on the thread of the request. To be set before the first request. */
void endpoint_on_learned(struct endpoint *e, void (*learned)(void *ctx), void *ctx);
/* Sets how its model is asked from now on. */
void endpoint_set_sampling(struct endpoint *e, const struct sampling *s);
/* POST to a path of the server outside of the API, as llama-server has them; 0
 * for status 200. */
int endpoint_post(struct endpoint *e, const char *path, struct cancel *cancel, struct err *err);
/* The same with GET; appends the reply's body. */
int endpoint_read(struct endpoint *e, const char *path, struct cancel *cancel, struct buf *out,
                  struct err *err);
/* Finds out what the endpoint is; what it does not offer stays unknown.
 * ERR_BUSY while it loads its model. Two threads must not probe one endpoint at
 * the same time; others may use it meanwhile. */
int endpoint_probe(struct endpoint *e, struct cancel *cancel, struct err *err);

/* Whether a message of an engine means that its memory ran out. Pure. */
bool endpoint_says_no_room(const char *words);

/* Sends a request once. `progress` (may be NULL) is called on the caller's
 * thread. On failure writes `failure`; else the caller clears `ret`. */
int endpoint_chat(struct endpoint *e, const struct chat *c, int attempt, struct cancel *cancel,
                  void (*progress)(void *ctx, const struct chat_progress *p), void *ctx,
                  struct chat_result *ret, struct endpoint_failure *failure, struct err *err);
/* Likewise, for vectors of n items, at most EMBED_ITEMS_MAX. */
int endpoint_embed(struct endpoint *e, const struct embed_item *items, size_t n,
                   struct cancel *cancel, struct embed_result *ret,
                   struct endpoint_failure *failure, struct err *err);

/* A sound whose speech is to be transcribed. */
struct endpoint_sound {
	const void *wav;
	size_t len;
	const char *language; /* "" = the endpoint finds out */
	/* What is asked for, from the most that an endpoint can give to the least:
	 * times of segments and words, of segments, the text as JSON, the text. */
	enum { ENDPOINT_WORDS, ENDPOINT_SEGMENTS, ENDPOINT_JSON, ENDPOINT_TEXT } form;
	int64_t timeout; /* microseconds of the whole exchange; 0 = none */
};
/* Sends a sound once to /audio/transcriptions; appends the body of the reply,
 * whatever it is. ERR_UNSUPPORTED: the endpoint refused this form, and may take
 * the next one; ERR_NOENT: it has no transcriptions. On failure writes
 * `failure`. */
int endpoint_transcribe(struct endpoint *e, const struct endpoint_sound *s, struct cancel *cancel,
                        struct buf *out, struct endpoint_failure *failure, struct err *err);

#endif
