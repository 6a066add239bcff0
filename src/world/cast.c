/* SPDX-License-Identifier: Apache-2.0 */
#include "cast.h"

#include "random.h"

enum {
	CAST_MIN = 4,
	EVENTS_EACH = 4,
	GROUP = 4, /* of which two are of one look, and one changes */
	SECOND = 1000000,
	AWAY = 10 * SECOND,      /* at least, between two appearances */
	CHANGE_MIN = 4 * SECOND, /* no shorter event shows a change */
};

static const double sizes[] = {0.13, 0.15, 0.17};

struct looks {
	bool taken[WORLD_COLORS][WORLD_SHAPES];
};

static void draw_look(struct looks *looks, uint64_t *rnd, struct cast_member *m)
{
	do {
		m->color[0] = (enum world_color)random_below(rnd, WORLD_COLORS);
		m->color[1] = m->changes ? (enum world_color)random_below(rnd, WORLD_COLORS) : m->color[0];
		m->shape = (enum world_shape)random_below(rnd, WORLD_SHAPES);
	} while (looks->taken[m->color[0]][m->shape] || looks->taken[m->color[1]][m->shape] ||
	         m->changes == (m->color[0] == m->color[1]));
	for (int i = 0; i < 2; i++)
		looks->taken[m->color[i]][m->shape] = true;
}

void cast_make(struct cast *c, uint64_t *rnd, size_t n_events)
{
	struct looks looks = {0};
	size_t n = n_events / EVENTS_EACH;
	*c = (struct cast){.n = n < CAST_MIN ? CAST_MIN : n > CAST_MAX ? CAST_MAX : (int)n};
	for (int i = 0; i < c->n; i++) {
		struct cast_member *m = &c->all[i];
		m->twin = -1;
		if (i % GROUP == 1) {
			*m = m[-1];
			m->twin = i - 1;
			m[-1].twin = i;
			continue;
		}
		m->changes = i % GROUP == 2;
		m->r = sizes[random_below(rnd, 3)];
		draw_look(&looks, rnd, m);
	}
}

static void set_subject(const struct cast *c, int who, struct world_event *e)
{
	const struct cast_member *m = &c->all[who];
	e->subject = who + 1;
	e->color = e->turns = m->color[0];
	e->shape = m->shape;
	e->r = m->r;
}

bool cast_pick(const struct cast *c, uint64_t *rnd, struct world_event *e, int64_t *ret_away_us)
{
	int who = -1, n = 0;
	for (int i = 0; i < c->n; i++) {
		const struct cast_member *m = &c->all[i];
		if (m->away_us > e->start_us || (who >= 0 && m->times > c->all[who].times))
			continue;
		if (who >= 0 && m->times < c->all[who].times)
			n = 0;
		/* each of those that came equally often is as likely */
		if (random_below(rnd, ++n) == 0)
			who = i;
	}
	if (who < 0)
		return false;
	set_subject(c, who, e);
	*ret_away_us = c->all[who].away_us;
	if (c->all[who].changes && c->all[who].times && random_below(rnd, 3) == 0)
		e->color = e->turns = c->all[who].color[1];
	return true;
}

bool cast_pick_twin(const struct cast *c, const struct world_event *of, struct world_event *e,
                    int64_t *ret_away_us)
{
	int twin = c->all[of->subject - 1].twin;
	if (twin < 0 || c->all[twin].away_us > e->start_us)
		return false;
	set_subject(c, twin, e);
	*ret_away_us = c->all[twin].away_us;
	return true;
}

void cast_enter(struct cast *c, uint64_t *rnd, struct world_event *e, int64_t gone_us)
{
	struct cast_member *m = &c->all[e->subject - 1];
	enum world_color other = e->color == m->color[0] ? m->color[1] : m->color[0];
	int64_t length = e->end_us - e->start_us;
	if (m->changes && length >= CHANGE_MIN && random_below(rnd, 2)) {
		e->turns = other;
		e->turn_us =
			e->start_us + (int64_t)((double)length / 1e3 * random_in(rnd, 0.35, 0.65)) * 1000;
		other = e->color;
	}
	m->color[0] = e->turns;
	m->color[1] = other;
	m->times++;
	m->away_us = gone_us + AWAY;
}
