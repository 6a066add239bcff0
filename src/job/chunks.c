/* SPDX-License-Identifier: Apache-2.0 */
#include "job/chunks.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/wakeup.h"
#include "job/chunk-run.h"
#include "job/chunk-twice.h"
#include "job/unit-run.h"

enum {
	MOST_WORKERS = 64,
	/* Threads that give chunks to a runner only wait: there may be many, with
	 * small stacks. */
	MOST_GIVERS = 4096,
	GIVER_STACK = 512 << 10,
};

/* For what a runner is doing when the run is drained. */
#define DRAIN_PATIENCE (60 * CLOCK_SECOND)

/* At the end of a run, for chunks that another worker does again: after so long
 * it is shown, and so much more than twice the time of the slowest chunk
 * is waited. */
#define TWICE_QUIET (3 * CLOCK_SECOND)
#define TWICE_PATIENCE (60 * CLOCK_SECOND)

struct todo {
	size_t index;
	struct plan_chunk plan; /* its times are the plan's */
};

struct worker {
	struct chunks *run;
	struct describe_worker describe;
	pthread_t thread;
};

struct chunks {
	const struct run_context *context;
	struct chunks_options options;
	const struct runner *runner; /* NULL = the workers describe the chunks themselves */
	struct cancel *stop;         /* of what the runner does; NULL without one */
	struct cancel *stop_twice;   /* of what it does a second time; likewise */
	struct wakeup *ended;        /* signalled by a worker that ends; likewise */
	int fd;
	struct decoder *decoder; /* for the first worker; NULL once passed on */
	int64_t deadline;        /* 0 = none */
	struct worker **workers; /* each allocated: threads keep their address */
	size_t n_workers, cap_workers;
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t changed;
	struct todo *todo;
	size_t n_todo, next;
	size_t running;           /* worker threads that have not ended */
	char *job;                /* NULL until the journal is open */
	enum chunk_state *states; /* one per chunk of the plan */
	bool whole;
	int64_t *saved;
	size_t n_saved;
	size_t comparing; /* threads that wait for a chunk to be done a second time */
	int64_t longest;  /* microseconds that the slowest chunk of this run took */
	struct chunks_outcome outcome;
	struct err err; /* the first error that ends the run */
	int result;
};

void chunks_outcome_clear(struct chunks_outcome *o)
{
	free(o->first_hole);
	*o = (struct chunks_outcome){0};
}

static bool is_stopped(const struct chunks *run)
{
	return cancel_fired(run->context->cancel) || cancel_fired(run->options.drain);
}

/* Waits for a chunk to do; false at the end. */
static bool take_next(struct chunks *run, struct todo *ret)
{
	pthread_mutex_lock(&run->lock);
	while (run->result == 0 && run->next == run->n_todo && !run->whole)
		pthread_cond_wait(&run->changed, &run->lock);
	bool have = run->result == 0 && run->next < run->n_todo && !is_stopped(run);
	if (have) {
		*ret = run->todo[run->next++];
		run->states[ret->index] = CHUNK_RUNNING;
	}
	pthread_mutex_unlock(&run->lock);
	if (have && !run->runner)
		engine_expect(run->context->engine, -1);
	return have;
}

static void stop_runner(struct chunks *run)
{
	cancel_fire(run->stop);
	cancel_fire(run->stop_twice);
}

static void fail(struct chunks *run, const struct err *err)
{
	pthread_mutex_lock(&run->lock);
	if (run->result == 0) {
		run->err = *err;
		run->result = -(int)err->code;
	}
	pthread_cond_broadcast(&run->changed);
	pthread_mutex_unlock(&run->lock);
	if (run->stop)
		stop_runner(run);
}

