/* SPDX-License-Identifier: Apache-2.0 */
#include "job/merge-events.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/pool.h"
#include "job/prompt.h"
#include "openai/answer-text.h"

enum {
	ANSWER_TOKENS = 1500,
	BYTES_PER_TOKEN = 3,    /* cautious: English has about four */
	DEFAULT_CONTEXT = 8192, /* tokens, where the engine does not say */
	LEAST_BYTES = 2048,
};

/* What all requests have in common. */
struct asker {
	const struct run_context *run;
	const struct merge_options *options;
	const struct merge_list *list;
	pthread_mutex_t lock; /* guards what follows */
	struct err stopped;   /* the error after which nothing more is asked */
};

struct question {
	struct asker *asker;
	struct story_request *request;
};

static void request_key(const struct question *q, char out[static HASH_HEX])
{
	const struct asker *a = q->asker;
	char prompts[HASH_HEX];
	prompt_story_hash(a->list->of_case, prompts);
	const char *const parts[] = {prompts,
	                             a->list->model,
	                             a->list->model_hash,
	                             a->options->prompt,
	                             a->options->language,
	                             q->request->list};
	AUTO(hash_freep) struct hash *h = hash_new();
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		hash_adds(h, parts[i]);
		hash_add(h, "", 1);
	}
	hash_end(h, out);
}

static int ask_model(const struct question *q, struct err *err)
{
	const struct asker *a = q->asker;
	const struct prompt_list list = {.text = q->request->list,
	                                 .n = q->request->n,
	                                 .most = q->request->most,
	                                 .case_list = a->list->of_case};
	AUTO(chat_freep) struct chat *chat = chat_new();
	AUTO(chat_result_clear) struct chat_result result = {0};
	prompt_story(chat, &list, a->options->prompt, a->options->language,
	             q->request->fault.code ? q->request->fault.msg : NULL,
	             engine_info(a->run->engine)->own);
	chat_max_tokens(chat, ANSWER_TOKENS);
	chat_set_cancel(chat, a->run->cancel);
	int r = engine_chat(a->run->engine, chat, NULL, NULL, &result, err);
	return r < 0 ? r : answer_text_object(&result, "sentences", &q->request->answer, err);
}

static bool is_stopped(struct asker *a, struct err *why)
{
	pthread_mutex_lock(&a->lock);
	bool stopped = a->stopped.code;
	if (stopped)
		*why = a->stopped;
	pthread_mutex_unlock(&a->lock);
	return stopped;
}

/* An answer that cannot be used stops nothing. */
static void stop(struct asker *a, const struct err *why)
{
	if (why->code == ERR_FORMAT)
		return;
	pthread_mutex_lock(&a->lock);
	a->stopped = *why;
	pthread_mutex_unlock(&a->lock);
}

/* From the journal, or from the model and then into the journal. */
static void ask_one(void *ctx)
{
	const struct question *q = ctx;
	struct asker *a = q->asker;
	char key[HASH_HEX];
	AUTO(mem_freep) char *known = NULL;
	struct err *why = &q->request->why;
	request_key(q, key);
	if (!q->request->fault.code && a->list->find(a->list->ctx, key, &known, why) == 0)
		q->request->answer = json_loads(known, 0, NULL);
	if (q->request->answer || is_stopped(a, why))
		return;
	if (ask_model(q, why) < 0) {
		stop(a, why);
		return;
	}

	AUTO(mem_freep) char *text = json_dumps(q->request->answer, JSON_COMPACT);
	struct err err;
	if (a->list->add(a->list->ctx, key, text, &err) < 0)
		log_warning("an answer cannot be kept, and may be asked for again: %s", err.msg);
}

static int ask_all(void *ctx, struct story_request *requests, size_t n, struct err *err)
{
	struct asker *a = ctx;
	AUTO(mem_freep) struct question *questions = mem_alloc(n, sizeof *questions);
	int slots = engine_slots(a->run->engine);
	struct pool *pool = pool_new(slots > 0 ? (size_t)slots : 1);
	for (size_t i = 0; i < n; i++) {
		questions[i] = (struct question){a, &requests[i]};
		if (!requests[i].done)
			pool_run(pool, ask_one, &questions[i]);
	}
	pool_free(pool);
	return cancel_fired(a->run->cancel) ? err_set(err, ERR_CANCELED, "interrupted") : 0;
}

size_t merge_events_bytes(const struct run_context *run)
{
	int context = engine_info(run->engine)->context;
	size_t tokens = context > 0 ? (size_t)context : DEFAULT_CONTEXT;
	return tokens > 2 * ANSWER_TOKENS ? (tokens - ANSWER_TOKENS) * BYTES_PER_TOKEN / 2
	                                  : LEAST_BYTES;
}

int merge_events(const struct run_context *run, const struct merge_options *o,
                 const struct merge_list *list, struct story_summary *ret, struct err *err)
{
	struct asker asker = {
		.run = run, .options = o, .list = list, .lock = PTHREAD_MUTEX_INITIALIZER};
	int r = story_sum_up(&list->entries, merge_events_bytes(run), ask_all, &asker, ret, err);
	pthread_mutex_destroy(&asker.lock);
	return r;
}
