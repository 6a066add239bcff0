/* SPDX-License-Identifier: Apache-2.0 */
#include "fake-run.h"

#include <pthread.h>

#include "decoder/decoder-audio.h"
#include "decoder/decoder-index.h"
#include "decoder/decoder.h"
#include "index/indexer.h"

struct run_context run;

struct engine fake_engine;
struct cancel *drain;

const struct engine_info *engine_info(const struct engine *e)
{
	return &e->info;
}

int engine_slots(const struct engine *e)
{
	return e->info.slots;
}

void engine_expect(struct engine *e, int64_t change)
{
	pthread_mutex_lock(&e->lock);
	e->expected += change;
	pthread_mutex_unlock(&e->lock);
}

int engine_start(struct engine *e, void (*note)(void *ctx, const char *what), void *ctx,
                 struct err *err)
{
	note(ctx, "loading model");
	pthread_mutex_lock(&e->lock);
	while (e->hold_start)
		pthread_cond_wait(&e->changed, &e->lock);
	pthread_mutex_unlock(&e->lock);
	return e->start_result ? err_set(err, ERR_ENGINE, "no such model") : 0;
}

int engine_chat(struct engine *e, const struct chat *c,
                void (*progress)(void *ctx, const struct chat_progress *p), void *ctx,
                struct chat_result *ret, struct err *err)
{
	(void)c;
	(void)progress;
	(void)ctx;
	pthread_mutex_lock(&e->lock);
	int n = ++e->asked;
	pthread_cond_broadcast(&e->changed);
	pthread_mutex_unlock(&e->lock);
	if (n == e->cancel_at)
		cancel_fire(run.cancel);
	if (n == e->drain_at)
		cancel_fire(drain);
	if (n == e->fail_at || e->fail_always)
		return err_set(err, ERR_ENGINE, "the engine answered HTTP 500");
	*ret = (struct chat_result){.text = mem_strdup(e->answer),
	                            .finish_reason = mem_strdup(e->finish_reason),
	                            .endpoint = "fake"};
	return 0;
}

size_t engine_most_images(const struct engine *e)
{
	(void)e;
	return 0;
}

int memory_picture_size(struct memory *m, int64_t size)
{
	(void)m;
	return (int)size;
}

void memory_ran_out(struct memory *m, const char *why)
{
	(void)m;
	(void)why;
}

struct decoder {
	int64_t fail_from; /* times from here on have no picture; INT64_MAX = all have one */
};
int64_t fake_fail_from;
static int decoders; /* open now */

int decoder_open(int fd, const struct decoder_options *o, struct cancel *stop, struct decoder **ret,
                 struct err *err)
{
	(void)fd;
	(void)o;
	(void)stop;
	(void)err;
	*ret = mem_alloc(1, sizeof **ret);
	(*ret)->fail_from = fake_fail_from;
	__atomic_add_fetch(&decoders, 1, __ATOMIC_SEQ_CST);
	return 0;
}

void decoder_free(struct decoder *d)
{
	if (d)
		__atomic_sub_fetch(&decoders, 1, __ATOMIC_SEQ_CST);
	free(d);
}

int decoder_probe(struct decoder *d, struct video_info *ret, struct err *err)
{
	(void)d;
	(void)ret;
	return err_set(err, ERR_INTERNAL, "not faked");
}

void video_info_clear(struct video_info *v)
{
	(void)v;
}

int decoder_stretch(struct decoder *d, int64_t from, int64_t to, bool all, size_t max,
                    struct signatures *out, struct grids *grids, struct err *err)
{
	(void)d;
	(void)all;
	(void)max;
	(void)grids;
	(void)err;
	signatures_add(out, &(struct signature){.pts = from});
	signatures_add(out, &(struct signature){.pts = to});
	return 0;
}

int decoder_frames(struct decoder *d, const struct frame_request *req,
                   int (*fn)(void *ctx, size_t i, struct frame *f), void *ctx, struct err *err)
{
	(void)err;
	for (size_t i = 0; i < req->n; i++) {
		static const unsigned char jpeg[] = {0xff, 0xd8, 0xff, 0xd9};
		bool good = req->times[i] < d->fail_from;
		struct frame f = {.time = req->times[i],
		                  .pts = req->times[i],
		                  .width = good ? 64 : 0,
		                  .height = good ? 36 : 0,
		                  .decode_path = good ? "software" : NULL,
		                  .fault = good ? NULL : "the data is damaged",
		                  .jpeg_len = sizeof jpeg};
		if (good)
			f.jpeg = memcpy(mem_alloc(1, sizeof jpeg), jpeg, sizeof jpeg);
		int r = fn(ctx, i, &f);
		free(f.jpeg);
		if (r < 0)
			return r;
	}
	return 0;
}

int decoder_samples(struct decoder *d, const struct decoder_sound *o, int16_t **ret, size_t *ret_n,
                    bool *ret_ended, struct decoder_lost_list *lost, struct err *err)
{
	(void)d;
	(void)o;
	(void)ret;
	(void)ret_n;
	(void)ret_ended;
	(void)lost;
	return err_set(err, ERR_INTERNAL, "not faked");
}

void frame_clear(struct frame *f)
{
	free(f->jpeg);
	*f = (struct frame){0};
}

