/* SPDX-License-Identifier: Apache-2.0 */
#include "job/describe.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "job/description.h"
#include "job/prompt.h"

/* Applied to the pictures' long side each time that a request was too large. */
#define SHRINK 0.7
#define SCALE_MIN 0.3

/* The pictures of one chunk, in the order in which the model is shown them. */
struct pictures {
	struct describe_worker *w;
	struct store_chunk *chunk;
	const char *context;
	struct prompt_text *texts; /* owned */
	size_t n_texts;
	struct prompt_picture *items;
	size_t *samples; /* item → index into chunk->samples */
	size_t n, total;
};

static void pictures_clear(struct pictures *p)
{
	for (size_t i = 0; i < p->n; i++)
		free((void *)p->items[i].jpeg);
	free(p->items);
	free(p->samples);
	prompt_texts_free(p->texts, p->n_texts);
}

static void stage(const struct describe_worker *w, const struct store_chunk *c,
                  enum chunk_state stage, int64_t done, int64_t total)
{
	progress_chunk(w->run->progress, (size_t)c->index, c->start, c->end, stage, done, total);
}

int describe_open(struct describe_worker *w, struct err *err)
{
	return w->decoder ? 0
	                  : decoder_open(w->fd, &w->options->decoder, w->run->cancel, &w->decoder, err);
}

void describe_moved(const struct describe_worker *w)
{
	if (w->moved)
		w->moved(w->moved_ctx);
}

void describe_asked(void *worker, const struct chat_progress *p)
{
	(void)p;
	describe_moved(worker);
}

void describe_close(struct describe_worker *w)
{
	decoder_free(TAKE(w->decoder));
}

static int take_frame(void *ctx, size_t i, struct frame *f)
{
	struct pictures *p = ctx;
	struct store_chunk *c = p->chunk;
	struct store_sample *s = &c->samples[i];
	*s = (struct store_sample){.time = f->time,
	                           .pts = f->pts,
	                           .decode_path = mem_strdup(f->decode_path ? f->decode_path : ""),
	                           .fault = mem_strdup(f->fault ? f->fault : ""),
	                           .width = f->width,
	                           .height = f->height,
	                           .planes = TAKE(f->planes_sha256),
	                           .thumb = TAKE(f->thumb),
	                           .thumb_len = f->thumb_len};

	c->n_samples = i + 1;
	stage(p->w, c, CHUNK_DECODING, (int64_t)i + 1, (int64_t)p->total);
	if (!f->jpeg)
		return 0;

	/* Two requested times may fall on one frame, as in a video of a few frames:
	 * it is shown once. */
	if (p->n && p->items[p->n - 1].pts == f->pts) {
		free(s->fault);
		s->fault = mem_strdup("the same frame as the sample before it");
		return 0;
	}

	p->items[p->n] =
		(struct prompt_picture){.pts = f->pts, .jpeg = TAKE(f->jpeg), .jpeg_len = f->jpeg_len};
	p->samples[p->n++] = i;
	return 0;
}

int describe_picture_size(const struct describe_worker *w, double scale)
{
	int most = engine_info(w->run->engine)->frame_size,
		size = memory_picture_size(w->run->memory, w->options->frame_size);
	return (int)(scale * (most && most < size ? most : size));
}

static int decode(struct pictures *p, const struct plan_chunk *plan, double scale, struct err *err)
{
	const struct describe_options *o = p->w->options;
	const struct frame_request req = {.times = plan->times,
	                                  .n = plan->n_times,
	                                  .size = describe_picture_size(p->w, scale),
	                                  .thumb_size = o->thumb_size,
	                                  .quality = o->quality,
	                                  .keyframes = o->keyframes,
	                                  .identify = o->identify};
	struct store_chunk *c = p->chunk;

	c->samples = mem_alloc(plan->n_times, sizeof *c->samples);
	p->items = mem_alloc(plan->n_times, sizeof *p->items);
	p->samples = mem_alloc(plan->n_times, sizeof *p->samples);
	p->total = plan->n_times;
	stage(p->w, c, CHUNK_DECODING, 0, (int64_t)plan->n_times);

	int r = describe_open(p->w, err);
	if (r == 0)
		r = decoder_frames(p->w->decoder, &req, take_frame, p, err);
	if (r < 0)
		describe_close(p->w);
	if (r == -ERR_CANCELED || (r < 0 && !p->n))
		return r;

	/* The child failed meanwhile: the frames before are still valid. */
	for (; c->n_samples < plan->n_times; c->n_samples++)
		c->samples[c->n_samples] = (struct store_sample){.time = plan->times[c->n_samples],
		                                                 .pts = plan->times[c->n_samples],
		                                                 .decode_path = mem_strdup(""),
		                                                 .fault = mem_strdup(err->msg)};
	if (p->n)
		return 0;
	return err_set(err, ERR_FORMAT, "none of its frames could be decoded: %s", c->samples[0].fault);
}

