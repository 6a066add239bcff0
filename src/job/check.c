/* SPDX-License-Identifier: Apache-2.0 */
#include "job/check.h"

#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "job/check-run.h"
#include "job/step-threads.h"
#include "job/statements.h"
#include "report/checks.h"

enum { FAILURES_MOST = 3, SHARE = 5 };

/* Everything about the checks of one job. */
struct checking {
	const struct run_context *run;
	const struct check_options *options;
	bool controls_only; /* no statement is checked */
	int fd;
	const char *job;
	char *model, prompt[HASH_HEX];
	struct report *report;
	struct statements statements;
	enum check_doubt *doubts;
	bool *chosen;                   /* for each statement: it is to be checked */
	bool *wanted;                   /* ... and has no answer yet */
	struct store_control *controls; /* of this job, in order */
	size_t n_controls;
	struct check_controls sum; /* of all jobs */

	struct check_item *items;
	size_t n;
	struct looking looking;
	bool gives;           /* the runner does the looks */
	struct cancel *stop;  /* of what it is doing; NULL without one */
	pthread_mutex_t lock; /* guards what follows */
	size_t next, done;
	size_t answered; /* statements, also by earlier runs */
	size_t kept;     /* controls, of these items */
	size_t failures; /* one after the other */
	struct check_cost cost;
	bool again;     /* something could not be asked */
	char *stopped;  /* why the rest is not asked; NULL = it is */
	struct err err; /* that ends the run */
	int result;
};

size_t check_limit(size_t chunks)
{
	return chunks >= SHARE ? chunks / SHARE : 1;
}

/* ---- what there is to do */

static int by_place(const struct store_control *c, int64_t chunk, int64_t index, const char *kind,
                    const char *what)
{
	if (c->chunk != chunk)
		return c->chunk < chunk ? -1 : 1;
	if (c->index != index)
		return c->index < index ? -1 : 1;
	int r = strcmp(c->kind, kind);
	return r ? r : strcmp(c->what, what);
}

