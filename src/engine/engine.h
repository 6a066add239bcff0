/* SPDX-License-Identifier: Apache-2.0 */
/* The engine: whatever answers chat completions. Any number of endpoints by
 * URL, and `llama-server` children that are started, watched, restarted
 * after a crash, and stopped. A request goes to the one that is expected to be
 * through with it first; what one fails at, another is asked.
 *
 * Thread-safe: any number of threads may call engine_chat() on one engine; at
 * most engine_slots() requests are in flight, the others wait their turn. Calls
 * block and observe `cancel`. */
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
	int64_t memory;     /* of the GPU, for planning; 0 = unknown */
	double memory_goal; /* share of it that may be in use */
	/* llama-server program; "" = from PATH, else the private folder of the
	 * setup */
	char *server;
	int64_t slots;              /* parallel requests; 0 = choose */
	int64_t context;            /* tokens per slot; 0 = choose */
	int64_t vision_timeout;     /* until the first token, 0 = none */
	int64_t generation_timeout; /* from first to last token, 0 = none */
	int64_t idle_timeout;       /* nothing received for that long while decoding, 0 = none */
	int64_t connect_timeout;
	char *ca_file;         /* PEM file of certificates to trust beside the system's; "" = none */
	int64_t start_timeout; /* child: until it is healthy */
	int64_t retries;       /* per request, after the first try */
	char *endpoints;       /* further ones, one a line, see engine/endpoint-config.h; "" = none */
	/* auto: one child a device, "CUDA0,CUDA1"; how a model is split over
	 * "CUDA0+CUDA1" */
	char *devices, *split;
	/* forecast of the queue from which cloud endpoints are asked; 0 = never */
	int64_t cloud_after;
	int64_t hang_timeout, unload_after; /* of children, see llama/server.h */
};

/* Rows for the options table (base/opt.h), section [engine]; offsets into
 * struct engine_options. */
struct opt_group;
extern const struct opt_group engine_opt_group;

/* Where things are on this machine; the app fills it. */
struct engine_places {
	const char *models_dir; /* $XDG_DATA_HOME/vdet/models; NULL = the demo model */
	const char *demo_dir;   /* holds the bundled demo model */
	/* where the setup unpacked llama-server, see tools/; may not exist */
	const char *runtime_dir;
	/* the command that puts it there, for messages; NULL = tools/setup engine */
	const char *setup;
	const char *made_dir; /* for models made by quantize; NULL = nowhere */
	const char *log_path; /* the child's log is appended here; NULL = none kept */
	/* where what addresses refuse is kept for later runs; NULL = nowhere */
	const char *learned_path;
	bool learn_again; /* begin as if nothing had been kept */
	/* The GPUs, where their memory is known: how many, what the smallest has,
	 * and what is in use of the fullest. */
	int64_t gpus, gpu_memory, gpu_in_use;
	/* What a request will hold, for planning its context: pictures, their long
	 * side, tokens of an answer; 0 = any. */
	int64_t frames, frame_size, answer_tokens;
	/* Called with what may take long inside engine_new() ("reading model …"),
	 * from the calling thread; NULL = no one. */
	void (*note)(void *ctx, const char *what);
	void *note_ctx;
};

/* What will answer; strings owned by the engine, valid until engine_free(). */
struct engine_info {
	const char *kind;       /* "llama-server (child)", "endpoint" or "pool" */
	const char *url;        /* without credentials */
	const char *version;    /* "" if unknown */
	const char *model;      /* name: the file's stem, or what the endpoint says */
	const char *model_hash; /* SHA-256 of model and projector files (child), or "" */
	const char *quantize;   /* precision of its weights; "" if unknown */
	const char *cache_type; /* of its cache; "" if unknown */
	bool demo_model;        /* the bundled model was chosen because nothing else is there */
	int slots, context;     /* context 0 if unknown */
	bool images;            /* takes pictures; true if unknown */
	bool own;               /* each is a llama-server child: what its schemas can do is known */
	/* the longest that a picture's long side may be for a request to fit; 0 =
	 * any */
	int frame_size;
	const char *warning; /* a message for the user, or "" */
	/* likewise, found by the engine_start() that was just called; empty after
	 * the next one */
	const char *news;
};

