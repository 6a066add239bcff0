/* SPDX-License-Identifier: Apache-2.0 */
#include "selftest/selftest.h"

enum { CHUNK_FRAMES_MAX = 256 };

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

/* What the index measured inside of each event. */
static void look_up(struct selftest *t, const struct video_index *x)
{
	for (size_t i = 0; i < t->n; i++) {
		struct selftest_event *e = &t->events[i];
		for (size_t k = index_score_from(x, e->plant.start);
		     k < x->n_scores && x->scores[k].pts < e->plant.end; k++) {
			e->decoded = true;
			e->score = x->scores[k].score > e->score ? x->scores[k].score : e->score;
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

	other = *o;
	while (t->trials[t->n_trials - 1].seen < t->n && t->n_trials < SELFTEST_TRIALS &&
	       other.chunk_frames * 2 <= CHUNK_FRAMES_MAX) {
		other.chunk_frames *= 2;
		try_other(t, &other, x);
	}
}