static void count(struct chunks *run, const struct store_chunk *c)
{
	bool known = false;
	pthread_mutex_lock(&run->lock);
	run->states[c->index] = c->state;
	run->saved = mem_grow(run->saved, run->n_saved + 1, sizeof *run->saved);
	run->saved[run->n_saved++] = c->index;
	if (c->state == CHUNK_HOLE) {
		run->outcome.holes++;
		/* A refused key is reported once, not for each of hundreds of
		 * chunks. */
		known = run->outcome.first_hole && strcmp(run->outcome.first_hole, c->reason) == 0;
		if (!run->outcome.first_hole)
			run->outcome.first_hole = mem_strdup(c->reason);
	}
	pthread_mutex_unlock(&run->lock);
	if (c->state == CHUNK_HOLE)
		log_write(known ? LOG_INFO : LOG_WARNING, "[job %s chunk %zu] hole: %s", run->job,
		          (size_t)c->index + 1, c->reason);
}

/* The id of the run once the journal is open; NULL if it never will be. */
static const char *wait_job(struct chunks *run)
{
	pthread_mutex_lock(&run->lock);
	while (!run->job && run->result == 0)
		pthread_cond_wait(&run->changed, &run->lock);
	const char *job = run->job;
	pthread_mutex_unlock(&run->lock);
	return job;
}

static struct chunk_run how_of(struct chunks *run)
{
	return (struct chunk_run){.run = run->context,
	                          .options = &run->options.describe,
	                          .job = wait_job(run),
	                          .source = run->options.source,
	                          .pass = run->options.second ? "again" : "chunk",
	                          .cancel = run->stop};
}

static int give(struct chunks *run, const struct plan_chunk *plan, const char *context,
                struct store_chunk *c, struct chunk_given *given, struct err *err)
{
	const struct chunk_run how = how_of(run);
	return how.job ? chunk_run(&how, plan, context, c, given, err)
	               : err_set(err, ERR_CANCELED, "interrupted");
}

static int do_chunk(struct worker *worker, const struct plan_chunk *plan, struct store_chunk *c,
                    struct chunk_given *given, struct err *err)
{
	struct chunks *run = worker->run;
	if (run->deadline && clock_now() > run->deadline) {
		c->state = CHUNK_HOLE;
		c->summary = mem_strdup("");
		c->reason = mem_strdup(
			"the job's time limit (job.timeout) was reached; the same command continues from here");
		c->code = HOLE_TIME_LIMIT;
		c->option = mem_strdup("job-timeout");
		return 0;
	}
	const struct chunks_second *second = run->options.second;
	const char *context = second ? second->context(second->ctx, (size_t)c->index) : NULL;
	return run->runner ? give(run, plan, context, c, given, err)
	                   : describe_chunk(&worker->describe, plan, context, c, err);
}

/* Once the journal is open; ERR_CANCELED if it never will be. */
static int save(struct chunks *run, const struct store_chunk *c, struct err *err)
{
	const char *job = wait_job(run);
	const struct chunks_second *second = run->options.second;
	if (!job)
		return err_set(err, ERR_CANCELED, "interrupted");
	return second ? second->save(second->ctx, c, err)
	              : store_chunk_save(run->context->store, job, c, err);
}

/* A chunk that could not be described again stays what it is. */
static void publish(struct chunks *run, const struct store_chunk *c)
{
	if (!run->options.second || c->state == CHUNK_DONE) {
		count(run, c);
		progress_result(run->context->progress, c);
		return;
	}
	pthread_mutex_lock(&run->lock);
	run->states[c->index] = CHUNK_DONE;
	pthread_mutex_unlock(&run->lock);
	progress_chunk(run->context->progress, (size_t)c->index, c->start, c->end, CHUNK_DONE, 0, 0);
}

static void note_comparing(struct chunks *run, int more)
{
	pthread_mutex_lock(&run->lock);
	run->comparing += (size_t)more;
	pthread_mutex_unlock(&run->lock);
}

/* Another worker does it, too, if it is one of those; the first result stays. */
static void do_twice(struct chunks *run, const struct chunk_given *given,
                     const struct store_chunk *c)
{
	struct chunk_run how = how_of(run);
	struct err err;
	how.cancel = run->stop_twice;
	note_comparing(run, 1);
	enum chunk_twice what = how.job ? chunk_twice(&how, given, c) : CHUNK_TWICE_NOT;
	note_comparing(run, -1);
	if (what != CHUNK_TWICE_NOT && store_job_count_twice(run->context->store, how.job,
	                                                     what == CHUNK_TWICE_DIFFERENT, &err) < 0)
		log_warning("[job %s] a chunk that two workers did is not counted: %s", how.job, err.msg);
}