/* For the progress callback. */
struct asking {
	struct describe_worker *w;
	struct store_chunk *chunk;
};

static void asked(void *ctx, const struct chat_progress *p)
{
	const struct asking *a = ctx;
	if (p->phase == CHAT_QUEUED)
		stage(a->w, a->chunk, CHUNK_QUEUED, 0, 0);
	else if (p->phase == CHAT_PREFILL)
		stage(a->w, a->chunk, CHUNK_PREFILL, p->prompt_done, p->prompt_tokens);
	else
		stage(a->w, a->chunk, CHUNK_ANSWER, p->output_tokens, 0);
}

static int ask(const struct pictures *p, const char *fault, struct chat_result *ret,
               struct err *err)
{
	const struct run_context *run = p->w->run;
	struct store_chunk *c = p->chunk;
	AUTO(chat_freep) struct chat *chat = chat_new();
	const struct prompt_stretch stretch = {.start = c->start,
	                                       .end = c->end,
	                                       .pictures = p->items,
	                                       .n = p->n,
	                                       .texts = p->texts,
	                                       .n_texts = p->n_texts,
	                                       .look_for = p->w->options->prompt,
	                                       .context = p->context,
	                                       .fault = fault};
	int r = prompt_describe(chat, &stretch, engine_info(run->engine)->own, err);
	if (r < 0)
		return r;
	chat_max_tokens(chat, p->w->options->max_tokens);
	chat_set_cancel(chat, run->cancel);
	r = engine_chat(run->engine, chat, asked, &(struct asking){p->w, c}, ret, err);
	if (r < 0)
		return r;
	c->engine_time += ret->time_total;
	c->prompt_tokens += ret->prompt_tokens;
	c->cached_tokens += ret->cached_tokens;
	c->output_tokens += ret->output_tokens;
	c->prefill_rate = ret->prefill_rate;
	c->decode_rate = ret->decode_rate;
	free(c->endpoint);
	c->endpoint = mem_strdup(ret->endpoint);
	progress_rates(run->progress, ret->prefill_rate, ret->decode_rate);
	return 0;
}

/* `code` is what a hole gets if no later answer can be used. */
static int read_answer(const struct chat_result *r, size_t pictures, enum hole_code *code,
                       struct description *ret, struct err *err)
{
	bool cut_off = r->finish_reason && strcmp(r->finish_reason, "length") == 0;
	*code = cut_off ? HOLE_CUT_OFF : HOLE_ANSWER;
	return description_read(r, pictures, ret, err);
}

/* A quote of an event, if one of the texts that were shown has these words;
 * else what the model cites was neither said nor written. */
static char *take_quote(const struct pictures *p, char *quote)
{
	for (size_t i = 0; *quote && i < p->n_texts; i++)
		if (strstr(p->texts[i].text, quote))
			return quote;
	if (*quote)
		log_info("[chunk %zu] left out a quote that is in no text: %s", (size_t)p->chunk->index + 1,
		         quote);
	*quote = '\0';
	return quote;
}

/* Adds an answer about some of the chunk's pictures to what the chunk has. */
static void keep_answer(const struct pictures *p, struct description *a)
{
	struct store_chunk *c = p->chunk;
	if (c->summary && *a->summary) {
		char *first = c->summary;
		c->summary = mem_printf("%s %s", first, a->summary);
		free(first);
	} else if (!c->summary) {
		c->summary = TAKE(a->summary);
	}
	c->events = mem_grow(c->events, c->n_events + a->n_events, sizeof *c->events);
	for (size_t k = 0; k < a->n_events; k++) {
		struct description_event *from = &a->events[k];
		struct store_event *to = &c->events[c->n_events++];
		*to = (struct store_event){.subject = TAKE(from->subject),
		                           .what = TAKE(from->what),
		                           .quote = take_quote(p, TAKE(from->quote)),
		                           .samples = TAKE(from->frames),
		                           .n_samples = from->n_frames};
		for (size_t i = 0; i < to->n_samples; i++)
			to->samples[i] = p->samples[to->samples[i]];
	}
}

/* Sends the request; if the answer cannot be used, sends it once more with the
 * fault. */
static int describe_some(const struct pictures *p, struct err *err)
{
	AUTO(mem_freep) char *fault = NULL;
	for (int attempt = 1;; attempt++) {
		AUTO(chat_result_clear) struct chat_result result = {0};
		AUTO(description_clear) struct description answer = {0};
		p->chunk->attempts = attempt;
		p->chunk->code = HOLE_UNKNOWN;
		int r = ask(p, fault, &result, err);
		if (r < 0)
			return r;
		r = read_answer(&result, p->n, &p->chunk->code, &answer, err);
		if (r == 0) {
			keep_answer(p, &answer);
			return 0;
		}
		if (attempt == 2)
			return err_wrap(err, "the model's answer could not be used, twice");
		fault = mem_strdup(err->msg);
	}
}

