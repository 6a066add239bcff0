/* SPDX-License-Identifier: Apache-2.0 */
/* Requests about questions and their answers. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/cond.h"
#include "base/log.h"
#include "board/board-internal.h"
#include "store/ask.h"

/* ---- asking */

static int need_room(struct board *b, struct err *err)
{
	return pool_waiting(b->asking) < BOARD_ASKS_WAITING
	           ? 0
	           : err_set(err, ERR_LIMIT, "%d questions wait already; try again later",
	                     BOARD_ASKS_WAITING);
}

int board_ask_add(struct board *b, const json_t *body, const char *who, json_t **ret,
                  struct err *err)
{
	AUTO(board_clear_asked) struct asked asked = {0};
	AUTO(store_board_ask_clear) struct store_board_ask row = {0};
	int64_t id;
	int r = board_check_ask(body, err);
	if (r < 0)
		return r;
	AUTO(board_undiskp) struct board *disk = board_disk(b);
	r = need_room(disk, err);
	if (r == 0)
		r = board_take_asked(b, body, true, &asked, err);
	if (r < 0)
		return r;
	AUTO(mem_freep) char *text = json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS);
	const struct store_board_ask added = {.request = text, .who = (char *)who};
	r = store_board_ask_add(b->setup.store, &added, &id, err);
	if (r == 0)
		r = store_board_ask_find(b->setup.store, id, &row, err);
	if (r < 0)
		return r;
	json_t *shown = board_start_question(b, &row);
	events_post(b->setup.events, EVENT_ASK, id, json_incref(shown));
	*ret = shown;
	return 0;
}

/* ---- reading */

/* As it is now, if it waits or is worked on. Before its row is read: it is
 * saved before it leaves memory. */
static json_t *shown_now(struct board *b, int64_t id)
{
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	const struct question *q = board_find_question(locked, id);
	return q ? board_question_json(q) : NULL;
}

/* Where the board has a source of an answer: {"video", "job"}, or null. */
static json_t *place_json(struct board *b, const struct answer_source *s)
{
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	for (size_t i = locked->n_jobs; *s->job && i-- > 0;) {
		const struct job *j = b->jobs[i];
		if (!j->gone && strcmp(j->row.journal, s->job) == 0)
			return json_pack("{s:o, s:o}", "video", board_id_json(j->row.video), "job",
			                 board_id_json(j->row.id));
	}
	return json_null();
}

static json_t *places_json(struct board *b, const struct answer *a)
{
	json_t *list = json_array();
	for (size_t i = 0; i < a->n_sources; i++)
		json_array_append_new(list, place_json(b, &a->sources[i]));
	return list;
}

/* The answer of a question, ERR_BUSY before there is one. */
static int load_answer(struct board *b, const struct store_board_ask *row, struct answer **ret,
                       char **ret_json, struct err *err)
{
	if (row->state != STORE_ASK_DONE)
		return err_set(err, row->state == STORE_ASK_OPEN ? ERR_BUSY : ERR_NOENT,
		               row->state == STORE_ASK_OPEN ? "question %lld is not answered yet"
		                                            : "question %lld has no answer",
		               (long long)row->id);
	return ask_load(b->setup.store, row->answer, ret, ret_json, err);
}

int board_ask(struct board *b, int64_t id, json_t **ret, struct err *err)
{
	json_int_t seq = (json_int_t)events_last(b->setup.events);
	AUTO(store_board_ask_clear) struct store_board_ask row = {0};
	AUTO(answer_freep) struct answer *answer = NULL;
	AUTO(mem_freep) char *json = NULL;
	json_auto_t *now = shown_now(b, id);
	int r = store_board_ask_find(b->setup.store, id, &row, err);
	if (r < 0)
		return r;
	json_auto_t *o = now && row.state == STORE_ASK_OPEN ? json_incref(now) : board_ask_json(&row);
	r = row.state == STORE_ASK_DONE ? load_answer(b, &row, &answer, &json, err) : 0;
	if (r < 0 && r != -ERR_NOENT)
		return r;
	json_object_set_new(o, "seq", json_integer(seq));
	json_object_set_new(o, "answer", answer ? answer_json(answer) : json_null());
	json_object_set_new(o, "places", answer ? places_json(b, answer) : json_array());
	*ret = json_incref(o);
	return 0;
}

int board_asks(struct board *b, const struct board_asks_query *query, json_t **ret, struct err *err)
{
	json_int_t seq = (json_int_t)events_last(b->setup.events);
	AUTO(mem_freep)
	char *number = query->case_id ? mem_printf("%lld", (long long)query->case_id) : NULL;
	const struct store_board_asks_query q = {
		.before = query->before, .case_name = number, .limit = query->limit + 1};
	struct store_board_ask *all = NULL;
	size_t n = 0;
	int r = store_board_asks_list(b->setup.store, &q, &all, &n, err);
	if (r < 0)
		return r;
	json_t *list = json_array();
	for (size_t i = 0; i < n && i < query->limit; i++) {
		json_t *now = all[i].state == STORE_ASK_OPEN ? shown_now(b, all[i].id) : NULL;
		json_array_append_new(list, now ? now : board_ask_json(&all[i]));
	}
	store_board_asks_free(all, n);
	*ret = json_pack("{s:I, s:o, s:b}", "seq", seq, "asks", list, "more", n > query->limit);
	return 0;
}

