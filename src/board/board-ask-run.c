/* SPDX-License-Identifier: Apache-2.0 */
/* Questions that wait or are worked on, as summaries of cases are: on threads
 * of their own beside the jobs. Their requests wait in the queue of the engine
 * like those of jobs. What is asked is saved before it is worked on, so that
 * the next start of the server goes on with it; each reply of the model is in
 * the journal of the answer (ask/ask.h). */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "board/board-internal.h"

enum { FAULT_MAX = 1000 /* bytes */, SAVE_PERIOD = 5000 /* ms */, PROGRESS_PERIOD = 250000 };

/* ---- as JSON */

static json_t *text_or_null(const char *s)
{
	return *s ? json_string(s) : json_null();
}

static json_t *parsed_or_null(const char *s)
{
	json_t *j = *s ? json_loads(s, 0, NULL) : NULL;
	return j ? j : json_null();
}

/* ERR_ARG unless a row of the journal can be asked. */
static int check_row(const json_t *request, struct err *err)
{
	json_auto_t *asked = json_copy((json_t *)request);
	json_object_del(asked, "watch"); /* which a client does not set */
	return board_check_ask(asked, err);
}

/* What was asked, with what was left out; of a damaged row nothing. */
static json_t *request_json(const char *text)
{
	json_auto_t *request = json_loads(text, 0, NULL);
	struct err ignored;
	json_t *o = json_pack("{s:s, s:n, s:n, s:b, s:n, s:b, s:b, s:n, s:n, s:n, s:n}", "question", "",
	                      "videos", "case", "all", 0, "thread", "thorough", 0, "again", 0, "budget",
	                      "language", "choices", "watch");
	if (check_row(request, &ignored) == 0)
		json_object_update_existing(o, request);
	return o;
}

json_t *board_ask_json(const struct store_board_ask *row)
{
	static const char *const states[] = {[STORE_ASK_OPEN] = "waiting",
	                                     [STORE_ASK_DONE] = "done",
	                                     [STORE_ASK_FAILED] = "failed",
	                                     [STORE_ASK_CANCELED] = "canceled"};
	bool known = row->state >= 0 && (size_t)row->state < ARRAY_LEN(states);
	json_t *o =
		json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:n, s:o, s:o, s:o}", "id",
	              board_id_json(row->id), "state", known ? states[row->state] : "failed", "error",
	              text_or_null(row->fault), "by", text_or_null(row->who), "created",
	              board_moment(row->created), "started", board_moment(row->started), "ended",
	              board_moment(row->ended), "progress", "result", text_or_null(row->result), "text",
	              text_or_null(row->text), "spent", parsed_or_null(row->spent));
	json_t *request = request_json(row->request);
	json_object_update(o, request);
	json_decref(request);
	return o;
}

static json_t *progress_json(const struct question *q)
{
	bool window = *q->video != 0;
	return json_pack("{s:s, s:o, s:o, s:o, s:I, s:I, s:I, s:I}", "step", q->step, "video",
	                 text_or_null(q->video), "start",
	                 window ? board_seconds(q->progress.start) : json_null(), "end",
	                 window ? board_seconds(q->progress.end) : json_null(), "done",
	                 (json_int_t)q->progress.done, "total", (json_int_t)q->progress.total,
	                 "requests", (json_int_t)q->progress.spent.requests, "prompt_tokens",
	                 (json_int_t)q->progress.spent.prompt_tokens);
}

json_t *board_question_json(const struct question *q)
{
	json_t *o = json_copy(q->shown);
	if (q->cancel) {
		json_object_set_new(o, "state", json_string("running"));
		json_object_set_new(o, "progress", progress_json(q));
	}
	return o;
}

/* ---- in memory; with the lock held */

struct question *board_find_question(struct board *b, int64_t id)
{
	for (size_t i = 0; i < b->n_questions; i++)
		if (b->questions[i]->id == id && !b->questions[i]->discarded)
			return b->questions[i];
	return NULL;
}

static void changed(struct question *q)
{
	q->version = ++q->board->questions_version;
	pthread_cond_broadcast(&q->board->asked);
}

static void publish(struct question *q, int64_t now)
{
	q->moved = false;
	q->last_published = now;
	events_post(q->board->setup.events, EVENT_ASK, q->id, board_question_json(q));
}

int64_t board_publish_questions(struct board *b, int64_t now)
{
	int64_t next = INT64_MAX;
	for (size_t i = 0; i < b->n_questions; i++) {
		struct question *q = b->questions[i];
		int64_t at = q->last_published + PROGRESS_PERIOD;
		if (!q->moved || q->discarded)
			continue;
		if (at <= now)
			publish(q, now);
		else if (at < next)
			next = at;
	}
	return next;
}

static void free_question(struct question *q)
{
	json_decref(q->request);
	json_decref(q->shown);
	cancel_free(q->cancel);
	free(q->video);
	free(q->answer);
	free(q);
}

