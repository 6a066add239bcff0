/* SPDX-License-Identifier: Apache-2.0 */
#include "net/chat/answering.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "net/chat/chat-scope.h"

#define STEP (CLOCK_SECOND / 4) /* between two looks at the board */
enum { ASKS_LOOKED_AT = 100 };

static int64_t number_of(const json_t *o, const char *key)
{
	return strtoll(json_text(o, key), NULL, 10);
}

/* ---- which videos */

static void hold(struct session *s, int64_t id)
{
	s->held = mem_room(s->held, s->n_held, &s->cap_held, sizeof *s->held);
	s->held[s->n_held++] = id;
}

static int add_file(struct session *s, const struct chat_video *v, json_t **ret, struct err *err)
{
	const struct chat_file *f = &s->data->files[v->data];
	AUTO(mem_freep)
	char *name = *v->name ? mem_strdup(v->name) : mem_printf("chat-%.8s", f->sha256);
	return board_chat_file(s->board, f->id, f->path, f->size, name, f->sha256, ret, err);
}

/* The videos that came in the messages, held. */
static int add_videos(struct session *s, json_t *ids, struct err *err)
{
	for (size_t i = 0; i < s->request.n_videos; i++) {
		const struct chat_video *v = &s->request.videos[i];
		json_auto_t *video = NULL;
		int r = v->url ? board_chat_address(s->board, v->url, &video, err)
		               : add_file(s, v, &video, err);
		if (r < 0)
			return r;
		hold(s, number_of(video, "id"));
		json_array_append(ids, json_object_get(video, "id"));
	}
	return 0;
}

/* What "model" names. */
static int add_named(struct session *s, json_t *ids, struct err *err)
{
	struct board *b = s->board;
	const json_t *video = NULL, *one_case = NULL;
	json_auto_t *videos = board_videos(b), *cases = NULL;
	int r = board_cases(b, &cases, err);
	if (r == 0)
		r = chat_scope_find(videos, cases, s->request.about, &video, &one_case, err);
	if (r == 0 && one_case && json_array_size(ids))
		r = err_set(
			err, ERR_ARG,
			"a case in \"model\" and videos in the messages cannot be asked about together");
	if (r < 0)
		return r;
	if (one_case) {
		s->scope = json_pack("{s:O}", "case", one_case);
		return 0;
	}
	int64_t id = strtoll(json_string_value(video), NULL, 10);
	board_chat_hold(b, id, true);
	hold(s, id);
	json_array_append(ids, (json_t *)video);
	return 0;
}

int answering_scope(struct session *s, struct err *err)
{
	json_auto_t *ids = json_array();
	int r = add_videos(s, ids, err);
	if (r == 0 && *s->request.about)
		r = add_named(s, ids, err);
	if (r == 0 && !s->scope)
		s->scope =
			json_array_size(ids) ? json_pack("{s:O}", "videos", ids) : json_pack("{s:b}", "all", 1);
	return r;
}

/* ---- their analysis */

/* Waits until the file is here. */
static int wait_for_video(struct session *s, int64_t id, struct err *err)
{
	int r = 0;
	while (r == 0) {
		char done[TEXT_SIZE_MAX], size[TEXT_SIZE_MAX];
		json_auto_t *v = NULL;
		r = board_video(s->board, id, &v, err);
		if (r < 0)
			return r;
		const char *state = json_text(v, "state"), *name = json_text(v, "name");
		bool probed = json_is_number(json_object_get(v, "duration"));
		if (strcmp(state, "failed") == 0)
			return err_set(err, ERR_UNSUPPORTED, "%s cannot be used: %s", name,
			               json_text(v, "error"));
		if (strcmp(state, "ready") == 0 && probed)
			return 0;
		double got = json_number_value(json_object_get(v, "fetched"));
		double all = json_number_value(json_object_get(v, "size"));
		if (strcmp(state, "ready") == 0)
			session_tell(s, "Opening %s", name);
		else
			session_tell(s, "Fetching %s: %s of %s", name, text_size(got, done),
			             text_size(all, size));
		r = session_pause(s, STEP, err);
	}
	return r;
}