static void note_time(struct chunks *run, int64_t took)
{
	pthread_mutex_lock(&run->lock);
	run->longest = took > run->longest ? took : run->longest;
	pthread_mutex_unlock(&run->lock);
}

static void *work(void *arg)
{
	struct worker *worker = arg;
	struct chunks *run = worker->run;
	for (struct todo t; take_next(run, &t);) {
		const struct plan_chunk *p = &t.plan;
		AUTO(chunk_given_clear) struct chunk_given given = {0};
		AUTO(store_chunk_clear)
		struct store_chunk c = {.index = (int64_t)t.index, .start = p->start, .end = p->end};
		struct err err;
		int64_t began = clock_now();
		int r = do_chunk(worker, p, &c, &given, &err);
		note_time(run, clock_now() - began);
		if (r == 0)
			r = save(run, &c, &err);
		if (r == 0)
			unit_settle(run->context, given.unit);
		if (r < 0) {
			fail(run, &err);
			break;
		}
		publish(run, &c);
		if (*given.unit && given.body && !run->options.second)
			do_twice(run, &given, &c);
	}
	pthread_mutex_lock(&run->lock);
	run->running--;
	pthread_mutex_unlock(&run->lock);
	if (run->ended)
		wakeup_signal(run->ended);
	return NULL;
}

struct chunks *chunks_new(const struct run_context *context, const struct chunks_options *o, int fd,
                          struct decoder *decoder)
{
	struct chunks *run = mem_alloc(1, sizeof *run);
	run->context = context;
	run->options = *o;
	run->fd = fd;
	run->decoder = decoder;
	run->deadline = o->time_limit ? clock_now() + o->time_limit : 0;
	if (context->runner && unit_possible(&o->describe)) {
		run->runner = context->runner;
		run->stop = cancel_new();
		run->stop_twice = cancel_new();
		run->ended = wakeup_new();
	}
	pthread_mutex_init(&run->lock, NULL);
	pthread_cond_init(&run->changed, NULL);
	return run;
}

static size_t most_workers(const struct chunks *run)
{
	if (run->runner) {
		int most = run->runner->capacity(run->runner->ctx);
		return most < 1 ? 1 : most < MOST_GIVERS ? (size_t)most : MOST_GIVERS;
	}
	int64_t wanted =
		run->options.workers ? run->options.workers : engine_slots(run->context->engine) + 1;
	return wanted < MOST_WORKERS ? (size_t)wanted : MOST_WORKERS;
}

static struct worker *next_worker(struct chunks *run)
{
	struct worker *worker = mem_alloc(1, sizeof *worker);
	*worker = (struct worker){
		.run = run,
		.describe = {.run = run->context, .options = &run->options.describe, .fd = run->fd}};
	if (run->n_workers == 0)
		worker->describe.decoder = TAKE(run->decoder);
	run->workers =
		mem_room(run->workers, run->n_workers, &run->cap_workers, sizeof(struct worker *));
	run->workers[run->n_workers++] = worker;
	pthread_mutex_lock(&run->lock);
	run->running++;
	pthread_mutex_unlock(&run->lock);
	return worker;
}

/* Undoes next_worker(). */
static void drop_worker(struct chunks *run)
{
	struct worker *worker = run->workers[--run->n_workers];
	if (run->n_workers == 0)
		run->decoder = TAKE(worker->describe.decoder);
	free(worker);
	pthread_mutex_lock(&run->lock);
	run->running--;
	pthread_mutex_unlock(&run->lock);
}

static bool start_thread(struct worker *worker)
{
	pthread_attr_t attr;
	pthread_attr_init(&attr);
	if (worker->run->runner)
		pthread_attr_setstacksize(&attr, GIVER_STACK);
	bool started = pthread_create(&worker->thread, &attr, work, worker) == 0;
	pthread_attr_destroy(&attr);
	return started;
}

/* One for each chunk, up to the most. If a thread cannot be created, the job is
 * only slower. */
static void start_workers(struct chunks *run, size_t wanted)
{
	while (run->n_workers < wanted) {
		if (start_thread(next_worker(run)))
			continue;
		drop_worker(run);
		return;
	}
}

