/* SPDX-License-Identifier: Apache-2.0 */
/* The engine: what answers chat completions. Any number of endpoints by URL,
 * and `llama-server` children that are started, watched, restarted after a
 * crash, and stopped. A request goes to the backend that is expected to finish
 * it first; if that fails, to another.
 *
 * Thread-safe: any number of threads may call engine_chat() on one engine; at
 * most engine_slots() requests are in flight, the others wait in order.
 * engine_new(), engine_start(), engine_chat(), engine_restart() and
 * engine_free() block, and all but the last observe `cancel`. Times:
 * microseconds. */
#ifndef VDET_ENGINE_ENGINE_H
#define VDET_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/mem.h"
#include "openai/chat.h"

struct engine;

struct engine_options {
	char *url; /* "auto", or http(s)://host:port[/v1]; row engine.url, flag --engine */
	/* GGUF path or a name in the models folder (auto), model name (url); "" =
	 * choose */
	char *model;
	char *key;          /* bearer key, never logged; "" = none */
	char *key_file;     /* file that holds it; "" = none */
	char *quantize;     /* precision to use, made if need be; "" = as the model is */
	char *cache_type;   /* of the key-value cache: "f16", "q8_0", "q4_0" */
	int64_t memory;     /* of the GPU in bytes, for planning; 0 = unknown */
	double memory_goal; /* share of it that may be in use */
	/* llama-server program; "" = from PATH, else the private folder of the
	 * setup */
	char *server;
	int64_t slots;              /* parallel requests; 0 = choose */
	int64_t context;            /* tokens per slot; 0 = choose */
	int64_t vision_timeout;     /* until the first token; 0 = none */
	int64_t generation_timeout; /* from first to last token; 0 = none */
	int64_t idle_timeout;       /* without receiving anything while decoding; 0 = none */
	int64_t connect_timeout;
	char *ca_file;         /* PEM file of certificates to trust beside the system's; "" = none */
	int64_t start_timeout; /* child: until it is healthy */
	int64_t retries;       /* per request, after the first try */
	char *endpoints;       /* further ones, one per line, see engine/endpoint-config.h; "" = none */
	/* of children: one per device, "CUDA0,CUDA1"; how a model is split over
	 * "CUDA0+CUDA1" */
	char *devices, *split;
	/* forecast of the queue, see engine_forecast(), from which cloud endpoints
	 * are used; 0 = never */
	int64_t cloud_after;
	int64_t hang_timeout, unload_after; /* of children, see llama/server.h */
	/* How the model is asked, see engine/asking.h: "auto" or "greedy"; "auto",
	 * "on" or "off"; numbers below 0 are as the model wants it. */
	char *sampling, *reasoning;
	double temperature, top_p;
	int64_t image_min_tokens;
	/* What makes vectors, see engine/embed.h: an address, a GGUF path or a name
	 * in the models folder; "" or NULL = nothing does. */
	char *embed;
	char *embed_model, *embed_key_file; /* of an address */
	char *embed_pooling;                /* of a child, see llama/server.h */
	char *embed_query, *embed_text;     /* what is put before a query, and before other texts */
	bool embed_pictures;
};

/* Rows for the options table (base/opt.h), section [engine]; offsets into
 * struct engine_options. */
struct opt_group;
extern const struct opt_group engine_opt_group;

/* Folders and files of this machine, and what is known of it. */
struct engine_places {
	const char *models_dir; /* $XDG_DATA_HOME/vdet/models; NULL = the demo model */
	const char *demo_dir;   /* holds the bundled demo model */
	/* where tools/setup unpacked llama-server; may not exist */
	const char *runtime_dir;
	/* the command that unpacks it, for messages; NULL = tools/setup engine */
	const char *setup;
	const char *made_dir; /* for models made by quantize; NULL = none are made */
	const char *log_path; /* the child's log is appended here; NULL = none */
	/* file of what endpoints refuse (engine/learned.h), for later runs; NULL =
	 * none */
	const char *learned_path;
	bool learn_again;      /* ignore what is in that file */
	const char *catalogue; /* the user's own catalogue of models; NULL or "" = none */
	/* GPUs whose memory is known: their number, bytes of the smallest, bytes in
	 * use of the fullest. */
	int64_t gpus, gpu_memory, gpu_in_use;
	/* What a request will contain, for planning the context: pictures, their
	 * long side in pixels, tokens of an answer; 0 = any. */
	int64_t frames, frame_size, answer_tokens;
	/* Nothing but engine/embed.h is used of the engine. */
	bool embed_only;
	/* Called on the caller's thread before each long step of engine_new()
	 * ("reading model …"); may be NULL. */
	void (*note)(void *ctx, const char *what);
	void *note_ctx;
};

/* What answers; strings are owned by the engine and valid until
 * engine_free(). */
