/* SPDX-License-Identifier: Apache-2.0 */
#include "wallclock/series.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum {
	TAIL = 7,
	AHEAD = 4,
	SIDE_MIN = 3,
	SIDE = 12,
	SIDE_COARSE = 40,
	OWN_SPEED = 8,
	MISREAD_MAX = 24
};

/* Misread digits last until they change. */
#define MISREAD_TIME (600 * SERIES_SECOND)

/* A camera writes the time some frames late, and not always equally late. */
#define SLACK (0.4 * SERIES_SECOND)
/* A clock may run this much faster or slower than the video. */
#define DRIFT 0.003
/* Smaller jumps cannot be distinguished from that. */
#define JUMP_MIN (0.9 * SERIES_SECOND)
/* of a number that is equally likely to be anywhere between 0 and 1 */
#define DEVIATION 0.29

void series_clear(struct series *s)
{
	free(s->list);
	free(s->lines);
	free(s->strays);
	*s = (struct series){0};
}

double series_reduce(double d, int64_t period)
{
	return period > 0 ? d - (double)period * round(d / (double)period) : d;
}

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* By how much reading j is ahead of where it would be after reading i. */
static double ahead(const struct series *s, size_t i, size_t j, double speed)
{
	const struct reading *a = &s->list[i], *b = &s->list[j];
	return series_reduce((double)(b->clock - a->clock) - speed * (double)(b->time - a->time),
	                     larger(a->period, b->period));
}

static double tolerance(const struct series *s, int64_t apart)
{
	return (double)s->unit + SLACK * fmax(1, s->speed) + DRIFT * s->speed * (double)apart;
}

/* ---- speed ---- */

static size_t agreeing(const struct series *s, double speed)
{
	size_t n = 0;
	double slack = (double)s->unit + SLACK * fmax(1, speed);
	for (size_t i = 0; i + 1 < s->n; i++)
		n += fabs(ahead(s, i, i + 1, speed)) <= slack;
	return n;
}

static void find_speed(struct series *s)
{
	static const size_t steps[] = {1, 3, 8, 20};
	size_t best = agreeing(s, 1), apart = s->n / 400 + 1;
	s->speed = 1;
	if (best * 4 >= (s->n - 1) * 3)
		return;
	best += best / 10;
	for (size_t k = 0; k < ARRAY_LEN(steps); k++)
		for (size_t i = 0; i + steps[k] < s->n; i += apart) {
			const struct reading *a = &s->list[i], *b = &s->list[i + steps[k]];
			double speed = (double)(b->clock - a->clock) / (double)(b->time - a->time);
			if (speed < 0.01 || speed > 10000)
				continue;
			size_t n = agreeing(s, speed);
			if (n > best) {
				best = n;
				s->speed = speed;
			}
		}
}

/* ---- pieces ---- */

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* How far reading i is from the line of the last used ones. */
static double off(const struct series *s, const size_t *tail, size_t n, size_t i)
{
	double d[TAIL];
	for (size_t k = 0; k < n; k++)
		d[k] = ahead(s, tail[k], i, s->speed);
	qsort(d, n, sizeof *d, compare);
	return d[n / 2];
}

/* Whether one of the next readings follows from reading i, and not from the
 * piece before. */
static bool has_support(const struct series *s, const size_t *tail, size_t n, size_t i)
{
	for (size_t j = i + 1; j < s->n && j <= i + AHEAD; j++) {
		int64_t apart = s->list[j].time - s->list[i].time;
		if (fabs(ahead(s, i, j, s->speed)) > tolerance(s, apart))
			continue;
		if (n == 0 ||
		    fabs(off(s, tail, n, j)) > tolerance(s, s->list[j].time - s->list[tail[n - 1]].time))
			return true;
	}
	return false;
}

static void add_line(struct series *s, size_t from, size_t to)
{
	s->lines = mem_room(s->lines, s->n_lines, &s->cap_lines, sizeof *s->lines);
	s->lines[s->n_lines++] = (struct line){.from = from, .to = to, .speed = s->speed};
}

/* Moves reading i by periods to where the last ones expect it. */
static void unwrap(struct series *s, size_t last, size_t i)
{
	struct reading *r = &s->list[i];
	double want = (double)s->list[last].clock + s->speed * (double)(r->time - s->list[last].time);
	if (r->period > 0)
		r->clock += r->period * (int64_t)llround((want - (double)r->clock) / (double)r->period);
}

