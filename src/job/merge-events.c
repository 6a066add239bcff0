/* SPDX-License-Identifier: Apache-2.0 */
#include "job/merge-events.h"

#include <stdlib.h>

#include "base/hash.h"
#include "job/prompt.h"

enum {
	ANSWER_TOKENS = 1500,
	BYTES_PER_TOKEN = 3,    /* cautious: English has about four */
	DEFAULT_CONTEXT = 8192, /* tokens, where the engine does not say */
	LEAST_BYTES = 2048,
	DEMO_ENTRIES = 10, /* the demo model sums up longer lists badly (model/README.md) */
};

/* What all requests have in common. */
struct asker {
	struct requests requests;
	const struct merge_options *options;
	const struct merge_list *list;
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

static void ask_one(void *item)
{
	struct question *q = item;
	struct asker *a = q->asker;
	struct story_request *of = q->request;
	if (of->done)
		return;
	const struct prompt_list list = {
		.text = of->list, .n = of->n, .most = of->most, .case_list = a->list->of_case};
	char key[HASH_HEX];
	AUTO(chat_freep) struct chat *chat = chat_new();
	request_key(q, key);
	prompt_story(chat, &list, a->options->prompt, a->options->language,
	             of->fault.code ? of->fault.msg : NULL, engine_info(a->requests.run->engine)->own);
	chat_max_tokens(chat, ANSWER_TOKENS);
	requests_object(&a->requests, key, chat, "sentences", of->fault.code, &of->answer, &of->why);
}

static int ask_level(void *ctx, struct story_request *requests, size_t n, struct err *err)
{
	struct asker *a = ctx;
	AUTO(mem_freep) struct question *questions = mem_alloc(n, sizeof *questions);
	for (size_t i = 0; i < n; i++)
		questions[i] = (struct question){a, &requests[i]};
	return requests_all(&a->requests, ask_one, questions, n, sizeof *questions, err);
}

size_t merge_events_bytes(const struct run_context *run)
{
	int context = engine_info(run->engine)->context;
	size_t tokens = context > 0 ? (size_t)context : DEFAULT_CONTEXT;
	return tokens > 2 * ANSWER_TOKENS ? (tokens - ANSWER_TOKENS) * BYTES_PER_TOKEN / 2
	                                  : LEAST_BYTES;
}

size_t merge_events_most(bool demo_model)
{
	return demo_model ? DEMO_ENTRIES : STORY_ENTRIES_MAX;
}

int merge_events(const struct run_context *run, const struct merge_options *o,
                 const struct merge_list *list, struct story_summary *ret, struct err *err)
{
	struct asker asker = {.options = o, .list = list};
	struct story_list entries = list->entries;
	entries.most = merge_events_most(engine_info(run->engine)->demo_model);
	requests_init(&asker.requests, run, &list->journal);
	int r = story_sum_up(&entries, merge_events_bytes(run), ask_level, &asker, ret, err);
	requests_clear(&asker.requests);
	return r;
}
