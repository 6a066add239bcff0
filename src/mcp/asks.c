/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/asks.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/pool.h"
#include "base/text.h"
#include "mcp/unread.h"

enum {
	AT_ONCE = 2,
	RUNNING_MAX = 16, /* in progress or waiting */
	ENDED_MAX = 200,  /* whose handles are known */
	POLL_EVERY = 200, /* milliseconds */
};

struct asked {
	struct asks *asks;
	size_t number;
	char *key; /* what makes two questions the same */
	/* copies */
	char *question, *thread;
	char **choices;
	size_t n_choices;
	struct ask_video *videos;
	size_t n_videos;
	bool all, thorough, looks;
	struct ask_look look;
	struct cancel *cancel;
	/* With the lock. */
	size_t waiting;
	struct asks_state state;
	struct err err; /* code 0 = none */
	struct asked *next;
};

struct asks {
	struct mcp_setup setup;
	struct pool *pool;
	pthread_mutex_t lock;
	struct asked *all; /* newest first */
	size_t n, running, numbers;
};

struct asks *asks_new(const struct mcp_setup *s)
{
	struct asks *a = mem_alloc(1, sizeof *a);
	a->setup = *s;
	pthread_mutex_init(&a->lock, NULL);
	a->pool = pool_new(AT_ONCE);
	return a;
}

static void free_asked(struct asked *q)
{
	free(q->key);
	free(q->question);
	free(q->thread);
	for (size_t i = 0; i < q->n_choices; i++)
		free(q->choices[i]);
	free(q->choices);
	ask_videos_free(q->videos, q->n_videos);
	cancel_free(q->cancel);
	free(q);
}

void asks_free(struct asks *a)
{
	if (!a)
		return;
	pthread_mutex_lock(&a->lock);
	for (struct asked *q = a->all; q; q = q->next)
		cancel_fire(q->cancel);
	pthread_mutex_unlock(&a->lock);
	pool_free(a->pool);
	for (struct asked *q = a->all, *next; q; q = next) {
		next = q->next;
		free_asked(q);
	}
	pthread_mutex_destroy(&a->lock);
	free(a);
}

/* ---- the thread */

static void on_progress(void *ctx, const struct ask_progress *p)
{
	struct asked *q = ctx;
	AUTO(mem_freep) char *name = text_line(p->video ? p->video : "", 80);
	pthread_mutex_lock(&q->asks->lock);
	q->state.done = (double)p->done;
	q->state.total = (double)p->total;
	snprintf(q->state.step, sizeof q->state.step, "%s%s%s", p->step, *name ? " " : "", name);
	pthread_mutex_unlock(&q->asks->lock);
}

static int look(struct asked *q, const struct ask_context *c, struct err *err)
{
	AUTO(ask_seen_clear) struct ask_seen seen = {0};
	return ask_look_at(c, q->videos, &q->look, q->question, &seen, err);
}

static int answer(struct asked *q, struct answer **ret, struct err *err)
{
	const struct mcp_setup *s = &q->asks->setup;
	AUTO(mem_freep) char *json = NULL;
	AUTO(unread_clear) struct unread unread = {0};
	struct ask_context c = {.store = s->store,
	                        .options = s->options,
	                        .web = s->web,
	                        .cancel = q->cancel,
	                        .progress = on_progress,
	                        .ctx = q};
	struct ask_request request = {.question = q->question,
	                              .videos = q->videos,
	                              .n_videos = q->n_videos,
	                              .thread = q->thread,
	                              .choices = (const char *const *)q->choices,
	                              .n_choices = q->n_choices,
	                              .language = "",
	                              .thorough = q->thorough};
	int r = cancel_fired(q->cancel) ? err_set(err, ERR_CANCELED, "canceled")
	                                : s->host->engine(s->host->ctx, &c.engine, &c.memory, err);
	/* First, as the name of its model is part of what makes a question the
	 * same. */
	if (r == 0)
		r = engine_start(c.engine, NULL, NULL, err);
	if (r == 0 && q->looks)
		return look(q, &c, err);
	if (r == 0)
		r = unread_find(s, q->videos, q->n_videos, q->all, q->cancel, &unread, err);
	request.unread = unread.names;
	request.n_unread = unread.n;
	return r < 0 ? r : ask_run(&c, &request, ret, &json, err);
}

static void run(void *ctx)
{
	struct asked *q = ctx;
	AUTO(answer_freep) struct answer *found = NULL;
	struct err err = {0};
	int r = answer(q, &found, &err);
	if (r < 0 && err.code != ERR_CANCELED)
		log_warning("mcp: ask: %s", err.msg);

	pthread_mutex_lock(&q->asks->lock);
	q->state.running = false;
	q->asks->running--;
	if (r < 0)
		q->err = err;
	else if (found)
		snprintf(q->state.answer, sizeof q->state.answer, "%s", found->id);
	pthread_mutex_unlock(&q->asks->lock);
}

/* ---- calls */

static char *key_of(const struct asks_question *q)
{
	json_auto_t *videos = json_array(), *choices = json_array();
	for (size_t i = 0; i < q->n_videos; i++)
		json_array_append_new(videos, json_string(q->videos[i].job));
	for (size_t i = 0; i < q->n_choices; i++)
		json_array_append_new(choices, json_string(q->choices[i]));
	static const struct ask_look none;
	const struct ask_look *part = q->look ? q->look : &none;
	json_auto_t *key = json_pack("[s, s, O, O, b, b, I, I, I]", q->question, q->thread, videos,
	                             choices, (int)q->all, (int)q->thorough, (json_int_t)part->start,
	                             (json_int_t)part->end, (json_int_t)part->frames);
	return json_dumps(key, JSON_COMPACT);
}

