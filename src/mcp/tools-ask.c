/* SPDX-License-Identifier: Apache-2.0 */
/* The tools ask, look and get_answer. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "mcp/tools-internal.h"
#include "report/text.h"

enum {
	CITES_MAX = 200,
	TEXT_MAX = 2000,
	ANSWER_MAX = 200 * 1024,
	WAIT_MAX = 45 /* seconds: clients give up after 60 */
};

/* ---- an answer as a result */

/* Several lines of text, in which what hides or reorders text is visible. */
static json_t *lines(const char *text)
{
	AUTO(buf_free) struct buf b = BUF(ANSWER_MAX);
	report_visible(&b, text);
	return json_string(buf_str(&b));
}

static json_t *frames_json(const struct answer_cite *c)
{
	json_t *all = json_array();
	for (size_t i = 0; i < c->n_frames; i++)
		json_array_append_new(all, json_integer(c->frames[i].pts));
	return all;
}

static json_t *cite_json(const struct answer *a, size_t i)
{
	const struct answer_cite *c = &a->cites[i];
	const struct answer_source *s = &a->sources[c->source];
	return json_pack("{s:I, s:s, s:o, s:o, s:o, s:o, s:o, s:s}", "number", (json_int_t)i + 1,
	                 "video", s->deleted ? "" : s->job, "name", tool_data(s->name, 300), "start",
	                 tool_seconds(c->start), "end", tool_seconds(c->end), "frames", frames_json(c),
	                 "text", tool_data(*c->quote ? c->quote : c->text, TEXT_MAX), "verdict",
	                 check_verdict_name(c->verdict));
}

static json_t *result(const char *handle, const char *state, const char *step)
{
	return json_pack("{s:s, s:s, s:o, s:s, s:s, s:s, s:[]}", "handle", handle, "state", state,
	                 "step", tool_data(step, 300), "answer", "", "uri", "", "text", "", "cites");
}

static int answer_result(const struct answer *a, const char *handle, json_t **ret, struct err *err)
{
	AUTO(buf_free) struct buf text = BUF(ANSWER_MAX);
	AUTO(mem_freep) char *uri = mem_printf("vdet://answer/%s.json", a->id);
	int r = answer_text(a, &text, err);
	if (r < 0)
		return r;
	json_t *o = result(handle, answer_state_name(a->state), "");
	json_object_set_new(o, "answer", json_string(a->id));
	json_object_set_new(o, "uri", json_string(uri));
	json_object_set_new(o, "text", lines(buf_str(&text)));
	for (size_t i = 0; i < a->n_cites && i < CITES_MAX; i++)
		json_array_append_new(json_object_get(o, "cites"), cite_json(a, i));
	*ret = o;
	return 0;
}

int tool_load_answer(struct tools *t, struct cancel *cancel, const char *id, struct answer **ret,
                     char **ret_json, struct err *err)
{
	AUTO(library_clear) struct library l = {0};
	AUTO(answer_freep) struct answer *a = NULL;
	const struct mcp_video *v;
	struct err ignored;
	bool known = true;
	int r = ask_load(t->setup.store, id, &a, ret_json, err);
	if (r == 0)
		r = library_load(&t->setup, cancel, &l, err);
	for (size_t i = 0; r == 0 && i < a->n_sources; i++)
		known &= a->sources[i].deleted || library_find(&l, a->sources[i].job, &v, &ignored) == 0;
	if (r == -ERR_NOENT || r == -ERR_ARG || (r == 0 && (!known || strcmp(a->id, id) != 0)))
		return err_set(err, ERR_NOENT, "there is no answer \"%.64s\" here", id);
	if (r == 0)
		*ret = TAKE(a);
	return r;
}

/* ---- waiting */

struct reporting {
	const struct tool_call *call;
	double shown;
};

/* Steps do not grow together, so that seconds are the progress. */
static void on_progress(void *ctx, const struct asks_state *s)
{
	struct reporting *r = ctx;
	r->shown += 1;
	tool_progress(r->call, r->shown, 0, s->step);
}

static int wait_for(struct tool_call *c, const char *handle, json_t **ret, struct err *err)
{
	struct reporting r = {.call = c};
	AUTO(answer_freep) struct answer *a = NULL;
	AUTO(mem_freep) char *json = NULL;
	struct asks_state s;
	int64_t until = clock_now() + tool_time(c, "wait", WAIT_MAX * CLOCK_SECOND);
	int e = asks_wait(c->tools->asks, handle, until, c->call->cancel, on_progress, &r, &s, err);
	if (e < 0)
		return e;
	if (s.running) {
		*ret = result(handle, "running", s.step);
		return 0;
	}
	e = tool_load_answer(c->tools, c->call->cancel, s.answer, &a, &json, err);
	return e < 0 ? e : answer_result(a, handle, ret, err);
}

/* ---- ask */

/* The videos that are named, each once, or all; *ret has room for all of the
 * library. */
static int choose_videos(const struct tool_call *c, const struct library *l, struct ask_video *ret,
                         size_t *ret_n, struct err *err)
{
	const json_t *ids = json_object_get(c->args, "videos");
	AUTO(mem_freep) bool *chosen = mem_alloc(l->n + 1, sizeof *chosen);
	size_t n = 0;
	for (size_t i = 0; i < l->n; i++)
		chosen[i] = !ids;
	for (size_t i = 0; i < json_array_size(ids); i++) {
		const struct mcp_video *v;
		int r = library_find(l, json_string_value(json_array_get(ids, i)), &v, err);
		if (r < 0)
			return r;
		chosen[v - l->videos] = true;
	}
	for (size_t i = 0; i < l->n; i++)
		if (chosen[i])
			ret[n++] = (struct ask_video){
				.job = l->videos[i].id, .path = l->videos[i].path, .address = l->videos[i].address};
	*ret_n = n;
	return n ? 0 : err_set(err, ERR_NOENT, "no video was analyzed yet");
}

