/* SPDX-License-Identifier: Apache-2.0 */
#include "job/progress.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum { ENDS = 256 };

struct running {
	size_t index;
	enum chunk_state state;
	int64_t start, end, done, total, began;
};

struct progress {
	pthread_mutex_t lock;
	progress_listener listener;
	void *ctx;
	enum progress_phase phase;
	char detail[160];
	size_t video, videos, chunks, done, holes, parallel;
	size_t steps, steps_done; /* of the phase; 0 = it has none */
	int64_t steps_began;
	bool planned;
	size_t done_now; /* by this run: only these measure how long a chunk takes */
	int64_t spent;
	int64_t ends[ENDS]; /* when the last ones ended, a ring: done_now counts them */
	double prefill_rate, decode_rate;
	struct running *running;
	size_t n_running;
};

const char *progress_phase_name(enum progress_phase phase)
{
	static const char *const names[] = {
		"starting", "opening",     "hashing", "engine", "index",   "chunks",   "texts",  "joining",
		"checking", "second-pass", "summary", "report", "preview", "selftest", "asking", "vectors"};

	return (size_t)phase < ARRAY_LEN(names) ? names[phase] : "unknown";
}

struct progress *progress_new(progress_listener listener, void *ctx)
{
	struct progress *p = mem_alloc(1, sizeof *p);

	pthread_mutex_init(&p->lock, NULL);
	p->listener = listener;
	p->ctx = ctx;
	p->parallel = 1;
	p->planned = true;
	return p;
}

void progress_free(struct progress *p)
{
	if (!p)
		return;
	pthread_mutex_destroy(&p->lock);
	free(p->running);
	free(p);
}

/* ---- the view */

/* How much of a chunk is finished, from its state. The shares are typical, not
 * measured: decoding is short beside the model, and an answer's length is not
 * known before its end. */
static double fraction_of(const struct running *r, int64_t elapsed, int64_t mean)
{
	double part = r->total > 0 ? fmin(1, (double)r->done / (double)r->total) : 0;
	switch (r->state) {
	case CHUNK_DECODING: return 0.2 * part;
	case CHUNK_QUEUED: return 0.2;
	case CHUNK_PREFILL: return 0.2 + 0.5 * part;
	case CHUNK_ANSWER: return 0.7 + 0.3 * (1 - exp(-(double)r->done / 150));
	case CHUNK_RUNNING: /* on another machine */
		return mean > 0 ? fmin(0.9, (double)elapsed / (double)mean) : 0;
	default: return 0;
	}
}

int64_t progress_estimate(size_t done, int64_t spent, const double *fractions,
                          const int64_t *elapsed, size_t active, size_t waiting, size_t parallel,
                          int64_t *ret_mean)
{
	double mean = -1, rest = (double)waiting, sum = 0;
	size_t usable = 0;
	for (size_t i = 0; i < active; i++) {
		rest += 1 - fractions[i];
		if (fractions[i] > 0.05) {
			sum += (double)elapsed[i] / fractions[i];
			usable++;
		}
	}
	if (done)
		mean = (double)spent / (double)done;
	else if (usable)
		mean = sum / (double)usable;
	if (ret_mean)
		*ret_mean = (int64_t)mean;
	if (mean < 0)
		return waiting + active ? -1 : 0;
	size_t lanes = active + waiting < parallel ? active + waiting : parallel;
	return lanes ? (int64_t)(mean * rest / (double)lanes) : 0;
}

int64_t progress_pace(const int64_t *ends, size_t n, size_t parallel, int64_t now)
{
	enum { FEW = 5 };
	if (n < FEW || n <= parallel)
		return -1;
	return (now - ends[0]) / (int64_t)(n - 1);
}

/* Of the last rounds of all that run at once, so that a slow start, or workers
 * that come and go, are forgotten. */
static int64_t pace_of(const struct progress *p, int64_t now)
{
	int64_t ends[ENDS];
	size_t most = 2 * p->parallel + 8, n = p->done_now;
	most = most < ENDS ? most : ENDS;
	n = n < most ? n : most;
	for (size_t i = 0; i < n; i++)
		ends[i] = p->ends[(p->done_now - n + i) % ENDS];
	return progress_pace(ends, n, p->parallel < ENDS / 2 ? p->parallel : ENDS / 2, now);
}

