/* SPDX-License-Identifier: Apache-2.0 */
#include "wallclock/local.h"

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

static void localize_piece(const struct wallclock_clock *c, struct wallclock_piece *p,
                           const struct wallclock_zone *zone)
{
	if (is_utc(c)) {
		int64_t utc = p->at - (p->offset == WALLCLOCK_NO_OFFSET ? 0 : p->offset) * CLOCK_SECOND;
		p->offset = zone ? wallclock_zone_offset(zone, to_seconds(utc)) : 0;
		p->at = utc + p->offset * CLOCK_SECOND;
	} else if (c->dated && zone) {
		p->offset = wallclock_zone_offset_local(zone, to_seconds(p->at));
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
	int64_t off = llabs(b->jump) - HOUR, sign = b->jump < 0 ? -1 : 1;
	if (llabs(off) > 2 * CLOCK_SECOND && llabs(off) > c->unit)
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
				localize_piece(c, &c->fits[k].pieces[j], zone);
		for (size_t k = 0; k < c->n_breaks; k++)
			c->breaks[k].daylight = is_daylight(c, &c->breaks[k], zone);
	}
}
