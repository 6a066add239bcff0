/* SPDX-License-Identifier: Apache-2.0 */
#include "wallclock/misread.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "wallclock/civil.h"

enum { DIGITS = 14, BASES_MAX = 40, EVIDENCE_MIN = 2 };

/* How a reading differs from what is expected. */
enum likeness { SAME, ALIKE, OTHER };

/* A digit, and what it was taken for. */
struct pair {
	char from, to;
};

/* Digits that recognition confuses. */
static const char *const look_alike[] = {"35", "38", "56", "58", "68", "08", "06",
                                         "89", "59", "39", "17", "14", "27"};

static bool is_pair(const struct pair *p, const struct pair *q)
{
	return p->from == q->from && p->to == q->to;
}

static bool is_look_alike(const struct pair *p)
{
	for (size_t i = 0; i < ARRAY_LEN(look_alike); i++)
		if (strchr(look_alike[i], p->from) && strchr(look_alike[i], p->to))
			return true;
	return false;
}

/* "20261130140509"; without a date "140509". */
static void write_digits(int64_t second, int64_t period, char out[static DIGITS + 1])
{
	int64_t days = second / 86400, of_day = second % 86400;
	int y = 0, m = 0, d = 0;
	if (of_day < 0) {
		of_day += 86400;
		days--;
	}
	int hour = (int)(of_day / 3600);
	if (period > 0 && period < SERIES_DAY)
		hour = hour % 12 ? hour % 12 : 12;
	if (period == 0)
		civil_date(days, &y, &m, &d);
	size_t n = period > 0
	               ? 0
	               : (size_t)snprintf(out, DIGITS + 1, "%04d%02d%02d", y % 10000, m % 100, d % 100);
	snprintf(out + n, DIGITS + 1 - n, "%02d%02d%02d", hour, (int)(of_day / 60 % 60),
	         (int)(of_day % 60));
}

static enum likeness compare(const char *want, const char *got, struct pair *ret)
{
	enum likeness like = SAME;
	for (size_t i = 0; want[i] && got[i]; i++) {
		const struct pair p = {want[i], got[i]};
		if (p.from == p.to)
			continue;
		if (like == ALIKE && !is_pair(&p, ret))
			return OTHER;
		*ret = p;
		like = ALIKE;
	}
	return like;
}

static enum likeness likeness(const struct series *s, double expected, const struct reading *r,
                              struct pair *ret)
{
	/* the line is exact to a second or so */
	static const int64_t off[] = {0, -1, 1};
	char want[DIGITS + 1], got[DIGITS + 1];
	enum likeness best = OTHER;
	int64_t second = (int64_t)floor((expected - (double)s->unit / 2) / SERIES_SECOND);
	write_digits((int64_t)floor((double)r->clock / SERIES_SECOND), r->period, got);
	for (size_t i = 0; i < ARRAY_LEN(off) && best != SAME; i++) {
		struct pair p = {0};
		write_digits(second + off[i], r->period, want);
		enum likeness now = compare(want, got, &p);
		if (now < best) {
			best = now;
			*ret = p;
		}
	}
	return best;
}

/* ---- one line as the right one ---- */

/* What follows if line `base` is right. */
struct guess {
	size_t base, first, last; /* lines that are explained */
	struct pair pair;
	size_t explained; /* readings, with those that are on no line */
	size_t same;
	size_t evidence; /* the pair in readings that are on no line, or between */
};

/* The most frequent pair of all readings. */
static struct pair find_pair(const struct series *s, size_t base)
{
	size_t count[10][10] = {{0}}, most = 0;
	struct pair p = {0}, best = {0};
	for (size_t i = 0; i < s->n; i++) {
		const struct reading *r = &s->list[i];
		if (likeness(s, series_at(s, base, r->time), r, &p) != ALIKE)
			continue;
		size_t n = ++count[p.from - '0'][p.to - '0'];
		if (n > most) {
			most = n;
			best = p;
		}
	}
	return best;
}

/* Of a line: SAME if it goes on with the base, ALIKE if all readings differ
 * from it by the pair or by another one that looks alike, but for a few that
 * do not differ. */
static enum likeness line_likeness(const struct series *s, const struct guess *g, size_t k)
{
	size_t same = 0, alike = 0, n = s->lines[k].to - s->lines[k].from;
	for (size_t i = s->lines[k].from; i < s->lines[k].to; i++) {
		struct pair p = {0};
		const struct reading *r = &s->list[i];
		enum likeness like = likeness(s, series_at(s, g->base, r->time), r, &p);
		same += like == SAME;
		alike += like == ALIKE && (is_pair(&p, &g->pair) || is_look_alike(&p));
	}
	return same + alike < n ? OTHER : alike * 2 > n ? ALIKE : alike == 0 ? SAME : OTHER;
}