/* It is over, or the server is: its thread frees it. */
static void leave(struct question *q)
{
	struct board *b = q->board;
	size_t i = 0;
	while (b->questions[i] != q)
		i++;
	memmove(b->questions + i, b->questions + i + 1,
	        (b->n_questions - i - 1) * sizeof(struct question *));
	b->n_questions--;
	pthread_cond_broadcast(&b->asked);
}

/* ---- working on one */

/* That its answer has this id: removing the question removes that, too. */
static void note_answer(struct question *q, const char *id)
{
	struct board *b = q->board;
	AUTO(store_board_ask_clear) struct store_board_ask row = {0};
	struct err err;
	board_set_text(&q->answer, id);
	AUTO(board_undiskp) struct board *disk = board_disk(b);
	int r = store_board_ask_find(disk->setup.store, q->id, &row, &err);
	if (r == 0) {
		board_set_text(&row.answer, id);
		r = store_board_ask_update(disk->setup.store, &row, &err);
	}
	if (r < 0 && r != -ERR_NOENT)
		log_warning("[question %lld] %s", (long long)q->id, err.msg);
}

static void on_progress(void *ctx, const struct ask_progress *p)
{
	struct question *q = ctx;
	if (strcmp(q->answer, p->id) != 0)
		note_answer(q, p->id);
	AUTO(board_unlockp) struct board *b = board_lock(q->board);
	board_set_text(&q->video, p->video);
	q->step = p->step;
	q->progress = *p;
	q->moved = true;
	changed(q);
	board_wake(b);
}

static int ask_with(struct question *q, const struct analyze_options *o, struct answer **ret,
                    struct err *err)
{
	struct board *b = q->board;
	AUTO(board_clear_asked) struct asked asked = {0};
	AUTO(mem_freep) char *json = NULL;
	const char *choices[ASK_CHOICES_MAX];
	int r = board_take_asked(b, q->request, false, &asked, err);
	if (r < 0)
		return r;
	const struct ask_request request =
		board_ask_request(q->request, &asked, o->language ? o->language : "", choices);
	const struct ask_context c = {.engine = b->setup.engine,
	                              .store = b->setup.store,
	                              .memory = b->setup.memory,
	                              .options = o,
	                              .runner = b->setup.runner,
	                              .web = b->setup.web,
	                              .cancel = q->cancel,
	                              .progress = on_progress,
	                              .ctx = q};
	return ask_run(&c, &request, ret, &json, err);
}

static int work(struct question *q, struct answer **ret, struct err *err)
{
	struct analyze_options o;
	/* First: the key of an answer has the name of the model, which is known
	 * once the engine runs. */
	int r = engine_start(q->board->setup.engine, NULL, NULL, err);
	if (r == 0)
		r = board_default_options(q->board, &o, err);
	if (r < 0)
		return r;
	r = ask_with(q, &o, ret, err);
	board_clear_options(&o);
	return r;
}

/* ---- its begin and its end */

static bool is_stopping(struct board *b)
{
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	return locked->stopping;
}

/* False: it is not to be answered any more. What waits needs no descriptor. */
static bool begin(struct question *q)
{
	struct err err;
	AUTO(store_board_ask_clear) struct store_board_ask row = {0};
	AUTO(board_undiskp) struct board *disk = board_disk(q->board);
	if (q->discarded || is_stopping(disk))
		return false;
	int r = store_board_ask_find(disk->setup.store, q->id, &row, &err);
	if (r == 0 && !row.started) {
		row.started = clock_wall();
		r = store_board_ask_update(disk->setup.store, &row, &err);
	}
	if (r < 0) /* it only says when it began */
		log_warning("[question %lld] %s", (long long)q->id, err.msg);
	AUTO(board_unlockp) struct board *b = board_lock(disk);
	json_object_set_new(q->shown, "started", board_moment(row.started));
	q->cancel = cancel_new();
	changed(q);
	publish(q, clock_now());
	return !b->stopping;
}

static int save_end(struct question *q, int result, const struct answer *answer,
                    const struct err *why, struct store_board_ask *row, struct err *err)
{
	struct store *store = q->board->setup.store;
	int r = store_board_ask_find(store, q->id, row, err);
	if (r < 0)
		return r;
	AUTO(mem_freep) char *fault = text_line(result < 0 ? why->msg : "", FAULT_MAX);
	row->state = result < 0 ? STORE_ASK_FAILED : STORE_ASK_DONE;
	row->ended = clock_wall();
	board_set_text(&row->fault, fault);
	if (answer)
		board_set_text(&row->answer, answer->id);
	r = store_board_ask_update(store, row, err);
	if (r == 0) { /* with what is known of the answer */
		store_board_ask_clear(row);
		r = store_board_ask_find(store, q->id, row, err);
	}
	return r;
}