struct indexer {
	int unused;
};
static struct indexer indexer;
static float activity[CHUNKS * 10];
static uint8_t detail[CHUNKS * 10], flags[CHUNKS * 10];
static int64_t parts[] = {CHUNKS * 10 * S};
static const struct video_index made_index = {.duration = CHUNKS * 10 * S,
                                              .bin = S,
                                              .n_bins = CHUNKS * 10,
                                              .activity = activity,
                                              .detail = detail,
                                              .flags = flags,
                                              .parts = parts,
                                              .n_parts = 1};
int fake_index_result;
bool fake_index_kept;
int fake_index_begun, fake_index_saved;

static struct video_index *new_index(void)
{
	struct video_index *x = mem_alloc(1, sizeof *x);
	*x = made_index;
	x->activity = mem_alloc(x->n_bins, sizeof *x->activity);
	x->detail = mem_alloc(x->n_bins, 1);
	x->flags = mem_alloc(x->n_bins, 1);
	x->parts = memcpy(mem_alloc(1, sizeof *x->parts), made_index.parts, sizeof *x->parts);
	return x;
}

int indexer_load(struct store *s, const char *sha256, const struct indexer_options *o,
                 struct video_index **ret, struct err *err)
{
	(void)s;
	(void)sha256;
	(void)o;
	if (!fake_index_kept)
		return err_set(err, ERR_NOENT, "none");
	*ret = new_index();
	return 0;
}

int indexer_begin(int fd, const struct indexer_options *o, struct cancel *stop,
                  struct indexer **ret, struct err *err)
{
	(void)fd;
	(void)o;
	(void)stop;
	fake_index_begun++;
	if (fake_index_result < 0)
		return err_set(err, (enum err_code) - fake_index_result, "no keyframe could be decoded");
	*ret = &indexer;
	return 0;
}

int indexer_step(struct indexer *i, struct err *err)
{
	(void)i;
	(void)err;
	return 0;
}

const struct video_index *indexer_index(const struct indexer *i)
{
	(void)i;
	return &made_index;
}

bool indexer_whole(const struct indexer *i)
{
	(void)i;
	return true;
}

struct video_index *indexer_take(struct indexer *i)
{
	(void)i;
	return new_index();
}

const struct packet_scan *indexer_packets(const struct indexer *i)
{
	(void)i;
	return NULL;
}

void indexer_free(struct indexer *i)
{
	(void)i;
}

int indexer_save(struct store *s, const char *sha256, const struct indexer_options *o,
                 const struct video_index *x, struct err *err)
{
	(void)s;
	(void)sha256;
	(void)o;
	(void)err;
	fake_index_saved += x->duration == made_index.duration;
	return 0;
}

/* ---- what every test has */

struct plan *plan;
char job[] = "abcdef012345";
int results;

/* A result is in the journal when it is published. */
static void listen(void *ctx, const struct progress_event *event)
{
	struct store_chunk *chunks = NULL;
	struct err err;
	size_t n = 0;
	(void)ctx;
	if (event->type != PROGRESS_RESULT)
		return;
	const size_t index = (size_t)event->result->index;
	results++;
	assert_ok(store_chunks_load(run.store, job, STORE_BARE, &chunks, &n, &err));
	assert_true(index < n);
	assert_int_equal(chunks[index].state, event->result->state);
	for (size_t i = 0; i < n; i++)
		store_chunk_clear(&chunks[i]);
	free(chunks);
}

int set_up(void **state)
{
	struct err err;
	(void)state;
	const struct plan_options o = {.chunk_duration = 10 * S, .chunk_frames = 2};
	fake_engine = (struct engine){
		.info = {.model = "fake",
	             .model_hash = "",
	             .cache_type = "",
	             .slots = 1,
	             .context = 8192,
	             .kind = "endpoint"},
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.changed = PTHREAD_COND_INITIALIZER,
		.answer =
			"{\"summary\": \"A car.\", \"events\": [{\"what\": \"It comes\", \"frames\": [1]}]}",
		.finish_reason = "stop"};
	fake_fail_from = INT64_MAX;
	fake_index_result = fake_index_begun = fake_index_saved = results = 0;
	fake_index_kept = false;
	drain = cancel_new();
	run = (struct run_context){
		.engine = &fake_engine, .progress = progress_new(listen, NULL), .cancel = cancel_new()};
	assert_ok(store_open(":memory:", &run.store, &err));
	assert_ok(plan_make(&o, CHUNKS * 10 * S, NULL, &plan, &err));
	assert_int_equal(plan->n_chunks, CHUNKS);
	return 0;
}

int tear_down(void **state)
{
	(void)state;
	plan_free(plan);
	progress_free(run.progress);
	store_free(run.store);
	cancel_free(run.cancel);
	cancel_free(drain);
	return decoders; /* 0: every decoder was ended */
}

void add_to_journal(void)
{
	struct store_chunk chunks[CHUNKS] = {0};
	struct err err;
	const struct store_job j = {
		.id = job, .key = job, .source_name = "a.mp4", .facts = "{}", .output = "/x"};
	for (size_t i = 0; i < CHUNKS; i++)
		chunks[i] = (struct store_chunk){
			.index = (int64_t)i, .start = plan->chunks[i].start, .end = plan->chunks[i].end};
	assert_ok(store_job_add(run.store, &j, chunks, CHUNKS, 0, &err));
}