static bool has_control(const struct checking *k, const struct check_item *item)
{
	const struct check_statement *s = &k->statements.items[item->statement];
	size_t low = 0, high = k->n_controls;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int r = by_place(&k->controls[middle], (int64_t)s->part.chunk, (int64_t)s->index,
		                 check_kind_name(item->kind), item->what);
		if (r == 0)
			return true;
		if (r < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

static bool is_done(void *ctx, const struct check_item *item)
{
	const struct checking *k = ctx;
	return item->kind == CHECK_STATEMENT ? !k->wanted[item->statement] : has_control(k, item);
}

/* How many more items this job may have. */
static size_t room(const struct checking *k)
{
	if (k->options->mode == CHECKS_ALL)
		return SIZE_MAX;
	size_t limit = check_limit(k->report->n_chunks), used = k->answered + k->n_controls;
	return used < limit ? limit - used : 0;
}

/* What is done one after the other. A run that continues begins again with the
 * first, of which nothing is left to do then. */
enum step {
	CONTROLS,      /* that every model needs */
	MORE_CONTROLS, /* that wrong answers make necessary */
	STATEMENTS,
};

static size_t controls_needed(enum step step, size_t wrong, size_t there)
{
	size_t wanted = step == CONTROLS        ? CHECK_CONTROLS
	                : step == MORE_CONTROLS ? check_controls_needed(wrong)
	                                        : 0;
	return there < wanted ? wanted - there : 0;
}

/* Chooses the items of a step. */
static int choose(struct checking *k, enum step step, struct err *err)
{
	store_controls_free(TAKE(k->controls), k->n_controls);
	k->n_controls = 0;
	int r = store_controls_load(k->run->store, k->job, k->model, k->prompt, &k->controls,
	                            &k->n_controls, err);
	if (r == 0)
		r = report_controls_count(k->run->store, k->model, k->prompt, &k->sum, err);
	if (r < 0)
		return r;
	AUTO(mem_freep) bool *nothing = mem_alloc(k->statements.video.n, sizeof *nothing);
	const struct check_wanted wanted = {
		.statements = step == STATEMENTS ? k->chosen : nothing,
		.positive = controls_needed(step, k->sum.false_no, k->sum.yes),
		.negative = controls_needed(step, k->sum.false_yes, k->sum.no),
		.limit = room(k),
		.done = is_done,
		.ctx = k};
	check_items_free(TAKE(k->items), k->n);
	k->items = check_plan(&k->statements.video, k->doubts, &wanted, &k->n);
	return 0;
}

/* In the order of their frames, so that those about the same ones follow each
 * other. */
static int by_frames(const void *x, const void *y)
{
	const struct check_item *a = x, *b = y;
	for (size_t i = 0; i < a->n_frames && i < b->n_frames; i++)
		if (a->frames[i] != b->frames[i])
			return a->frames[i] < b->frames[i] ? -1 : 1;
	if (a->n_frames != b->n_frames)
		return a->n_frames < b->n_frames ? -1 : 1;
	return (a->statement > b->statement) - (a->statement < b->statement);
}

/* ---- the lanes */

static bool same_frames(const struct check_item *a, const struct check_item *b)
{
	return a->n_frames == b->n_frames &&
	       memcmp(a->frames, b->frames, a->n_frames * sizeof *a->frames) == 0;
}

static void stop(struct checking *k, const char *why)
{
	if (!k->stopped)
		k->stopped = mem_strdup(why);
}

/* What the engine of this process will be asked. */
static void expect(const struct checking *k, int64_t requests)
{
	if (!k->gives)
		engine_expect(k->run->engine, requests);
}

/* Takes the next items about the same frames; returns how many, 0 at the end. */
static size_t take_next(struct checking *k, size_t *ret_first)
{
	size_t n = 0, most = k->gives ? CHECK_UNIT_STATEMENTS : k->n;
	pthread_mutex_lock(&k->lock);
	*ret_first = k->next;
	if (k->options->deadline && clock_now() > k->options->deadline) {
		stop(k, "the job's time limit (job.timeout) was reached");
		k->again = true;
	}
	if (k->result == 0 && !k->stopped && !cancel_fired(k->run->cancel) &&
	    !cancel_fired(k->options->drain))
		while (k->next + n < k->n && n < most &&
		       (!n || same_frames(&k->items[k->next], &k->items[k->next + n])))
			n++;
	k->next += n;
	pthread_mutex_unlock(&k->lock);
	expect(k, -(int64_t)n);
	return n;
}

/* An answer, or none, with the frames that were shown. */
struct answered {
	struct store_answer answer;
	const char *reason; /* NULL = none */
	int64_t frames[CHECK_PICTURES];
	size_t n;
};

static int save_verdict(const struct checking *k, size_t statement, const struct answered *a,
                        struct err *err)
{
	const struct check_statement *s = &k->statements.items[statement];
	const struct store_verdict v = {.chunk = (int64_t)s->part.chunk,
	                                .index = (int64_t)s->index,
	                                .answer = a->answer,
	                                .frames = (int64_t *)a->frames,
	                                .n_frames = a->n,
	                                .reason = (char *)(a->reason ? a->reason : ""),
	                                .model = k->model,
	                                .prompt = (char *)k->prompt};
	return store_verdicts_save(k->run->store, k->job, &v, 1, err);
}

static int save_control(const struct checking *k, const struct check_item *item,
                        const struct store_answer *answer, struct err *err)
{
	const struct check_statement *s = &k->statements.items[item->statement];
	const struct store_control c = {.model = k->model,
	                                .prompt = (char *)k->prompt,
	                                .kind = (char *)check_kind_name(item->kind),
	                                .job = (char *)k->job,
	                                .chunk = (int64_t)s->part.chunk,
	                                .index = (int64_t)s->index,
	                                .what = item->what,
	                                .expected = item->kind == CHECK_POSITIVE ? 'A' : 'B',
	                                .answer = *answer};
	return store_control_save(k->run->store, &c, err);
}

/* Items that could not be asked: statements are journaled with the reason. */
static int give_up(struct checking *k, const struct check_item *items, size_t n,
                   const struct err *why, struct err *err)
{
	AUTO(mem_freep) char *reason = text_line(why->msg, sizeof why->msg);
	const struct answered none = {.reason = reason};
	int r = 0;
	log_warning("[job %s] a check failed: %s", k->job, reason);
	pthread_mutex_lock(&k->lock);
	k->again = true;
	if (why->code != ERR_FORMAT && ++k->failures == FAILURES_MOST)
		stop(k, reason);
	pthread_mutex_unlock(&k->lock);
	for (size_t i = 0; r == 0 && i < n; i++)
		if (items[i].kind == CHECK_STATEMENT)
			r = save_verdict(k, items[i].statement, &none, err);
	return r;
}

/* An answer counts once it is in the journal. */
static int keep(struct checking *k, const struct check_item *item, const struct answered *a,
                struct err *err)
{
	int r = item->kind == CHECK_STATEMENT ? save_verdict(k, item->statement, a, err)
	                                      : save_control(k, item, &a->answer, err);
	pthread_mutex_lock(&k->lock);
	k->failures = 0;
	k->answered += r == 0 && item->kind == CHECK_STATEMENT;
	k->kept += r == 0 && item->kind != CHECK_STATEMENT;
	pthread_mutex_unlock(&k->lock);
	return r;
}

static int do_item(struct checking *k, struct describe_worker *w, const struct check_item *item,
                   struct look *l, struct err *err)
{
	struct answered a = {0};
	AUTO(mem_freep) char *reason = NULL;
	struct err why = {0};
	int r = l->n ? 0 : look_open(w, &k->looking, l, &why);
	if (r == 0)
		r = look_ask(w, &k->looking, l, item->what, &a.answer, &reason, &why);
	if (r == -ERR_CANCELED || cancel_fired(k->run->cancel))
		return err_set(err, ERR_CANCELED, "interrupted");
	if (r < 0)
		return give_up(k, item, 1, &why, err);
	a.reason = reason;
	for (; a.n < l->n; a.n++)
		a.frames[a.n] = l->pictures[a.n].pts;
	return keep(k, item, &a, err);
}

/* Returns whether the next item may be asked. */
static bool finish_item(struct checking *k, const struct check_item *item, int r,
                        const struct err *err)
{
	pthread_mutex_lock(&k->lock);
	if (r < 0 && k->result == 0) {
		k->result = r;
		k->err = *err;
	}
	if (r == 0 && item->kind == CHECK_STATEMENT)
		k->wanted[item->statement] = false;
	k->done++;
	progress_steps(k->run->progress, k->done, k->n);
	bool goes_on = r == 0 && !k->stopped;
	pthread_mutex_unlock(&k->lock);
	return goes_on;
}

static void count_cost(struct checking *k, int64_t requests, int64_t prompt_tokens,
                       int64_t output_tokens)
{
	pthread_mutex_lock(&k->lock);
	k->cost.requests += requests;
	k->cost.prompt_tokens += prompt_tokens;
	k->cost.output_tokens += output_tokens;
	pthread_mutex_unlock(&k->lock);
}

/* Here, with a decoder of the lane. */
static void look_at(struct checking *k, struct describe_worker *w, const struct check_item *items,
                    size_t n)
{
	struct look l = {.cited = items->frames,
	                 .n_cited = items->n_frames,
	                 .seen = k->statements.seen,
	                 .n_seen = k->statements.n_seen,
	                 .from = k->report->from,
	                 .to = k->report->to};
	bool goes_on = true;
	for (size_t i = 0; goes_on && i < n; i++) {
		struct err err = {0};
		int r = do_item(k, w, &items[i], &l, &err);
		goes_on = finish_item(k, &items[i], r, &err);
	}
	look_close(&l);
	count_cost(k, l.requests, l.prompt_tokens, l.output_tokens);
}

/* ---- by the runner */

static int ask_runner(struct checking *k, const struct check_item *items, size_t n,
                      struct check_result *ret, char unit[static RUNNER_MAX_ID + 1],
                      struct err *err)
{
	const struct check_give how = {.run = k->run,
	                               .owner = k->options->owner ? k->options->owner : k->job,
	                               .pass = "check",
	                               .index = (int64_t)items->statement,
	                               .source = k->options->source,
	                               .cancel = k->stop};
	struct check_unit u = {.describe = k->options->describe,
	                       .cited = items->frames,
	                       .n_cited = items->n_frames,
	                       .seen = k->statements.seen,
	                       .n_seen = k->statements.n_seen,
	                       .from = k->report->from,
	                       .to = k->report->to,
	                       .max_tokens = k->looking.max_tokens,
	                       .most = k->looking.most};
	while (u.n < n) {
		u.what[u.n] = items[u.n].what;
		u.n++;
	}
	return check_unit_give(&how, &u, ret, unit, err);
}

/* Each answer is in the journal before the unit is settled. */
static int keep_all(struct checking *k, const struct check_item *items,
                    const struct check_result *result, struct err *err)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < result->n; i++) {
		const struct check_reply *reply = &result->replies[i];
		struct answered a = {.answer = reply->answer, .reason = reply->reason, .n = reply->n};
		memcpy(a.frames, reply->pts, sizeof a.frames);
		r = keep(k, &items[i], &a, err);
	}
	return r;
}