struct engine_info {
	const char *kind;       /* "llama-server (child)", "endpoint" or "pool" */
	const char *url;        /* without credentials */
	const char *version;    /* "" if unknown */
	const char *model;      /* name: the file's stem, or as the endpoint states it */
	const char *model_hash; /* SHA-256 of model and projector files (child), or "" */
	const char *quantize;   /* precision of its weights; "" if unknown */
	const char *cache_type; /* of its cache; "" if unknown */
	/* options that change how it is asked, where they differ from the defaults;
	 * "" or NULL = none */
	const char *asked;
	bool demo_model;    /* the bundled model was chosen because there is no other */
	int slots, context; /* context 0 if unknown */
	bool images;        /* takes pictures; true if unknown */
	bool own;           /* every backend is a llama-server child */
	/* longest long side of a picture, in pixels, with which a request fits; 0 =
	 * any */
	int frame_size;
	const char *warning; /* a message for the user, or "" */
	/* likewise, from the last engine_start(); "" after the next one */
	const char *news;
};

/* Determines what to use (checks that files exist, reads names, hashes the
 * model) without starting anything: for the key of a run, the doctor and
 * errors. `o`, `p` and `cancel` (may be NULL) are borrowed until
 * engine_free(). */
int engine_new(const struct engine_options *o, const struct engine_places *p, struct cancel *cancel,
               struct engine **ret, struct err *err);
void engine_free(struct engine *e); /* stops children; NULL is fine */
DEFINE_FREEP(struct engine, engine)

/* Starts the children and probes the endpoints; returns when the engine can
 * answer. Does nothing if that was done already. `note` (may be NULL) is called
 * with each step ("loading the model …"), on the caller's thread. */
int engine_start(struct engine *e, void (*note)(void *ctx, const char *what), void *ctx,
                 struct err *err);
/* What is known now; a later call may return another struct. */
const struct engine_info *engine_info(const struct engine *e);

/* Sends one request and waits for the whole answer. Failures that may be
 * temporary (connection lost, 429, 5xx, a child that died and was restarted)
 * are retried with back-off; others (400, 401) are not. `progress` (may be
 * NULL) is called on the caller's thread. The message of ERR_ENGINE contains
 * what the engine said, limited in length and without secrets. The caller
 * clears `ret`. */
int engine_chat(struct engine *e, const struct chat *c,
                void (*progress)(void *ctx, const struct chat_progress *p), void *ctx,
                struct chat_result *ret, struct err *err);

/* The most pictures that one request may contain, as learned from refusals; 0 =
 * any number. */
size_t engine_most_images(const struct engine *e);
/* What is left out of requests because endpoints refuse it, as a line for
 * people; "" = nothing. The caller frees. */
char *engine_left_out(const struct engine *e);

/* ---- endpoints that cost, or whose use is limited */

struct engine_spending {
	int64_t requests, prompt_tokens, output_tokens;
	double money; /* in the currency of the endpoint's cost */
};
/* Adds `add` to what the endpoint used today, and returns the sum of the day;
 * called from any thread. To be set before engine_start(); without it, daily
 * limits apply to this process only. */
typedef int engine_spend_fn(void *ctx, const char *endpoint, const struct engine_spending *add,
                            struct engine_spending *ret_today, struct err *err);
void engine_count_spending(struct engine *e, engine_spend_fn *fn, void *ctx);

/* ---- for the memory policy */

/* While held, no request is sent; those in flight continue. */
void engine_hold(struct engine *e, bool hold);
/* Frees the caches of idle slots of llama-servers; returns the number of slots.
 * Blocks for the servers' replies. */
int engine_free_caches(struct engine *e);
/* Limits the requests at the same time on each backend; 0 = as configured. */
void engine_limit(struct engine *e, int slots);
/* Waits until nothing is in flight, then restarts the llama-server children
 * with at most `slots` slots each (0 = as they are). ERR_CANCELED. */
int engine_restart(struct engine *e, int slots, struct err *err);

/* ---- observation */

/* Announces requests that will come (negative: that have come or will not),
 * which count as queued when slow and costly backends are considered. */
void engine_expect(struct engine *e, int64_t change);
/* Microseconds until the queue is empty; INT64_MAX if no backend can work on
 * it, -1 = not known. */
int64_t engine_forecast(struct engine *e);
/* An array with one object per backend: name, url, kind, state, breaker, rates,
 * counts, costs, last error. The caller owns it. */
json_t *engine_endpoints_json(struct engine *e);
/* Asks the endpoints for their metrics; blocks for their replies. *ret_cache:
 * the highest share of a key-value cache in use (vLLM, SGLang; 0 if none
 * reports it); *ret_preemptions: requests that they preempted for lack of
 * memory since they started. One thread at a time. */
void engine_pressure(struct engine *e, double *ret_cache, int64_t *ret_preemptions);
/* Requests that were refused so far for lack of memory or slots (503, out of
 * memory). */
int64_t engine_refusals(const struct engine *e);

int engine_slots(const struct engine *e);
int engine_restarts(const struct engine *e); /* restarts of children */
/* microseconds during which at least one request was in flight */
int64_t engine_busy_time(const struct engine *e);
/* Microseconds of all requests, also while they wait for a slot, summed. */
int64_t engine_ask_time(const struct engine *e);

#endif
