/* SPDX-License-Identifier: Apache-2.0 */
/* Summaries of cases by the model. One at a time is written, on a thread of its
 * own; its requests wait in the queue of the engine like those of jobs. That
 * one is wanted is saved, so that the next start of the server goes on with it,
 * and each answer is, so that none is asked for twice. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "board/board-internal.h"
#include "cases/print.h"

enum { FAULT_MAX = 1000 /* bytes */, SAVE_PERIOD = 5000 /* milliseconds */, WAITING_MAX = 1000 };

/* ---- writing one */

/* Where its answers are kept. */
static int find_answer(void *ctx, const char *request, char **ret, struct err *err)
{
	const struct summing *s = ctx;
	return store_board_answer_find(s->board->setup.store, s->id, request, ret, err);
}

static int add_answer(void *ctx, const char *request, const char *text, struct err *err)
{
	const struct summing *s = ctx;
	return store_board_answer_add(s->board->setup.store, s->id, request, text, err);
}

/* The result. */
struct written {
	char *text;        /* owned */
	const char *model; /* the engine's */
	char made_of[HASH_HEX];
};

static int ask_model(struct summing *s, const struct store_board_case *c,
                     const struct analyze_options *o, struct written *ret, struct err *err)
{
	struct board *b = s->board;
	AUTO(board_clear_members) struct case_members m = {0};
	AUTO(mem_freep) char *number = mem_printf("%lld", (long long)c->id);
	int r = board_take_members(b, c, &m, err);
	if (r < 0)
		return r;
	const struct case_input in = {
		.id = number, .title = c->name, .rows = m.rows, .away = m.away, .n = m.n};
	const struct run_context run = {.engine = b->setup.engine,
	                                .store = b->setup.store,
	                                .memory = b->setup.memory,
	                                .cancel = s->cancel};
	const struct merge_options merge = {.prompt = o->prompt, .language = o->language};
	const struct reply_journal answers = {.find = find_answer, .add = add_answer, .ctx = s};
	ret->model = engine_info(b->setup.engine)->model;
	memcpy(ret->made_of, m.made_of, sizeof ret->made_of);
	return case_sum_up(&run, &in, &merge, &answers, &ret->text, err);
}

static int write_summary(struct summing *s, struct written *ret, struct err *err)
{
	struct board *b = s->board;
	struct store_board_case *c = NULL;
	struct analyze_options o;
	size_t n = 0;
	int r = engine_start(b->setup.engine, NULL, NULL, err);
	if (r == 0)
		r = store_board_cases_load(b->setup.store, s->id, &c, &n, err);
	if (r == 0)
		r = board_default_options(b, &o, err);
	if (r == 0) {
		r = ask_model(s, c, &o, ret, err);
		board_clear_options(&o);
	}
	store_board_cases_free(c, n);
	return r;
}

/* ---- its end */

static int save_result(struct summing *s, int r, const struct written *w, const struct err *why,
                       struct err *err)
{
	struct store *store = s->board->setup.store;
	struct store_board_case *c = NULL;
	size_t n = 0;
	int e = store_board_cases_load(store, s->id, &c, &n, err);
	if (e < 0)
		return e;

	struct store_board_summary *to = &c->summary;
	AUTO(mem_freep) char *fault = text_line(r < 0 ? why->msg : "", FAULT_MAX);
	to->wanted = 0;
	board_set_text(&to->fault, fault);
	if (r == 0) {
		to->written = clock_wall();
		board_set_text(&to->text, w->text);
		board_set_text(&to->made_of, w->made_of);
		board_set_text(&to->model, w->model);
	}
	e = store_board_summary_save(store, s->id, to, err);
	store_board_cases_free(c, n);
	return e;
}

static bool is_stopping(struct board *b)
{
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	return locked->stopping;
}

/* False if that failed and is to be tried again. An end of the server leaves it
 * wanted. */
static bool end(struct summing *s, int r, const struct written *w, const struct err *why)
{
	struct board *b = s->board;
	struct err err;
	AUTO(board_undiskp) struct board *disk = board_disk(b);
	if (s->discarded || (r < 0 && is_stopping(disk)))
		return true;
	int e = save_result(s, r, w, why, &err);
	if (e < 0 && e != -ERR_NOENT) {
		log_warning("[case %lld] cannot save its summary: %s; trying again", (long long)s->id,
		            err.msg);
		return false;
	}
	board_publish_case(disk, s->id);
	return true;
}

