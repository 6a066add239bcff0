/* SPDX-License-Identifier: Apache-2.0 */
#include "job/estimate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "job/check.h"
#include "job/join.h"
#include "job/merge-events.h"
#include "job/prompt.h"
#include "job/second.h"
#include "job/step-options.h"
#include "store/queue.h"
#include "story/second.h"

/* What is assumed of a model that was not measured; tokens are those of most
 * tokenizers. */
#define TEXT_TOKENS 400 /* of our prompts, per request */
#define FRAME_TOKENS 16 /* a frame's number and time */
#define OUTPUT_TOKENS 300
#define STATEMENTS 3.0 /* in a chunk */
#define EVENTS 2.0     /* in a chunk, once statements are joined */

#define ENTRY_TOKENS 30 /* a line of a list: its times, and what happened */
#define SENTENCE_TOKENS 30
#define JOIN_OUTPUT 30
#define JOBS_MAX 50 /* the newest ones are enough */

static const struct fit_model common = {.patch = 14, .merge = 2};

static const struct fit_model *shape_of(const struct estimate_model *m)
{
	return m->shape ? m->shape : &common;
}

/* ---- what was measured */

struct gathering {
	const char *model;
	char *jobs[JOBS_MAX];
	int64_t busy[JOBS_MAX];
	size_t n;
	char *checker; /* the name by which its controls are counted; NULL = none */
};

static void clear_gathering(struct gathering *g)
{
	for (size_t i = 0; i < g->n; i++)
		free(g->jobs[i]);
	free(g->checker);
}

static int gather(void *ctx, const struct store_job *j)
{
	struct gathering *g = ctx;
	if (j->state == STORE_JOB_RUNNING || g->n == JOBS_MAX || !j->facts)
		return 0;
	json_auto_t *facts = json_loads(j->facts, 0, NULL);
	if (strcasecmp(json_text(json_object_get(facts, "engine"), "model"), g->model) != 0)
		return 0;
	const char *checker = json_text(json_object_get(facts, "checks"), "model");
	if (!g->checker && *checker)
		g->checker = mem_strdup(checker);
	g->busy[g->n] = j->engine_busy;
	g->jobs[g->n++] = mem_strdup(j->id);
	return 0;
}

struct sums {
	double prompt, output, prompt_time, output_time, busy;
	double all_prompt, pictures; /* tokens, cached ones included */
	double all_chunks, statements, events;
};

/* Tokens of the pictures that the model saw. */
static double count_pictures(const struct store_chunk *c, const struct fit_model *shape)
{
	double tokens = 0;
	for (size_t i = 0; i < c->n_samples; i++) {
		const struct store_sample *s = &c->samples[i];
		if (!*s->fault && s->width > 0 && s->height > 0)
			tokens += (double)fit_picture_tokens(shape, s->width, s->height);
	}
	return tokens;
}

static bool add_chunk(const struct store_chunk *c, const struct fit_model *shape, struct sums *sum)
{
	if (c->state != CHUNK_DONE || c->prefill_rate <= 0 || c->decode_rate <= 0 ||
	    c->prompt_tokens <= 0)
		return false;
	double read = (double)(c->prompt_tokens - c->cached_tokens);
	sum->prompt += read;
	sum->prompt_time += read / c->prefill_rate;
	sum->output += (double)c->output_tokens;
	sum->output_time += (double)c->output_tokens / c->decode_rate;
	sum->all_prompt += (double)c->prompt_tokens;
	sum->pictures += count_pictures(c, shape);
	return true;
}

static int add_job(struct store *s, const char *id, int64_t busy, const struct fit_model *shape,
                   struct estimate_rates *r, struct sums *sum, struct err *err)
{
	struct store_chunk *chunks = NULL;
	struct store_summary known = {0};
	size_t n = 0, used = 0;
	int e = store_summary(s, id, &known, err);
	if (e == 0)
		e = store_chunks_load(s, id, STORE_TEXT, &chunks, &n, err);
	free(known.states);
	if (e < 0)
		return e;
	for (size_t i = 0; i < n; i++) {
		used += add_chunk(&chunks[i], shape, sum);
		store_chunk_clear(&chunks[i]);
	}
	free(chunks);
	r->chunks += used;
	r->jobs += used > 0;
	sum->all_chunks += (double)n;
	sum->statements += (double)known.statements;
	sum->events += (double)known.events;
	sum->busy +=
		used == n ? (double)busy / 1e6 : (double)busy / 1e6 * (double)used / (double)(n ? n : 1);
	return 0;
}