static bool has_result(const json_t *jobs, const char *video)
{
	size_t i;
	json_t *j;
	json_array_foreach (json_object_get(jobs, "jobs"), i, j) {
		const char *state = json_text(j, "state");
		if (strcmp(json_text(j, "video"), video) == 0 &&
		    (strcmp(state, "done") == 0 || strcmp(state, "holes") == 0))
			return true;
	}
	return false;
}

/* Starts the analyses that are missing: s->jobs. */
static int submit(struct session *s, const json_t *ids, struct err *err)
{
	json_auto_t *jobs = board_jobs(s->board);
	size_t i;
	json_t *id;
	s->jobs = json_array();
	json_array_foreach (ids, i, id) {
		json_auto_t *job = NULL, *request = json_pack("{s:O}", "video", id);
		if (has_result(jobs, json_string_value(id)))
			continue;
		int r = board_submit(s->board, request, &job, err);
		if (r < 0)
			return r;
		json_array_append(s->jobs, json_object_get(job, "id"));
	}
	return 0;
}

static bool is_open(const char *state)
{
	static const char *const open[] = {"queued", "running", "paused", NULL};
	return text_one_of(state, open);
}

static void tell_job(struct session *s, const json_t *j)
{
	const char *name = json_text(j, "name"), *state = json_text(j, "state");
	int64_t chunks = json_integer_value(json_object_get(j, "chunks"));
	int64_t done = json_integer_value(json_object_get(j, "done")) +
	               json_integer_value(json_object_get(j, "holes"));
	if (strcmp(state, "running") != 0)
		session_tell(s, "The analysis of %s %s", name,
		             strcmp(state, "queued") == 0 ? "waits for its turn" : "is paused");
	else if (!chunks)
		session_tell(s, "Analyzing %s: %s", name, json_text(j, "phase"));
	else
		session_tell(s, "Analyzing %s: %" PRId64 " of %" PRId64 " chunk%s", name, done, chunks,
		             text_s(chunks));
}

/* Waits until an analysis ends; *ret_good: it has a result. */
static int wait_for_job(struct session *s, int64_t id, bool *ret_good, struct err *err)
{
	int r = 0;
	while (r == 0) {
		json_auto_t *j = NULL;
		r = board_job(s->board, id, &j, err);
		if (r < 0)
			return r;
		const char *state = json_text(j, "state");
		*ret_good = strcmp(state, "done") == 0 || strcmp(state, "holes") == 0;
		if (!is_open(state) && !*ret_good)
			err_set(err, ERR_ENGINE, "the analysis of %s is %s%s%s", json_text(j, "name"), state,
			        *json_text(j, "error") ? ": " : "", json_text(j, "error"));
		if (!is_open(state))
			return 0;
		tell_job(s, j);
		r = session_pause(s, STEP, err);
	}
	return r;
}

/* Only if none of them has a result there is nothing to ask about. */
static int wait_for_jobs(struct session *s, size_t n_videos, struct err *err)
{
	size_t i, failed = 0;
	json_t *id;
	int r = 0;
	json_array_foreach (s->jobs, i, id) {
		bool good = false;
		r = wait_for_job(s, strtoll(json_string_value(id), NULL, 10), &good, err);
		if (r != 0)
			return r;
		failed += !good;
	}
	return failed && failed == n_videos ? -err->code : 0;
}

/* The videos of a case. */
static int case_videos(struct session *s, json_t **ret, struct err *err)
{
	json_auto_t *c = NULL;
	int r = board_case(s->board, number_of(s->scope, "case"), &c, err);
	if (r == 0)
		*ret = json_incref(json_object_get(c, "videos"));
	return r;
}

/* A video of a case that cannot be used is named in the answer. */
static int wait_for_videos(struct session *s, json_t *ids, bool is_case, struct err *err)
{
	for (size_t i = 0; i < json_array_size(ids);) {
		int64_t id = strtoll(json_string_value(json_array_get(ids, i)), NULL, 10);
		int r = wait_for_video(s, id, err);
		if (r == -ERR_UNSUPPORTED && is_case)
			json_array_remove(ids, i);
		else if (r != 0)
			return r;
		else
			i++;
	}
	return 0;
}

