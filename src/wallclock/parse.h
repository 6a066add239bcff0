/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a time and a date as cameras write them into the picture, from text
 * that was recognized: letters that look like digits count as these, and blanks
 * may be missing or too many. Pure; any thread. */
#ifndef VDET_WALLCLOCK_PARSE_H
#define VDET_WALLCLOCK_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Order of the numbers of a date. */
enum wallclock_order { WALLCLOCK_YMD, WALLCLOCK_DMY, WALLCLOCK_MDY, WALLCLOCK_ORDERS };
extern const char *const wallclock_order_name[WALLCLOCK_ORDERS]; /* "ymd", … */

enum { WALLCLOCK_PARSE_MAX = 200, WALLCLOCK_FORMAT_MAX = 48 };

struct wallclock_reading {
	bool timed, dated;
	int64_t of_day; /* microseconds from midnight */
	int64_t unit;   /* of its last digit, microseconds: a minute, a second, a millisecond */
	/* There is no AM or PM, and the hour is 1 to 12: it can be 12 hours later. */
	bool half;
	bool bare;   /* the hour has one digit: no 0 is before it */
	bool framed; /* a fourth number counts frames, which is dropped */
	/* Days from 1970-01-01 in each order that is possible; the weekday, where
	 * there is one, agrees. */
	bool possible[WALLCLOCK_ORDERS];
	int64_t days[WALLCLOCK_ORDERS];
	/* "DD/MM/YYYY hh:mm:ss AM"; of an ambiguous date in its first order */
	char format[WALLCLOCK_FORMAT_MAX];
};

/* False if there is no valid time and no valid date in it, or more than
 * WALLCLOCK_PARSE_MAX bytes. Other words around them are ignored. */
bool wallclock_parse(const char *text, struct wallclock_reading *ret);
/* Whether both are the same time and date, in the same order of numbers. */
bool wallclock_same(const struct wallclock_reading *a, const struct wallclock_reading *b);

#endif