static void forget_answer(struct store_chunk *c)
{
	for (size_t i = 0; i < c->n_events; i++) {
		free(c->events[i].subject);
		free(c->events[i].what);
		free(c->events[i].quote);
		free(c->events[i].samples);
	}
	free(TAKE(c->events));
	c->n_events = 0;
	free(TAKE(c->summary));
}

/* Requests with at most `most` pictures each, one after the other. */
static int describe_in_groups(const struct pictures *p, size_t most, struct err *err)
{
	int r = 0;
	for (size_t first = 0; r == 0 && first < p->n; first += most) {
		struct pictures group = *p;
		group.items += first;
		group.samples += first;
		group.n = p->n - first < most ? p->n - first : most;
		r = describe_some(&group, err);
	}
	return r;
}

/* All pictures in one request, or in several if the engine rejects so many. */
static int describe(const struct pictures *p, struct err *err)
{
	for (size_t most = p->n;;) {
		size_t limit = engine_most_images(p->w->run->engine);
		most = limit && limit < most ? limit : most;
		int r = describe_in_groups(p, most, err);
		if (r == 0) {
			p->chunk->state = CHUNK_DONE;
			p->chunk->code = HOLE_UNKNOWN;
			return 0;
		}
		forget_answer(p->chunk);
		limit = engine_most_images(p->w->run->engine);
		if (r != -ERR_LIMIT || !limit || limit >= most)
			return r;
	}
}

/* What is said and written in the part, if the user wants it in requests. */
static int take_texts(struct pictures *p, struct err *err)
{
	const struct run_texts *texts = p->w->run->texts;
	struct store_chunk *c = p->chunk;
	int r = 0;
	if (texts)
		r = texts->take(texts->ctx, c->start, c->end, &p->texts, &p->n_texts, err);
	if (r < 0)
		c->code = HOLE_ENGINE; /* of speech or text */
	return r;
}

static int look_and_describe(struct describe_worker *w, const struct plan_chunk *plan,
                             const char *context, struct store_chunk *c, double scale,
                             struct err *err)
{
	AUTO(pictures_clear) struct pictures p = {.w = w, .chunk = c, .context = context};
	int64_t began = clock_now();
	int r = decode(&p, plan, scale, err);
	c->decode_time += clock_now() - began;
	if (r == 0)
		r = take_texts(&p, err);
	return r < 0 ? r : describe(&p, err);
}

/* Resets the samples, so that they can be taken again. */
static void forget(struct store_chunk *c)
{
	store_chunk_forget(c);
	c->attempts = 0;
	c->code = HOLE_UNKNOWN;
}

/* Whether smaller pictures may help: memory ran out with this chunk, or the
 * engine rejected the request as too long, which happens if it reports more
 * context than it has. Limits of a decoder do not count: no request was sent
 * then. */
static bool too_much(int r, const struct store_chunk *c)
{
	return r == -ERR_NOSPC || (r == -ERR_LIMIT && c->attempts);
}

static enum hole_code hole_code(const struct err *why, const struct store_chunk *c)
{
	if (why->option)
		return HOLE_TIME_LIMIT;
	if (c->code)
		return c->code;
	if (too_much(-(int)why->code, c))
		return HOLE_NO_ROOM;
	if (why->code == ERR_INTERNAL)
		return HOLE_INTERNAL;
	if (!c->attempts)
		return HOLE_DECODE;
	return why->code == ERR_PERM ? HOLE_REFUSED : HOLE_ENGINE;
}

int describe_chunk(struct describe_worker *w, const struct plan_chunk *plan, const char *context,
                   struct store_chunk *c, struct err *err)
{
	struct err why = {0};
	double scale = w->fits > 0 ? w->fits : 1;
	int r = look_and_describe(w, plan, context, c, scale, &why);

	while (too_much(r, c) && scale * SHRINK > SCALE_MIN) {
		bool long_one = r == -ERR_LIMIT;
		scale *= SHRINK;
		if (long_one)
			log_warning("%s; trying again with pictures of %d pixels", why.msg,
			            describe_picture_size(w, scale));
		else
			memory_ran_out(w->run->memory, why.msg);
		forget(c);
		r = look_and_describe(w, plan, context, c, scale, &why);
		/* Memory is the policy's to watch over. A context stays as it is: the
		 * next chunk begins with what fits. */
		if (r == 0 && long_one)
			w->fits = scale;
	}

	if (r == -ERR_CANCELED || cancel_fired(w->run->cancel))
		return err_set(err, ERR_CANCELED, "interrupted");
	if (r < 0) {
		c->state = CHUNK_HOLE;
		c->code = hole_code(&why, c);
		c->option = mem_strdup(why.option ? why.option : "");
		c->reason = text_line(why.msg, sizeof why.msg);
	}
	if (!c->summary)
		c->summary = mem_strdup("");
	if (!c->reason)
		c->reason = mem_strdup("");
	return 0;
}