int answering_analyze(struct session *s, struct err *err)
{
	json_auto_t *ids = NULL;
	bool is_case = json_object_get(s->scope, "case");
	int r = 0;
	if (json_object_get(s->scope, "all")) /* those without a result are named in the answer */
		return 0;
	if (is_case)
		r = case_videos(s, &ids, err);
	else
		ids = json_incref(json_object_get(s->scope, "videos"));
	if (r == 0)
		r = wait_for_videos(s, ids, is_case, err);
	if (r == 0)
		r = submit(s, ids, err);
	return r == 0 ? wait_for_jobs(s, json_array_size(ids), err) : r;
}

/* ---- the question */

/* The answer that the client was given before: the same question, and a message
 * that begins with its text. */
static const json_t *find_thread(const json_t *asks, const struct chat_request *q)
{
	size_t i;
	json_t *a;
	json_array_foreach (json_object_get(asks, "asks"), i, a) {
		const char *text = json_text(a, "text");
		if (*text && strcmp(json_text(a, "state"), "done") == 0 &&
		    strcmp(json_text(a, "question"), q->asked) == 0 &&
		    strncmp(q->said, text, strlen(text)) == 0)
			return json_object_get(a, "id");
	}
	return NULL;
}

/* A question that is the same, and not answered yet: of a request that was
 * given up. */
static int64_t find_same(const json_t *asks, const json_t *body)
{
	static const char *const keys[] = {"question", "videos",   "case",  "all",
	                                   "thread",   "thorough", "again", "budget"};
	size_t i;
	json_t *a;
	json_array_foreach (json_object_get(asks, "asks"), i, a) {
		const char *state = json_text(a, "state");
		bool same = strcmp(state, "waiting") == 0 || strcmp(state, "running") == 0;
		for (size_t k = 0; same && k < ARRAY_LEN(keys); k++) {
			const json_t *x = json_object_get(a, keys[k]), *y = json_object_get(body, keys[k]);
			bool none = (!x || json_is_null(x) || json_is_false(x)) &&
			            (!y || json_is_null(y) || json_is_false(y));
			same = none || json_equal(x, y);
		}
		if (same)
			return number_of(a, "id");
	}
	return 0;
}

/* What is asked, as board_ask_add() takes it; the caller owns it. */
static json_t *ask_body(const struct session *s, const json_t *asks)
{
	const struct chat_request *q = &s->request;
	const json_t *thread = find_thread(asks, q);
	json_t *body = json_copy(s->scope);
	json_object_set_new(body, "question", json_string(q->question));
	json_object_set_new(body, "thorough", json_boolean(q->thorough));
	json_object_set_new(body, "again", json_boolean(q->again));
	if (*q->budget)
		json_object_set_new(body, "budget", json_string(q->budget));
	if (thread)
		json_object_set(body, "thread", (json_t *)thread);
	return body;
}

/* Asks, or joins those that wait for the same; with the lock. */
static int add_question(struct session *s, bool *ret_ours, struct err *err)
{
	const struct board_asks_query newest = {.limit = ASKS_LOOKED_AT};
	json_auto_t *asks = NULL, *question = NULL;
	int r = board_asks(s->board, &newest, &asks, err);
	if (r < 0)
		return r;
	json_auto_t *body = ask_body(s, asks);
	s->ask = find_same(asks, body);
	*ret_ours = !s->ask;
	if (s->ask)
		return 0;
	r = board_ask_add(s->board, body, s->who, &question, err);
	if (r == 0)
		s->ask = number_of(question, "id");
	if (r == -ERR_LIMIT && s->call) { /* too many wait already */
		call_problem(s->call, 503, "busy", "%s", err->msg);
		call_head(s->call, "Retry-After", "30");
	}
	return r;
}

static struct chat_ask *find_ask(struct chat_asks *asks, int64_t id)
{
	for (size_t i = 0; i < asks->n; i++)
		if (asks->all[i].id == id)
			return &asks->all[i];
	return NULL;
}

