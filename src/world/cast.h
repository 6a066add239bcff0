/* SPDX-License-Identifier: Apache-2.0 */
/* The subjects of a world with `subjects=hard`: each comes several times, some
 * are two of one look, and some change their color. Internal. */
#ifndef VDET_WORLD_CAST_H
#define VDET_WORLD_CAST_H

#include "world.h"

enum { CAST_MAX = 12 };

struct cast_member {
	enum world_color color[2]; /* [0] that it has now; the other one, of those that change */
	enum world_shape shape;
	double r;
	bool changes;
	int twin;        /* who looks the same; -1 = no one */
	size_t times;    /* that it came */
	int64_t away_us; /* not in view before */
};

struct cast {
	struct cast_member all[CAST_MAX];
	int n;
};

/* As many as come several times in so many events. */
void cast_make(struct cast *c, uint64_t *rnd, size_t n_events);

/* Makes the event, whose start is set, about someone who is not in view then,
 * of those who came the fewest times; false if all are. Its subject must not be
 * in view before *ret_away_us. Nothing is noted. */
bool cast_pick(const struct cast *c, uint64_t *rnd, struct world_event *e, int64_t *ret_away_us);
/* The same, about who looks like the subject of another event; false if no
 * one does, or it is in view. */
bool cast_pick_twin(const struct cast *c, const struct world_event *of, struct world_event *e,
                    int64_t *ret_away_us);

/* The event is part of the world, and visible until gone_us: notes it, and
 * decides whether its subject changes its color while it is in view. */
void cast_enter(struct cast *c, uint64_t *rnd, struct world_event *e, int64_t gone_us);

#endif
