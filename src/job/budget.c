/* SPDX-License-Identifier: Apache-2.0 */
#include "job/budget.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "job/check.h"
#include "job/step-options.h"

#define TEXT_TOKENS 400 /* of our prompts, with most tokenizers, per request */
#define FRAME_TOKENS 16 /* a frame's number and time */
#define OUTPUT_TOKENS 300
#define STATEMENTS 3   /* in a chunk */
#define CHECK_FRAMES 6 /* of a check */
#define JOBS_MAX 50    /* the newest ones are enough */
#define NOTE_MAX 4096

/* ---- what was measured */

struct gathering {
	const char *model;
	char *jobs[JOBS_MAX];
	int64_t busy[JOBS_MAX];
	size_t n;
};

static int gather(void *ctx, const struct store_job *j)
{
	struct gathering *g = ctx;
	if (j->state == STORE_JOB_RUNNING || g->n == JOBS_MAX || !j->facts)
		return 0;
	json_auto_t *facts = json_loads(j->facts, 0, NULL);
	const char *model =
		json_string_value(json_object_get(json_object_get(facts, "engine"), "model"));
	if (!model || strcasecmp(model, g->model) != 0)
		return 0;
	g->busy[g->n] = j->engine_busy;
	g->jobs[g->n++] = mem_strdup(j->id);
	return 0;
}

struct sums {
	double prompt, output, prompt_time, output_time, busy;
};

static int add_job(struct store *s, const char *id, int64_t busy, struct estimate_rates *r,
                   struct sums *sum, struct err *err)
{
	struct store_chunk *chunks = NULL;
	size_t n = 0, used = 0;
	int e = store_chunks_load(s, id, false, &chunks, &n, err);
	if (e < 0)
		return e;
	for (size_t i = 0; i < n; i++) {
		const struct store_chunk *c = &chunks[i];
		if (c->state == CHUNK_DONE && c->prefill_rate > 0 && c->decode_rate > 0 &&
		    c->prompt_tokens > 0) {
			double read = (double)(c->prompt_tokens - c->cached_tokens);
			sum->prompt += read;
			sum->prompt_time += read / c->prefill_rate;
			sum->output += (double)c->output_tokens;
			sum->output_time += (double)c->output_tokens / c->decode_rate;
			used++;
		}
		store_chunk_clear(&chunks[i]);
	}
	free(chunks);
	r->chunks += used;
	r->jobs += used > 0;
	sum->busy +=
		used == n ? (double)busy / 1e6 : (double)busy / 1e6 * (double)used / (double)(n ? n : 1);
	return 0;
}

int estimate_rates(struct store *s, const char *model, struct estimate_rates *ret, struct err *err)
{
	struct gathering g = {.model = model};
	struct estimate_rates r = {0};
	struct sums sum = {0};
	int e = store_job_each(s, gather, &g, err);
	for (size_t i = 0; i < g.n; i++) {
		if (e == 0)
			e = add_job(s, g.jobs[i], g.busy[i], &r, &sum, err);
		free(g.jobs[i]);
	}
	if (e < 0)
		return e;
	if (r.chunks && sum.prompt_time > 0 && sum.output_time > 0) {
		r.prefill = sum.prompt / sum.prompt_time;
		r.decode = sum.output / sum.output_time;
		r.output = sum.output / (double)r.chunks;
		r.parallel = sum.busy > 0 ? (sum.prompt_time + sum.output_time) / sum.busy : 1;
	} else {
		r = (struct estimate_rates){0};
	}
	*ret = r;
	return 0;
}

/* ---- what it will cost */

static int64_t count_checks(const struct analyze_options *o, int64_t chunks)
{
	switch (analyze_verify(o)) {
	case CHECKS_DOUBTFUL: return (int64_t)check_limit((size_t)chunks);
	case CHECKS_ALL: return chunks * STATEMENTS + 2 * CHECK_CONTROLS;
	default: return 0;
	}
}