static bool is_wanted(const struct chunks_options *o, size_t index)
{
	for (size_t i = 0; i < o->n_only; i++)
		if (o->only[i] == (int64_t)index)
			return true;
	return !o->only;
}

/* Not processed by this run: it stays a hole. */
static void leave_out(struct chunks *run, const struct store_chunk *before)
{
	run->outcome.holes++;
	if (!run->outcome.first_hole)
		run->outcome.first_hole =
			mem_strdup(before && before->state == CHUNK_HOLE ? before->reason : "not done yet");
}

static void add_chunk(struct chunks *run, const struct plan_chunk *plan,
                      const struct store_chunk *before)
{
	size_t i = run->outcome.chunks++;
	run->states[i] = before ? before->state : CHUNK_TODO;
	if (before && before->state == CHUNK_DONE) {
		run->outcome.resumed++;
	} else if (!is_wanted(&run->options, i)) {
		leave_out(run, before);
	} else {
		run->todo = mem_grow(run->todo, run->n_todo + 1, sizeof *run->todo);
		run->todo[run->n_todo++] = (struct todo){i, *plan};
		/* So that it knows the length of its queue: a worker requests one chunk
		 * at a time. */
		if (!run->runner)
			engine_expect(run->context->engine, 1);
		run->outcome.fresh = true;
	}
}

/* With the lock held, so that it keeps its place among the events of workers. */
static void publish_states(const struct chunks *run)
{
	const struct progress_event event = {
		.type = PROGRESS_BEGIN,
		.begin = {.job = run->job, .states = run->states, .n = run->outcome.chunks}};

	progress_emit(run->context->progress, &event);
}

void chunks_extend(struct chunks *c, const struct plan *plan, const struct store_chunk *before,
                   size_t n_before, size_t expected)
{
	pthread_mutex_lock(&c->lock);
	bool begins = c->outcome.chunks == 0;
	c->states = mem_grow(c->states, plan->n_chunks + 1, sizeof *c->states);
	for (size_t i = c->outcome.chunks; i < plan->n_chunks; i++)
		add_chunk(c, &plan->chunks[i], i < n_before ? &before[i] : NULL);
	size_t total = expected > plan->n_chunks ? expected : plan->n_chunks,
		   n = total - c->outcome.resumed;
	size_t most = most_workers(c), workers = n < most ? n : most;
	progress_planned(c->context->progress, total == plan->n_chunks);
	if (begins)
		progress_begin(c->context->progress, total, c->outcome.resumed, workers);
	else
		progress_grow(c->context->progress, total, workers);
	if (c->job)
		publish_states(c);
	workers = c->n_todo < most ? c->n_todo : most;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
	start_workers(c, workers);
}

void chunks_open(struct chunks *c, const char *job)
{
	pthread_mutex_lock(&c->lock);
	c->job = mem_strdup(job);
	publish_states(c);
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
}

int64_t *chunks_saved(struct chunks *c, size_t *ret_n)
{
	pthread_mutex_lock(&c->lock);
	int64_t *saved = mem_alloc(c->n_saved + 1, sizeof *saved);
	for (size_t i = 0; i < c->n_saved; i++)
		saved[i] = c->saved[i];
	*ret_n = c->n_saved;
	pthread_mutex_unlock(&c->lock);
	return saved;
}

bool chunks_ending(struct chunks *c)
{
	pthread_mutex_lock(&c->lock);
	bool failed = c->result < 0;
	pthread_mutex_unlock(&c->lock);
	return failed || is_stopped(c);
}

/* At the end of the run, of chunks that wait for nothing but another worker. */
struct ending {
	int64_t since; /* clock_now(); 0 = there is other work */
	int64_t until; /* likewise, as it was shown; 0 = not yet */
};

/* A worker that died meanwhile is noticed late, and a slow one may not begin:
 * the user sees what is waited for, and it ends. */
