/* SPDX-License-Identifier: Apache-2.0 */
/* Using the engine: starting what was chosen, and one request, placed and
 * placed again until somebody answers it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "engine/engine-internal.h"

#define PAUSE (CLOCK_SECOND / 2)
#define PAUSE_MAX (30 * CLOCK_SECOND)
#define RETRY_AFTER_MAX (600 * CLOCK_SECOND)
#define DAY (86400 * CLOCK_SECOND)

int engine_pause(int64_t until, struct cancel *cancel, struct cancel *cancel2, struct err *err)
{
	return cancel_wait_until(cancel, cancel2, until) ? err_set(err, ERR_CANCELED, "interrupted")
	                                                 : 0;
}

/* ---- what the members are */

static void enter(struct placement_backend *p, void *ctx)
{
	struct backend *m = ctx;
	struct server *s = m->server;
	enum server_state state = s ? server_state(s) : SERVER_READY;
	/* A single one is waited for; its own error says why it fails. */
	p->ready = m->single || !m->model || (s && (state == SERVER_READY || state == SERVER_ASLEEP));
	p->gone = !m->single && s && state == SERVER_FAILED;
	p->capped = backend_capped(m);
	if (m->probed) {
		const struct endpoint_info *i = endpoint_info(m->endpoint);
		p->blind = !m->single && !i->images;
		if (m->slots_chosen && i->slots > 0)
			p->slots = i->slots < ENGINE_SLOTS_MAX ? i->slots : ENGINE_SLOTS_MAX;
	}
}

void engine_enter(struct engine *e)
{
	for (size_t i = 0; i < e->n; i++)
		dispatch_change(&e->dispatch, i, enter, e->backends[i]);
}

void engine_child_changed(void *ctx)
{
	struct engine *e = ctx;
	pthread_mutex_lock(&e->enter_lock);
	if (!e->closing)
		engine_enter(e);
	pthread_mutex_unlock(&e->enter_lock);
	wakeup_signal(e->news);
}

/* ---- what costs */

static void count_spending(struct engine *e, struct backend *m, const struct engine_spending *add)
{
	struct engine_spending sum = {0};
	struct err err;
	if (m->cost <= 0 && m->cap.money <= 0 && !m->cap.requests && !m->cap.tokens)
		return;
	int64_t day = clock_wall() / DAY;
	pthread_mutex_lock(&m->lock);
	if (m->day != day)
		m->today = (struct engine_spending){0};
	m->day = day;
	m->today.requests += add->requests;
	m->today.prompt_tokens += add->prompt_tokens;
	m->today.output_tokens += add->output_tokens;
	m->today.money += add->money;
	/* The store knows of other runs, too. */
	if (e->spend && e->spend(e->spend_ctx, m->name, add, &sum, &err) == 0)
		m->today = sum;
	pthread_mutex_unlock(&m->lock);
}

static struct engine_spending spent_by(const struct backend *m, const struct chat_result *r)
{
	return (struct engine_spending){.requests = 1,
	                                .prompt_tokens = r->prompt_tokens,
	                                .output_tokens = r->output_tokens,
	                                .money = m->cost *
	                                         (double)(r->prompt_tokens + r->output_tokens) / 1e6};
}

/* ---- starting */

static void add_news(struct engine *e, const char *news)
{
	char *old = e->news_text;
	e->news_text = old ? mem_printf("%s; %s", old, news) : mem_strdup(news);
	free(old);
}

/* Asks a single endpoint until its model is loaded. */
static int probe_single(struct engine *e, void (*note)(void *ctx, const char *what), void *ctx,
                        struct err *err)
{
	int64_t begin = clock_now();
	for (;;) {
		int r = backend_start(e->backends[0], err);
		if (r != -ERR_BUSY)
			return r;
		if (e->start_timeout && clock_now() - begin > e->start_timeout)
			return err_limit(err, err->code, "start-timeout",
			                 "still after %.0f s (--start-timeout): %s",
			                 (double)e->start_timeout / 1e6, err->msg);
		if (note)
			note(ctx, "waiting for the engine to load its model");
		r = engine_pause(clock_now() + CLOCK_SECOND, e->cancel, NULL, err);
		if (r < 0)
			return r;
	}
}

