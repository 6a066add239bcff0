#include "job/chunks.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "job/result.h"

struct run {
	const struct analyze *a;
	const struct plan *plan;
	const char *job;
	int64_t deadline;     /* 0 = none */
	pthread_mutex_t lock; /* guards what follows */
	size_t *todo, n_todo, next;
	struct chunks_outcome outcome;
	struct err err; /* the first error that ends the run */
	int result;
};

struct lane {
	struct run *run;
	struct describe_worker worker;
	pthread_t thread;
};

void chunks_outcome_clear(struct chunks_outcome *o)
{
	free(o->first_hole);
	*o = (struct chunks_outcome){0};
}

static bool take_next(struct run *run, size_t *ret)
{
	pthread_mutex_lock(&run->lock);
	bool have =
		run->result == 0 && run->next < run->n_todo && !cancel_fired(run->a->cancel) && !cancel_fired(run->a->drain);
	if (have)
		*ret = run->todo[run->next++];
	pthread_mutex_unlock(&run->lock);
	return have;
}

static void fail(struct run *run, const struct err *err)
{
	pthread_mutex_lock(&run->lock);
	if (run->result == 0) {
		run->err = *err;
		run->result = -(int)err->code;
	}
	pthread_mutex_unlock(&run->lock);
}

static void count(struct run *run, const struct store_chunk *c)
{
	pthread_mutex_lock(&run->lock);
	if (c->state == STORE_CHUNK_HOLE) {
		run->outcome.holes++;
		if (!run->outcome.first_hole)
			run->outcome.first_hole = mem_strdup(c->reason);
	}
	pthread_mutex_unlock(&run->lock);
	if (c->state == STORE_CHUNK_HOLE)
		log_warning("[job %s chunk %zu] hole: %s", run->job, (size_t)c->index + 1, c->reason);
}

/* To whoever wants to see results while the job runs. */
static void tell_result(const struct run *run, const struct store_chunk *c)
{
	json_t *events = json_array();
	result_events(c, events);
	progress_event(
		run->a->progress, "result",
		json_pack("{s:I, s:s, s:o}", "chunk", (json_int_t)c->index + 1, "summary", c->summary, "events", events));
}

static int do_chunk(struct lane *lane, struct store_chunk *c, struct err *err)
{
	struct run *run = lane->run;
	if (run->deadline && clock_now() > run->deadline) {
		c->state = STORE_CHUNK_HOLE;
		c->summary = mem_strdup("");
		c->reason = mem_strdup("the job's time limit (job.timeout) was reached; the same command goes on from here");
		return 0;
	}
	return describe_chunk(&lane->worker, &run->plan->chunks[c->index], c, err);
}

static void *work(void *arg)
{
	struct lane *lane = arg;
	struct run *run = lane->run;
	for (size_t i; take_next(run, &i);) {
		const struct plan_chunk *p = &run->plan->chunks[i];
		AUTO(store_chunk_clear) struct store_chunk c = {.index = (int64_t)i, .start = p->start, .end = p->end};
		struct err err;
		int r = do_chunk(lane, &c, &err);
		if (r == 0)
			r = store_chunk_save(run->a->store, run->job, &c, &err);
		if (r < 0) {
			fail(run, &err);
			break;
		}
		count(run, &c);
		if (c.state == STORE_CHUNK_DONE)
			tell_result(run, &c);
		progress_chunk(run->a->progress, i, p->start, p->end,
		               c.state == STORE_CHUNK_DONE ? PROGRESS_DONE : PROGRESS_HOLE, 0, 0);
	}
	return NULL;
}

static bool is_wanted(const struct analyze *a, int64_t index)
{
	for (size_t i = 0; i < a->n_only; i++)
		if (a->only[i] == index)
			return true;
	return !a->only;
}

/* Left alone by this run: it stays a hole. */
static void leave_out(struct run *run, const struct store_chunk *c)
{
	run->outcome.holes++;
	if (!run->outcome.first_hole)
		run->outcome.first_hole = mem_strdup(c->state == STORE_CHUNK_HOLE ? c->reason : "not done yet");
}