struct estimate estimate_make(int64_t chunks, int64_t frames, const struct video_info *video,
                              const struct analyze_options *o, const struct fit_model *shape,
                              const struct estimate_rates *rates)
{
	int64_t frame_size = o->frame_size, max_tokens = o->max_tokens;
	static const struct fit_model common = {.patch = 14, .merge = 2};
	int64_t longest = video->width > video->height ? video->width : video->height;
	struct estimate e = {.chunks = chunks,
	                     .frames = frames,
	                     .checks = count_checks(o, chunks),
	                     .width = video->width,
	                     .height = video->height,
	                     .time = -1};

	if (longest > frame_size) {
		e.width = (video->width * frame_size + longest / 2) / longest;
		e.height = (video->height * frame_size + longest / 2) / longest;
	}

	e.picture_tokens = fit_picture_tokens(shape ? shape : &common, e.width, e.height);
	e.prompt = (chunks + e.checks) * TEXT_TOKENS +
	           (frames + e.checks * CHECK_FRAMES) * (e.picture_tokens + FRAME_TOKENS);
	double answer = rates->output > 0 ? rates->output : OUTPUT_TOKENS;
	e.output =
		(int64_t)((double)chunks * (answer < (double)max_tokens ? answer : (double)max_tokens)) +
		e.checks;
	e.total = e.prompt + e.output;

	if (rates->prefill > 0 && rates->decode > 0) {
		double work = (double)e.prompt / rates->prefill + (double)e.output / rates->decode;
		double parallel = rates->parallel > 1 ? rates->parallel : 1;
		/* No more than there are chunks. */
		e.time =
			(int64_t)(work / (parallel < (double)chunks || !chunks ? parallel : (double)chunks) *
		              1e6);
	}
	return e;
}

json_t *estimate_json(const struct estimate *e, const struct estimate_rates *r)
{
	json_t *time = e->time < 0 ? json_null() : json_real((double)(e->time / 1000) / 1000);
	return json_pack("{s:I, s:I, s:I, s:[I, I], s:I, s:I, s:I, s:I, s:o, s:I}", "chunks",
	                 (json_int_t)e->chunks, "frames", (json_int_t)e->frames, "checks",
	                 (json_int_t)e->checks, "picture", (json_int_t)e->width, (json_int_t)e->height,
	                 "picture_tokens", (json_int_t)e->picture_tokens, "prompt_tokens",
	                 (json_int_t)e->prompt, "output_tokens", (json_int_t)e->output, "tokens",
	                 (json_int_t)e->total, "time", time, "measured_chunks", (json_int_t)r->chunks);
}

/* ---- the budget */

int budget_parse(const char *text, int64_t *ret_time, int64_t *ret_tokens, struct err *err)
{
	char *end;
	double n = strtod(text, &end);
	static const struct {
		const char *unit;
		double of;
	} units[] = {{"tok", 1}, {"ktok", 1e3}, {"Mtok", 1e6}};
	for (size_t i = 0; end != text && i < ARRAY_LEN(units); i++)
		if (!strcasecmp(end, units[i].unit)) {
			if (!(n > 0) || n * units[i].of > 1e15)
				return err_set(err, ERR_ARG, "--budget: %.40s is not a number of tokens", text);
			*ret_tokens = (int64_t)(n * units[i].of);
			*ret_time = 0;
			return 0;
		}
	int64_t time;
	if (clock_parse(text, &time, err) < 0 || time <= 0)
		return err_set(err, ERR_ARG,
		               "--budget: \"%.40s\" is neither a time (20min) nor tokens (500ktok)", text);
	*ret_time = time;
	*ret_tokens = 0;
	return 0;
}

struct fitting {
	struct analyze_options *o;
	const struct video_info *video;
	const struct fit_model *shape;
	const struct estimate_rates *rates;
	int64_t time, tokens; /* the budget */
};

static struct estimate cost(const struct fitting *f)
{
	const struct analyze_options *o = f->o;
	int64_t span = (o->to && o->to < f->video->duration ? o->to : f->video->duration) - o->from;
	int64_t chunks = span <= 0 ? 1 : (span + o->chunk_duration - 1) / o->chunk_duration;
	return estimate_make(chunks, chunks * o->chunk_frames, f->video, o, f->shape, f->rates);
}

static bool within(const struct fitting *f)
{
	struct estimate e = cost(f);
	return f->time ? e.time <= f->time : e.total <= f->tokens;
}

/* Smaller pictures, then longer chunks, then fewer frames: each down to its
 * limit before the next. */
static bool squeeze(const struct fitting *f)
{
	static const int64_t sides[] = {1024, 896, 768, 640, 512, 448};
	struct analyze_options *o = f->o;
	int64_t longest = f->video->width > f->video->height ? f->video->width : f->video->height;
	int64_t duration = o->chunk_duration;
	for (size_t i = 0; i < ARRAY_LEN(sides) && !within(f); i++)
		if (sides[i] < o->frame_size && sides[i] < longest)
			o->frame_size = sides[i];
	for (int step = 3; step <= 12 && !within(f); step++)
		o->chunk_duration = duration * step / 2;
	while (o->chunk_frames > 2 && !within(f))
		o->chunk_frames--;
	return within(f);
}