static int count_controls(struct store *s, const char *checker, size_t *ret, struct err *err)
{
	char prompt[HASH_HEX];
	struct store_controls sum = {0};
	if (!checker)
		return 0;
	prompt_check_hash(prompt);
	int r = store_controls_count(s, checker, prompt, CHECK_SHOWN, CHECK_WITHDRAWN, &sum, err);
	*ret = (size_t)(sum.yes + sum.no);
	return r;
}

static struct estimate_rates divide(const struct estimate_rates *counted, const struct sums *sum)
{
	struct estimate_rates r = *counted;
	double text = sum->all_prompt - sum->pictures;
	if (!r.chunks || sum->prompt_time <= 0 || sum->output_time <= 0)
		return (struct estimate_rates){0};
	r.prefill = sum->prompt / sum->prompt_time;
	r.decode = sum->output / sum->output_time;
	r.output = sum->output / (double)r.chunks;
	/* The shape of the model may count more for a picture than it has. */
	r.text = text > 0 ? text / (double)r.chunks : 0;
	r.parallel = sum->busy > 0 ? (sum->prompt_time + sum->output_time) / sum->busy : 1;
	r.statements = sum->statements / sum->all_chunks;
	r.events = sum->events / sum->all_chunks;
	return r;
}

int estimate_rates(struct store *s, const struct estimate_model *model, struct estimate_rates *ret,
                   struct err *err)
{
	AUTO(clear_gathering) struct gathering g = {.model = model->name};
	struct estimate_rates r = {0};
	struct sums sum = {0};
	int e = store_job_each(s, gather, &g, err);
	for (size_t i = 0; i < g.n && e == 0; i++)
		e = add_job(s, g.jobs[i], g.busy[i], shape_of(model), &r, &sum, err);
	if (e == 0)
		e = count_controls(s, g.checker, &r.controls, err);
	if (e < 0)
		return e;
	*ret = divide(&r, &sum);
	return 0;
}

/* ---- what it will cost */

/* What all steps are calculated from. */
struct costing {
	const struct estimate_model *model;
	const struct estimate_rates *rates;
	enum check_mode verify;
	int64_t chunks, frames;
	double passes; /* that join and check */
	double answer; /* tokens about a chunk */
	double text;   /* tokens of a request beside its pictures */
	double picture;
	double statements, events;
};

static struct estimate_cost cost_of(double requests, double prompt, double output)
{
	return (struct estimate_cost){llround(requests), llround(prompt), llround(output)};
}

static struct estimate_cost cost_describe(const struct costing *c)
{
	double n = (double)c->chunks;
	return cost_of(n, n * c->text + (double)c->frames * c->picture, n * c->answer);
}

static struct estimate_cost cost_second(const struct costing *c)
{
	if (c->passes < 2 || c->chunks < 1)
		return (struct estimate_cost){0};
	double n = (double)second_limit((size_t)c->chunks);
	double frames = (double)second_frames((size_t)((c->frames + c->chunks - 1) / c->chunks));
	return cost_of(n, n * (c->text + SECOND_LINES * ENTRY_TOKENS + frames * c->picture),
	               n * c->answer);
}

static struct estimate_cost cost_join(const struct costing *c)
{
	size_t borders = c->chunks > 0 ? (size_t)c->chunks - 1 : 0;
	size_t requests = join_limit((size_t)c->chunks);
	double n = (double)requests * c->passes;
	double pairs = (double)join_pairs_limit(requests, borders) * c->passes;
	return cost_of(n, n * c->text + pairs * 2 * ENTRY_TOKENS, n * JOIN_OUTPUT);
}

/* All statements, of those described twice also the second ones, with the
 * controls that the model still needs and those beside its checks. */
static double count_all_checks(const struct costing *c)
{
	double made = (double)c->rates->controls, needed = 2 * CHECK_CONTROLS;
	double statements = c->statements * (1 + (c->passes - 1) / SECOND_SHARE);
	return statements * (1 + 1.0 / CHECK_CONTROL_EVERY) + (made < needed ? needed - made : 0);
}

static struct estimate_cost cost_check(const struct costing *c)
{
	double n = c->verify == CHECKS_DOUBTFUL ? (double)check_limit((size_t)c->chunks) * c->passes
	           : c->verify == CHECKS_ALL    ? ceil(count_all_checks(c))
	                                        : 0;
	return cost_of(n, n * (c->text + CHECK_PICTURES * c->picture), n);
}