int tool_ask(struct tool_call *c, json_t **ret, struct err *err)
{
	AUTO(library_clear) struct library l = {0};
	const json_t *list = json_object_get(c->args, "choices");
	char handle[ASKS_HANDLE_MAX];
	const char *choices[ASK_CHOICES_MAX];
	struct asks_question q = {.question = tool_text(c, "question", ""),
	                          .thread = tool_text(c, "thread", ""),
	                          .choices = choices,
	                          .n_choices = json_array_size(list),
	                          .all = !json_object_get(c->args, "videos"),
	                          .thorough = json_is_true(json_object_get(c->args, "thorough"))};
	for (size_t i = 0; i < q.n_choices; i++)
		choices[i] = json_string_value(json_array_get(list, i));

	int r = library_load(&c->tools->setup, c->call->cancel, &l, err);
	if (r < 0)
		return r;
	AUTO(mem_freep)
	struct ask_video *videos = mem_alloc(l.n + 1, sizeof *videos);
	q.videos = videos;
	r = choose_videos(c, &l, videos, &q.n_videos, err);
	if (r == 0)
		r = asks_start(c->tools->asks, &q, handle, err);
	return r < 0 ? r : wait_for(c, handle, ret, err);
}

/* ---- look */

static json_t *times_json(const int64_t *pts, size_t n)
{
	json_t *all = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(all, json_integer(pts[i]));
	return all;
}

/* The answer says nothing about what is between the frames. */
static char *look_note(const struct ask_seen *seen)
{
	int64_t gap = 0;
	for (size_t i = 1; i < seen->n_shown; i++)
		if (seen->shown[i] - seen->shown[i - 1] > gap)
			gap = seen->shown[i] - seen->shown[i - 1];
	if (!seen->n_shown)
		return mem_strdup("");
	return mem_printf("%zu frame%s, at most %.1f s apart; what is between them is not known.",
	                  seen->n_shown, text_s((int64_t)seen->n_shown), (double)gap / CLOCK_SECOND);
}

static json_t *look_result(const struct mcp_video *v, bool running, const struct ask_seen *seen)
{
	AUTO(mem_freep) char *note = look_note(seen);
	return json_pack("{s:s, s:s, s:o, s:s, s:o, s:o, s:o, s:s}", "video", v->id, "state",
	                 running ? "running" : "done", "name", tool_data(v->name, 300), "step",
	                 running ? "looking" : "", "text", tool_data(seen->text, TEXT_MAX), "frames",
	                 times_json(seen->frames, seen->n_frames), "shown",
	                 times_json(seen->shown, seen->n_shown), "note", note);
}

/* The result is in the journal. */
static int read_look(struct tool_call *c, const struct asks_question *q, struct ask_seen *ret,
                     struct err *err)
{
	const struct mcp_setup *s = &c->tools->setup;
	struct ask_context context = {
		.store = s->store, .options = s->options, .web = s->web, .cancel = c->call->cancel};
	int r = s->host->engine(s->host->ctx, &context.engine, &context.memory, err);
	return r < 0 ? r : ask_look_at(&context, q->videos, q->look, q->question, ret, err);
}

static int look_and_wait(struct tool_call *c, const struct mcp_video *v,
                         const struct asks_question *q, json_t **ret, struct err *err)
{
	AUTO(ask_seen_clear) struct ask_seen seen = {0};
	char handle[ASKS_HANDLE_MAX];
	struct reporting reporting = {.call = c};
	struct asks_state s;
	int64_t until = clock_now() + tool_time(c, "wait", WAIT_MAX * CLOCK_SECOND);
	int r = asks_start(c->tools->asks, q, handle, err);
	if (r == 0)
		r = asks_wait(c->tools->asks, handle, until, c->call->cancel, on_progress, &reporting, &s,
		              err);
	if (r == 0 && !s.running)
		r = read_look(c, q, &seen, err);
	if (r == 0)
		*ret = look_result(v, s.running, &seen);
	return r;
}

int tool_look(struct tool_call *c, json_t **ret, struct err *err)
{
	AUTO(library_clear) struct library l = {0};
	const struct mcp_video *v = NULL;
	int r = library_load(&c->tools->setup, c->call->cancel, &l, err);
	if (r == 0)
		r = library_find(&l, tool_text(c, "video", ""), &v, err);
	if (r < 0)
		return r;

	const struct ask_look look = {.start = tool_time(c, "from", 0),
	                              .end = tool_time(c, "to", 0),
	                              .frames = (size_t)tool_int(c, "count", 12)};
	const struct ask_video video = {.job = v->id, .path = v->path, .address = v->address};
	const struct asks_question q = {.question = tool_text(c, "question", ""),
	                                .thread = "",
	                                .videos = &video,
	                                .n_videos = 1,
	                                .look = &look};
	if (look.end < look.start || look.end > v->duration)
		return err_set(err, ERR_ARG, "to has to be after from, and the video ends at %.3f seconds",
		               (double)v->duration / 1e6);
	return look_and_wait(c, v, &q, ret, err);
}

int tool_get_answer(struct tool_call *c, json_t **ret, struct err *err)
{
	AUTO(answer_freep) struct answer *a = NULL;
	AUTO(mem_freep) char *json = NULL;
	const char *name = tool_text(c, "answer", "");
	if (strncmp(name, "ask-", 4) == 0)
		return wait_for(c, name, ret, err);
	int r = tool_load_answer(c->tools, c->call->cancel, name, &a, &json, err);
	return r < 0 ? r : answer_result(a, "", ret, err);
}