static int start_single(struct engine *e, void (*note)(void *ctx, const char *what), void *ctx,
                        struct err *err)
{
	struct backend *m = e->backends[0];
	if (!m->model)
		return probe_single(e, note, ctx, err);
	int r = m->server ? 0 : backend_start(m, err);
	return r < 0 ? r : backend_ready(m, NULL, note, ctx, err);
}

struct starting {
	struct backend *m;
	pthread_t thread;
	int result;
	struct err err;
	bool threaded;
};

static void *start_one(void *ctx)
{
	struct starting *s = ctx;
	s->result = s->m->server ? 0 : backend_start(s->m, &s->err);
	return NULL;
}

static void blame_start(struct placement_backend *p, void *ctx)
{
	const struct starting *s = ctx;
	breaker_failed(&p->breaker, clock_now(), BREAKER_PAUSE,
	               s->result == -ERR_PERM || s->result == -ERR_ARG);
}

/* All at once: one that does not answer must not hold up the others. Returns
 * how many endpoints answered. */
static size_t start_all(struct engine *e, struct err *err)
{
	AUTO(mem_freep) struct starting *s = mem_alloc(e->n, sizeof *s);
	size_t answered = 0;
	for (size_t i = 0; i < e->n; i++) {
		s[i].m = e->backends[i];
		s[i].threaded = !s[i].m->model && pthread_create(&s[i].thread, NULL, start_one, &s[i]) == 0;
		if (!s[i].threaded)
			start_one(&s[i]);
	}
	for (size_t i = 0; i < e->n; i++) {
		if (s[i].threaded)
			pthread_join(s[i].thread, NULL);
		if (s[i].result == 0) {
			answered += !s[i].m->model;
			continue;
		}
		*err = s[i].err;
		backend_failed(s[i].m, &s[i].err);
		dispatch_change(&e->dispatch, i, blame_start, &s[i]);
		AUTO(mem_freep)
		char *w = mem_printf("the endpoint %s cannot be used now: %s", s[i].m->name, s[i].err.msg);
		add_news(e, w);
	}
	return answered;
}

/* Waits until one of the children is ready; fails once all have. */
static int wait_for_child(struct engine *e, void (*note)(void *ctx, const char *what), void *ctx,
                          struct err *err)
{
	for (;;) {
		size_t left = 0;
		struct backend *failed = NULL;
		for (size_t i = 0; i < e->n; i++) {
			struct server *s = e->backends[i]->server;
			enum server_state state = s ? server_state(s) : SERVER_STOPPED;
			if (state == SERVER_READY || state == SERVER_ASLEEP)
				return 0;
			if (state == SERVER_FAILED)
				failed = e->backends[i];
			left += s && state != SERVER_FAILED && state != SERVER_STOPPED;
		}
		if (!left && failed)
			return backend_ready(failed, NULL, NULL, NULL, err);
		if (!left)
			return -(int)err->code; /* no child at all: the error of an endpoint */
		if (note)
			note(ctx, "loading the models");
		if (!wakeup_wait(e->news, e->cancel, -1))
			return err_set(err, ERR_CANCELED, "interrupted");
	}
}

/* The sums over all, from what was found. */
static void take_info(struct engine *e, struct engine_info *info)
{
	const char *model = NULL;
	int64_t context = 0;
	bool images = false, cloud_only = true;
	int slots = 0, cloud_slots = 0;

	for (size_t i = 0; i < e->n; i++) {
		struct backend *m = e->backends[i];
		struct placement_backend p;
		struct dispatch_sums ignored;
		dispatch_look(&e->dispatch, i, &p, &ignored);
		*(m->cloud ? &cloud_slots : &slots) += p.slots;
		cloud_only &= m->cloud;
		images |= !m->endpoint || endpoint_info(m->endpoint)->images;
		int64_t its = m->endpoint && endpoint_info(m->endpoint)->context
		                  ? endpoint_info(m->endpoint)->context
		                  : m->context;
		context = its > 0 && (!context || its < context) ? its : context;

		const char *name = m->model ? m->model->name : endpoint_info(m->endpoint)->model;
		if (!*name)
			continue;
		if (model && strcmp(model, name) != 0) {
			AUTO(mem_freep)
			char *w = mem_printf(
				"the endpoint %s has the model %s, not %s: segments will be described by either "
				"model",
				m->name, name, model);
			add_news(e, w);
		}
		model = model ? model : name;
	}

	const struct backend *first = e->backends[0];
	info->slots = cloud_only ? cloud_slots : slots;
	info->images = images;
	info->context = context > 0 && context < INT32_MAX ? (int)context : info->context;
	info->model = model ? model : info->model;
	info->version = first->endpoint ? endpoint_info(first->endpoint)->version : "";
}