static void give(struct checking *k, const struct check_item *items, size_t n)
{
	AUTO(check_result_clear) struct check_result result = {0};
	char unit[RUNNER_MAX_ID + 1];
	struct err err = {0}, why = {0};
	int r = ask_runner(k, items, n, &result, unit, &why);
	if (r == -ERR_CANCELED || cancel_fired(k->run->cancel)) {
		r = err_set(&err, ERR_CANCELED, "interrupted");
	} else if (r < 0) {
		r = give_up(k, items, n, &why, &err);
	} else {
		k->looking.max_tokens = result.max_tokens;
		r = keep_all(k, items, &result, &err);
		count_cost(k, result.requests, result.prompt_tokens, result.output_tokens);
		if (r == 0)
			unit_settle(k->run, unit);
	}
	for (size_t i = 0; i < n; i++)
		finish_item(k, &items[i], r, &err);
}

static void work(void *arg)
{
	struct checking *k = arg;
	struct describe_worker w = {.run = k->run, .options = &k->options->describe, .fd = k->fd};
	size_t first, n;
	while ((n = take_next(k, &first)))
		if (k->gives)
			give(k, &k->items[first], n);
		else
			look_at(k, &w, &k->items[first], n);
	describe_close(&w);
}

/* One more lane than the engine has slots: the frames of one are decoded while
 * the engine works on others. */