static int64_t steps_left(const struct progress *p)
{
	int64_t spent = clock_now() - p->steps_began;
	return p->steps_done ? (int64_t)((double)spent / (double)p->steps_done *
	                                 (double)(p->steps - p->steps_done))
	                     : -1;
}

static void read_locked(struct progress *p, struct progress_view *v)
{
	double fractions[ARRAY_LEN(v->active)] = {0}, sum = 0;
	int64_t elapsed[ARRAY_LEN(v->active)] = {0}, mean, now = clock_now(), pace = pace_of(p, now);
	int64_t each = p->done_now ? p->spent / (int64_t)p->done_now : 0;

	*v = (struct progress_view){.phase = p->phase,
	                            .video = p->video,
	                            .videos = p->videos,
	                            .chunks = p->chunks,
	                            .done = p->done,
	                            .holes = p->holes,
	                            .planned = p->planned,
	                            .prefill_rate = p->prefill_rate,
	                            .decode_rate = p->decode_rate};
	memcpy(v->detail, p->detail, sizeof v->detail);

	for (size_t i = 0; i < p->n_running && i < ARRAY_LEN(v->active); i++) {
		const struct running *r = &p->running[i];
		elapsed[i] = now - r->began;
		fractions[i] = fraction_of(r, elapsed[i], each);
		sum += fractions[i];
		v->active[v->n_active++] = (struct progress_chunk){.index = r->index,
		                                                   .state = r->state,
		                                                   .start = r->start,
		                                                   .end = r->end,
		                                                   .done = r->done,
		                                                   .total = r->total,
		                                                   .elapsed = elapsed[i]};
	}

	/* Those that are too many to be listed count as if they had not begun. */
	size_t begun = p->done + v->n_active, waiting = p->chunks > begun ? p->chunks - begun : 0;
	v->left = progress_estimate(p->done_now, p->spent, fractions, elapsed, v->n_active, waiting,
	                            p->parallel, &mean);
	for (size_t i = 0; i < v->n_active; i++)
		v->active[i].left = mean < 0 ? -1 : (int64_t)fmax(0, (double)mean * (1 - fractions[i]));

	if (pace >= 0)
		v->left = (int64_t)((double)pace * ((double)(waiting + v->n_active) - sum));
	if (p->steps)
		v->left = steps_left(p);
	v->fraction = p->chunks ? fmin(1, ((double)p->done + sum) / (double)p->chunks) : 0;
}

/* ---- reports, each with the lock held while it changes and emits */

static void emit(struct progress *p, struct progress_event event)
{
	struct progress_view view;

	if (!p->listener)
		return;
	read_locked(p, &view);
	event.view = &view;
	p->listener(p->ctx, &event);
}

void progress_emit(struct progress *p, const struct progress_event *event)
{
	pthread_mutex_lock(&p->lock);
	emit(p, *event);
	pthread_mutex_unlock(&p->lock);
}

void progress_phase(struct progress *p, enum progress_phase phase, const char *detail)
{
	pthread_mutex_lock(&p->lock);
	bool changed = p->phase != phase || strcmp(p->detail, detail) != 0;
	p->phase = phase;
	p->steps = 0;
	snprintf(p->detail, sizeof p->detail, "%s", detail);
	if (changed)
		emit(p, (struct progress_event){.type = PROGRESS_PHASE});
	pthread_mutex_unlock(&p->lock);
}

void progress_steps(struct progress *p, size_t done, size_t total)
{
	char left[CLOCK_TEXT_MAX];
	pthread_mutex_lock(&p->lock);
	if (!p->steps || !done)
		p->steps_began = clock_now();
	p->steps = total;
	p->steps_done = done;
	snprintf(p->detail, sizeof p->detail, "%zu of %zu requests", done, total);
	if (done && done < total) {
		size_t used = strlen(p->detail);
		snprintf(p->detail + used, sizeof p->detail - used, ", about %s left",
		         clock_short(steps_left(p), left));
	}
	emit(p, (struct progress_event){.type = PROGRESS_PHASE});
	pthread_mutex_unlock(&p->lock);
}

void progress_video(struct progress *p, size_t number, size_t videos, const char *name)
{
	pthread_mutex_lock(&p->lock);
	p->video = number;
	p->videos = videos;
	if (number)
		emit(p, (struct progress_event){.type = PROGRESS_VIDEO, .video = name});
	pthread_mutex_unlock(&p->lock);
}