/* With the lock held: the standing question goes on with the next video. */
static void ask_others(struct question *q, bool asked)
{
	struct board *b = q->board;
	int64_t video = 0;
	board_parse_id(json_array_get(json_object_get(q->request, "videos"), 0), &video, NULL);
	if (!asked) {
		b->unasked = mem_room(b->unasked, b->n_unasked, &b->cap_unasked, sizeof *b->unasked);
		b->unasked[b->n_unasked++] =
			(struct unasked){board_watch_of(q->request), video, clock_wall()};
	}
	b->watches_due = true;
	board_wake(b);
}

/* False if that failed and is to be tried again. An end of the server leaves it
 * open. */
static bool end(struct question *q, int result, const struct answer *answer, const struct err *why)
{
	struct err err;
	AUTO(store_board_ask_clear) struct store_board_ask row = {0};
	AUTO(board_undiskp) struct board *disk = board_disk(q->board);
	if (q->discarded && *q->answer)
		store_board_ask_forget(disk->setup.store, q->answer);
	bool open = q->discarded || (result < 0 && is_stopping(disk));
	bool answered = answer && answer->state != ANSWER_FAILED;
	/* First: after a kill it is answered again, from the journal. */
	int r = open || !answered ? 0 : board_note_watched(disk, q->request, answer, "", &err);
	if (r == 0 && !open)
		r = save_end(q, result, answer, why, &row, &err);
	if (r < 0 && r != -ERR_NOENT) {
		log_warning("[question %lld] cannot save its end: %s; trying again", (long long)q->id,
		            err.msg);
		return false;
	}
	AUTO(board_unlockp) struct board *b = board_lock(disk);
	leave(q);
	if (board_watch_of(q->request))
		ask_others(q, answered || q->discarded);
	if (!open && r == 0)
		events_post(b->setup.events, EVENT_ASK, q->id, board_ask_json(&row));
	return true;
}

static void answer_question(struct question *q)
{
	AUTO(answer_freep) struct answer *answer = NULL;
	struct err err = {0};
	int r = work(q, &answer, &err);
	if (r < 0 && err.code != ERR_CANCELED)
		log_warning("[question %lld] no answer: %s", (long long)q->id, err.msg);
	struct pollfd canceled = {.fd = cancel_fd(q->cancel), .events = POLLIN};
	while (!end(q, r, answer, &err))
		if (poll(&canceled, 1, SAVE_PERIOD) != 0) {
			AUTO(board_unlockp) struct board *b = board_lock(q->board);
			(void)b;
			leave(q);
			break;
		}
}

static void run_question(void *ctx)
{
	struct question *q = ctx;
	if (begin(q)) {
		answer_question(q);
	} else {
		AUTO(board_unlockp) struct board *b = board_lock(q->board);
		(void)b;
		leave(q);
	}
	free_question(q);
}

/* ---- starting and stopping */

json_t *board_start_question(struct board *b, const struct store_board_ask *row)
{
	struct question *q = mem_alloc(1, sizeof *q);
	*q = (struct question){.board = b,
	                       .id = row->id,
	                       .request = json_loads(row->request, 0, NULL), /* was checked */
	                       .shown = board_ask_json(row),
	                       .step = "starting",
	                       .video = mem_strdup(""),
	                       .answer = mem_strdup(row->answer)};
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	b->questions = mem_grow(b->questions, locked->n_questions + 1, sizeof(struct question *));
	b->questions[b->n_questions++] = q;
	changed(q);
	json_t *shown = board_question_json(q);
	pool_run(b->asking, run_question, q);
	return shown;
}

void board_stop_question(struct board *b, int64_t id)
{
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	struct question *q = board_find_question(locked, id);
	if (!q)
		return;
	q->discarded = b->watches_due = true;
	board_wake(b);
	if (q->cancel)
		cancel_fire(q->cancel);
	pthread_cond_broadcast(&b->asked);
}

/* A question that cannot be asked ends, and holds nothing up. */
static void resume(struct board *b, struct store_board_ask *row)
{
	json_auto_t *request = json_loads(row->request, 0, NULL);
	struct err why;
	if (check_row(request, &why) == 0) {
		json_decref(board_start_question(b, row));
		return;
	}
	err_wrap(&why, "the question in the journal is damaged");
	log_warning("[question %lld] %s", (long long)row->id, why.msg);
	AUTO(mem_freep) char *fault = text_line(why.msg, FAULT_MAX);
	row->state = STORE_ASK_FAILED;
	row->ended = clock_wall();
	board_set_text(&row->fault, fault);
	if (store_board_ask_update(b->setup.store, row, &why) < 0)
		log_warning("[question %lld] %s", (long long)row->id, why.msg);
}

int board_resume_questions(struct board *b, struct err *err)
{
	struct store_board_ask *all = NULL;
	size_t n = 0;
	int r = store_board_asks_open(b->setup.store, &all, &n, err);
	for (size_t i = 0; i < n; i++)
		resume(b, &all[i]);
	store_board_asks_free(all, n);
	return r;
}