static void work_in_parallel(struct checking *k)
{
	const struct step_threads threads = {.run = k->run,
	                                     .gives = k->gives,
	                                     .most = (size_t)k->options->workers,
	                                     .items = k->n,
	                                     .drain = k->options->drain,
	                                     .stop = k->stop};
	step_threads_run(&threads, work, k);
}

static int do_items(struct checking *k, struct err *err)
{
	k->next = k->done = k->kept = 0;
	if (!k->n)
		return 0;
	qsort(k->items, k->n, sizeof *k->items, by_frames);
	progress_steps(k->run->progress, 0, k->n);
	expect(k, (int64_t)k->n);
	work_in_parallel(k);
	expect(k, -(int64_t)(k->n - k->next));
	if (k->result == 0 && (cancel_fired(k->run->cancel) ||
	                       (cancel_fired(k->options->drain) && k->done < k->n && !k->stopped)))
		k->result = err_set(&k->err, ERR_CANCELED, "interrupted");
	*err = k->err;
	return k->result;
}

static int do_step(struct checking *k, enum step step, struct err *err)
{
	int r = choose(k, step, err);
	return r < 0 ? r : do_items(k, err);
}

/* ---- the whole */

/* What is wanted and was not asked gets the reason. */
static int save_rest(const struct checking *k, struct err *err)
{
	AUTO(mem_freep)
	char *limit = mem_printf("checks may take a fifth of the requests, which are used up "
	                         "(--verify all checks everything)");
	const char *reason = k->stopped ? k->stopped : limit;
	AUTO(mem_freep)
	struct store_verdict *rest = mem_alloc(k->statements.video.n, sizeof *rest);
	size_t n = 0;
	for (size_t i = 0; i < k->statements.video.n; i++) {
		const struct report_part *p = k->statements.parts[i];
		if (!k->wanted[i] || (p->check.reason && strcmp(p->check.reason, reason) == 0))
			continue;
		rest[n++] = (struct store_verdict){.chunk = (int64_t)p->chunk,
		                                   .index = (int64_t)p->index,
		                                   .reason = (char *)reason,
		                                   .model = k->model,
		                                   .prompt = (char *)k->prompt};
	}
	return n ? store_verdicts_save(k->run->store, k->job, rest, n, err) : 0;
}

