/* SPDX-License-Identifier: Apache-2.0 */
#include "work/serve.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "config.h"
#include "fleet/worker.h"
#include "job/unit.h"
#include "remote/blob.h"
#include "remote/cache.h"
#include "remote/source.h"
#include "work/ask.h"
#include "work/index.h"

enum { SLOTS_MAX = 256, KNOWN = 64 };

struct server {
	const struct work_serve *options;
	struct remote_cache *cache;
	struct work *work;
	struct work_texts *texts;
	struct work_index index;
	struct work_meter meter;
	struct remote_meter bytes;
	pthread_mutex_t lock;        /* guards what follows */
	char known[KNOWN][HASH_HEX]; /* sources that were read last */
	size_t next;
};

/* ---- questions to the head */

/* For struct remote_provider: the context is a pointer to the token. */
static int ask_address(void *ctx, enum remote_kind kind, const char *sha256, bool relayed,
                       struct cancel *cancel, char **ret, struct err *err)
{
	struct fleet_token *const *token = ctx;
	(void)cancel; /* it is answered within seconds */
	AUTO(mem_freep)
	char *body = mem_printf("{\"kind\":\"%s\",\"sha256\":\"%s\"%s}", remote_kind_name(kind), sha256,
	                        relayed ? ",\"relayed\":true" : "");
	return fleet_ask(*token, WORK_ASK_ADDRESS, body, ret, err);
}

static struct remote_options remote_options(struct server *s, struct fleet_token **token)
{
	const char *ca = s->options->ca_file;
	return (struct remote_options){.provider = {ask_address, token},
	                               .cache = s->cache,
	                               .path_map = s->options->path_map,
	                               .meter = &s->bytes,
	                               .ca_file = ca && *ca ? ca : NULL};
}

/* ---- videos */

struct video {
	struct server *server;
	struct fleet_token *token; /* of the unit that is being done */
	struct remote_options options;
	struct remote_source *source;
};

static void note_known(struct server *s, const char *sha256)
{
	pthread_mutex_lock(&s->lock);
	bool known = false;
	for (size_t i = 0; i < KNOWN; i++)
		known |= strcmp(s->known[i], sha256) == 0;
	if (!known)
		snprintf(s->known[s->next++ % KNOWN], HASH_HEX, "%s", sha256);
	pthread_mutex_unlock(&s->lock);
}

static bool holds(void *ctx, const char *sha256)
{
	struct server *s = ctx;
	bool known = false;
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < KNOWN; i++)
		known |= strcmp(s->known[i], sha256) == 0;
	pthread_mutex_unlock(&s->lock);
	return known;
}

static int open_video(void *ctx, void *call, const char *sha256, struct cancel *cancel,
                      struct work_video *ret, struct err *err)
{
	struct server *s = ctx;
	struct video *v = mem_alloc(1, sizeof *v);
	v->server = s;
	v->token = call;
	v->options = remote_options(s, &v->token);
	int64_t began = clock_now();
	int r = remote_source_open(&v->options, sha256, cancel, &v->source, err);
	s->bytes.wait += clock_now() - began;
	s->meter.frames += clock_now() - began;
	if (r < 0) {
		free(v);
		return err_wrap(err, "the video cannot be had from the head");
	}
	note_known(s, sha256);
	*ret = (struct work_video){.fd = -1, .feed = remote_source_feed(v->source), .own = v};
	return 0;
}

/* The head has measured how the times of the video continue. Without that a
 * decoder reads all of it. */
static void prepare_video(struct work_video *video, const struct decoder_options *o)
{
	struct video *v = video->own;
	AUTO(mem_freep) char *reply = NULL;
	struct err why;
	json_auto_t *q =
		json_pack("{s:s, s:i, s:f, s:s}", "sha256", remote_source_sha256(v->source), "stream",
	              o->has_stream ? o->stream : -1, "rate", o->rate, "gaps", o->gaps);
	AUTO(mem_freep) char *body = json_dumps(q, JSON_COMPACT);
	AUTO(buf_free) struct buf data = BUF(WORK_TIMELINE_MAX);
	int r = fleet_ask(v->token, WORK_ASK_TIMELINE, body, &reply, &why);
	if (r == 0)
		r = work_bytes_read(reply, &data, &why);
	if (r == 0 && data.len)
		r = decoder_timeline_set(o, (const unsigned char *)data.data, data.len, &why);
	if (r < 0)
		log_info("the timeline of the video is measured here: %s", why.msg);
}

static void use_video(struct work_video *video, void *call)
{
	struct video *v = video->own;
	v->token = call;
}

static bool video_fault(struct work_video *video, struct err *ret)
{
	struct video *v = video->own;
	return remote_source_fault(v->source, ret);
}

static void close_video(struct work_video *video)
{
	struct video *v = video->own;
	struct remote_source_counts n = remote_source_count(v->source);
	log_info("video %.12s: %" PRId64 " bytes from the head, %" PRId64 " from a path, %" PRId64
	         " from another server, %" PRId64 " read by the decoder",
	         remote_source_sha256(v->source), n.fetched - n.direct, n.local, n.direct, n.given);
	remote_source_free(v->source);
	free(v);
}