static void count_strays(const struct series *s, struct guess *g)
{
	int64_t from = s->list[s->lines[g->first].from].time;
	int64_t to = s->list[s->lines[g->last].to - 1].time;
	for (size_t i = 0; i < s->n_strays; i++) {
		struct pair p = {0};
		const struct reading *r = &s->strays[i];
		if (r->time >= from && r->time <= to &&
		    likeness(s, series_at(s, g->base, r->time), r, &p) == ALIKE && is_pair(&p, &g->pair))
			g->evidence++;
	}
	g->explained += g->evidence;
}

static void count_lines(const struct series *s, const enum likeness *like, struct guess *g)
{
	size_t first = g->base, last = g->base;
	for (size_t k = g->first; k <= g->last; k++) {
		size_t n = s->lines[k].to - s->lines[k].from;
		g->explained += n;
		g->same += like[k] == SAME ? n : 0;
		first = like[k] == SAME && k < first ? k : first;
		last = like[k] == SAME ? k : last;
	}
	count_strays(s, g);
	for (size_t k = first; k <= last; k++)
		g->evidence += like[k] == ALIKE ? s->lines[k].to - s->lines[k].from : 0;
}

/* like: of each line. */
static struct guess make_guess(const struct series *s, size_t base, enum likeness *like)
{
	struct guess g = {.base = base, .first = base, .last = base, .pair = find_pair(s, base)};
	for (size_t k = 0; k < s->n_lines; k++)
		like[k] = g.pair.from ? line_likeness(s, &g, k) : OTHER;
	like[base] = SAME;
	while (g.first > 0 && like[g.first - 1] != OTHER)
		g.first--;
	while (g.last + 1 < s->n_lines && like[g.last + 1] != OTHER)
		g.last++;
	count_lines(s, like, &g);
	return g;
}

static bool is_better(const struct guess *a, const struct guess *b)
{
	if (a->explained != b->explained)
		return a->explained > b->explained;
	return a->same > b->same;
}

/* ---- */

/* Whether most readings of line k have the pair. */
static bool has_pair(const struct series *s, const struct guess *g, size_t k)
{
	size_t n = 0;
	for (size_t i = s->lines[k].from; i < s->lines[k].to; i++) {
		struct pair p = {0};
		const struct reading *r = &s->list[i];
		n += likeness(s, series_at(s, g->base, r->time), r, &p) == ALIKE && is_pair(&p, &g->pair);
	}
	return n * 2 > s->lines[k].to - s->lines[k].from;
}

/* Whether line k is between two that are right. */
static bool is_between(const enum likeness *like, const struct guess *g, size_t k)
{
	bool before = false, after = false;
	for (size_t i = g->first; i <= g->last; i++) {
		before |= i < k && like[i] == SAME;
		after |= i > k && like[i] == SAME;
	}
	return before && after;
}

static void drop_line(struct series *s, size_t k)
{
	for (size_t i = s->lines[k].from; i < s->lines[k].to; i++)
		s->list[i].used = false;
	memmove(&s->lines[k], &s->lines[k + 1], (s->n_lines - k - 1) * sizeof *s->lines);
	s->n_lines--;
}

static size_t drop_lines(struct series *s)
{
	AUTO(mem_freep) enum likeness *like = mem_alloc(s->n_lines + 1, sizeof *like);
	struct guess best = {0};
	size_t dropped = 0;
	if (s->n_lines < 2)
		return 0;
	for (size_t k = 0; k < s->n_lines && k < BASES_MAX; k++) {
		struct guess g = make_guess(s, k, like);
		if (g.pair.from && g.first < g.last && is_better(&g, &best))
			best = g;
	}
	if (best.explained == 0)
		return 0;
	best = make_guess(s, best.base, like);
	for (size_t k = best.last + 1; k-- > best.first;) {
		bool known = best.evidence >= EVIDENCE_MIN && has_pair(s, &best, k);
		if (like[k] == ALIKE && (known || is_between(like, &best, k))) {
			drop_line(s, k);
			dropped++;
		}
	}
	return dropped;
}

void misread_drop(struct series *s)
{
	while (drop_lines(s) > 0)
		series_mend(s);
	series_drop_short(s);
}

bool misread_is_doubtful(const struct series *s, size_t k, char ret[static 2])
{
	for (int turn = 0; turn < 2; turn++) {
		size_t base = k + (size_t)turn, other = k + 1 - (size_t)turn, alike = 0;
		const struct line *l = &s->lines[other];
		struct pair p = {0}, first = {0};
		for (size_t i = l->from; i < l->to; i++) {
			const struct reading *r = &s->list[i];
			bool is = likeness(s, series_at(s, base, r->time), r, &p) == ALIKE && is_look_alike(&p);
			first = is && alike == 0 ? p : first;
			alike += is && is_pair(&p, &first);
		}
		if (alike == l->to - l->from) {
			ret[0] = first.from;
			ret[1] = first.to;
			return true;
		}
	}
	return false;
}
