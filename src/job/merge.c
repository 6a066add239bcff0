/* SPDX-License-Identifier: Apache-2.0 */
#include "job/merge.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "job/merge-events.h"
#include "job/prompt.h"
#include "job/summary.h"
#include "openai/answer-text.h"
#include "report/summary.h"

enum {
	TIMELINE_LINES = 200,
	SUMMARY_TOKENS = 600,
	DEMO_NOTES = 700, /* bytes; the demo model learned on few notes at once (model/task.py) */
};

struct request {
	const struct run_context *run;
	const struct merge_options *options;
};

static int ask_model(void *ctx, const char *notes, char **ret, struct err *err)
{
	const struct request *q = ctx;
	AUTO(chat_freep) struct chat *chat = chat_new();
	AUTO(chat_result_clear) struct chat_result result = {0};
	prompt_summary(chat, notes, q->options->prompt, q->options->language);
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

static void collect(const struct report *r, struct notes *summaries, struct notes *events)
{
	for (size_t i = 0; i < r->n_chunks; i++) {
		const struct report_chunk *c = &r->chunks[i];
		if (c->state != CHUNK_DONE)
			continue;
		/* Its summary may repeat what was withdrawn. */
		AUTO(mem_freep) char *rest = c->withdrawn ? report_chunk_rest(r, i) : NULL;
		const char *text = rest ? rest : c->summary;
		if (*text)
			notes_add(summaries, c->start, c->end, text);
	}
	for (size_t i = 0; i < r->n_events; i++)
		notes_add(events, r->events[i].start, r->events[i].end, r->events[i].what);
}

int merge_needed(const struct run_context *run, const struct merge_options *o,
                 const struct store_job *job, bool *ret, struct err *err)
{
	AUTO(report_freep) struct report *report = NULL;
	AUTO(mem_freep) char *language = report_summary_language(job->sentences);
	int r = report_load_text(run->store, job->id, REPORT_NORMAL, &report, err);
	if (r < 0)
		return r;
	json_auto_t *facts = json_loads(job->facts, 0, NULL);
	const char *before = json_string_value(json_object_get(facts, REPORT_SUMMARY_WITHOUT));
	AUTO(mem_freep) char *now = report_withdrawn_key(report);
	*ret = !*job->summary || *job->summary_fallback ||
	       report_summary_is_old(report, job->sentences) ||
	       strcmp(before ? before : "", now) != 0 || strcmp(language, o->language) != 0;
	return 0;
}

static void note_withdrawn(struct store_job *job, const struct report *r)
{
	json_auto_t *facts = json_loads(job->facts, 0, NULL);
	AUTO(mem_freep) char *now = report_withdrawn_key(r);
	if (!facts)
		return;
	if (*now)
		json_object_set_new(facts, REPORT_SUMMARY_WITHOUT, json_string(now));
	else
		json_object_del(facts, REPORT_SUMMARY_WITHOUT);
	store_job_set_facts(job, facts);
}

/* Replaces the summary of a job; takes the texts. */
static void set_summary(struct store_job *job, char *text, char *fallback, char *sentences)
{
	free(job->summary);
	free(job->summary_fallback);
	free(job->sentences);
	job->summary = text;
	job->summary_fallback = fallback;
	job->summary_by_model = !*fallback;
	job->sentences = sentences;
}

/* Of a video without events: from what the model said of its chunks. */
static int sum_up_chunks(const struct run_context *run, const struct merge_options *o,
                         const struct report *report, const struct notes *summaries,
                         const struct notes *events, struct store_job *job, struct err *err)
{
	struct request request = {run, o};
	size_t most = engine_info(run->engine)->demo_model ? DEMO_NOTES : merge_events_bytes(run);
	struct err why;
	char *text = NULL;
	int r = summary_make(summaries, most, ask_model, &request, &text, &why);
	if (r == -ERR_CANCELED || cancel_fired(run->cancel)) {
		free(text);
		return err_set(err, ERR_CANCELED, "interrupted");
	}
	set_summary(job, r == 0 ? text : summary_timeline(events, TIMELINE_LINES, summaries->n),
	            r == 0 ? mem_strdup("") : text_line(why.msg, sizeof why.msg),
	            report_summary_pack(report, &(struct story_summary){0}, o->language));
	return 0;
}

/* What the model said of the only chunk is about all of its events. */
static void take_only_chunk(const struct report *report, const char *text,
                            struct story_summary *ret)
{
	struct story_sentence *s = mem_alloc(1, sizeof *s);
	*s = (struct story_sentence){.text = mem_strdup(text),
	                             .entries = mem_alloc(report->n_events, sizeof *s->entries),
	                             .n_entries = report->n_events};
	for (size_t i = 0; i < s->n_entries; i++)
		s->entries[i] = i;
	*ret = (struct story_summary){.whole = {.start = report->from,
	                                        .end = report->to,
	                                        .sentences = s,
	                                        .n = 1,
	                                        .fallback = mem_strdup("")}};
}

static int ask_about_events(const struct run_context *run, const struct merge_options *o,
                            const struct report *r, struct story_summary *ret, struct err *err)
{
	AUTO(mem_freep) struct story_entry *entries = mem_alloc(r->n_events, sizeof *entries);
	for (size_t i = 0; i < r->n_events; i++)
		entries[i] = (struct story_entry){r->events[i].start, r->events[i].end, r->events[i].what};
	struct reply_job answers = {run->store, r->job};
	const struct merge_list list = {.entries = {.entries = entries, .n = r->n_events},
	                                .model = r->model,
	                                .model_hash = r->model_hash,
	                                .journal = reply_journal_of(&answers)};
	return merge_events(run, o, &list, ret, err);
}

/* Each sentence with the events that it is about. */
static int sum_up_events(const struct run_context *run, const struct merge_options *o,
                         const struct report *report, const struct notes *summaries,
                         const struct notes *events, struct store_job *job, struct err *err)
{
	AUTO(story_summary_clear) struct story_summary s = {0};
	bool only = report->n_chunks == 1 && summaries->n == 1;
	int r = 0;
	if (only)
		take_only_chunk(report, summaries->items[0].text, &s);
	else
		r = ask_about_events(run, o, report, &s, err);
	if (r < 0)
		return r;

	bool by_model = !*s.whole.fallback;
	char *text = only       ? mem_strdup(summaries->items[0].text)
	             : by_model ? report_section_text(report, &s.whole)
	                        : summary_timeline(events, TIMELINE_LINES, summaries->n);
	set_summary(job, text, text_line(s.whole.fallback, 1000),
	            report_summary_pack(report, &s, o->language));
	return 0;
}

int merge_summary(const struct run_context *run, const struct merge_options *o,
                  struct store_job *job, struct err *err)
{
	AUTO(report_freep) struct report *report = NULL;
	AUTO(notes_clear) struct notes summaries = {0}, events = {0};
	int r = report_load_text(run->store, job->id, REPORT_NORMAL, &report, err);
	if (r < 0)
		return r;
	collect(report, &summaries, &events);
	r = report->n_events ? sum_up_events(run, o, report, &summaries, &events, job, err)
	                     : sum_up_chunks(run, o, report, &summaries, &events, job, err);
	if (r == 0)
		note_withdrawn(job, report);
	return r;
}
