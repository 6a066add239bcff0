/* SPDX-License-Identifier: Apache-2.0 */
/* Days of the calendar. Pure; any thread. */
#ifndef VDET_WALLCLOCK_CIVIL_H
#define VDET_WALLCLOCK_CIVIL_H

#include <stdbool.h>
#include <stdint.h>

/* Days from 1970-01-01 to a day of the proleptic Gregorian calendar. */
int64_t civil_days(int year, int month, int day);
/* The reverse. */
void civil_date(int64_t days, int *year, int *month, int *day);
bool civil_valid(int year, int month, int day);
/* 0 = Sunday */
int civil_weekday(int64_t days);

#endif
