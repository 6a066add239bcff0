/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/index-wire.h"
#include "selftest/selftest.h"

enum {
	CHUNK_FRAMES_MAX = 256,
	NEAR = 3,           /* cells from the edge of an object that still belong to it */
	PICTURE_SHARE = 51, /* of another picture, in 1/255, this much is unusual at least */
};

static bool sees(const struct plan *p, const struct plant *event)
{
	for (size_t i = 0; i < p->n_chunks; i++)
		for (size_t k = 0; k < p->chunks[i].n_times; k++)
			if (p->chunks[i].times[k] >= event->start && p->chunks[i].times[k] < event->end)
				return true;
	return false;
}

static void add_trial(struct selftest *t, const struct plan_options *o, const struct plan *p)
{
	struct selftest_trial trial = {
		.chunk_frames = o->chunk_frames, .policy = o->policy, .frames = p->samples};
	for (size_t i = 0; i < t->n; i++)
		trial.seen += sees(p, &t->events[i].plant);
	t->trials[t->n_trials++] = trial;
}

/* Also of another number of frames, or another policy. */
static void try_other(struct selftest *t, const struct plan_options *o, const struct video_index *x)
{
	AUTO(plan_freep) struct plan *p = NULL;
	struct err ignored;
	if (plan_make(o, t->duration, x, &p, &ignored) == 0)
		add_trial(t, o, p);
}

/* Whether the most unusual part of the picture is where the event is. */
static bool is_at(const struct index_score *s, const struct plant *p)
{
	if (p->kind == PLANT_PICTURE)
		return (int)s->share >= PICTURE_SHARE;
	double done = (double)(s->pts - p->start) / (double)(p->end - p->start);
	double x = (p->x0 + (p->x1 - p->x0) * done) * GRID_W, rx = p->width * GRID_W / 2 + NEAR;
	double y = (p->y0 + (p->y1 - p->y0) * done) * GRID_H, ry = p->height * GRID_W / 2 + NEAR;
	return s->x <= x + rx && s->x + s->w >= x - rx && s->y <= y + ry && s->y + s->h >= y - ry;
}

/* What the index measured inside of each event. */
static void look_up(struct selftest *t, const struct video_index *x)
{
	for (size_t i = 0; i < t->n; i++) {
		struct selftest_event *e = &t->events[i];
		for (size_t k = index_score_from(x, e->plant.start);
		     k < x->n_scores && x->scores[k].pts < e->plant.end; k++) {
			const struct index_score *s = &x->scores[k];
			float *most = is_at(s, &e->plant) ? &e->score : &e->elsewhere;
			e->decoded = true;
			*most = s->score > *most ? s->score : *most;
		}
	}
}

void selftest_judge(struct selftest *t, const struct plan_options *o, const struct plan *p,
                    const struct video_index *x)
{
	AUTO(plan_freep) struct plan *even = NULL;
	struct plan_options other = *o;
	struct err ignored;
	other.policy = PLAN_EVEN;
	if (plan_make(&other, t->duration, NULL, &even, &ignored) < 0)
		return; /* the options were checked: not reached */

	t->indexed = x;
	for (size_t i = 0; i < t->n; i++) {
		t->events[i].seen = sees(p, &t->events[i].plant);
		t->events[i].seen_even = sees(even, &t->events[i].plant);
	}
	if (x)
		look_up(t, x);

	t->n_trials = 0;
	add_trial(t, o, p);
	if (o->policy != PLAN_EVEN)
		add_trial(t, &other, even);

	/* Until nothing is missed; even sampling does not count. */
	other = *o;
	size_t seen = t->trials[0].seen;
	while (seen < t->n && t->n_trials < SELFTEST_TRIALS &&
	       other.chunk_frames * 2 <= CHUNK_FRAMES_MAX) {
		other.chunk_frames *= 2;
		try_other(t, &other, x);
		seen = t->trials[t->n_trials - 1].seen;
	}
}
