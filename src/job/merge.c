/* SPDX-License-Identifier: Apache-2.0 */
#include "job/merge.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "job/prompt.h"
#include "job/summary.h"
#include "openai/answer-text.h"
#include "report/report.h"

enum {
	TIMELINE_LINES = 200,
	BYTES_PER_TOKEN = 3,    /* cautious: English has about four */
	DEFAULT_CONTEXT = 8192, /* tokens, where the engine does not say */
	SUMMARY_TOKENS = 600,
	DEMO_NOTES = 700, /* bytes; the demo model learned on few notes at once (model/task.py) */
};

struct request {
	const struct run_context *run;
	const char *prompt;
};

static int ask_model(void *ctx, const char *notes, char **ret, struct err *err)
{
	const struct request *q = ctx;
	AUTO(chat_freep) struct chat *chat = chat_new();
	AUTO(chat_result_clear) struct chat_result result = {0};
	prompt_summary(chat, notes, q->prompt);
	chat_max_tokens(chat, SUMMARY_TOKENS);
	chat_set_cancel(chat, q->run->cancel);
	int r = engine_chat(q->run->engine, chat, NULL, NULL, &result, err);
	if (r < 0)
		return r;
	AUTO(mem_freep) char *prose = NULL;
	r = answer_text_prose(&result, "summary", &prose, err);
	if (r < 0)
		return err_wrap(err, "the model's summary cannot be used");
	AUTO(mem_freep) char *text = text_line(prose, 20000);
	if (text_loops(text))
		return err_set(err, ERR_ENGINE, "the model's summary repeats itself without end");
	*ret = TAKE(text);
	return 0;
}

static size_t notes_bytes(const struct run_context *run)
{
	int context = engine_info(run->engine)->context;
	if (engine_info(run->engine)->demo_model)
		return DEMO_NOTES;
	size_t tokens = context > 0 ? (size_t)context : DEFAULT_CONTEXT;
	return tokens > 4 * SUMMARY_TOKENS ? (tokens - 2 * SUMMARY_TOKENS) * BYTES_PER_TOKEN / 2 : 2048;
}

static void collect(const struct report *r, struct notes *summaries, struct notes *events)
{
	for (size_t i = 0; i < r->n_chunks; i++) {
		const struct report_chunk *c = &r->chunks[i];
		if (c->state == CHUNK_DONE && *c->summary)
			notes_add(summaries, c->start, c->end, c->summary);
	}
	for (size_t i = 0; i < r->n_events; i++)
		notes_add(events, r->events[i].start, r->events[i].end, r->events[i].what);
}

int merge_summary(const struct run_context *run, const char *prompt, struct store_job *job,
                  struct err *err)
{
	struct request request = {run, prompt};
	AUTO(report_freep) struct report *report = NULL;
	struct err why;
	AUTO(notes_clear) struct notes summaries = {0}, events = {0};
	int r = report_load_text(run->store, job->id, REPORT_NORMAL, &report, err);
	if (r < 0)
		return r;
	collect(report, &summaries, &events);

	char *text = NULL;
	r = summary_make(&summaries, notes_bytes(run), ask_model, &request, &text, &why);
	if (r == -ERR_CANCELED || cancel_fired(run->cancel)) {
		free(text);
		return err_set(err, ERR_CANCELED, "interrupted");
	}
	free(job->summary);
	free(job->summary_fallback);
	job->summary_by_model = r == 0;
	job->summary = r == 0 ? text : summary_timeline(&events, TIMELINE_LINES, summaries.n);
	job->summary_fallback = r == 0 ? mem_strdup("") : text_line(why.msg, sizeof why.msg);
	return 0;
}
