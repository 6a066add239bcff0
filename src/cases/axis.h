/* SPDX-License-Identifier: Apache-2.0 */
/* One time axis for videos that may be days apart: stretches that a video
 * covers are to scale, and long ones that none covers are shortened, so that
 * they take at most a third of the axis. Pure; Unix times in microseconds,
 * places in percent. */
#ifndef VDET_CASES_AXIS_H
#define VDET_CASES_AXIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct axis_piece {
	int64_t from, to;
	double at, width; /* percent */
	bool covered;
	bool shortened; /* not to scale */
};

struct axis {
	struct axis_piece *pieces; /* in order, without gaps */
	size_t n;
};

struct axis_span {
	int64_t from, to; /* to >= from */
};

/* The spans may overlap, in any order; they are sorted. No span, no piece. */
void axis_make(struct axis_span *spans, size_t n, struct axis *ret);
void axis_clear(struct axis *a);
/* Of a time outside: 0 or 100. */
double axis_at(const struct axis *a, int64_t t);

#endif