/* Tells the job's id, and a letter a chunk: done, hole, or still to do. */
static void tell_states(const struct run *run, const char *states)
{
	progress_event(run->a->progress, "begin", json_pack("{s:s, s:s}", "job", run->job, "states", states));
}

/* Which chunks are still to do: those that the journal does not hold as done. */
static int find_todo(struct run *run, struct err *err)
{
	struct store_chunk *chunks = NULL;
	size_t n = 0;
	int r = store_chunks_load(run->a->store, run->job, false, &chunks, &n, err);
	if (r < 0)
		return r;
	AUTO(mem_freep) char *states = mem_alloc(n + 1, 1);
	run->todo = mem_alloc(n, sizeof *run->todo);
	for (size_t i = 0; i < n; i++) {
		states[i] = ".dh"[chunks[i].state];
		if (chunks[i].state == STORE_CHUNK_DONE)
			run->outcome.resumed++;
		else if (!is_wanted(run->a, chunks[i].index))
			leave_out(run, &chunks[i]);
		else if ((size_t)chunks[i].index < run->plan->n_chunks)
			run->todo[run->n_todo++] = (size_t)chunks[i].index;
		store_chunk_clear(&chunks[i]);
	}
	free(chunks);
	tell_states(run, states);
	run->outcome.chunks = n;
	run->outcome.fresh = run->n_todo > 0;
	return 0;
}

static size_t count_lanes(const struct run *run)
{
	int64_t wanted = run->a->options->workers ? run->a->options->workers : engine_slots(run->a->engine) + 1;
	size_t lanes = wanted < 64 ? (size_t)wanted : 64;
	return lanes < run->n_todo ? lanes : run->n_todo;
}

static void run_lanes(struct run *run, struct describe_worker *first, size_t n)
{
	AUTO(mem_freep) struct lane *lanes = mem_alloc(n, sizeof *lanes);
	size_t started = 0;
	for (size_t i = 0; i < n; i++) {
		lanes[i] = (struct lane){.run = run, .worker = {.a = run->a, .fd = first->fd}};
		if (i == 0)
			lanes[i].worker.decoder = TAKE(first->decoder);
	}
	/* The first lane runs here; should the system refuse further threads, the job is slower, not broken. */
	for (started = 1; started < n; started++)
		if (pthread_create(&lanes[started].thread, NULL, work, &lanes[started]) != 0)
			break;
	work(&lanes[0]);
	for (size_t i = 1; i < started; i++)
		pthread_join(lanes[i].thread, NULL);
	first->decoder = TAKE(lanes[0].worker.decoder);
	for (size_t i = 1; i < n; i++)
		describe_close(&lanes[i].worker);
}

int chunks_run(const struct analyze *a, struct describe_worker *first, const struct plan *plan, const char *job,
               struct chunks_outcome *ret, struct err *err)
{
	int64_t limit = a->options->job_timeout;
	struct run run = {.a = a,
	                  .plan = plan,
	                  .job = job,
	                  .deadline = limit ? clock_now() + limit : 0,
	                  .lock = PTHREAD_MUTEX_INITIALIZER};
	int r = find_todo(&run, err);
	if (r < 0)
		return r;
	size_t lanes = count_lanes(&run);
	progress_begin(a->progress, run.outcome.chunks, run.outcome.resumed, lanes);
	if (lanes)
		run_lanes(&run, first, lanes);
	free(run.todo);
	if (!run.outcome.first_hole)
		run.outcome.first_hole = mem_strdup("");
	if (run.result == 0 && (cancel_fired(a->cancel) || (cancel_fired(a->drain) && run.next < run.n_todo)))
		run.result = err_set(&run.err, ERR_CANCELED, "interrupted");
	if (run.result < 0) {
		chunks_outcome_clear(&run.outcome);
		*err = run.err;
		return run.result;
	}
	*ret = run.outcome;
	return 0;
}
