/* SPDX-License-Identifier: Apache-2.0 */
#include "memory/memory.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/opt.h"
#include "base/wakeup.h"
#include "memory/memory-policy.h"

#define JOBS_MANY 64
#define SMALLEST 224 /* of a picture's long side: with less, models see nothing */

#define AT(member) offsetof(struct memory_options, member)
static const struct opt_row rows[] = {
	{"memory.policy", NULL, OPT_BOOL, AT(policy), "true", 0, 0, NULL, NULL,
     "React to low GPU memory, in this order: pause, free caches, smaller frames, fewer "
     "parallel requests, restart the engine; undone when there is room again.",
     0},
	{"memory.goal", NULL, OPT_DOUBLE, AT(goal), "0.7", 0.05, 1, NULL, "SHARE",
     "Share of the GPU memory in use below which a step is undone.", 0},
	{"memory.cleanup", NULL, OPT_DOUBLE, AT(cleanup), "0.8", 0.05, 1, NULL, "SHARE",
     "Share of the GPU memory in use above which a step is taken.", 0},
	{"memory.period", NULL, OPT_TIME, AT(period), "1", 0.01, 3600, NULL, "TIME",
     "Interval between measurements.", 0},
	{"memory.patience", NULL, OPT_TIME, AT(patience), "5", 0, 3600, NULL, "TIME",
     "Time for a step to take effect before the next one.", 0},
	{"memory.calm", NULL, OPT_TIME, AT(calm), "30", 0, 86400, NULL, "TIME",
     "Time below memory.goal before a step is undone.", 0},
	{"memory.nvml", NULL, OPT_STRING, AT(nvml), "", 0, 0, NULL, "FILE",
     "NVIDIA management library; empty: libnvidia-ml.so.1.", 0},
};
const struct opt_group memory_opt_group = {"Memory", rows, ARRAY_LEN(rows)};

struct attached {
	struct store *store;
	char *job;
};

struct memory {
	struct memory_options o;
	char *nvml;
	struct engine *engine;
	struct gpu *gpu;
	struct cancel *stop;
	struct wakeup *sampled; /* the GPU was measured */
	pthread_t thread;
	bool threaded;
	pthread_mutex_t lock; /* guards what follows */
	struct memory_policy policy;
	struct attached jobs[JOBS_MANY];
	size_t n_jobs;
};

/* ---- what is done */

/* With the lock held. */
static void journal(struct memory *m, const char *what, const char *why)
{
	log_info("memory: %s: %s", what, why);
	for (size_t i = 0; i < m->n_jobs; i++) {
		struct err err;
		if (store_step_add(m->jobs[i].store, m->jobs[i].job, clock_wall(), what, why, &err) < 0)
			log_debug("cannot journal a step: %s", err.msg);
	}
}

/* Makes the engine as the policy wants it. `entered`: this step was just
 * reached from below. */
static void apply(struct memory *m, bool entered)
{
	struct err err = {0};
	pthread_mutex_lock(&m->lock);
	struct memory_policy p = m->policy;
	pthread_mutex_unlock(&m->lock);
	int slots = memory_policy_slots(&p, engine_slots(m->engine));
	engine_limit(m->engine, slots);
	if (entered && p.step == MEMORY_FREE)
		engine_free_caches(m->engine);
	if (entered && p.step == MEMORY_RESTART && engine_restart(m->engine, slots, &err) < 0)
		return;
	engine_hold(m->engine, memory_policy_holds(&p));
}

static void moved(struct memory *m, enum memory_move move, const char *why)
{
	if (move == MEMORY_STAY)
		return;
	pthread_mutex_lock(&m->lock);
	AUTO(mem_freep)
	char *what =
		mem_printf("%s%s", move == MEMORY_BACK ? "back: " : "", memory_step_text(m->policy.step));
	journal(m, what, why);
	pthread_mutex_unlock(&m->lock);
	apply(m, move == MEMORY_UP);
}

/* ---- the thread */

static void sampled(void *ctx)
{
	wakeup_signal(((struct memory *)ctx)->sampled);
}

static void look(struct memory *m)
{
	struct memory_sample r = {
		.now = clock_now(), .share = gpu_share(m->gpu), .refusals = engine_refusals(m->engine)};
	char why[120] = "";
	engine_pressure(m->engine, &r.cache, &r.preemptions);
	pthread_mutex_lock(&m->lock);
	enum memory_move move = memory_policy_read(&m->policy, &r, why);
	pthread_mutex_unlock(&m->lock);
	moved(m, move, why);
}