/* Without links to the reports of the videos, which are files of this machine. */
static void forget_reports(struct answer *a)
{
	for (size_t i = 0; i < a->n_sources; i++)
		board_set_text(&a->sources[i].report, "");
}

static int print_answer(struct answer *a, const char *json, const char *format, struct buf *out,
                        struct err *err)
{
	forget_reports(a);
	if (strcmp(format, "html") == 0)
		return answer_html(a, out, err);
	if (strcmp(format, "md") == 0)
		return answer_markdown(a, out, err);
	if (strcmp(format, "json") != 0)
		return err_set(err, ERR_NOENT, "an answer is json, html or md");
	buf_adds(out, json); /* as it was signed: what happened since is not part of it */
	buf_adds(out, "\n");
	return buf_check(out, "the answer", err);
}

int board_ask_answer(struct board *b, int64_t id, const char *format, struct buf *out,
                     char **ret_name, struct err *err)
{
	AUTO(store_board_ask_clear) struct store_board_ask row = {0};
	AUTO(answer_freep) struct answer *answer = NULL;
	AUTO(mem_freep) char *json = NULL;
	int r = store_board_ask_find(b->setup.store, id, &row, err);
	if (r == 0)
		r = load_answer(b, &row, &answer, &json, err);
	if (r == 0)
		r = print_answer(answer, json, format, out, err);
	if (r == 0)
		*ret_name = mem_printf("answer-%s.%s", answer->id, format);
	return r;
}

int board_ask_picture(struct board *b, int64_t id, int64_t cite, int64_t index, struct buf *out,
                      struct err *err)
{
	AUTO(store_board_ask_clear) struct store_board_ask row = {0};
	int r = store_board_ask_find(b->setup.store, id, &row, err);
	return r < 0 ? r : store_ask_picture(b->setup.store, row.answer, cite - 1, index, out, err);
}

/* ---- waiting */

/* Whether it changed after *version, which is then what it is now. */
static bool is_newer(struct board *b, int64_t id, uint64_t *version)
{
	const struct question *q = board_find_question(b, id);
	bool newer = !q || q->version > *version;
	if (q && newer)
		*version = q->version;
	return newer;
}

int board_ask_wait(struct board *b, int64_t id, uint64_t *version, int64_t timeout, json_t **ret,
                   struct err *err)
{
	int64_t until = clock_now() + timeout;
	pthread_mutex_lock(&b->lock);
	while (!b->stopping && !is_newer(b, id, version) && cond_wait_until(&b->asked, &b->lock, until))
		;
	bool stopping = b->stopping;
	pthread_mutex_unlock(&b->lock);
	return stopping ? err_set(err, ERR_CANCELED,
	                          "the server is shutting down; the question is "
	                          "answered after its next start")
	                : board_ask(b, id, ret, err);
}

/* ---- changes */

/* So that a standing question does not ask it again. */
static int note_given_up(struct board *b, const struct store_board_ask *row, struct err *err)
{
	json_auto_t *request = json_loads(row->request, 0, NULL);
	return row->state == STORE_ASK_DONE ? 0 : board_note_watched(b, request, NULL, "canceled", err);
}

int board_ask_cancel(struct board *b, int64_t id, json_t **ret, struct err *err)
{
	AUTO(store_board_ask_clear) struct store_board_ask row = {0};
	AUTO(board_undiskp) struct board *disk = board_disk(b);
	int r = store_board_ask_find(disk->setup.store, id, &row, err);
	if (r == 0 && row.state != STORE_ASK_OPEN)
		r = err_set(err, ERR_BUSY, "question %lld has ended already", (long long)id);
	if (r < 0)
		return r;
	row.state = STORE_ASK_CANCELED;
	row.ended = clock_wall();
	r = note_given_up(b, &row, err);
	if (r == 0)
		r = store_board_ask_update(b->setup.store, &row, err);
	if (r < 0)
		return r;
	board_stop_question(b, id);
	*ret = board_ask_json(&row);
	events_post(b->setup.events, EVENT_ASK, id, json_incref(*ret));
	return 0;
}

int board_ask_remove(struct board *b, int64_t id, struct err *err)
{
	AUTO(store_board_ask_clear) struct store_board_ask row = {0};
	AUTO(board_undiskp) struct board *disk = board_disk(b);
	int r = store_board_ask_find(disk->setup.store, id, &row, err);
	if (r == 0)
		r = note_given_up(disk, &row, err);
	if (r == 0)
		r = store_board_ask_remove(disk->setup.store, id, err);
	if (r < 0)
		return r;
	board_stop_question(b, id);
	events_post(b->setup.events, EVENT_ASK_REMOVED, id, NULL);
	return 0;
}