static struct asked *copy(struct asks *a, const struct asks_question *q, char *key)
{
	struct asked *to = mem_alloc(1, sizeof *to);
	*to = (struct asked){.asks = a,
	                     .number = ++a->numbers,
	                     .key = key,
	                     .question = mem_strdup(q->question),
	                     .thread = mem_strdup(q->thread),
	                     .choices = mem_alloc(q->n_choices + 1, sizeof(char *)),
	                     .n_choices = q->n_choices,
	                     .videos = mem_alloc(q->n_videos + 1, sizeof *to->videos),
	                     .n_videos = q->n_videos,
	                     .all = q->all,
	                     .thorough = q->thorough,
	                     .looks = q->look,
	                     .look = q->look ? *q->look : (struct ask_look){0},
	                     .cancel = cancel_new(),
	                     .state = {.running = true, .step = "waiting"}};
	for (size_t i = 0; i < q->n_choices; i++)
		to->choices[i] = mem_strdup(q->choices[i]);
	for (size_t i = 0; i < q->n_videos; i++)
		to->videos[i] = (struct ask_video){
			.job = mem_strdup(q->videos[i].job),
			.path = mem_strdup(q->videos[i].path),
			.address = q->videos[i].address ? mem_strdup(q->videos[i].address) : NULL};
	return to;
}

/* With the lock: drops the oldest that has ended. */
static void drop_oldest(struct asks *a)
{
	struct asked **oldest = NULL;
	for (struct asked **at = &a->all; *at; at = &(*at)->next)
		if (!(*at)->state.running && !(*at)->waiting)
			oldest = at;
	if (!oldest)
		return;
	struct asked *q = *oldest;
	*oldest = q->next;
	a->n--;
	free_asked(q);
}

int asks_start(struct asks *a, const struct asks_question *q, char ret_handle[ASKS_HANDLE_MAX],
               struct err *err)
{
	char *key = key_of(q);
	pthread_mutex_lock(&a->lock);
	struct asked *same = a->all;
	while (same &&
	       (!same->state.running || cancel_fired(same->cancel) || strcmp(same->key, key) != 0))
		same = same->next;
	bool full = !same && a->running == RUNNING_MAX;
	if (same || full) {
		free(key);
	} else {
		if (a->n >= ENDED_MAX)
			drop_oldest(a);
		same = copy(a, q, key);
		same->next = a->all;
		a->all = same;
		a->n++;
		a->running++;
		pool_run(a->pool, run, same);
	}
	if (same)
		snprintf(ret_handle, ASKS_HANDLE_MAX, "ask-%zu", same->number);
	pthread_mutex_unlock(&a->lock);
	return full ? err_set(err, ERR_BUSY, "%d questions are being answered; try again later",
	                      RUNNING_MAX)
	            : 0;
}

/* With the lock. */
static struct asked *find(struct asks *a, const char *handle)
{
	char mine[ASKS_HANDLE_MAX];
	for (struct asked *q = a->all; q; q = q->next) {
		snprintf(mine, sizeof mine, "ask-%zu", q->number);
		if (strcmp(mine, handle) == 0)
			return q;
	}
	return NULL;
}

/* Waits a moment; whether it goes on. */
static bool wait_more(struct asks *a, struct asked *q, int64_t until, struct cancel *cancel,
                      struct asks_state *ret)
{
	struct pollfd fd = {.fd = cancel_fd(cancel), .events = POLLIN};
	pthread_mutex_lock(&a->lock);
	*ret = q->state;
	pthread_mutex_unlock(&a->lock);
	if (!ret->running || cancel_fired(cancel) || clock_now() >= until)
		return false;
	poll(&fd, 1, POLL_EVERY);
	return true;
}

int asks_wait(struct asks *a, const char *handle, int64_t until, struct cancel *cancel,
              void (*progress)(void *ctx, const struct asks_state *s), void *ctx,
              struct asks_state *ret, struct err *err)
{
	int r = 0;
	pthread_mutex_lock(&a->lock);
	struct asked *q = find(a, handle);
	if (q)
		q->waiting++; /* so that it is not dropped */
	pthread_mutex_unlock(&a->lock);
	if (!q)
		return err_set(err, ERR_NOENT,
		               "there is no question %.40s (any more); ask again, which continues it",
		               handle);

	while (wait_more(a, q, until, cancel, ret))
		if (progress)
			progress(ctx, ret);
	pthread_mutex_lock(&a->lock);
	q->waiting--;
	*ret = q->state;
	if (ret->running && cancel_fired(cancel)) {
		if (!q->waiting)
			cancel_fire(q->cancel);
		r = err_set(err, ERR_CANCELED, "canceled");
	} else if (q->err.code) {
		*err = q->err;
		r = -(int)err->code;
	}
	pthread_mutex_unlock(&a->lock);
	if (r == -ERR_CANCELED && !cancel_fired(cancel)) /* by another client */
		r = err_set(err, ERR_BUSY, "the question was canceled; ask again, which continues it");
	return r;
}