static void find_pieces(struct series *s)
{
	size_t tail[TAIL], n = 0, begin = 0;
	for (size_t i = 0; i < s->n; i++) {
		bool follows = n > 0 && fabs(off(s, tail, n, i)) <=
		                            tolerance(s, s->list[i].time - s->list[tail[n - 1]].time);
		if (!follows && !has_support(s, tail, n, i))
			continue;
		if (n > 0)
			unwrap(s, tail[n - 1], i);
		if (!follows) {
			if (n > 0)
				add_line(s, begin, i);
			begin = i;
			n = 0;
		}
		s->list[i].used = true;
		if (n == TAIL)
			memmove(tail, tail + 1, --n * sizeof *tail);
		tail[n++] = i;
	}
	if (n > 0)
		add_line(s, begin, s->n);
}

static void add_stray(struct series *s, const struct reading *r)
{
	s->strays = mem_room(s->strays, s->n_strays, &s->cap_strays, sizeof *s->strays);
	s->strays[s->n_strays++] = *r;
}

/* Unused readings are not needed any more: lines are of consecutive ones. */
static void drop_unused(struct series *s)
{
	size_t kept = 0, k = 0;
	for (size_t i = 0; i < s->n; i++) {
		while (k < s->n_lines && s->lines[k].to <= i)
			s->lines[k++].to = kept;
		if (k < s->n_lines && s->lines[k].from == i)
			s->lines[k].from = kept;
		if (s->list[i].used)
			s->list[kept++] = s->list[i];
		else
			add_stray(s, &s->list[i]);
	}
	while (k < s->n_lines)
		s->lines[k++].to = kept;
	s->n = s->used = kept;
}

/* ---- lines ---- */

/* The speed that fits all pieces best, each at its own height. */
static void common_speed(struct series *s)
{
	double xy = 0, xx = 0;
	size_t n = 0;
	for (size_t k = 0; k < s->n_lines; k++) {
		const struct line *l = &s->lines[k];
		double mx = 0, my = 0, count = (double)(l->to - l->from);
		const struct reading *first = &s->list[l->from];
		for (size_t i = l->from; i < l->to; i++) {
			mx += (double)(s->list[i].time - first->time) / count;
			my += (double)(s->list[i].clock - first->clock) / count;
		}
		for (size_t i = l->from; i < l->to; i++) {
			double x = (double)(s->list[i].time - first->time) - mx;
			xx += x * x;
			xy += x * ((double)(s->list[i].clock - first->clock) - my);
		}
		n += l->to - l->from;
	}
	if (n < OWN_SPEED || xx <= 0)
		return;
	double speed = xy / xx;
	/* of the slope, as the readings are cut to the unit */
	double error = DEVIATION * (double)s->unit / sqrt(xx);
	s->speed = fabs(speed - 1) <= 4 * error ? 1 : speed;
}

static void fit_line(const struct series *s, struct line *l)
{
	struct series one = *s;
	one.lines = l;
	one.n_lines = 1;
	const struct reading *first = &s->list[l->from];
	double n = (double)(l->to - l->from), sum = 0, squares = 0;
	double span = (double)(s->list[l->to - 1].time - first->time);
	l->speed = s->speed;
	if (n >= OWN_SPEED && span > 100 * (double)s->unit) {
		common_speed(&one);
		l->speed = one.speed;
	}
	/* a clock that is cut to seconds is half a second behind on average */
	for (size_t i = l->from; i < l->to; i++)
		sum += (double)(s->list[i].clock - first->clock) -
		       l->speed * (double)(s->list[i].time - first->time);
	double base = sum / n + (double)s->unit / 2;
	l->at = (double)first->clock + base;
	for (size_t i = l->from; i < l->to; i++) {
		double d = (double)(s->list[i].clock - first->clock) + (double)s->unit / 2 - base -
		           l->speed * (double)(s->list[i].time - first->time);
		squares += d * d;
	}
	l->residual = sqrt(squares / n);
}

double series_at(const struct series *s, size_t k, int64_t time)
{
	const struct line *l = &s->lines[k];
	return l->at + l->speed * (double)(time - s->list[l->from].time);
}

/* ---- small jumps ---- */

static double least_jump(const struct series *s, size_t left, size_t right)
{
	double unit = fmax((double)s->unit, 0.3 * SERIES_SECOND);
	double chance = 6 * DEVIATION * unit * sqrt(1.0 / (double)left + 1.0 / (double)right);
	return fmax(chance, JUMP_MIN * fmax(1, s->speed));
}

