/* SPDX-License-Identifier: Apache-2.0 */
#include "wallclock/fit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wallclock/misread.h"
#include "wallclock/series.h"

enum { READINGS_MIN = 3, UNITS = 3 };

/* What most readings of a clock have in common. */
struct style {
	bool dated, half; /* half: it has 12 hours, perhaps */
	bool bare;        /* probably: there is no 0 before an hour of one digit */
	int64_t unit;
	const char *format;
	size_t timed;
};

static struct style find_style(const struct wallclock_point *p, size_t n)
{
	struct style s = {.format = ""};
	size_t dated = 0, half = 0, bare = 0, padded = 0, best = 0, most = 0;
	for (size_t i = 0; i < n; i++) {
		if (!p[i].timed)
			continue;
		s.timed++;
		dated += p[i].reading.dated;
		half += p[i].reading.half;
		bare += p[i].reading.bare;
		padded += !p[i].reading.bare && p[i].reading.of_day < 10 * 3600 * SERIES_SECOND;
		size_t same = 0, equal = 0;
		for (size_t k = i; k < n && k < i + 200; k++) {
			same += p[k].timed && p[k].reading.unit == p[i].reading.unit;
			equal += p[k].timed && strcmp(p[k].reading.format, p[i].reading.format) == 0;
		}
		if (same > best) {
			best = same;
			s.unit = p[i].reading.unit;
		}
		if (equal > most) {
			most = equal;
			s.format = p[i].reading.format;
		}
	}
	s.dated = dated * 2 > s.timed;
	s.half = s.timed > 0 && half * 20 >= s.timed * 19;
	s.bare = s.half && bare >= READINGS_MIN && bare > 2 * padded;
	return s;
}

/* A reading whose date was not read is of the day of the nearest one that has a
 * date, before it or else behind it. */
static void add_days(struct series *s, const bool *dated)
{
	for (size_t i = 0; i < s->n; i++) {
		struct reading *r = &s->list[i];
		size_t k = i, j = i;
		while (k > 0 && !dated[k])
			k--;
		while (j + 1 < s->n && !dated[j])
			j++;
		k = dated[k] ? k : j;
		if (dated[i] || !dated[k])
			continue;
		int64_t want = s->list[k].clock + r->time - s->list[k].time;
		r->clock += SERIES_DAY * (int64_t)llround((double)(want - r->clock) / (double)SERIES_DAY);
	}
}

/* The readings in one order of the date; half: the clock counts 12 hours. */
static struct series make(const struct wallclock_point *p, size_t n, const struct style *style,
                          int order, bool half)
{
	struct series s = {.unit = style->unit};
	s.list = mem_alloc(n + 1, sizeof *s.list);
	AUTO(mem_freep) bool *with = mem_alloc(n + 1, sizeof *with);
	for (size_t i = 0; i < n; i++) {
		const struct wallclock_reading *r = &p[i].reading;
		if (!p[i].timed || r->unit != style->unit)
			continue;
		bool dated = style->dated && r->dated;
		if (dated && !r->possible[order])
			continue;
		if (s.n > 0 && s.list[s.n - 1].time >= p[i].time)
			continue;
		with[s.n] = dated;
		int64_t of_day = half ? r->of_day % (SERIES_DAY / 2) : r->of_day;
		s.list[s.n++] = (struct reading){
			.time = p[i].time,
			.clock = of_day + (dated ? r->days[order] * SERIES_DAY : 0),
			.period = half    ? SERIES_DAY / 2
		              : dated ? 0
		                      : SERIES_DAY,
			.point = i,
		};
	}
	add_days(&s, with);
	series_run(&s);
	misread_drop(&s);
	return s;
}

/* Whether a explains the readings better: with fewer jumps, or more of them. */
static int better(const struct series *a, const struct series *b)
{
	if (a->n_lines == 0 || b->n_lines == 0)
		return (a->n_lines > 0) - (b->n_lines > 0);
	/* a jump has to be worth three readings */
	double x = (double)a->used - 3.0 * (double)a->n_lines;
	double y = (double)b->used - 3.0 * (double)b->n_lines;
	return (x > y + 0.5) - (y > x + 0.5);
}

/* ---- result ---- */

static void put_fit(const struct series *s, const char *order, struct wallclock_fit *f)
{
	f->order = mem_strdup(order);
	f->pieces = mem_alloc(s->n_lines + 1, sizeof *f->pieces);
	f->n_pieces = s->n_lines;
	for (size_t k = 0; k < s->n_lines; k++) {
		const struct line *l = &s->lines[k];
		const struct reading *first = &s->list[l->from], *last = &s->list[l->to - 1];
		f->pieces[k] = (struct wallclock_piece){.start = first->time,
		                                        .end = last->time,
		                                        .at = (int64_t)llround(l->at),
		                                        .speed = l->speed,
		                                        .residual = (int64_t)llround(l->residual),
		                                        .readings = l->to - l->from,
		                                        .offset = WALLCLOCK_NO_OFFSET};
	}
}

