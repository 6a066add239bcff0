/* SPDX-License-Identifier: Apache-2.0 */
/* The context of a step of a run, for its unit test: engine, memory, decoder
 * and indexer are fakes. fake-run.c defines their functions, so that the linker
 * does not take the real ones. One test at a time. */
#ifndef VDET_TEST_FAKE_RUN_H
#define VDET_TEST_FAKE_RUN_H

#include "unit.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "job/run.h"
#include "plan/plan.h"

#define S CLOCK_SECOND
#define CHUNKS 6 /* of ten seconds and two samples, in the plan */

struct engine {
	struct engine_info info;
	pthread_mutex_t lock; /* guards the members below */
	pthread_cond_t changed;
	int asked;
	int fail_at; /* this request fails; 0 = none */
	bool fail_always;
	int cancel_at; /* this one fires the run's cancel; 0 = none */
	int drain_at;
	const char *answer;
	const char *finish_reason;
	int64_t expected;
	bool hold_start; /* engine_start() waits until this is false */
	int start_result;
};

extern struct engine fake_engine;
/* Times from here on have no picture; INT64_MAX = all have one. */
extern int64_t fake_fail_from;
extern int fake_index_result;                  /* of making one */
extern bool fake_index_kept;                   /* the store has one */
extern int fake_index_begun, fake_index_saved; /* counts */

extern struct run_context run;
extern struct plan *plan;
extern struct cancel *drain;
extern char job[];
extern int results; /* events "result" that were published, each checked */

int set_up(void **state);
int tear_down(void **state); /* fails if a decoder is still open */
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

/* The job with the chunks of the plan. */
void add_to_journal(void);

#endif