/* Sets the member "checks" of the facts, on which the report is based. */
static int note_mode(const struct checking *k, struct store_job *job, struct err *err)
{
	static const char *const names[] = {"none", "doubtful", "all"};
	json_auto_t *facts = json_loads(job->facts, 0, NULL);
	const char *before = k->report->checks.mode;
	bool same = strcmp(k->report->checks.model, k->model) == 0 &&
	            strcmp(k->report->checks.prompt, k->prompt) == 0;
	const char *mode = same && strcmp(before, "all") == 0 ? before : names[k->options->mode];
	if (!facts || (same && strcmp(mode, before) == 0))
		return 0;
	json_object_set_new(
		facts, "checks",
		json_pack("{s:s, s:s, s:s}", "mode", mode, "model", k->model, "prompt", k->prompt));
	store_job_set_facts(job, facts);
	return store_job_extend(k->run->store, job, NULL, 0, err);
}

/* Which statements are to be checked, and have no answer of this model to this
 * prompt. */
static void collect(struct checking *k, const char *key)
{
	bool same = strcmp(k->report->checks.model, k->model) == 0 &&
	            strcmp(k->report->checks.prompt, k->prompt) == 0;
	statements_collect(k->report, key, &k->statements);
	size_t n = k->statements.video.n;
	k->doubts = mem_alloc(n, sizeof *k->doubts);
	k->chosen = mem_alloc(n, sizeof *k->chosen);
	k->wanted = mem_alloc(n, sizeof *k->wanted);
	check_doubts(&k->statements.video, k->doubts);
	for (size_t i = 0; i < n; i++) {
		bool answered = same && k->statements.parts[i]->check.letter;
		k->answered += answered;
		k->chosen[i] = k->options->mode == CHECKS_ALL || k->doubts[i];
		k->wanted[i] = k->chosen[i] && !answered;
	}
}

static int check(struct checking *k, struct store_job *job, struct err *err)
{
	int r = report_load_text(k->run->store, job->id, REPORT_NORMAL, &k->report, err);
	if (r < 0)
		return r;
	collect(k, job->key);
	if (!k->controls_only)
		r = note_mode(k, job, err);
	if (r == 0)
		r = do_step(k, CONTROLS, err);
	/* Of those that wrong answers make necessary some may be wrong. */
	for (bool goes_on = true; r == 0 && goes_on && !k->stopped;) {
		r = do_step(k, MORE_CONTROLS, err);
		goes_on = k->kept;
	}
	if (r < 0 || k->controls_only)
		return r;
	if (check_ability(&k->sum) == CHECK_UNABLE)
		stop(k, "this model cannot check");
	if (!k->stopped)
		r = do_step(k, STATEMENTS, err);
	return r < 0 ? r : save_rest(k, err);
}

/* Everything is zeroed but what the caller gave. */
static int run_checking(struct checking *k, struct store_job *job, struct err *err)
{
	k->model = check_model_name(engine_info(k->run->engine));
	k->looking = (struct looking)LOOKING;
	k->gives = k->run->runner && k->options->source && unit_possible(&k->options->describe);
	k->stop = k->gives ? cancel_new() : NULL;
	prompt_check_hash(k->prompt);
	pthread_mutex_init(&k->lock, NULL);
	progress_phase(k->run->progress, PHASE_CHECKING, "");
	int r = check(k, job, err);
	pthread_mutex_destroy(&k->lock);
	check_items_free(k->items, k->n);
	store_controls_free(k->controls, k->n_controls);
	statements_clear(&k->statements);
	report_free(k->report);
	free(k->doubts);
	free(k->chosen);
	free(k->wanted);
	if (k->stop)
		cancel_free(k->stop);
	free(k->stopped);
	free(k->model);
	return r;
}

char *check_model_name(const struct engine_info *info)
{
	const char *hash = info->model_hash ? info->model_hash : "";
	return mem_printf("%s%s%s", info->model, *hash ? " " : "", hash);
}

int check_run(const struct run_context *run, const struct check_options *o, int fd,
              struct store_job *job, bool *ret_again, struct err *err)
{
	*ret_again = false;
	if (o->mode == CHECKS_NONE)
		return 0;
	struct checking k = {.run = run, .options = o, .fd = fd, .job = job->id};
	int r = run_checking(&k, job, err);
	*ret_again = k.again;
	return r;
}

int check_controls_run(const struct run_context *run, const struct check_options *o, int fd,
                       struct store_job *job, struct check_cost *ret_cost, struct err *err)
{
	struct check_options all = *o;
	all.mode = CHECKS_ALL;
	struct checking k = {
		.run = run, .options = &all, .controls_only = true, .fd = fd, .job = job->id};
	int r = run_checking(&k, job, err);
	*ret_cost = k.cost;
	return r;
}