/* Why it may be none; "" = no reason. */
static char *doubt(const struct series *s, size_t k)
{
	char digits[2];
	return misread_is_doubtful(s, k, digits)
	           ? mem_printf(
					 "it may be a misreading: only digits %c and %c differ, which look alike",
					 digits[0], digits[1])
	           : mem_strdup("");
}

static void put_breaks(const struct series *s, struct wallclock_clock *ret)
{
	ret->breaks = mem_alloc(s->n_lines + 1, sizeof *ret->breaks);
	ret->n_breaks = 0;
	for (size_t k = 0; k + 1 < s->n_lines; k++) {
		const struct reading *a = &s->list[s->lines[k].to - 1];
		const struct reading *b = &s->list[s->lines[k + 1].from];
		int64_t mid = (a->time + b->time) / 2;
		double jump = series_at(s, k + 1, mid) - series_at(s, k, mid);
		ret->breaks[ret->n_breaks++] = (struct wallclock_break){
			.before = a->time,
			.after = b->time,
			.clock_before = (int64_t)llround(series_at(s, k, a->time)),
			.clock_after = (int64_t)llround(series_at(s, k + 1, b->time)),
			.jump = (int64_t)llround(series_reduce(jump, ret->period)),
			.why = doubt(s, k),
		};
	}
}

static void put(struct wallclock_point *p, size_t n, const struct style *style,
                const struct series *s, const bool *count, bool half, struct wallclock_clock *ret)
{
	int first = -1;
	ret->dated = style->dated;
	ret->unit = style->unit;
	ret->format = mem_strdup(style->format);
	ret->fits = mem_alloc(WALLCLOCK_ORDERS, sizeof *ret->fits);
	ret->n_fits = 0;
	/* day before month is the most common */
	static const int orders[WALLCLOCK_ORDERS] = {WALLCLOCK_DMY, WALLCLOCK_MDY, WALLCLOCK_YMD};
	for (size_t k = 0; k < WALLCLOCK_ORDERS; k++) {
		int o = orders[k];
		if (!count[o])
			continue;
		first = first < 0 ? o : first;
		put_fit(&s[o], style->dated ? wallclock_order_name[o] : "", &ret->fits[ret->n_fits++]);
	}
	ret->period = half ? SERIES_DAY / 2 : style->dated ? 0 : SERIES_DAY;
	put_breaks(&s[first], ret);
	for (size_t i = 0; i < n; i++)
		p[i].used = false;
	for (size_t i = 0; i < s[first].n; i++)
		p[s[first].list[i].point].used = true;
}

bool wallclock_fit(struct wallclock_point *p, size_t n, struct wallclock_clock *ret)
{
	struct series all[2][WALLCLOCK_ORDERS] = {0};
	struct style style = find_style(p, n);
	size_t orders = style.dated ? WALLCLOCK_ORDERS : 1;
	const struct series *best = &all[0][0];
	bool count[WALLCLOCK_ORDERS] = {false}, half = false;
	for (int h = 0; h <= (style.half ? 1 : 0); h++)
		for (size_t o = 0; o < orders; o++) {
			all[h][o] = make(p, n, &style, (int)o, h == 1);
			int more = better(&all[h][o], best);
			if (more > 0 || (more == 0 && h == 1 && !half && style.bare)) {
				best = &all[h][o];
				half = h == 1;
			}
		}
	bool found = best->n_lines > 0 && best->used >= READINGS_MIN;
	for (size_t o = 0; o < orders; o++)
		count[o] = found && all[half][o].n_lines > 0 && better(&all[half][o], best) == 0;
	if (found)
		put(p, n, &style, all[half], count, half, ret);
	for (size_t h = 0; h < 2; h++)
		for (size_t o = 0; o < WALLCLOCK_ORDERS; o++)
			series_clear(&all[h][o]);
	return found;
}

void wallclock_unfit(struct wallclock_clock *c)
{
	for (size_t i = 0; i < c->n_fits; i++) {
		free(c->fits[i].order);
		free(c->fits[i].pieces);
	}
	for (size_t i = 0; i < c->n_breaks; i++)
		free(c->breaks[i].why);
	free(c->fits);
	free(c->breaks);
	free(c->format);
	c->fits = NULL;
	c->breaks = NULL;
	c->format = NULL;
	c->n_fits = c->n_breaks = 0;
}

bool wallclock_is_counter(const struct wallclock_clock *c)
{
	const struct wallclock_piece *p = c->n_fits > 0 ? c->fits[0].pieces : NULL;
	return p && !c->dated && c->fits[0].n_pieces == 1 && fabs(p->speed - 1) < 0.01 &&
	       llabs(p->at - p->start) < 3 * SERIES_SECOND;
}
