/* SPDX-License-Identifier: Apache-2.0 */
#include "wallclock/civil.h"

/* Years begin in March here, so that the leap day is the last one; eras have
 * 400 years. */
enum { ERA_DAYS = 146097, EPOCH_DAYS = 719468 };

int64_t civil_days(int year, int month, int day)
{
	int64_t y = (int64_t)year - (month <= 2);
	int64_t era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + of_year - EPOCH_DAYS;
}

void civil_date(int64_t days, int *year, int *month, int *day)
{
	int64_t z = days + EPOCH_DAYS;
	int64_t era = (z >= 0 ? z : z - ERA_DAYS + 1) / ERA_DAYS, of_era = z - era * ERA_DAYS;
	int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * y + y / 4 - y / 100), m = (5 * of_year + 2) / 153;
	*day = (int)(of_year - (153 * m + 2) / 5 + 1);
	*month = (int)(m < 10 ? m + 3 : m - 9);
	*year = (int)(y + era * 400 + (*month <= 2));
}

bool civil_valid(int year, int month, int day)
{
	int y, m, d;
	if (month < 1 || month > 12 || day < 1 || day > 31)
		return false;
	civil_date(civil_days(year, month, day), &y, &m, &d);
	return y == year && m == month && d == day;
}

int civil_weekday(int64_t days)
{
	return (int)(((days + 4) % 7 + 7) % 7);
}
