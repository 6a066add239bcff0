/* SPDX-License-Identifier: Apache-2.0 */
#include "wallclock/judge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Coding and noise change the mean level of a cell by less. */
#define NOISE 3.0
/* Sum over all cells: a small thing has moved by a cell. */
#define MOVES 24.0
/* The picture jumps if it changes so many times as much as elsewhere. */
#define JUMPS 2.5
/* Something moves on, and does not only flicker, if several frames change the
 * picture by so much more than one. */
#define FAR 1.6
enum { LAGS = 6, SIDE_MIN = 3 };

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(double *v, size_t n)
{
	if (n == 0)
		return 0;
	qsort(v, n, sizeof *v, compare);
	return v[n / 2];
}

static void mask_box(const struct wallclock_clock *c, bool mask[static JUDGE_CELLS])
{
	int x0 = c->box[0] * JUDGE_W / 10000 - 1, y0 = c->box[1] * JUDGE_H / 10000 - 1;
	int x1 = (c->box[0] + c->box[2]) * JUDGE_W / 10000 + 1;
	int y1 = (c->box[1] + c->box[3]) * JUDGE_H / 10000 + 1;
	bool any = c->box[2] > 0;
	for (int y = 0; y < JUDGE_H; y++)
		for (int x = 0; x < JUDGE_W; x++)
			mask[y * JUDGE_W + x] = any && x >= x0 && x <= x1 && y >= y0 && y <= y1;
}

/* How much two pictures differ, apart from their brightness as a whole. */
static double difference(const struct judge_picture *a, const struct judge_picture *b,
                         const bool *mask)
{
	double d[JUDGE_CELLS], sorted[JUDGE_CELLS], sum = 0;
	size_t n = 0;
	for (size_t i = 0; i < JUDGE_CELLS; i++)
		if (!mask[i])
			d[n++] = (double)a->cells[i] - b->cells[i];
	memcpy(sorted, d, n * sizeof *d);
	double light = median(sorted, n);
	for (size_t i = 0; i < n; i++)
		sum += fmax(fabs(d[i] - light) - NOISE, 0);
	/* a change of the whole picture counts, too, if it is large */
	return sum + fmax(fabs(light) - 4 * NOISE, 0) * (double)n;
}

/* A doubt that the break has already stays, unless the picture jumps, too. */
static void decide(struct wallclock_break *b, enum wallclock_verdict v, char *why)
{
	if (b->why && *b->why && v != WALLCLOCK_INTERRUPTED) {
		b->verdict = WALLCLOCK_CANNOT_TELL;
		free(why);
		return;
	}
	free(b->why);
	b->verdict = v;
	b->why = why;
}

void wallclock_judge(const struct judge_picture *p, size_t n, const struct wallclock_clock *c,
                     struct wallclock_break *b)
{
	bool mask[JUDGE_CELLS];
	size_t k = 0;
	double usual = 0, far[64], across;
	size_t n_far = 0;
	while (k < n && p[k].time < b->after)
		k++;
	if (k < SIDE_MIN || n - k < SIDE_MIN) {
		decide(
			b, WALLCLOCK_CANNOT_TELL,
			mem_strdup("the frames around it cannot be compared: too few of them can be decoded"));
		return;
	}
	mask_box(c, mask);
	for (size_t i = 0; i + 1 < n; i++)
		if (i + 1 != k)
			usual = fmax(usual, difference(&p[i], &p[i + 1], mask));
	for (size_t i = 0; i + LAGS < n && n_far < 64; i++)
		if (i + LAGS < k || i >= k)
			far[n_far++] = difference(&p[i], &p[i + LAGS], mask);
	across = difference(&p[k - 1], &p[k], mask);
	double over = median(far, n_far);

	if (across > JUMPS * usual + MOVES)
		decide(
			b, WALLCLOCK_INTERRUPTED,
			mem_printf("the picture jumps: it changes %.0f times as much as between other frames "
		               "around it",
		               across / fmax(usual, MOVES / JUMPS)));
	else if (over <= MOVES)
		decide(b, WALLCLOCK_CANNOT_TELL, mem_strdup("nothing moves in the frames around it"));
	else if (over > FAR * usual && across <= 1.3 * usual)
		decide(b, WALLCLOCK_SET,
		       mem_strdup("the picture continues: what moves goes on from frame to frame"));
	else
		decide(b, WALLCLOCK_CANNOT_TELL,
		       mem_strdup("frames are too far apart, or too much moves in them, to compare them"));
}