static double height(const struct series *s, const struct line *l, size_t from, size_t to)
{
	double sum = 0;
	const struct reading *first = &s->list[l->from];
	for (size_t i = from; i < to; i++)
		sum += (double)(s->list[i].clock - first->clock) -
		       l->speed * (double)(s->list[i].time - first->time);
	return sum / (double)(to - from);
}

/* Which side of a jump near m the readings around it are closer to. */
static size_t locate(const struct series *s, const struct line *l, size_t m, size_t most)
{
	const struct reading *first = &s->list[l->from];
	size_t begin = m - l->from > most ? m - most : l->from;
	size_t end = l->to - m > most ? m + most : l->to, ret = m;
	double left = height(s, l, begin, m), right = height(s, l, m, end), sum = 0, best = 0;
	for (size_t i = begin; i < end; i++) {
		double d = (double)(s->list[i].clock - first->clock) -
		           l->speed * (double)(s->list[i].time - first->time);
		/* sum: what it costs to begin the right side behind i and not at begin */
		sum += (d - left) * (d - left) - (d - right) * (d - right);
		if (i + 1 < end && sum < best) {
			best = sum;
			ret = i + 1;
		}
	}
	return ret;
}

/* Where a line jumps the most; 0 if nowhere. */
static size_t find_jump(const struct series *s, const struct line *l)
{
	size_t most = s->unit > 10 * SERIES_SECOND ? SIDE_COARSE : SIDE, ret = 0;
	double best = 1;
	for (size_t m = l->from + SIDE_MIN; m + SIDE_MIN <= l->to; m++) {
		size_t left = m - l->from < most ? m - l->from : most;
		size_t right = l->to - m < most ? l->to - m : most;
		double jump = fabs(height(s, l, m, m + right) - height(s, l, m - left, m));
		double share = jump / least_jump(s, left, right);
		if (share > best) {
			best = share;
			ret = m;
		}
	}
	return ret > 0 ? locate(s, l, ret, most) : 0;
}

static void split_line(struct series *s, size_t k, size_t m)
{
	add_line(s, 0, 0);
	memmove(&s->lines[k + 1], &s->lines[k], (s->n_lines - 1 - k) * sizeof *s->lines);
	s->lines[k].to = m;
	s->lines[k + 1].from = m;
	fit_line(s, &s->lines[k]);
	fit_line(s, &s->lines[k + 1]);
}

static void find_jumps(struct series *s)
{
	size_t most = s->n_lines + s->n / SIDE_MIN;
	for (size_t k = 0; k < s->n_lines && s->n_lines < most;) {
		size_t m = find_jump(s, &s->lines[k]);
		if (m > 0)
			split_line(s, k, m);
		else
			k++;
	}
}

/* ---- neighbours on one line ---- */

static bool is_one(const struct series *s, size_t k)
{
	const struct line *a = &s->lines[k], *b = &s->lines[k + 1];
	int64_t end = s->list[a->to - 1].time, begin = s->list[b->from].time, mid = (end + begin) / 2;
	size_t na = a->to - a->from, nb = b->to - b->from;
	size_t side = s->unit > 10 * SERIES_SECOND ? SIDE_COARSE : SIDE;
	double jump = series_at(s, k + 1, mid) - series_at(s, k, mid);
	return fabs(jump) < least_jump(s, na < side ? na : side, nb < side ? nb : side);
}

static void join_lines(struct series *s)
{
	for (size_t k = 0; k + 1 < s->n_lines;) {
		if (!is_one(s, k)) {
			k++;
			continue;
		}
		s->lines[k].to = s->lines[k + 1].to;
		memmove(&s->lines[k + 1], &s->lines[k + 2], (s->n_lines - k - 2) * sizeof *s->lines);
		s->n_lines--;
		fit_line(s, &s->lines[k]);
		k = k > 0 ? k - 1 : 0;
	}
}

/* Moves the border of two neighbours to where the readings around it are on the
 * right sides; some that are on the right one by less than the tolerance were
 * taken for the left one. */
