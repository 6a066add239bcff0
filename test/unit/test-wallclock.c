/* SPDX-License-Identifier: Apache-2.0 */
/* Times and dates that were read from pictures. */
#include "unit.h"

#include <string.h>

#include "base/clock.h"
#include "wallclock/civil.h"
#include "wallclock/parse.h"

#define S CLOCK_SECOND

struct expected {
	const char *text;
	const char *format;
	int hour, minute, second;
	int year, month, day; /* in the first order that is possible; 0 = no date */
	int orders;           /* how many are possible */
};

static void check_text(const struct expected *e)
{
	struct wallclock_reading r;
	int orders = 0, first = -1, y, m, d;
	if (!wallclock_parse(e->text, &r))
		fail_msg("'%s' is not read", e->text);
	int64_t of_day = (e->hour * 3600 + e->minute * 60 + e->second) * S;
	if (e->hour >= 0 && r.of_day / S * S != of_day)
		fail_msg("'%s': %lld s", e->text, (long long)(r.of_day / S));
	assert_int_equal(r.timed, e->hour >= 0);
	for (int o = 0; o < WALLCLOCK_ORDERS; o++) {
		orders += r.possible[o];
		if (r.possible[o] && (first < 0 || o == WALLCLOCK_DMY))
			first = o;
	}
	if (orders != e->orders)
		fail_msg("'%s': %d orders", e->text, orders);
	if (e->year) {
		civil_date(r.days[first], &y, &m, &d);
		if (y != e->year || m != e->month || d != e->day)
			fail_msg("'%s': %d-%d-%d", e->text, y, m, d);
	}
	if (strcmp(r.format, e->format) != 0)
		fail_msg("'%s': format '%s'", e->text, r.format);
}

static void formats(void **state)
{
	static const struct expected list[] = {
		{"2026-11-30 14:05:09", "YYYY-MM-DD hh:mm:ss", 14, 5, 9, 2026, 11, 30, 1},
		{"2026/11/30 14:05:09", "YYYY/MM/DD hh:mm:ss", 14, 5, 9, 2026, 11, 30, 1},
		{"30/11/2026 14:05:09", "DD/MM/YYYY hh:mm:ss", 14, 5, 9, 2026, 11, 30, 1},
		{"11-30-2026 02:05:09 PM", "MM-DD-YYYY hh:mm:ss AM", 14, 5, 9, 2026, 11, 30, 1},
		{"11-30-2026 02:05:09PM", "MM-DD-YYYY hh:mm:ss AM", 14, 5, 9, 2026, 11, 30, 1},
		{"11-30-2026 PM 02:05:09", "MM-DD-YYYY hh:mm:ss AM", 14, 5, 9, 2026, 11, 30, 1},
		{"12:00:01 AM", "hh:mm:ss AM", 0, 0, 1, 0, 0, 0, 0},
		{"12:00:01 pm", "hh:mm:ss AM", 12, 0, 1, 0, 0, 0, 0},
		{"30.11.2026 14:05", "DD.MM.YYYY hh:mm", 14, 5, 0, 2026, 11, 30, 1},
		{"30.11.26 14:05:09", "DD.MM.YY hh:mm:ss", 14, 5, 9, 2026, 11, 30, 2},
		{"05/06/2026 14:05:09", "DD/MM/YYYY hh:mm:ss", 14, 5, 9, 2026, 6, 5, 2},
		{"05/06/2026 Fri 14:05:09", "DD/MM/YYYY hh:mm:ss", 14, 5, 9, 2026, 6, 5, 1},
		{"05/06/2026 Wed 14:05:09", "MM/DD/YYYY hh:mm:ss", 14, 5, 9, 2026, 5, 6, 1},
		{"Mon 30 Nov 2026 14:05:09", "DD MON YYYY hh:mm:ss", 14, 5, 9, 2026, 11, 30, 1},
		{"30-NOV-2026 14:05:09", "DD-MON-YYYY hh:mm:ss", 14, 5, 9, 2026, 11, 30, 1},
		{"Nov 30 2026 14:05:09", "MON DD YYYY hh:mm:ss", 14, 5, 9, 2026, 11, 30, 1},
		{"2026-11-30T14:05:09Z", "YYYY-MM-DD hh:mm:ss", 14, 5, 9, 2026, 11, 30, 1},
		{"14:05:09 30-11-2026", "DD-MM-YYYY hh:mm:ss", 14, 5, 9, 2026, 11, 30, 1},
		{"14:05:09", "hh:mm:ss", 14, 5, 9, 0, 0, 0, 0},
		{"14:05", "hh:mm", 14, 5, 0, 0, 0, 0, 0},
		{"14:05:09:12", "hh:mm:ss:ff", 14, 5, 9, 0, 0, 0, 0},
		{"14:05:09.123", "hh:mm:ss.mmm", 14, 5, 9, 0, 0, 0, 0},
		{"30.11.2026 14.05.09", "DD.MM.YYYY hh:mm:ss", 14, 5, 9, 2026, 11, 30, 1},
		{"2026年11月30日 14:05:09", "YYYY-MM-DD hh:mm:ss", 14, 5, 9, 2026, 11, 30, 1},
		{"CAM 01 2026-11-30 14:05:09", "YYYY-MM-DD hh:mm:ss", 14, 5, 9, 2026, 11, 30, 1},
		{"30/11/2026", "DD/MM/YYYY", -1, 0, 0, 2026, 11, 30, 1},
	};
	(void)state;
	for (size_t i = 0; i < sizeof list / sizeof *list; i++)
		check_text(&list[i]);
}