/* Resolves what to use (files exist, names, hash) without starting anything:
 * for the job's key, doctor and errors. The caller owns *ret. */
int engine_new(const struct engine_options *o, const struct engine_places *p, struct cancel *cancel,
               struct engine **ret, struct err *err);
void engine_free(struct engine *e); /* stops the child in order, then by force; NULL is fine */
DEFINE_FREEP(struct engine, engine)

/* Starts the child, or probes the endpoint. Idempotent. `note` (may be NULL) is
 * called with what happens ("loading model"), from the calling thread. */
int engine_start(struct engine *e, void (*note)(void *ctx, const char *what), void *ctx,
                 struct err *err);
const struct engine_info *engine_info(const struct engine *e);

/* Sends one request and waits for the whole answer. Retries with back-off what
 * may pass by itself (connection lost, 429, 5xx, a child that died and was
 * restarted); not what will not (400, 401). `progress` may be NULL; it is
 * called from the calling thread. On ERR_ENGINE the message holds the engine's
 * own words, bounded and without secrets. */
int engine_chat(struct engine *e, const struct chat *c,
                void (*progress)(void *ctx, const struct chat_progress *p), void *ctx,
                struct chat_result *ret, struct err *err);

/* The most pictures that one request may hold, as far as refusals have shown; 0
 * = any number. */
size_t engine_most_images(const struct engine *e);
/* What the endpoints refuse and is therefore left out of requests, as a line
 * for people; "" if nothing is. The caller frees. */
char *engine_left_out(const struct engine *e);

/* ---- endpoints that cost, or whose use is limited */

struct engine_spending {
	int64_t requests, prompt_tokens, output_tokens;
	double money;
};
/* Adds `add` to what the endpoint used today, and returns the day's sum; from
 * any thread. Set it before engine_start(); without, limits hold for this run
 * alone. */
typedef int engine_spend_fn(void *ctx, const char *endpoint, const struct engine_spending *add,
                            struct engine_spending *ret_today, struct err *err);
void engine_count_spending(struct engine *e, engine_spend_fn *fn, void *ctx);

/* ---- what a memory policy may do; all of it may be undone but what was freed */

void engine_hold(struct engine *e, bool hold); /* no request is begun; those in flight go on */
/* Frees what idle slots of llama-servers remember; the number of slots that
 * were freed. */
int engine_free_caches(struct engine *e);
/* at most so many at once on each endpoint; 0 = as configured */
void engine_limit(struct engine *e, int slots);
/* Waits until nothing is in flight, then starts our llama-servers again, with
 * at most `slots` slots each (0 = as they have). ERR_CANCELED. */
int engine_restart(struct engine *e, int slots, struct err *err);

/* ---- what is going on */

/* Further requests that will come (negative: that have come), so that the
 * queue's length is known beyond those that wait: it decides about slow and
 * costly endpoints. */
void engine_expect(struct engine *e, int64_t change);
/* microseconds until the queue is through; -1 = not known */
int64_t engine_forecast(struct engine *e);
/* An array of objects, one an endpoint: name, url, kind, state, breaker, rates,
 * counts, costs, last error. */
json_t *engine_endpoints_json(struct engine *e);
/* Asks the engines themselves how full they are: the highest share of a
 * key-value cache in use (vLLM, SGLang; 0 if none reports it), and how many
 * requests they put back for lack of memory since they started. */
void engine_pressure(struct engine *e, double *ret_cache, int64_t *ret_preemptions);
/* Requests that were refused for lack of room (503, out of memory) so far. */
int64_t engine_refusals(const struct engine *e);

int engine_slots(const struct engine *e);
int engine_restarts(const struct engine *e); /* how often children were started again */
/* microseconds during which at least one request was in flight */
int64_t engine_busy_time(const struct engine *e);

#endif
