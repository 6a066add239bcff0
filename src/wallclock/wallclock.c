/* SPDX-License-Identifier: Apache-2.0 */
#include "wallclock/wallclock.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "wallclock/civil.h"

#define DAY (86400 * CLOCK_SECOND)
#define HALF_DAY (DAY / 2)

const char *const wallclock_source_name[WALLCLOCK_SOURCES] = {"picture", "created", "timecode"};
const char *const wallclock_verdict_name[WALLCLOCK_VERDICTS] = {
	"cannot tell", "recording interrupted", "clock set"};

static void clock_clear(struct wallclock_clock *c)
{
	for (size_t i = 0; i < c->n_fits; i++) {
		free(c->fits[i].order);
		free(c->fits[i].pieces);
	}
	for (size_t i = 0; i < c->n_breaks; i++)
		free(c->breaks[i].why);
	for (size_t i = 0; i < c->n_samples; i++)
		free(c->samples[i].text);
	free(c->fits);
	free(c->breaks);
	free(c->samples);
	free(c->name);
	free(c->format);
}

void wallclock_free(struct wallclock *w)
{
	for (size_t i = 0; w && i < w->n_clocks; i++)
		clock_clear(&w->clocks[i]);
	if (w) {
		free(w->clocks);
		free(w->zone);
		free(w->fault);
	}
	free(w);
}

void wallclock_drop(struct wallclock *w, size_t i)
{
	clock_clear(&w->clocks[i]);
	memmove(&w->clocks[i], &w->clocks[i + 1], (w->n_clocks - i - 1) * sizeof *w->clocks);
	memset(&w->clocks[--w->n_clocks], 0, sizeof *w->clocks);
}

/* ---- the time at a time of the video ---- */

static int64_t time_in(const struct wallclock_piece *p, int64_t time)
{
	double d = (double)(time - p->start) * p->speed;
	return p->at + (int64_t)llround(fmin(fmax(d, -1e17), 1e17));
}

/* The last piece that begins at or before t; the first one before that. */
static size_t piece_at(const struct wallclock_fit *f, int64_t t)
{
	size_t i = 0;
	while (i + 1 < f->n_pieces && f->pieces[i + 1].start <= t)
		i++;
	return i;
}

bool wallclock_at(const struct wallclock *w, int64_t time, struct wallclock_time *ret)
{
	*ret = (struct wallclock_time){.offset = WALLCLOCK_NO_OFFSET};
	for (size_t i = 0; w && i < w->n_clocks; i++) {
		const struct wallclock_clock *c = &w->clocks[i];
		if (c->n_fits == 0 || c->fits[0].n_pieces == 0)
			continue;
		const struct wallclock_piece *p = &c->fits[0].pieces[piece_at(&c->fits[0], time)];
		ret->clock = c;
		ret->at = time_in(p, time);
		ret->dated = c->dated;
		ret->half = c->period == HALF_DAY;
		ret->offset = p->offset;
		ret->error = c->unit + p->residual;
		for (size_t k = 1; k < c->n_fits && ret->n_others < ARRAY_LEN(ret->others); k++) {
			const struct wallclock_fit *f = &c->fits[k];
			if (f->n_pieces > 0)
				ret->others[ret->n_others++] = time_in(&f->pieces[piece_at(f, time)], time);
		}
		return true;
	}
	return false;
}

static int64_t floor_to(int64_t t, int64_t unit)
{
	int64_t r = t % unit;
	return t - (r < 0 ? r + unit : r);
}

bool wallclock_find(const struct wallclock *w, int64_t of_day, int64_t end, int64_t *ret)
{
	size_t i = 0;
	while (w && i < w->n_clocks && (!w->clocks[i].n_fits || !w->clocks[i].fits[0].n_pieces))
		i++;
	if (!w || i == w->n_clocks)
		return false;
	const struct wallclock_clock *c = &w->clocks[i];
	const struct wallclock_fit *f = &c->fits[0];
	int64_t period = c->period == HALF_DAY ? HALF_DAY : DAY;
	for (size_t k = 0; k < f->n_pieces; k++) {
		const struct wallclock_piece *p = &f->pieces[k];
		int64_t from = k > 0 ? p->start : 0, to = k + 1 < f->n_pieces ? p[1].start : end;
		if (from >= to || !(p->speed > 0))
			continue;
		int64_t first = time_in(p, from), ahead = of_day - first;
		ahead -= floor_to(ahead, period);
		double at = (double)from + (double)ahead / p->speed;
		if (at >= (double)to)
			continue;
		*ret = (int64_t)at;
		return true;
	}
	return false;
}