/* What the model said of an only chunk is its summary. */
static struct estimate_cost cost_summary(const struct costing *c)
{
	struct story_requests q = {0};
	if (c->chunks > 1)
		q = story_count_requests((size_t)ceil(c->events), merge_events_most(c->model->demo));
	return cost_of((double)q.requests,
	               (double)q.requests * c->text + (double)q.lines * ENTRY_TOKENS,
	               (double)q.sentences * SENTENCE_TOKENS);
}

static void add_up(struct estimate *e, const struct estimate_rates *rates)
{
	for (size_t i = 0; i < COST_STEPS; i++) {
		e->requests += e->steps[i].requests;
		e->prompt += e->steps[i].prompt;
		e->output += e->steps[i].output;
	}
	e->total = e->prompt + e->output;
	if (rates->prefill <= 0 || rates->decode <= 0)
		return;

	double work = (double)e->prompt / rates->prefill + (double)e->output / rates->decode;
	double parallel = rates->parallel > 1 ? rates->parallel : 1;
	/* No more than there are chunks. */
	double most = e->chunks > 0 ? (double)e->chunks : parallel;
	e->time = (int64_t)(work / (parallel < most ? parallel : most) * 1e6);
}

/* Pictures are made smaller, not larger. */
static void set_picture(struct estimate *e, const struct video_info *v, int64_t frame_size)
{
	int64_t longest = v->width > v->height ? v->width : v->height;
	e->width = v->width;
	e->height = v->height;
	if (longest > frame_size) {
		e->width = (v->width * frame_size + longest / 2) / longest;
		e->height = (v->height * frame_size + longest / 2) / longest;
	}
}

struct estimate estimate_make(int64_t chunks, int64_t frames, const struct video_info *video,
                              const struct analyze_options *o, const struct estimate_model *model,
                              const struct estimate_rates *rates)
{
	bool measured = rates->chunks;
	double answer = rates->output > 0 ? rates->output : OUTPUT_TOKENS;
	struct estimate e = {.chunks = chunks, .frames = frames, .time = -1};
	set_picture(&e, video, o->frame_size);
	e.picture_tokens = fit_picture_tokens(shape_of(model), e.width, e.height);
	const struct costing c = {.model = model,
	                          .rates = rates,
	                          .verify = analyze_verify(o),
	                          .chunks = chunks,
	                          .frames = frames,
	                          .passes = o->passes > 1 ? 2 : 1,
	                          .answer = fmin(answer, (double)o->max_tokens),
	                          .text = measured ? rates->text : TEXT_TOKENS,
	                          /* a measured text has the times of frames */
	                          .picture = (double)e.picture_tokens + (measured ? 0 : FRAME_TOKENS),
	                          .statements =
	                              (double)chunks * (measured ? rates->statements : STATEMENTS),
	                          .events = (double)chunks * (measured ? rates->events : EVENTS)};

	e.steps[COST_DESCRIBE] = cost_describe(&c);
	e.steps[COST_JOIN] = cost_join(&c);
	e.steps[COST_CHECK] = cost_check(&c);
	e.steps[COST_SECOND] = cost_second(&c);
	e.steps[COST_SUMMARY] = cost_summary(&c);
	add_up(&e, rates);
	return e;
}

static json_t *steps_json(const struct estimate *e)
{
	static const char *const names[] = {"describing", "joining", "checks", "second_pass",
	                                    "summary"};
	json_t *all = json_object();
	for (size_t i = 0; i < COST_STEPS; i++) {
		const struct estimate_cost *c = &e->steps[i];
		json_object_set_new(all, names[i],
		                    json_pack("{s:I, s:I, s:I}", "requests", (json_int_t)c->requests,
		                              "prompt_tokens", (json_int_t)c->prompt, "output_tokens",
		                              (json_int_t)c->output));
	}
	return all;
}

json_t *estimate_json(const struct estimate *e, const struct estimate_rates *r)
{
	json_t *time = e->time < 0 ? json_null() : json_real((double)(e->time / 1000) / 1000);
	return json_pack("{s:I, s:I, s:I, s:[I, I], s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:I}", "chunks",
	                 (json_int_t)e->chunks, "frames", (json_int_t)e->frames, "checks",
	                 (json_int_t)e->steps[COST_CHECK].requests, "picture", (json_int_t)e->width,
	                 (json_int_t)e->height, "picture_tokens", (json_int_t)e->picture_tokens,
	                 "requests", (json_int_t)e->requests, "prompt_tokens", (json_int_t)e->prompt,
	                 "output_tokens", (json_int_t)e->output, "tokens", (json_int_t)e->total,
	                 "steps", steps_json(e), "time", time, "measured_chunks",
	                 (json_int_t)r->chunks);
}
