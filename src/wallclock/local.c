/* SPDX-License-Identifier: Apache-2.0 */
#include "wallclock/local.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "wallclock/civil.h"

#define HOUR (3600 * CLOCK_SECOND)

/* What files state is UTC; what is drawn into the picture is local. */
static bool is_utc(const struct wallclock_clock *c)
{
	return c->source == WALLCLOCK_CREATED;
}

static int64_t to_seconds(int64_t us)
{
	return us >= 0 ? us / CLOCK_SECOND : -((-us + CLOCK_SECOND - 1) / CLOCK_SECOND);
}

/* About an hour, forward or back. */
static bool is_hour(const struct wallclock_clock *c, int64_t jump)
{
	int64_t off = llabs(llabs(jump) - HOUR);
	return off <= 2 * CLOCK_SECOND || off <= c->unit;
}

/* What a local clock is ahead of UTC in a piece. Of the two times that an hour
 * in autumn has, it is the second one after the clock was changed by this hour,
 * and stays so as long as that is possible. */
static int local_offset(const struct wallclock_clock *c, const struct wallclock_fit *f, size_t i,
                        const struct wallclock_zone *zone)
{
	const struct wallclock_piece *p = &f->pieces[i], *last = i > 0 ? p - 1 : NULL;
	int64_t local = to_seconds(p->at);
	if (!last || last->offset == WALLCLOCK_NO_OFFSET)
		return wallclock_zone_offset_local(zone, local);
	int64_t shown = last->at + llround((double)(p->start - last->start) * last->speed);
	int64_t jump = p->at - shown;
	int changed = last->offset + (jump < 0 ? -3600 : 3600);
	if (is_hour(c, jump) &&
	    wallclock_zone_changes(zone, to_seconds(shown), jump < 0 ? -3600 : 3600))
		return changed;
	if (wallclock_zone_offset(zone, local - last->offset) == last->offset)
		return last->offset;
	return wallclock_zone_offset_local(zone, local);
}

static void localize_piece(const struct wallclock_clock *c, const struct wallclock_fit *f, size_t i,
                           const struct wallclock_zone *zone)
{
	struct wallclock_piece *p = &f->pieces[i];
	if (is_utc(c)) {
		int64_t utc = p->at - (p->offset == WALLCLOCK_NO_OFFSET ? 0 : p->offset) * CLOCK_SECOND;
		p->offset = zone ? wallclock_zone_offset(zone, to_seconds(utc)) : 0;
		p->at = utc + p->offset * CLOCK_SECOND;
	} else if (c->dated && zone) {
		p->offset = local_offset(c, f, i, zone);
	} else {
		p->offset = WALLCLOCK_NO_OFFSET;
	}
}

/* In most zones that have it, clocks are changed between midnight and four on a
 * Sunday of March, April, September, October or November. */
static bool may_change(const struct wallclock_clock *c, const struct wallclock_break *b)
{
	int64_t day = 24 * HOUR, days = b->clock_before / day, of_day = b->clock_before % day;
	int year, month, d;
	if (b->clock_before < 0 || of_day > 4 * HOUR)
		return false;
	if (!c->dated)
		return true;
	civil_date(days, &year, &month, &d);
	return civil_weekday(days) == 0 && (month == 3 || month == 4 || (month >= 9 && month <= 11));
}

static bool is_daylight(const struct wallclock_clock *c, const struct wallclock_break *b,
                        const struct wallclock_zone *zone)
{
	int64_t sign = b->jump < 0 ? -1 : 1;
	if (!is_hour(c, b->jump))
		return false;
	if (zone && c->dated)
		return wallclock_zone_changes(zone, to_seconds(b->clock_before), sign * 3600);
	return may_change(c, b);
}

void wallclock_localize(struct wallclock *w, const struct wallclock_zone *zone, const char *name)
{
	free(w->zone);
	w->zone = mem_strdup(zone ? name : "");
	for (size_t i = 0; i < w->n_clocks; i++) {
		struct wallclock_clock *c = &w->clocks[i];
		for (size_t k = 0; k < c->n_fits; k++)
			for (size_t j = 0; j < c->fits[k].n_pieces; j++)
				localize_piece(c, &c->fits[k], j, zone);
		for (size_t k = 0; k < c->n_breaks; k++)
			c->breaks[k].daylight = is_daylight(c, &c->breaks[k], zone);
	}
}