static void leave(struct summing *s)
{
	AUTO(board_unlockp) struct board *b = board_lock(s->board);
	size_t i = 0;
	while (b->summing[i] != s)
		i++;
	memmove(b->summing + i, b->summing + i + 1, (b->n_summing - i - 1) * sizeof(struct summing *));
	b->n_summing--;
}

/* False: it is not wanted any more. What waits needs no descriptor. */
static bool begin(struct summing *s)
{
	AUTO(board_unlockp) struct board *b = board_lock(s->board);
	if (b->stopping || s->discarded)
		return false;
	s->cancel = cancel_new();
	return true;
}

static void work(struct summing *s)
{
	struct written w = {0};
	struct err err = {0};
	int r = write_summary(s, &w, &err);
	if (r < 0 && err.code != ERR_CANCELED)
		log_warning("[case %lld] no summary: %s", (long long)s->id, err.msg);
	struct pollfd canceled = {.fd = cancel_fd(s->cancel), .events = POLLIN};
	while (!end(s, r, &w, &err) && poll(&canceled, 1, SAVE_PERIOD) == 0)
		;
	free(w.text);
}

static void run_summing(void *ctx)
{
	struct summing *s = ctx;
	if (begin(s))
		work(s);
	leave(s);
	cancel_free(s->cancel);
	free(s);
}

/* ---- requests */

static void start(struct board *b, int64_t id)
{
	struct summing *s = mem_alloc(1, sizeof *s);
	*s = (struct summing){.board = b, .id = id};
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	b->summing = mem_grow(b->summing, locked->n_summing + 1, sizeof(struct summing *));
	b->summing[b->n_summing++] = s;
	pool_run(b->summarizing, run_summing, s);
}

static int want(struct board *b, struct store_board_case *c, struct err *err)
{
	AUTO(board_clear_members) struct case_members m = {0};
	int r = board_take_members(b, c, &m, err);
	if (r == 0 && pool_waiting(b->summarizing) >= WAITING_MAX)
		r = err_set(err, ERR_BUSY, "%d summaries wait already; try again later", WAITING_MAX);
	if (r == 0 && !m.any_result)
		r = err_set(err, ERR_BUSY, "no video of case %lld has a result yet", (long long)c->id);
	if (r < 0)
		return r;
	c->summary.wanted = clock_wall();
	board_set_text(&c->summary.fault, "");
	return store_board_summary_save(b->setup.store, c->id, &c->summary, err);
}

static int unwant(struct board *b, struct store_board_case *c, struct err *err)
{
	if (!c->summary.wanted)
		return err_set(err, ERR_BUSY, "no summary of case %lld is being written", (long long)c->id);
	c->summary.wanted = 0;
	return store_board_summary_save(b->setup.store, c->id, &c->summary, err);
}

/* With `disk` held: publishes the case, and returns it. */
static int reply(struct board *b, int64_t id, json_t **ret, struct err *err)
{
	int r = board_case(b, id, ret, err);
	if (r == 0)
		events_post(b->setup.events, EVENT_CASE, id, json_incref(*ret));
	return r;
}

int board_case_summarize(struct board *b, int64_t id, json_t **ret, struct err *err)
{
	struct store_board_case *c = NULL;
	size_t n = 0;
	AUTO(board_undiskp) struct board *disk = board_disk(b);
	int r = store_board_cases_load(disk->setup.store, id, &c, &n, err);
	bool runs = r == 0 && c->summary.wanted;
	if (r == 0 && !runs && (r = want(b, c, err)) == 0)
		start(b, id);
	store_board_cases_free(c, n);
	return r < 0 ? r : runs ? board_case(b, id, ret, err) : reply(b, id, ret, err);
}

int board_case_cancel_summary(struct board *b, int64_t id, json_t **ret, struct err *err)
{
	struct store_board_case *c = NULL;
	size_t n = 0;
	AUTO(board_undiskp) struct board *disk = board_disk(b);
	int r = store_board_cases_load(disk->setup.store, id, &c, &n, err);
	if (r == 0 && (r = unwant(b, c, err)) == 0)
		board_stop_summing(b, id);
	store_board_cases_free(c, n);
	return r < 0 ? r : reply(b, id, ret, err);
}

int board_resume_summaries(struct board *b, struct err *err)
{
	struct store_board_case *all = NULL;
	size_t n = 0;
	int r = store_board_cases_load(b->setup.store, STORE_ALL_CASES, &all, &n, err);
	for (size_t i = 0; i < n; i++)
		if (all[i].summary.wanted)
			start(b, all[i].id);
	store_board_cases_free(all, n);
	return r;
}
