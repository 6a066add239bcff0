/* SPDX-License-Identifier: Apache-2.0 */
#include "cases/summary.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"
#include "case_texts.h"
#include "job/merge.h"
#include "job/summary.h"

enum { NOTE_MAX = 2000 /* bytes of the summary of one video */, LIST_LINES = 200 };

struct request {
	const struct run_context *run;
	const struct case_report *report;
	const char *prompt;
	char *runs; /* JSON */
	int failed; /* of the journal */
};

/* Everything that an answer depends on. */
static void key_of(const struct request *q, const char *notes, char out[static HASH_HEX])
{
	const struct engine_info *e = engine_info(q->run->engine);
	AUTO(hash_freep) struct hash *h = hash_new();
	const char *const parts[] = {
		"summary/1",   case_case_system_txt,     case_case_task_txt, e->model,
		e->model_hash, e->asked ? e->asked : "", q->prompt,          notes};
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		hash_adds(h, parts[i]);
	hash_end(h, out);
}

static int ask_model(const struct request *q, const char *notes, char **ret, struct err *err)
{
	AUTO(chat_freep) struct chat *chat = chat_new();
	chat_system(chat, case_case_system_txt);
	chat_text(chat, notes);
	chat_text(chat, "\n");
	chat_text(chat, case_case_task_txt);
	if (*q->prompt) {
		AUTO(mem_freep) char *text = mem_printf("Look above all for: %s\n", q->prompt);
		chat_text(chat, text);
	}
	return merge_ask(q->run, chat, ret, err);
}

static int ask(void *ctx, const char *notes, char **ret, struct err *err)
{
	struct request *q = ctx;
	AUTO(mem_freep) char *text = NULL;
	char key[HASH_HEX];
	key_of(q, notes, key);
	int r = store_case_step_load(q->run->store, q->report->id, key, ret, err);
	if (r != -ERR_NOENT)
		return q->failed = r;
	if (engine_info(q->run->engine)->demo_model)
		return err_set(err, ERR_UNSUPPORTED, "the demo model knows single videos only");
	r = ask_model(q, notes, &text, err);
	if (r < 0)
		return r;
	r = store_case_step_save(q->run->store, q->report->id, key, "summary", q->runs, text, err);
	if (r < 0)
		return q->failed = r;
	*ret = TAKE(text);
	return 0;
}

static void collect(const struct case_report *r, struct notes *notes, json_t *runs)
{
	for (size_t i = 0; i < r->n_videos; i++) {
		const struct case_video *v = &r->videos[i];
		if (!*v->job || !*v->summary)
			continue;
		AUTO(mem_freep) char *line = text_line(v->summary, NOTE_MAX);
		AUTO(mem_freep) char *text = mem_printf("%s: %s", v->name, line);
		notes_add(notes, v->start, case_time(v, v->duration), text);
		json_array_append_new(runs, json_string(v->job));
	}
}

int case_summarize(const struct run_context *run, const char *prompt, struct case_report *r,
                   struct err *err)
{
	AUTO(notes_clear) struct notes notes = {.stamp = case_clock};
	json_auto_t *runs = json_array();
	collect(r, &notes, runs);
	free(r->summary);
	free(r->summary_fallback);
	r->summary_by_model = false;
	r->summary_fallback = mem_strdup("");
	if (!notes.n) {
		r->summary = mem_strdup("No video was described.");
		return 0;
	}

	struct err why = {0};
	struct request request = {
		.run = run, .report = r, .prompt = prompt, .runs = json_dumps(runs, JSON_COMPACT)};
	char *text = NULL;
	int e = summary_make(&notes, merge_notes_bytes(run), ask, &request, &text, &why);
	free(request.runs);
	r->summary = e == 0 ? text : summary_timeline(&notes, LIST_LINES, true);
	r->summary_by_model = e == 0;
	if (e == -ERR_CANCELED || cancel_fired(run->cancel))
		return err_set(err, ERR_CANCELED, "interrupted");
	if (request.failed < 0) {
		*err = why;
		return request.failed;
	}
	if (e < 0) {
		free(r->summary_fallback);
		r->summary_fallback = text_line(why.msg, sizeof why.msg);
	}
	return 0;
}