/* ---- units */

static void note_progress(void *ctx)
{
	fleet_progress(ctx);
}

static int do_unit(void *ctx, const struct runner_unit *u, struct fleet_token *t,
                   struct runner_result *ret, struct err *err)
{
	struct server *s = ctx;
	const struct work_call call = {
		.cancel = fleet_token_cancel(t), .progress = note_progress, .ctx = t};
	return work_run(s->work, u, &call, ret, err);
}

static bool takes(void *ctx, const char *model)
{
	const struct server *s = ctx;
	return work_texts_takes(s->texts, model) && work_index_takes(&s->index, model);
}

static int put_blob(void *ctx, struct fleet_token *t, const struct runner_blob *blob,
                    struct err *err)
{
	char name[HASH_HEX];
	struct remote_options o = remote_options(ctx, &t);
	return remote_blob_put(&o, blob->data, blob->len, fleet_token_cancel(t), name, err);
}

/* ---- the whole */

static void set_figures(void *ctx, struct fleet_figures *f)
{
	const struct server *s = ctx;
	f->frames = s->meter.frames;
	f->engine = engine_ask_time(s->options->engine);
	f->bytes = s->bytes.wait;
	f->cache_hits = s->bytes.hits;
	f->cache_misses = s->bytes.misses;
	f->cache_hit_bytes = s->bytes.hit_bytes;
	f->cache_miss_bytes = s->bytes.miss_bytes;
}

static void say(void *ctx, const char *text)
{
	const struct server *s = ctx;
	if (s->options->say)
		s->options->say(s->options->say_ctx, text);
}

static int64_t memory_of_machine(void)
{
	return (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
}

/* What `vdet fleet` shows of it. */
static char *make_report(const struct work_serve *o)
{
	const struct engine_info *e = engine_info(o->engine);
	const char *device = o->decoder.hwaccel;
	json_auto_t *j =
		json_pack("{s:s, s:s, s:s, s:i, s:s, s:I}", "version", VDET_VERSION, "model", e->model,
	              "engine", e->kind, "engine_slots", engine_slots(o->engine), "hwaccel",
	              device && *device ? device : "none", "memory", (json_int_t)memory_of_machine());
	return j ? json_dumps(j, JSON_COMPACT) : NULL;
}

static int serve(struct server *s, struct cancel *drain, struct cancel *cancel, struct err *err)
{
	const struct work_serve *o = s->options;
	char model[HASH_HEX], by_name[HASH_HEX];
	unit_model(engine_info(o->engine), model);
	unit_model_name(engine_info(o->engine), by_name);
	const char *models[3 + WORK_TEXTS_MODELS] = {model, by_name};
	size_t n_models = strcmp(model, by_name) ? 2 : 1;
	s->texts = work_texts_new(&o->texts, drain);
	n_models += work_texts_models(s->texts, &models[n_models]);
	work_index_init(&s->index);
	if (*s->index.model)
		models[n_models++] = s->index.model;
	AUTO(mem_freep) char *report = make_report(o);
	int64_t slots = o->slots ? o->slots : engine_slots(o->engine) + 1;
	slots = slots < SLOTS_MAX ? slots : SLOTS_MAX;

	const struct work_setup setup = {.engine = o->engine,
	                                 .memory = o->memory,
	                                 .decoder = o->decoder,
	                                 .videos = {.open = open_video,
	                                            .prepare = prepare_video,
	                                            .use = use_video,
	                                            .fault = video_fault,
	                                            .close = close_video,
	                                            .ctx = s},
	                                 .texts = s->texts,
	                                 .index = &s->index,
	                                 .lanes = (size_t)slots,
	                                 .meter = &s->meter};
	const struct fleet_worker_options with = {.link = o->link,
	                                          .slots = (int)slots,
	                                          .models = models,
	                                          .n_models = n_models,
	                                          .report = report,
	                                          .ctx = s,
	                                          .work = do_unit,
	                                          .put = put_blob,
	                                          .holds = holds,
	                                          .takes = takes,
	                                          .figures = set_figures,
	                                          .say = say};
	s->work = work_new(&setup);
	int r = fleet_worker_run(&with, drain, cancel, err);
	work_free(s->work);
	work_texts_free(s->texts);
	return r;
}

int work_serve(const struct work_serve *o, struct cancel *drain, struct cancel *cancel,
               struct err *err)
{
	struct server s = {.options = o, .lock = PTHREAD_MUTEX_INITIALIZER};
	int r = o->path_map && *o->path_map ? remote_path_map_check(o->path_map, err) : 0;
	if (r == 0)
		r = remote_cache_open(o->cache_dir, o->cache_limit, &s.cache, err);
	if (r == 0)
		r = serve(&s, drain, cancel, err);
	remote_cache_free(s.cache);
	return r;
}