void progress_begin(struct progress *p, size_t chunks, size_t finished, size_t parallel)
{
	pthread_mutex_lock(&p->lock);
	p->chunks = chunks;
	p->done = finished;
	p->holes = p->done_now = p->n_running = 0;
	p->spent = 0;
	p->parallel = parallel ? parallel : 1;
	emit(p, (struct progress_event){.type = PROGRESS_UPDATE});
	pthread_mutex_unlock(&p->lock);
}

void progress_grow(struct progress *p, size_t chunks, size_t parallel)
{
	pthread_mutex_lock(&p->lock);
	p->chunks = chunks;
	p->parallel = parallel ? parallel : 1;
	emit(p, (struct progress_event){.type = PROGRESS_UPDATE});
	pthread_mutex_unlock(&p->lock);
}

void progress_planned(struct progress *p, bool planned)
{
	pthread_mutex_lock(&p->lock);
	p->planned = planned;
	pthread_mutex_unlock(&p->lock);
}

void progress_parallel(struct progress *p, size_t parallel)
{
	pthread_mutex_lock(&p->lock);
	p->parallel = parallel > p->parallel ? parallel : p->parallel;
	pthread_mutex_unlock(&p->lock);
}

static struct running *find_running(struct progress *p, size_t index)
{
	for (size_t i = 0; i < p->n_running; i++)
		if (p->running[i].index == index)
			return &p->running[i];
	p->running = mem_grow(p->running, p->n_running + 1, sizeof *p->running);
	p->running[p->n_running] = (struct running){.index = index, .began = clock_now()};
	return &p->running[p->n_running++];
}

static void finish(struct progress *p, struct running *r)
{
	p->done++;
	p->ends[p->done_now++ % ENDS] = clock_now();
	p->holes += r->state == CHUNK_HOLE;
	p->spent += clock_now() - r->began;
	*r = p->running[--p->n_running];
}

static void change(struct progress *p, const struct running *to)
{
	struct running *r = find_running(p, to->index);
	bool changed = r->state != to->state;
	bool moved = r->done != to->done || r->total != to->total;
	int64_t began = r->began;

	*r = *to;
	r->began = began;
	if (to->state == CHUNK_DONE || to->state == CHUNK_HOLE)
		finish(p, r);

	if (changed)
		emit(p, (struct progress_event){.type = PROGRESS_CHUNK,
		                                .chunk = {.index = to->index,
		                                          .state = to->state,
		                                          .start = to->start,
		                                          .end = to->end}});
	else if (moved)
		emit(p, (struct progress_event){.type = PROGRESS_UPDATE});
}

void progress_chunk(struct progress *p, size_t index, int64_t start, int64_t end,
                    enum chunk_state state, int64_t done, int64_t total)
{
	const struct running to = {
		.index = index, .state = state, .start = start, .end = end, .done = done, .total = total};

	pthread_mutex_lock(&p->lock);
	change(p, &to);
	pthread_mutex_unlock(&p->lock);
}

void progress_result(struct progress *p, const struct store_chunk *c)
{
	const struct running to = {
		.index = (size_t)c->index, .state = c->state, .start = c->start, .end = c->end};

	pthread_mutex_lock(&p->lock);
	emit(p, (struct progress_event){.type = PROGRESS_RESULT, .result = c});
	change(p, &to);
	pthread_mutex_unlock(&p->lock);
}

void progress_rates(struct progress *p, double prefill, double decode)
{
	pthread_mutex_lock(&p->lock);
	/* Smoothed, so that one short answer does not make the figure jump. */
	if (prefill > 0)
		p->prefill_rate = p->prefill_rate > 0 ? 0.7 * p->prefill_rate + 0.3 * prefill : prefill;
	if (decode > 0)
		p->decode_rate = p->decode_rate > 0 ? 0.7 * p->decode_rate + 0.3 * decode : decode;
	emit(p, (struct progress_event){.type = PROGRESS_UPDATE});
	pthread_mutex_unlock(&p->lock);
}

void progress_read(struct progress *p, struct progress_view *ret)
{
	pthread_mutex_lock(&p->lock);
	read_locked(p, ret);
	pthread_mutex_unlock(&p->lock);
}
