/* SPDX-License-Identifier: Apache-2.0 */
#include "job/unit-run.h"

#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

/* A worker that neither decodes a frame nor receives a token for so long is
 * taken for lost. Longer than an engine may take for one request. */
#define WITHOUT_PROGRESS (30 * 60 * CLOCK_SECOND)

/* ---- the same unit twice */

/* Units that are with a runner now. Two questions that are the same, asked at
 * the same time, need the same units, and a runner takes each once at a
 * time. */
struct given {
	const struct runner *runner;
	const char *id;
	struct given *next;
};
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct given *all_given; /* guarded by the lock */

static bool put(struct given *g)
{
	pthread_mutex_lock(&lock);
	const struct given *same = all_given;
	while (same && (same->runner != g->runner || strcmp(same->id, g->id) != 0))
		same = same->next;
	if (!same) {
		g->next = all_given;
		all_given = g;
	}
	pthread_mutex_unlock(&lock);
	return !same;
}

static void take(const struct given *g)
{
	pthread_mutex_lock(&lock);
	struct given **at = &all_given;
	while (*at != g)
		at = &(*at)->next;
	*at = g->next;
	pthread_mutex_unlock(&lock);
}

/* Waits for its turn. What it waits for takes a request or more. */
static int wait_put(struct given *g, const struct cancel *cancel, struct err *err)
{
	while (!put(g))
		if (cancel_wait_until(cancel, NULL, clock_now() + CLOCK_SECOND / 4))
			return err_set(err, ERR_CANCELED, "interrupted");
	return 0;
}

/* ---- */

static int run_unit(const struct unit_run *how, const struct runner_unit *u,
                    struct runner_result *ret, struct err *err)
{
	const struct runner *runner = how->run->runner;
	struct given given = {.runner = runner, .id = u->id};
	int r = wait_put(&given, how->cancel, err);
	if (r < 0)
		return r;
	r = runner->run(runner->ctx, u, how->cancel, ret, err);
	take(&given);
	return r;
}

struct runner_unit unit_view(const struct unit_run *how, const char *id, const char *body,
                             char model[static HASH_HEX])
{
	if (!how->model)
		unit_model(engine_info(how->run->engine), model);
	return (struct runner_unit){.id = id,
	                            .kind = how->kind,
	                            .schema = how->schema,
	                            .model = how->model ? how->model : model,
	                            .source = how->source,
	                            .body = body,
	                            .timeout = WITHOUT_PROGRESS,
	                            .optional = how->optional,
	                            .not_by = how->not_by};
}

int unit_run(const struct unit_run *how, const char *id, const char *body, struct err *err)
{
	const struct runner *runner = how->run->runner;
	char model[HASH_HEX];
	const struct runner_unit unit = unit_view(how, id, body, model);

	for (;;) {
		AUTO(runner_result_clear) struct runner_result result = {0};
		int r = run_unit(how, &unit, &result, err);
		if (r < 0)
			return r;
		r = how->read(how->ctx, &result, err);
		if (r == 0)
			return 0;
		log_warning("[%s] worker %s: %s", how->what, result.worker ? result.worker : "", err->msg);
		if (!runner->reject) {
			runner->settle(runner->ctx, id);
			return r;
		}
		runner->reject(runner->ctx, id, err->msg);
	}
}

int unit_serves(const struct run_context *run, const char *model)
{
	const struct runner *r = run->runner;
	return r && r->serves ? r->serves(r->ctx, model) : 0;
}

void unit_settle(const struct run_context *run, const char *id)
{
	if (*id)
		run->runner->settle(run->runner->ctx, id);
}
