/* SPDX-License-Identifier: Apache-2.0 */
#include "job/requests.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/pool.h"
#include "openai/answer-text.h"

static int find_answer(void *ctx, const char *request, char **ret, struct err *err)
{
	const struct reply_job *j = ctx;
	return store_answer_find(j->store, j->job, request, ret, err);
}

static int add_answer(void *ctx, const char *request, const char *text, struct err *err)
{
	const struct reply_job *j = ctx;
	return store_answer_add(j->store, j->job, request, text, err);
}

struct reply_journal reply_journal_of(struct reply_job *job)
{
	return (struct reply_journal){.find = find_answer, .add = add_answer, .ctx = job};
}

void requests_init(struct requests *a, const struct run_context *run,
                   const struct reply_journal *journal)
{
	*a = (struct requests){.run = run, .journal = *journal};
	pthread_mutex_init(&a->lock, NULL);
}

void requests_clear(struct requests *a)
{
	pthread_mutex_destroy(&a->lock);
}

static bool is_stopped(struct requests *a, struct err *err)
{
	pthread_mutex_lock(&a->lock);
	bool stopped = a->stopped.code;
	if (stopped)
		*err = a->stopped;
	pthread_mutex_unlock(&a->lock);
	return stopped;
}

/* An answer that cannot be used stops nothing. */
static void stop(struct requests *a, const struct err *why)
{
	if (why->code == ERR_FORMAT)
		return;
	pthread_mutex_lock(&a->lock);
	a->stopped = *why;
	pthread_mutex_unlock(&a->lock);
}

static void count(struct requests *a, const struct chat_result *r)
{
	pthread_mutex_lock(&a->lock);
	a->answered++;
	a->prompt_tokens += r->prompt_tokens;
	a->output_tokens += r->output_tokens;
	pthread_mutex_unlock(&a->lock);
}

static int send_request(struct requests *a, struct chat *chat, const char *key, json_t **ret,
                        struct err *err)
{
	AUTO(chat_result_clear) struct chat_result result = {0};
	chat_set_cancel(chat, a->run->cancel);
	int r = engine_chat(a->run->engine, chat, NULL, NULL, &result, err);
	if (r == 0)
		count(a, &result);
	if (r == 0)
		r = answer_text_object(&result, key, ret, err);
	if (r == 0 && !json_is_array(json_object_get(*ret, key))) {
		json_decref(TAKE(*ret));
		r = err_set(err, ERR_FORMAT, "\"%s\" is not a list", key);
	}
	return r;
}

int requests_object(struct requests *a, const char *request, struct chat *chat, const char *key,
                    bool again, json_t **ret, struct err *err)
{
	AUTO(mem_freep) char *known = NULL;
	*ret = NULL;
	if (!again && a->journal.find(a->journal.ctx, request, &known, err) == 0)
		*ret = json_loads(known, 0, NULL);
	if (*ret)
		return 0;
	if (is_stopped(a, err))
		return -(int)err->code;
	int r = send_request(a, chat, key, ret, err);
	if (r < 0) {
		stop(a, err);
		return r;
	}

	AUTO(mem_freep) char *text = json_dumps(*ret, JSON_COMPACT);
	struct err why;
	if (a->journal.add(a->journal.ctx, request, text, &why) < 0)
		log_warning("an answer cannot be kept, and may be asked for again: %s", why.msg);
	return 0;
}

int requests_all(struct requests *a, void (*work)(void *item), void *items, size_t n, size_t size,
                 struct err *err)
{
	int slots = engine_slots(a->run->engine);
	struct pool *pool = pool_new(slots > 0 ? (size_t)slots : 1);
	for (size_t i = 0; i < n; i++)
		pool_run(pool, work, (char *)items + i * size);
	pool_free(pool);
	return cancel_fired(a->run->cancel) ? err_set(err, ERR_CANCELED, "interrupted") : 0;
}
