/* SPDX-License-Identifier: Apache-2.0 */
#include "screentext/times.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

/* Activity of a bin from which the picture changes: a small line of text that
 * appears has about 0.2. */
static const float changes = 0.12F;

static const int64_t settled = CLOCK_SECOND * 4 / 10; /* from a change to the frame that is read */
static const int64_t brief = CLOCK_SECOND; /* a change that is over sooner is one change */
static const int64_t apart = CLOCK_SECOND; /* of samples where changes follow each other quickly */
enum { MOVING_MAX = 20000 };               /* samples of a video while it changes */

struct making {
	const struct text_changes *x;
	int64_t step;
	struct text_samples *to;
};

void text_samples_clear(struct text_samples *s)
{
	free(s->items);
	*s = (struct text_samples){0};
}

static void add(struct making *m, int64_t time, int64_t from, int64_t until)
{
	struct text_samples *s = m->to;
	if (s->n && time <= s->items[s->n - 1].time)
		return;
	s->items = mem_room(s->items, s->n, &s->cap, sizeof *s->items);
	s->items[s->n++] = (struct text_sample){time, from, until};
}

/* The picture is the same from `from` to `until`; `ready`: it has settled. */
static void add_still(struct making *m, int64_t from, int64_t until, int64_t ready)
{
	struct text_samples *s = m->to;
	int64_t last = s->n ? s->items[s->n - 1].time : INT64_MIN / 2;
	if (until <= from || (until - from < apart && from - last < apart))
		return;
	int64_t first = ready > from + settled ? ready : from + settled;
	if (first >= until)
		first = from + (until - from) / 2;
	for (int64_t t = first; t < until; t += TEXT_STEP_STILL)
		add(m, t, from, until);
}

static void add_moving(struct making *m, int64_t from, int64_t until)
{
	int64_t first = from + (settled < (until - from) / 2 ? settled : (until - from) / 2);
	for (int64_t t = first; t < until; t += m->step)
		add(m, t, t, t);
}

static bool is_moving(const struct text_changes *x, size_t bin)
{
	return bin < x->n_bins && x->activity[bin] >= changes;
}

/* The end of the bins from `bin` on that change, at most `to`. */
static int64_t end_of_change(const struct text_changes *x, size_t bin, int64_t to)
{
	while (is_moving(x, bin) && (int64_t)bin * x->bin < to)
		bin++;
	int64_t end = (int64_t)bin * x->bin;
	return end < to ? end : to;
}

/* A shot. The activity that a cut causes in the bins after it is not a change.
 * */
static void add_shot(struct making *m, int64_t from, int64_t to)
{
	const struct text_changes *x = m->x;
	int64_t still = from, end = end_of_change(x, (size_t)(from / x->bin), to);
	int64_t at = end - from <= brief && end > from ? end : from, ready = at;
	while (at < to) {
		size_t bin = (size_t)(at / x->bin);
		if (!is_moving(x, bin)) {
			at = (int64_t)(bin + 1) * x->bin;
			continue;
		}
		end = end_of_change(x, bin, to);
		add_still(m, still, at, ready);
		if (end - at > brief)
			add_moving(m, at, end);
		still = end - at > brief ? end : at;
		ready = at = end;
	}
	add_still(m, still, to, ready);
}

/* So long a step that there are not too many samples. */
static int64_t choose_step(const struct text_changes *x)
{
	int64_t moving = 0, step;
	for (size_t i = 0; i < x->n_bins; i++)
		moving += is_moving(x, i) ? x->bin : 0;
	step = moving / MOVING_MAX;
	return step > TEXT_STEP_MOVING ? step : TEXT_STEP_MOVING;
}

void text_samples_make(const struct text_changes *x, int64_t from, int64_t to,
                       struct text_samples *ret)
{
	struct making m = {.x = x, .to = ret};
	*ret = (struct text_samples){0};
	if (from >= to)
		return;
	if (!x || !x->n_bins || x->bin <= 0) {
		m.step = (to - from) / MOVING_MAX;
		m.step = m.step > TEXT_STEP_MOVING ? m.step : TEXT_STEP_MOVING;
		add_moving(&m, from, to);
		return;
	}
	m.step = choose_step(x);
	int64_t at = from;
	for (size_t i = 0; i < x->n_cuts && x->cuts[i].to < to; i++) {
		/* What is shown while it changes belongs to neither shot. */
		if (x->cuts[i].from > at)
			add_shot(&m, at, x->cuts[i].from);
		at = x->cuts[i].to > at ? x->cuts[i].to : at;
	}
	add_shot(&m, at, to);
}