static void watch_children(struct memory *m)
{
	int pids[64];
	size_t n = 0, i;
	json_t *e;
	json_auto_t *all = engine_endpoints_json(m->engine);
	json_array_foreach (all, i, e)
		if (n < ARRAY_LEN(pids))
			pids[n++] = (int)json_integer_value(json_object_get(e, "pid"));
	gpu_watch(m->gpu, pids, n);
}

static void *work(void *ctx)
{
	struct memory *m = ctx;
	while (wakeup_wait(m->sampled, m->stop, -1)) {
		watch_children(m);
		if (m->o.policy)
			look(m);
	}
	return NULL;
}

struct memory *memory_open(const struct memory_options *o, struct engine *engine)
{
	struct memory *m = mem_alloc(1, sizeof *m);
	m->o = *o;
	m->nvml = mem_strdup(o->nvml ? o->nvml : "");
	m->engine = engine;
	m->stop = cancel_new();
	m->sampled = wakeup_new();
	pthread_mutex_init(&m->lock, NULL);
	/* A goal above the threshold would take back what was just done. */
	m->policy.limits = (struct memory_limits){.goal = o->goal < o->cleanup ? o->goal : o->cleanup,
	                                          .cleanup = o->cleanup,
	                                          .patience = o->patience,
	                                          .calm = o->calm};
	const struct gpu_options go = {
		.nvml = *m->nvml ? m->nvml : NULL, .period = o->period, .sampled = sampled, .ctx = m};
	m->gpu = gpu_open(&go);
	m->threaded = pthread_create(&m->thread, NULL, work, m) == 0;
	return m;
}

void memory_free(struct memory *m)
{
	if (!m)
		return;
	cancel_fire(m->stop);
	if (m->threaded)
		pthread_join(m->thread, NULL);
	gpu_free(m->gpu);
	engine_hold(m->engine, false);
	engine_limit(m->engine, 0);
	cancel_free(m->stop);
	wakeup_free(m->sampled);
	pthread_mutex_destroy(&m->lock);
	for (size_t i = 0; i < m->n_jobs; i++)
		free(m->jobs[i].job);
	free(m->nvml);
	free(m);
}

/* ---- for jobs */

void memory_attach(struct memory *m, struct store *store, const char *job)
{
	if (!m)
		return;
	pthread_mutex_lock(&m->lock);
	if (m->n_jobs < JOBS_MANY)
		m->jobs[m->n_jobs++] = (struct attached){store, mem_strdup(job)};
	if (m->policy.step != MEMORY_FINE)
		journal(m, memory_step_text(m->policy.step), "state when the job began");
	pthread_mutex_unlock(&m->lock);
}

void memory_detach(struct memory *m, const char *job)
{
	if (!m)
		return;
	pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < m->n_jobs; i++) {
		if (strcmp(m->jobs[i].job, job) != 0)
			continue;
		free(m->jobs[i].job);
		m->jobs[i] = m->jobs[--m->n_jobs];
		break;
	}
	pthread_mutex_unlock(&m->lock);
}

int memory_picture_size(struct memory *m, int64_t size)
{
	if (!m)
		return (int)size;
	pthread_mutex_lock(&m->lock);
	double scaled = (double)size * memory_policy_scale(&m->policy);
	pthread_mutex_unlock(&m->lock);
	return scaled < SMALLEST ? (int)(size < SMALLEST ? size : SMALLEST) : (int)scaled;
}

void memory_ran_out(struct memory *m, const char *why)
{
	if (!m || !m->o.policy)
		return;
	pthread_mutex_lock(&m->lock);
	enum memory_move move = memory_policy_ran_out(&m->policy, clock_now());
	pthread_mutex_unlock(&m->lock);
	moved(m, move, why);
}

struct gpu *memory_gpu(struct memory *m)
{
	return m ? m->gpu : NULL;
}

json_t *memory_json(struct memory *m, size_t samples)
{
	if (!m)
		return json_null();
	pthread_mutex_lock(&m->lock);
	enum memory_step step = m->policy.step;
	pthread_mutex_unlock(&m->lock);
	return json_pack("{s:i, s:s, s:b, s:f, s:f, s:o}", "step", (int)step, "state",
	                 memory_step_text(step), "policy", m->o.policy, "goal", m->policy.limits.goal,
	                 "cleanup", m->policy.limits.cleanup, "gpu", gpu_ring_json(m->gpu, samples));
}