static bool move_border(struct series *s, size_t k)
{
	struct line *a = &s->lines[k], *b = &s->lines[k + 1];
	size_t most = s->unit > 10 * SERIES_SECOND ? SIDE_COARSE : 2 * SIDE, was = b->from;
	size_t begin = was - a->from > most ? was - most : a->from + 1;
	size_t end = b->to - was > most ? was + most : b->to - 1, ret = begin;
	double sum = 0, best = 0;
	for (size_t i = begin; i < end; i++) {
		double clock = (double)s->list[i].clock + (double)s->unit / 2;
		double left = clock - series_at(s, k, s->list[i].time);
		double right = clock - series_at(s, k + 1, s->list[i].time);
		sum += left * left - right * right;
		if (sum < best) {
			best = sum;
			ret = i + 1;
		}
	}
	if (begin >= end || ret == was)
		return false;
	a->to = b->from = ret;
	fit_line(s, a);
	fit_line(s, b);
	return true;
}

static void move_borders(struct series *s)
{
	for (size_t k = 0; k + 1 < s->n_lines; k++)
		for (int turn = 0; turn < 3 && move_border(s, k); turn++)
			;
}

/* ---- what was misread for a while ---- */

/* Whether two numbers of two digits differ by one digit: another one, or one
 * more ("1" and "11"). */
static bool is_one_digit(int64_t a, int64_t b)
{
	bool same = a / 10 == b / 10 || a % 10 == b % 10;
	bool more = a < 10 && (b / 10 == a || b % 10 == a);
	return same || more || (b < 10 && (a / 10 == b || a % 10 == b));
}

static bool is_misread(const struct series *s, double expected, const struct reading *r)
{
	static const int64_t field[] = {3600, 60, 1}, base[] = {24, 60, 60};
	int64_t want = (int64_t)floor((expected - (double)s->unit / 2) / SERIES_SECOND);
	int64_t got = (int64_t)floor((double)r->clock / SERIES_SECOND);
	int64_t round = r->period > 0 && r->period < SERIES_DAY ? 43200 : 86400;
	/* the line is exact to a second or so */
	for (int64_t off = -1; off <= 1; off++) {
		size_t differ = 0;
		bool alike = true;
		for (size_t i = 0; i < ARRAY_LEN(field); i++) {
			int64_t a = ((want + off) % round + round) % round / field[i] % base[i];
			int64_t b = (got % round + round) % round / field[i] % base[i];
			a = round == 43200 && i == 0 && a == 0 ? 12 : a;
			b = round == 43200 && i == 0 && b == 0 ? 12 : b;
			differ += a != b;
			alike &= is_one_digit(a, b);
		}
		if (differ <= 1 && alike)
			return true;
	}
	return false;
}

/* A short piece between two on one line, with readings that differ from this
 * line by one digit. */
static bool is_misread_piece(const struct series *s, size_t k)
{
	const struct line *l = &s->lines[k], *before = &s->lines[k - 1], *after = &s->lines[k + 1];
	int64_t begin = s->list[l->from].time, end = s->list[l->to - 1].time, mid = (begin + end) / 2;
	double jump = series_at(s, k + 1, mid) - series_at(s, k - 1, mid);
	size_t n = before->to - before->from, m = after->to - after->from, like = 0;
	if (end - begin > MISREAD_TIME ||
	    fabs(jump) > least_jump(s, n < SIDE ? n : SIDE, m < SIDE ? m : SIDE))
		return false;
	for (size_t i = l->from; i < l->to; i++)
		like += is_misread(s, series_at(s, k - 1, s->list[i].time), &s->list[i]);
	return like == l->to - l->from;
}

void series_drop_short(struct series *s)
{
	for (size_t k = 1; k + 1 < s->n_lines;) {
		if (!is_misread_piece(s, k)) {
			k++;
			continue;
		}
		for (size_t i = s->lines[k].from; i < s->lines[k].to; i++)
			s->list[i].used = false;
		s->lines[k - 1].to = s->lines[k + 1].to;
		memmove(&s->lines[k], &s->lines[k + 2], (s->n_lines - k - 2) * sizeof *s->lines);
		s->n_lines -= 2;
		drop_unused(s);
		fit_line(s, &s->lines[k - 1]);
	}
}

static void fit_lines(struct series *s)
{
	common_speed(s);
	for (size_t k = 0; k < s->n_lines; k++)
		fit_line(s, &s->lines[k]);
}

void series_run(struct series *s)
{
	if (s->n < 3)
		return;
	find_speed(s);
	find_pieces(s);
	drop_unused(s);
	if (s->n < 3) {
		s->n_lines = 0;
		return;
	}
	fit_lines(s);
	find_jumps(s);
	fit_lines(s);
	move_borders(s);
	join_lines(s);
	move_borders(s);
}

void series_mend(struct series *s)
{
	drop_unused(s);
	fit_lines(s);
	join_lines(s);
	move_borders(s);
}
