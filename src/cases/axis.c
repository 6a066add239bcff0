/* SPDX-License-Identifier: Apache-2.0 */
#include "cases/axis.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

static int by_start(const void *a, const void *b)
{
	const struct axis_span *x = a, *y = b;
	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	return x->to < y->to ? -1 : x->to > y->to;
}

static void add_piece(struct axis *a, int64_t from, int64_t to, bool covered)
{
	a->pieces[a->n++] = (struct axis_piece){.from = from, .to = to, .covered = covered};
}

/* Joins the spans that touch, with what is between the others. */
static void cut(const struct axis_span *spans, size_t n, struct axis *a)
{
	int64_t from = spans[0].from, to = spans[0].to;
	for (size_t i = 1; i < n; i++) {
		if (spans[i].from > to) {
			add_piece(a, from, to, true);
			add_piece(a, to, spans[i].from, false);
			from = spans[i].from;
			to = spans[i].to;
		} else if (spans[i].to > to) {
			to = spans[i].to;
		}
	}
	add_piece(a, from, to, true);
}

void axis_make(struct axis_span *spans, size_t n, struct axis *ret)
{
	struct axis a = {.pieces = mem_alloc(2 * n + 1, sizeof *a.pieces)};
	double covered = 0, total = 0, at = 0;
	size_t gaps = 0;
	if (n) {
		qsort(spans, n, sizeof *spans, by_start);
		cut(spans, n, &a);
	}
	for (size_t i = 0; i < a.n; i++) {
		if (a.pieces[i].covered)
			covered += (double)(a.pieces[i].to - a.pieces[i].from);
		else
			gaps++;
	}
	double most = gaps ? covered / 2 / (double)gaps : 0;
	for (size_t i = 0; i < a.n; i++) {
		struct axis_piece *p = &a.pieces[i];
		double length = (double)(p->to - p->from);
		p->shortened = !p->covered && length > most;
		p->width = p->shortened ? most : length;
		total += p->width;
	}
	for (size_t i = 0; i < a.n; i++) {
		struct axis_piece *p = &a.pieces[i];
		p->width = total > 0 ? 100 * p->width / total : 0;
		p->at = at;
		at += p->width;
	}
	*ret = a;
}

void axis_clear(struct axis *a)
{
	free(a->pieces);
	*a = (struct axis){0};
}

double axis_at(const struct axis *a, int64_t t)
{
	size_t low = 0, high = a->n;
	while (high > low + 1) {
		size_t middle = (low + high) / 2;
		if (a->pieces[middle].from <= t)
			low = middle;
		else
			high = middle;
	}
	if (!a->n)
		return 0;
	const struct axis_piece *p = &a->pieces[low];
	double length = (double)(p->to - p->from);
	double part = length > 0 ? (double)(t - p->from) / length : 0;
	return fmin(fmax(p->at + p->width * fmin(fmax(part, 0), 1), 0), 100);
}
