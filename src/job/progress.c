/* SPDX-License-Identifier: Apache-2.0 */
#include "job/progress.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

struct running {
	size_t index;
	enum chunk_state stage;
	int64_t start, end, done, total, began;
};

struct progress {
	pthread_mutex_t lock;
	void (*listener)(void *, json_t *);
	void *ctx;
	json_int_t seq;
	const char *phase;
	char detail[160];
	size_t chunks, done, holes, parallel;
	size_t done_now; /* by this run: only these say how long a chunk takes */
	int64_t spent;
	double prefill_rate, decode_rate;
	struct running *running;
	size_t n_running;
};

struct progress *progress_new(void (*listener)(void *, json_t *), void *ctx)
{
	struct progress *p = mem_alloc(1, sizeof *p);
	pthread_mutex_init(&p->lock, NULL);
	p->listener = listener;
	p->ctx = ctx;
	p->phase = "starting";
	p->parallel = 1;
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

static void emit(struct progress *p, const char *type, json_t *fields)
{
	if (p->listener) {
		json_t *event = json_pack("{s:I, s:f, s:s}", "seq", ++p->seq, "time",
		                          (double)clock_wall() / 1e6, "type", type);
		json_object_update(event, fields);
		p->listener(p->ctx, event);
		json_decref(event);
	}
	json_decref(fields);
}

void progress_event(struct progress *p, const char *type, json_t *fields)
{
	pthread_mutex_lock(&p->lock);
	emit(p, type, fields);
	pthread_mutex_unlock(&p->lock);
}

void progress_phase(struct progress *p, const char *phase, const char *detail)
{
	pthread_mutex_lock(&p->lock);
	bool changed = strcmp(p->phase, phase) != 0 || strcmp(p->detail, detail) != 0;
	p->phase = phase;
	snprintf(p->detail, sizeof p->detail, "%s", detail);
	if (changed)
		emit(p, "phase", json_pack("{s:s, s:s}", "phase", phase, "detail", detail));
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
	pthread_mutex_unlock(&p->lock);
}

void progress_grow(struct progress *p, size_t chunks, size_t parallel)
{
	pthread_mutex_lock(&p->lock);
	p->chunks = chunks;
	p->parallel = parallel ? parallel : 1;
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
	p->done_now++;
	p->holes += r->stage == CHUNK_HOLE;
	p->spent += clock_now() - r->began;
	*r = p->running[--p->n_running];
}

void progress_chunk(struct progress *p, size_t index, int64_t start, int64_t end,
                    enum chunk_state stage, int64_t done, int64_t total)
{
	pthread_mutex_lock(&p->lock);
	struct running *r = find_running(p, index);
	bool changed = r->stage != stage;
	r->start = start;
	r->end = end;
	r->stage = stage;
	r->done = done;
	r->total = total;
	if (changed)
		emit(p, "chunk",
		     json_pack("{s:I, s:I, s:s, s:f, s:f}", "chunk", (json_int_t)index + 1, "chunks",
		               (json_int_t)p->chunks, "state", chunk_state_name(stage), "start",
		               (double)start / 1e6, "end", (double)end / 1e6));
	if (stage == CHUNK_DONE || stage == CHUNK_HOLE)
		finish(p, r);
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
	pthread_mutex_unlock(&p->lock);
}

/* How much of a chunk is behind it, from its stage. The shares are typical, not
 * measured: decoding is short beside the model, and an answer's length is not
 * known before its end. */
static double fraction_of(const struct running *r)
{
	double part = r->total > 0 ? fmin(1, (double)r->done / (double)r->total) : 0;
	switch (r->stage) {
	case CHUNK_DECODING: return 0.2 * part;
	case CHUNK_QUEUED: return 0.2;
	case CHUNK_PREFILL: return 0.2 + 0.5 * part;
	case CHUNK_ANSWER: return 0.7 + 0.3 * (1 - exp(-(double)r->done / 150));
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

static void read_locked(struct progress *p, struct progress_view *v)
{
	double fractions[ARRAY_LEN(v->active)] = {0}, sum = 0;
	int64_t elapsed[ARRAY_LEN(v->active)] = {0}, mean, now = clock_now();
	*v = (struct progress_view){.phase = p->phase,
	                            .chunks = p->chunks,
	                            .done = p->done,
	                            .holes = p->holes,
	                            .prefill_rate = p->prefill_rate,
	                            .decode_rate = p->decode_rate};
	memcpy(v->detail, p->detail, sizeof v->detail);
	for (size_t i = 0; i < p->n_running && i < ARRAY_LEN(v->active); i++) {
		const struct running *r = &p->running[i];
		fractions[i] = fraction_of(r);
		elapsed[i] = now - r->began;
		sum += fractions[i];
		v->active[v->n_active++] = (struct progress_chunk){.index = r->index,
		                                                   .stage = r->stage,
		                                                   .start = r->start,
		                                                   .end = r->end,
		                                                   .done = r->done,
		                                                   .total = r->total,
		                                                   .elapsed = elapsed[i]};
	}
	size_t begun = p->done + p->n_running, waiting = p->chunks > begun ? p->chunks - begun : 0;
	v->left = progress_estimate(p->done_now, p->spent, fractions, elapsed, v->n_active, waiting,
	                            p->parallel, &mean);
	for (size_t i = 0; i < v->n_active; i++)
		v->active[i].left = mean < 0 ? -1 : (int64_t)fmax(0, (double)mean * (1 - fractions[i]));
	v->fraction = p->chunks ? fmin(1, ((double)p->done + sum) / (double)p->chunks) : 0;
}

void progress_read(struct progress *p, struct progress_view *ret)
{
	pthread_mutex_lock(&p->lock);
	read_locked(p, ret);
	pthread_mutex_unlock(&p->lock);
}

static json_t *seconds_or_null(int64_t us)
{
	return us < 0 ? json_null() : json_real(round((double)us / 1e5) / 10);
}

void progress_tick(struct progress *p)
{
	struct progress_view v;
	pthread_mutex_lock(&p->lock);
	read_locked(p, &v);
	json_t *active = json_array();
	for (size_t i = 0; i < v.n_active; i++) {
		const struct progress_chunk *c = &v.active[i];
		json_array_append_new(
			active, json_pack("{s:I, s:s, s:I, s:I, s:o}", "chunk", (json_int_t)c->index + 1,
		                      "state", chunk_state_name(c->stage), "done", (json_int_t)c->done,
		                      "total", (json_int_t)c->total, "left", seconds_or_null(c->left)));
	}
	emit(p, "progress",
	     json_pack("{s:s, s:s, s:I, s:I, s:I, s:f, s:o, s:f, s:f, s:o}", "phase", v.phase, "detail",
	               v.detail, "done", (json_int_t)v.done, "chunks", (json_int_t)v.chunks, "holes",
	               (json_int_t)v.holes, "fraction", v.fraction, "left", seconds_or_null(v.left),
	               "prefill_rate", v.prefill_rate, "decode_rate", v.decode_rate, "active", active));
	pthread_mutex_unlock(&p->lock);
}