int engine_start(struct engine *e, void (*note)(void *ctx, const char *what), void *ctx,
                 struct err *err)
{
	struct err own = {0};
	err = err ? err : &own;
	pthread_mutex_lock(&e->lock);
	int r = 0;
	if (!e->started) {
		for (size_t i = 0; i < e->n; i++)
			count_spending(e, e->backends[i], &(struct engine_spending){0});
		r = e->n == 1           ? start_single(e, note, ctx, err)
		    : start_all(e, err) ? 0
		                        : wait_for_child(e, note, ctx, err);
		engine_enter(e);
		struct engine_info info = *engine_info(e);
		if (r == 0)
			take_info(e, &info);
		engine_publish(e, &info, TAKE(e->news_text));
		e->started = r == 0;
	} else if (*engine_info(e)->news) {
		engine_publish(e, engine_info(e), NULL); /* it was reported */
	}
	pthread_mutex_unlock(&e->lock);
	return r;
}

/* ---- a request */

struct request {
	struct engine *e;
	const struct chat *c;
	void (*progress)(void *ctx, const struct chat_progress *p);
	void *ctx;
	int attempt;
	double work;
	uint32_t never, later;
	int64_t pause; /* before the next attempt; -1 = do not retry */
};

static void report_queued(void *ctx)
{
	const struct request *q = ctx;
	if (q->progress)
		q->progress(q->ctx, &(struct chat_progress){.phase = CHAT_QUEUED, .attempt = q->attempt});
}

static int check_request(const struct engine *e, const struct chat *c, struct err *err)
{
	if (!e->started)
		return err_set(err, ERR_INTERNAL, "the engine was not started");
	if (chat_images(c) && !engine_info(e)->images)
		return err_set(err, ERR_UNSUPPORTED,
		               "the model %s does not take pictures: the engine has no projector for it",
		               engine_info(e)->model);
	return chat_check(c, err);
}

/* Doubles with each attempt, a quarter more or less so that many do not come at
 * once; at least what was asked for. */
static int64_t pause_after(int attempt, int64_t asked)
{
	int64_t pause = PAUSE;
	for (int i = 1; i < attempt && pause < PAUSE_MAX; i++)
		pause *= 2;
	if (pause > PAUSE_MAX)
		pause = PAUSE_MAX;
	unsigned seed = (unsigned)clock_now();
	pause += pause / 4 * (rand_r(&seed) % 200 - 100) / 100;
	if (asked > RETRY_AFTER_MAX)
		asked = RETRY_AFTER_MAX;
	return pause > asked ? pause : asked;
}

/* What a failure means for the next attempt. With several endpoints another one
 * is asked, whatever it was: what this one refuses, be it too long or badly
 * put, may be fine there. */
static void judge(struct request *q, size_t i, int r, const struct endpoint_failure *failure,
                  bool permanent)
{
	const struct engine *e = q->e;
	q->pause = -1;
	if (r == -ERR_CANCELED || r == -ERR_INTERNAL)
		return;
	if (e->n == 1) {
		if (failure->retry && !permanent)
			q->pause = pause_after(q->attempt, failure->after);
		return;
	}
	/* What runs into a time limit would do so again; a web page or a broken
	 * answer may pass. */
	bool never = failure->refused || permanent || r == -ERR_TIMEOUT || r == -ERR_LIMIT;
	*(never ? &q->never : &q->later) |= (uint32_t)1 << i;
	q->pause = (size_t)q->attempt >= e->n && !never ? PAUSE : 0;
}