static int too_small(const struct fitting *f, struct err *err)
{
	struct estimate e = cost(f);
	char time[CLOCK_TEXT_MAX];
	if (f->time)
		return err_set(
			err, ERR_LIMIT,
			"the budget is too small: with %lld frames of %lldx%lld in %lld chunk%s it takes %s",
			(long long)e.frames, (long long)e.width, (long long)e.height, (long long)e.chunks,
			text_s(e.chunks), clock_short(e.time, time));
	return err_set(
		err, ERR_LIMIT,
		"the budget is too small: %lld frames of %lldx%lld in %lld chunk%s take %lld tokens; give "
		"that much, or a "
		"part of the video (--from, --to)",
		(long long)e.frames, (long long)e.width, (long long)e.height, (long long)e.chunks,
		text_s(e.chunks), (long long)e.total);
}

int budget_fit(struct analyze_options *o, const struct video_info *video,
               const struct fit_model *shape, const struct estimate_rates *rates, char **ret_note,
               struct err *err)
{
	struct analyze_options fitted = *o;
	struct fitting f = {.o = &fitted, .video = video, .shape = shape, .rates = rates};
	char was[CLOCK_TEXT_MAX], is[CLOCK_TEXT_MAX];

	int r = budget_parse(o->budget, &f.time, &f.tokens, err);
	if (r < 0)
		return r;
	if (f.time && rates->prefill <= 0)
		return err_set(err, ERR_ARG,
		               "the speed of this model is unknown: analyze a short part first (--to "
		               "5min), or give the "
		               "budget in tokens (--budget 500ktok)");

	if (!squeeze(&f))
		return too_small(&f, err);
	bool same = fitted.frame_size == o->frame_size && fitted.chunk_duration == o->chunk_duration &&
	            fitted.chunk_frames == o->chunk_frames;
	*ret_note =
		same ? NULL
			 : mem_printf(
				   "to stay within %s: pictures of %lld (%lld) pixels, chunks of %s (%s), %lld "
				   "(%lld) frames",
				   o->budget, (long long)fitted.frame_size, (long long)o->frame_size,
				   clock_short(fitted.chunk_duration, is), clock_short(o->chunk_duration, was),
				   (long long)fitted.chunk_frames, (long long)o->chunk_frames);

	o->frame_size = fitted.frame_size;
	o->chunk_duration = fitted.chunk_duration;
	o->chunk_frames = fitted.chunk_frames;
	return 0;
}

/* What the decision depends on, beside the video and what was measured. */
static char *decision_name(const struct analyze_options *o, const char *model)
{
	return mem_printf("budget 1 %s %s %lld %lld %lld %lld %lld %lld", o->budget, model,
	                  (long long)o->frame_size, (long long)o->chunk_duration,
	                  (long long)o->chunk_frames, (long long)o->from, (long long)o->to,
	                  (long long)o->max_tokens);
}

static bool recall(struct store *s, const struct store_source *source, const char *name,
                   struct analyze_options *o)
{
	AUTO(buf_free) struct buf b = BUF(NOTE_MAX);
	struct err ignored;
	long long size, duration, frames;
	if (store_index_load(s, source, name, &b, &ignored) < 0 ||
	    sscanf(buf_str(&b), "%lld %lld %lld", &size, &duration, &frames) != 3 || size < 64 ||
	    duration < CLOCK_SECOND || frames < 1)
		return false;
	o->frame_size = size;
	o->chunk_duration = duration;
	o->chunk_frames = frames;
	return true;
}

int budget_apply(const struct run_context *run, const struct budget_source *source,
                 struct analyze_options *o, struct err *err)
{
	char own[HASH_HEX];
	const struct store_source kept = {source->sha256 ? source->sha256 : own, o->media_stream >= 0,
	                                  (int)o->media_stream};
	AUTO(mem_freep) char *note = NULL;
	struct estimate_rates rates;
	char line[100];

	if (!o->budget || !*o->budget)
		return 0;
	if (*o->plan_file)
		return err_set(err, ERR_ARG, "--plan cannot be combined with --budget");

	AUTO(mem_freep) char *name = decision_name(o, source->model);
	int r = source->sha256 ? 0 : hash_fd(source->fd, run->cancel, NULL, own, err);
	if (r < 0)
		return r;
	if (!o->fresh && recall(run->store, &kept, name, o))
		return 0;

	r = estimate_rates(run->store, source->model, &rates, err);
	if (r == 0)
		r = budget_fit(o, source->video, source->shape, &rates, &note, err);
	if (r < 0)
		return r;

	/* The user should know that the model sees less than the options request. */
	if (note)
		log_warning("%s", note);
	snprintf(line, sizeof line, "%lld %lld %lld", (long long)o->frame_size,
	         (long long)o->chunk_duration, (long long)o->chunk_frames);
	return store_index_save(run->store, &kept, name, line, strlen(line), err);
}