/* What recognition does to them. */
static void errors(void **state)
{
	static const struct expected list[] = {
		{"2O26-1l-3O 14:O5:O9", "YYYY-MM-DD hh:mm:ss", 14, 5, 9, 2026, 11, 30, 1},
		{"2026-11-30 14;05;09", "YYYY-MM-DD hh:mm:ss", 14, 5, 9, 2026, 11, 30, 1},
		{"2026-11-30 14:05.09", "YYYY-MM-DD hh:mm:ss", 14, 5, 9, 2026, 11, 30, 1},
		{"2026-11-3014:05:09", "YYYY-MM-DD hh:mm:ss", 14, 5, 9, 2026, 11, 30, 1},
		{"30-11-202614:05:09", "DD-MM-YYYY hh:mm:ss", 14, 5, 9, 2026, 11, 30, 1},
		{"14:05:0930-11-2026", "DD-MM-YYYY hh:mm:ss", 14, 5, 9, 2026, 11, 30, 1},
		{"2026 -11- 30 14: 05 :09", "YYYY-MM-DD hh:mm:ss", 14, 5, 9, 2026, 11, 30, 1},
		{"l4:0S:OO", "hh:mm:ss", 14, 5, 0, 0, 0, 0, 0},
		{"14:05:09|", "hh:mm:ss", 14, 5, 9, 0, 0, 0, 0},
		{"2026/11/30 14:05:09 |", "YYYY/MM/DD hh:mm:ss", 14, 5, 9, 2026, 11, 30, 1},
	};
	(void)state;
	for (size_t i = 0; i < sizeof list / sizeof *list; i++)
		check_text(&list[i]);
}

static void others(void **state)
{
	static const char *const list[] = {"",
	                                   "hello",
	                                   "16:9",
	                                   "3:1",
	                                   "25:61:00",
	                                   "14:5",
	                                   "99/99/2026",
	                                   "31/02/2026",
	                                   "12.5",
	                                   "13:05:09 PM 1",
	                                   "::::",
	                                   "1:2:3:4:5:6",
	                                   "14:05:",
	                                   "14:05:0",
	                                   "192.168.1.20",
	                                   "-",
	                                   "O:O",
	                                   "Sonntag",
	                                   "SO",
	                                   "2026",
	                                   "AM",
	                                   "1234567890123456789012345678901234567890"};
	struct wallclock_reading r;
	(void)state;
	for (size_t i = 0; i < sizeof list / sizeof *list; i++)
		if (wallclock_parse(list[i], &r))
			fail_msg("'%s' is read as '%s'", list[i], r.format);
}

static bool are_same(const char *a, const char *b)
{
	struct wallclock_reading x, y;
	assert_true(wallclock_parse(a, &x));
	assert_true(wallclock_parse(b, &y));
	return wallclock_same(&x, &y);
}

static void same_readings(void **state)
{
	(void)state;
	assert_true(are_same("2026-11-30 14:05:09", "| 2026-11-30  14:05: 09 x"));
	assert_true(are_same("05/06/2026", "05.06.2026"));
	assert_false(are_same("05/06/2026", "2026-06-05")); /* the first may be May */
	assert_false(are_same("2026-11-30 14:05:09", "14:05:09"));
	assert_false(are_same("14:05:09", "14:05:03"));
	assert_false(are_same("14:05:00", "14:05"));
	assert_false(are_same("02:05:09", "02:05:09 PM"));
}

static void days(void **state)
{
	(void)state;
	for (int64_t day = -800000; day < 800000; day += 97) {
		int y, m, d;
		civil_date(day, &y, &m, &d);
		assert_int_equal(civil_days(y, m, d), day);
	}
	assert_int_equal(civil_days(1970, 1, 1), 0);
	assert_int_equal(civil_weekday(civil_days(2026, 11, 30)), 1);
	assert_true(civil_valid(2024, 2, 29));
	assert_false(civil_valid(2026, 2, 29));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats),       cmocka_unit_test(errors), cmocka_unit_test(others),
		cmocka_unit_test(same_readings), cmocka_unit_test(days),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