/* ---- text ---- */

static void date_text(int64_t at, char out[static 16])
{
	int y, m, d;
	civil_date(floor_to(at, DAY) / DAY, &y, &m, &d);
	snprintf(out, 16, "%04d-%02d-%02d", y % 10000, m % 100, d % 100);
}

const char *wallclock_text(const struct wallclock_time *t, char out[static WALLCLOCK_TEXT_MAX])
{
	/* cut to what the clock shows, so that a minute is not given more digits */
	int64_t of_day = (t->at - floor_to(t->at, DAY)) / CLOCK_SECOND;
	if (t->half)
		of_day = of_day % 43200 + (of_day % 43200 < 3600 ? 43200 : 0);
	bool minutes = t->clock && t->clock->unit >= 60 * CLOCK_SECOND;
	char date[16], zone[16] = "";
	size_t n = 0;
	out[0] = '\0';
	if (t->dated) {
		date_text(t->at, date);
		n = (size_t)snprintf(out, WALLCLOCK_TEXT_MAX, "%s", date);
		for (size_t i = 0; i < t->n_others; i++) {
			date_text(t->others[i], date);
			n += (size_t)snprintf(out + n, WALLCLOCK_TEXT_MAX - n, " or %s", date);
		}
		n += (size_t)snprintf(out + n, WALLCLOCK_TEXT_MAX - n, t->n_others ? ", " : " ");
	}
	if (t->offset == 0)
		snprintf(zone, sizeof zone, " UTC");
	else if (t->offset != WALLCLOCK_NO_OFFSET)
		snprintf(zone, sizeof zone, " %c%02d:%02d", t->offset < 0 ? '-' : '+',
		         abs(t->offset) / 3600 % 100, abs(t->offset) / 60 % 60);
	n += (size_t)snprintf(out + n, WALLCLOCK_TEXT_MAX - n, "%02d:%02d", (int)(of_day / 3600),
	                      (int)(of_day / 60 % 60));
	if (!minutes)
		n += (size_t)snprintf(out + n, WALLCLOCK_TEXT_MAX - n, ":%02d", (int)(of_day % 60));
	snprintf(out + n, WALLCLOCK_TEXT_MAX - n, "%s%s", t->half ? " AM or PM" : "", zone);
	return out;
}

/* "+37 s", "-10:00 min", "+1:00:00 h" without a unit that has to be guessed */
static void jump_text(int64_t jump, char out[static 32])
{
	int64_t s = (llabs(jump) + CLOCK_SECOND / 2) / CLOCK_SECOND;
	char sign = jump < 0 ? '-' : '+';
	if (s < 120)
		snprintf(out, 32, "%c%d s", sign, (int)s);
	else if (s < 3600)
		snprintf(out, 32, "%c%d min %d s", sign, (int)(s / 60), (int)(s % 60));
	else if (s < 86400)
		snprintf(out, 32, "%c%d h %d min %d s", sign, (int)(s / 3600), (int)(s / 60 % 60),
		         (int)(s % 60));
	else
		snprintf(out, 32, "%c%d d %d h %d min", sign, (int)(s / 86400), (int)(s / 3600 % 24),
		         (int)(s / 60 % 60));
}

char *wallclock_break_text(const struct wallclock_clock *c, const struct wallclock_break *b)
{
	char jump[32];
	jump_text(b->jump, jump);
	return mem_printf("the clock jumps by %s here%s%s", jump,
	                  c->period == DAY        ? " (or by whole days more: it shows no date)"
	                  : c->period == HALF_DAY ? " (or by 12 hours more: it shows no AM or PM)"
	                                          : "",
	                  b->daylight ? ", as daylight saving time changes" : "");
}
