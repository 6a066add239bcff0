/* SPDX-License-Identifier: Apache-2.0 */
#include "job/speech-away.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/cond.h"
#include "job/speech-unit.h"
#include "job/unit-run.h"

enum { AWAY_MAX = 64 }; /* at the same time */

struct given {
	struct speech_away *away;
	pthread_t thread;
	struct speech_unit unit; /* `voices` are owned */
	struct away_part part;
	bool ended; /* with the lock */
};

struct speech_away {
	struct speech_away_options o;
	struct cancel *stop;
	struct given *given[AWAY_MAX];
	size_t n;
	pthread_mutex_t lock;
	pthread_cond_t ended;
};

void away_part_clear(struct away_part *p)
{
	store_transcript_clear(&p->texts);
	*p = (struct away_part){0};
}

struct speech_away *speech_away_new(const struct speech_away_options *o)
{
	struct speech_away *a = mem_alloc(1, sizeof *a);
	*a = (struct speech_away){.o = *o, .stop = cancel_new()};
	pthread_mutex_init(&a->lock, NULL);
	cond_init(&a->ended);
	return a;
}

static void given_free(struct given *g)
{
	away_part_clear(&g->part);
	free(g->unit.voices);
	free(g);
}

void speech_away_free(struct speech_away *a)
{
	if (!a)
		return;
	cancel_fire(a->stop);
	for (size_t i = 0; i < a->n; i++) {
		pthread_join(a->given[i]->thread, NULL);
		given_free(a->given[i]);
	}
	pthread_cond_destroy(&a->ended);
	pthread_mutex_destroy(&a->lock);
	cancel_free(a->stop);
	free(a);
}

bool speech_away_serves(struct speech_away *a, bool *ret_room)
{
	int serves = unit_serves(a->o.run, a->o.model);
	*ret_room = serves > 0 && a->n < (size_t)serves && a->n < AWAY_MAX;
	return serves > 0;
}

static int take_result(void *ctx, const struct runner_result *result, struct err *err)
{
	struct given *g = ctx;
	return speech_result_read(&g->unit, result, &g->part.texts, err);
}

static void *wait_for(void *arg)
{
	struct given *g = arg;
	struct speech_away *a = g->away;
	struct away_part *p = &g->part;
	AUTO(mem_freep) char *body = NULL;
	AUTO(mem_freep) char *what = mem_printf("job %s, sound", a->o.job);
	const struct unit_run how = {.run = a->o.run,
	                             .what = what,
	                             .kind = SPEECH_UNIT_KIND,
	                             .schema = SPEECH_UNIT_SCHEMA,
	                             .source = a->o.source,
	                             .cancel = a->stop,
	                             .model = a->o.model,
	                             .optional = true,
	                             .read = take_result,
	                             .ctx = g};
	p->result = speech_unit_write(&g->unit, &body, &p->err);
	if (p->result == 0) {
		unit_id(a->o.job, SPEECH_UNIT_KIND, p->index, body, p->unit);
		p->result = unit_run(&how, p->unit, body, &p->err);
	}
	if (p->result < 0)
		*p->unit = '\0';
	pthread_mutex_lock(&a->lock);
	g->ended = true;
	pthread_cond_broadcast(&a->ended);
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

bool speech_away_give(struct speech_away *a, int track, int64_t index, const struct hearing_part *p,
                      const struct speech_voice *voices, size_t n, int64_t duration)
{
	if (a->n == AWAY_MAX)
		return false;
	struct given *g = mem_alloc(1, sizeof *g);
	g->away = a;
	g->part = (struct away_part){.part = *p, .index = index};
	g->unit = (struct speech_unit){.decoder = *a->o.decoder,
	                               .track = track,
	                               .start = p->start,
	                               .end = p->end,
	                               .duration = duration,
	                               .voices = mem_alloc(n + 1, sizeof *voices),
	                               .n = n};
	for (size_t i = 0; i < n; i++)
		g->unit.voices[i] = voices[i];
	if (pthread_create(&g->thread, NULL, wait_for, g) != 0) {
		given_free(g);
		return false;
	}
	a->given[a->n++] = g;
	return true;
}

/* With the lock held: its place; `n` if none has ended. */
static size_t find_ended(const struct speech_away *a)
{
	size_t i = 0;
	while (i < a->n && !a->given[i]->ended)
		i++;
	return i;
}

bool speech_away_take(struct speech_away *a, bool wait, struct away_part *ret)
{
	size_t i;
	pthread_mutex_lock(&a->lock);
	/* For a while only, so that a cancel is seen. */
	while ((i = find_ended(a)) == a->n && a->n && wait && !cancel_fired(a->o.run->cancel))
		cond_wait_until(&a->ended, &a->lock, clock_now() + CLOCK_SECOND / 20);
	pthread_mutex_unlock(&a->lock);
	if (i == a->n)
		return false;
	struct given *g = a->given[i];
	pthread_join(g->thread, NULL);
	a->given[i] = a->given[--a->n];
	*ret = g->part;
	g->part = (struct away_part){0};
	given_free(g);
	return true;
}

size_t speech_away_left(const struct speech_away *a)
{
	return a->n;
}

void speech_away_settle(struct speech_away *a, const struct away_part *p)
{
	unit_settle(a->o.run, p->unit);
}
