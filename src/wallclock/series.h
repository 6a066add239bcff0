/* SPDX-License-Identifier: Apache-2.0 */
/* Readings as numbers, for one way to read them, and the lines through them.
 * Internal. */
#ifndef VDET_WALLCLOCK_SERIES_H
#define VDET_WALLCLOCK_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERIES_SECOND INT64_C(1000000)
#define SERIES_DAY (86400 * SERIES_SECOND)

struct reading {
	int64_t time, clock;
	int64_t period; /* clock is known up to multiples of it; 0 = exactly */
	size_t point;   /* which one it is */
	bool used;
};

struct line {
	size_t from, to; /* of the used readings, from ≤ i < to */
	double speed;
	double at; /* of the clock at the time of reading number `from` */
	double residual;
};

struct series {
	struct reading *list; /* ascending by time */
	size_t n;
	int64_t unit; /* of the clock; readings are cut to it */
	double speed; /* of most of it */
	struct line *lines;
	size_t n_lines, cap_lines;
	size_t used;
	struct reading *strays; /* readings that are on no line */
	size_t n_strays, cap_strays;
};
void series_clear(struct series *s);

/* Marks which readings are used, unwraps those with a period, and makes the
 * lines. */
void series_run(struct series *s);

/* After lines were taken out, and their readings marked as not used: fits and
 * joins the others. */
void series_mend(struct series *s);
/* Takes out short lines between two that are one, if all their readings differ
 * from it by one digit. */
void series_drop_short(struct series *s);

/* What line k shows at a time. */
double series_at(const struct series *s, size_t k, int64_t time);

/* d, or d plus a multiple of the period that is closest to 0. */
double series_reduce(double d, int64_t period);

#endif