static void end_comparing(struct chunks *c, struct ending *e)
{
	char text[160];
	int64_t now = clock_now();
	pthread_mutex_lock(&c->lock);
	size_t n = c->comparing;
	int64_t longest = c->longest;
	bool alone = n > 0 && n == c->running && c->next == c->n_todo;
	pthread_mutex_unlock(&c->lock);
	if (!alone || !e->since) {
		*e = (struct ending){.since = alone ? now : 0};
		return;
	}
	if (!e->until && now - e->since >= TWICE_QUIET) {
		e->until = e->since + TWICE_PATIENCE + 2 * longest;
		snprintf(text, sizeof text,
		         "all are done; waiting up to %" PRId64
		         " s for another worker that does %zu of them again (--fleet-double)",
		         (e->until - now) / CLOCK_SECOND, n);
		progress_phase(c->context->progress, PHASE_CHUNKS, text);
	}
	if (e->until && now > e->until && !cancel_fired(c->stop_twice)) {
		log_info("[job %s] chunks that no other worker has done again in time: %zu", c->job, n);
		cancel_fire(c->stop_twice);
	}
}

/* Until all threads that give chunks to a runner have ended. Its workers come
 * and go, so there may have to be more threads meanwhile. What was given waits
 * for a worker, if need be for long: a drain does not wait for it that long. */
static void watch(struct chunks *c)
{
	int64_t over_since = 0;
	struct ending ending = {0};
	for (;;) {
		pthread_mutex_lock(&c->lock);
		size_t running = c->running, left = c->n_todo - c->next;
		pthread_mutex_unlock(&c->lock);
		if (!running)
			return;
		bool over = is_stopped(c);
		over_since = over_since || !over ? over_since : clock_now();
		if (cancel_fired(c->context->cancel) || (over && clock_now() - over_since > DRAIN_PATIENCE))
			stop_runner(c);
		else if (!over) {
			size_t most = most_workers(c), wanted = c->n_workers + left;
			start_workers(c, wanted < most ? wanted : most);
			progress_parallel(c->context->progress, c->n_workers);
			end_comparing(c, &ending);
		}
		wakeup_wait(c->ended, over ? NULL : c->context->cancel, CLOCK_SECOND);
	}
}

static void join(struct chunks *c)
{
	pthread_mutex_lock(&c->lock);
	c->whole = true;
	pthread_cond_broadcast(&c->changed);
	bool alone = c->n_workers == 0 && c->result == 0 && c->next < c->n_todo;
	pthread_mutex_unlock(&c->lock);
	if (alone) {
		struct worker *worker = next_worker(c);
		work(worker);
		describe_close(&worker->describe);
		free(worker);
		c->n_workers = 0;
	}
	if (c->runner)
		watch(c);
	for (; c->n_workers; c->n_workers--) {
		struct worker *worker = c->workers[c->n_workers - 1];
		pthread_join(worker->thread, NULL);
		describe_close(&worker->describe);
		free(worker);
	}
}

int chunks_finish(struct chunks *c, struct chunks_outcome *ret, struct err *err)
{
	join(c);
	if (c->result == 0 && (cancel_fired(c->context->cancel) ||
	                       (cancel_fired(c->options.drain) && c->next < c->n_todo)))
		c->result = err_set(&c->err, ERR_CANCELED, "interrupted");
	if (c->result < 0) {
		*err = c->err;
		return c->result;
	}
	if (!c->outcome.first_hole)
		c->outcome.first_hole = mem_strdup("");
	*ret = c->outcome;
	c->outcome = (struct chunks_outcome){0};
	return 0;
}

void chunks_free(struct chunks *c)
{
	struct err err;
	if (!c)
		return;
	err_set(&err, ERR_CANCELED, "interrupted");
	fail(c, &err);
	join(c);
	if (!c->runner)
		engine_expect(c->context->engine, -(int64_t)(c->n_todo - c->next));
	if (c->stop)
		cancel_free(c->stop);
	if (c->stop_twice)
		cancel_free(c->stop_twice);
	wakeup_free(c->ended);
	decoder_free(c->decoder);
	chunks_outcome_clear(&c->outcome);
	pthread_cond_destroy(&c->changed);
	pthread_mutex_destroy(&c->lock);
	free(c->job);
	free(c->states);
	free(c->saved);
	free(c->todo);
	free(c->workers);
	free(c);
}