static int attempt_at(struct request *q, size_t i, struct chat_result *ret, struct err *err)
{
	struct engine *e = q->e;
	struct backend *m = e->backends[i];
	struct endpoint_failure failure = {0};
	bool permanent = false;
	q->pause = -1;
	report_queued(q);

	int r = backend_ready(m, chat_cancel(q->c), NULL, NULL, err);
	if (r < 0) {
		/* an endpoint that was not there at the start, and is not yet */
		if (e->n > 1 && !m->model) {
			const struct dispatch_outcome o = {.blame = true, .permanent = r == -ERR_PERM};
			dispatch_begin(&e->dispatch, i);
			dispatch_end(&e->dispatch, i, &o);
		}
		failure.refused = r == -ERR_PERM || r == -ERR_ARG || m->model;
		judge(q, i, r, &failure, false);
		if (e->n == 1)
			q->pause = -1;
		return r;
	}

	dispatch_begin(&e->dispatch, i);
	r = backend_chat(m, q->c, q->attempt, q->progress, q->ctx, ret, &failure, &permanent, err);
	struct dispatch_outcome o = {
		.good = r == 0, .work = q->work, .permanent = permanent, .asked = failure.after};
	/* A request that it finds too long, or malformed, is not the endpoint's
	 * failure. */
	o.blame = !failure.refused && r != -ERR_LIMIT;
	if (r == 0) {
		const struct engine_spending spent = spent_by(m, ret);
		o.time = ret->time_total;
		o.prompt_tokens = ret->prompt_tokens;
		o.output_tokens = ret->output_tokens;
		count_spending(e, m, &spent);
	} else if (r != -ERR_CANCELED) {
		count_spending(e, m, &(struct engine_spending){.requests = 1});
		backend_failed(m, err);
		atomic_fetch_add(&e->refusals, failure.no_room || r == -ERR_NOSPC);
		judge(q, i, r, &failure, permanent);
	}

	dispatch_end(&e->dispatch, i, r == -ERR_CANCELED ? NULL : &o);
	return r;
}

/* Waits for a place, and tries there. A failure for lack of any place keeps the
 * words of the one before. */
static int attempt(struct request *q, struct chat_result *ret, struct err *err)
{
	struct engine *e = q->e;
	const struct dispatch_request w = {.never = q->never,
	                                   .later = q->later,
	                                   .work = q->work,
	                                   .pictures = chat_images(q->c) > 0,
	                                   .cancel = {e->cancel, chat_cancel(q->c)},
	                                   .waiting = report_queued,
	                                   .ctx = q};

	struct err none = {0};
	int i = dispatch_acquire(&e->dispatch, &w, &none);
	q->pause = -1;
	if (i == -ERR_NOENT && q->attempt > 1)
		return -(int)err->code;
	if (i < 0) {
		*err = none;
		return i == -ERR_NOENT
		           ? err_wrap(err, "all %zu endpoints are down or have reached their daily limit",
		                      e->n)
		           : i;
	}

	int r = attempt_at(q, (size_t)i, ret, err);
	dispatch_change(&e->dispatch, (size_t)i, enter, e->backends[i]);
	dispatch_release(&e->dispatch, (size_t)i);
	if (r < 0 && e->n > 1 && r != -ERR_CANCELED) {
		log_debug("the endpoint %s failed a request: %s", e->backends[i]->name, err->msg);
		err_wrap(err, "endpoint %s", e->backends[i]->name);
	}
	return r;
}

int engine_chat(struct engine *e, const struct chat *c,
                void (*progress)(void *ctx, const struct chat_progress *p), void *ctx,
                struct chat_result *ret, struct err *err)
{
	struct request q = {.e = e, .c = c, .progress = progress, .ctx = ctx, .attempt = 1};
	struct chat_result result = {0};
	struct err own = {0};
	err = err ? err : &own;
	int r = check_request(e, c, err);
	if (r < 0)
		return r;

	q.work = 1 + (double)chat_images(c);
	while ((r = attempt(&q, &result, err)) < 0 && q.pause >= 0) {
		if (q.attempt > e->retries + (int)e->n - 1) {
			if (q.attempt > 1)
				err_wrap(err, "after %d tries", q.attempt);
			break;
		}
		report_queued(&q);
		struct err canceled;
		if (engine_pause(clock_now() + q.pause, e->cancel, chat_cancel(c), &canceled) < 0) {
			*err = canceled;
			r = -ERR_CANCELED;
			break;
		}
		q.attempt++;
	}

	if (r == 0)
		*ret = result;
	return r;
}