static int ask(struct session *s, struct err *err)
{
	struct chat_asks *asks = s->asks;
	bool ours = false;
	pthread_mutex_lock(&asks->lock);
	int r = add_question(s, &ours, err);
	struct chat_ask *a = r == 0 ? find_ask(asks, s->ask) : NULL;
	if (r == 0 && !a) {
		asks->all = mem_room(asks->all, asks->n, &asks->cap, sizeof *asks->all);
		a = &asks->all[asks->n++];
		*a = (struct chat_ask){.id = s->ask, .ours = ours};
	}
	if (a)
		a->waiting++;
	pthread_mutex_unlock(&asks->lock);
	return r;
}

/* Does not wait for it any more. `gone`: neither does its client, so that it is
 * canceled unless others do, or asked it. What was done is kept. */
static void leave(struct session *s, bool gone)
{
	struct chat_asks *asks = s->asks;
	struct err ignored;
	json_auto_t *canceled = NULL;
	pthread_mutex_lock(&asks->lock);
	struct chat_ask *a = find_ask(asks, s->ask);
	if (--a->waiting == 0) {
		if (gone && a->ours)
			board_ask_cancel(s->board, s->ask, &canceled, &ignored);
		*a = asks->all[--asks->n];
	}
	pthread_mutex_unlock(&asks->lock);
}

static void tell_step(struct session *s, const json_t *question)
{
	const json_t *p = json_object_get(question, "progress");
	char from[CLOCK_TEXT_MAX], to[CLOCK_TEXT_MAX];
	int64_t start = (int64_t)(json_number_value(json_object_get(p, "start")) * 1e6);
	int64_t end = (int64_t)(json_number_value(json_object_get(p, "end")) * 1e6);
	const char *step = json_text(p, "step"), *video = json_text(p, "video");
	int64_t done = json_integer_value(json_object_get(p, "done"));
	int64_t total = json_integer_value(json_object_get(p, "total"));
	const char *what = strcmp(step, "starting") == 0  ? "Starting"
	                   : strcmp(step, "search") == 0  ? "Searching"
	                   : strcmp(step, "look") == 0    ? "Looking"
	                   : strcmp(step, "check") == 0   ? "Checking citations"
	                   : strcmp(step, "compose") == 0 ? "Composing the answer"
	                                                  : step;
	AUTO(mem_freep)
	char *part = total ? mem_printf(" (%" PRId64 " of %" PRId64 ")", done, total) : mem_strdup("");
	if (!*step)
		session_tell(s, "The question waits for its turn");
	else if (*video)
		session_tell(s, "%s at %s %s - %s%s", what, video, clock_short(start, from),
		             clock_short(end, to), part);
	else
		session_tell(s, "%s%s", what, part);
}

/* Waits for the answer. */
static int wait_for_answer(struct session *s, json_t **ret, struct err *err)
{
	uint64_t version = 0;
	int r = 0;
	while (r == 0) {
		json_auto_t *q = NULL;
		r = board_ask_wait(s->board, s->ask, &version, STEP, &q, err);
		const char *state = r == 0 ? json_text(q, "state") : "";
		if (strcmp(state, "done") == 0) {
			if (!s->said)
				session_tell(s, "The answer is ready");
			*ret = json_incref(q);
			return 0;
		}
		if (strcmp(state, "failed") == 0)
			return err_set(err, ERR_ENGINE, "the question was not answered: %s",
			               json_text(q, "error"));
		if (strcmp(state, "canceled") == 0)
			return err_set(err, ERR_BUSY, "the question was canceled");
		if (r == 0) {
			tell_step(s, q);
			r = session_pause(s, 0, err);
		}
	}
	return r;
}

int answering_ask(struct session *s, json_t **ret, struct err *err)
{
	int r = ask(s, err);
	if (r < 0)
		return r;
	r = wait_for_answer(s, ret, err);
	leave(s, r == -ERR_CANCELED && !s->stopping);
	return r;
}
