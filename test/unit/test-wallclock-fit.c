/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks that are read here and there: their lines, and where they jump. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "wallclock/civil.h"
#include "wallclock/follow.h"

#define S CLOCK_SECOND
#define MINUTE (60 * S)
#define HOUR (3600 * S)
#define DAY (24 * HOUR)

enum { JUMPS_MAX = 8 };

/* A simulated recording with its clock. */
struct scene {
	int64_t duration, frame;
	int64_t start; /* of the clock */
	double speed;
	struct {
		int64_t at, by;
	} jumps[JUMPS_MAX];
	const char *format; /* of say() */
	double wrong;       /* share of readings that are wrong */
	int64_t misread_from, misread_to;
	double confused; /* share in which each 5 is read as a 3 */
	double undated;  /* share whose date is not read */
	double dark;     /* share that cannot be read */
	int64_t key;     /* distance of keyframes; 0 = any frame */
	unsigned random;
	size_t asked;
};

static double chance(struct scene *s)
{
	s->random = s->random * 1664525u + 1013904223u;
	return (double)(s->random >> 8) / (1 << 24);
}

static int64_t clock_of(const struct scene *s, int64_t t)
{
	int64_t c = s->start + (int64_t)llround((double)t * s->speed);
	for (size_t i = 0; i < JUMPS_MAX && s->jumps[i].by; i++)
		c += t >= s->jumps[i].at ? s->jumps[i].by : 0;
	return c;
}

static char *say(const struct scene *s, int64_t clock)
{
	int y, m, d;
	int64_t of_day = clock % DAY / S;
	int h = (int)(of_day / 3600), min = (int)(of_day / 60 % 60), sec = (int)(of_day % 60);
	int twelve = h % 12 ? h % 12 : 12;
	civil_date(clock / DAY, &y, &m, &d);
	switch (s->format[0]) {
	case 'Y': return mem_printf("%04d-%02d-%02d %02d:%02d:%02d", y, m, d, h, min, sec);
	case 'D': return mem_printf("%02d/%02d/%04d %02d:%02d:%02d", d, m, y, h, min, sec);
	case 'M': return mem_printf("%02d/%02d/%04d %02d:%02d:%02d", m, d, y, h, min, sec);
	case 'A':
		return mem_printf("%02d-%02d-%04d %02d:%02d:%02d %s", m, d, y, twelve, min, sec,
		                  h < 12 ? "AM" : "PM");
	case '1': return mem_printf("%d:%02d:%02d", twelve, min, sec);
	case 'm': return mem_printf("%04d-%02d-%02d %02d:%02d", y, m, d, h, min);
	default: return mem_printf("%02d:%02d:%02d", h, min, sec);
	}
}

static int look(void *ctx, struct wallclock_look *looks, size_t n, bool near, struct err *err)
{
	struct scene *s = ctx;
	(void)err;
	for (size_t i = 0; i < n; i++) {
		int64_t grid = near && s->key ? s->key : s->frame;
		assert_true(looks[i].time >= 0 && looks[i].time <= s->duration);
		assert_true(i == 0 || looks[i].time > looks[i - 1].time);
		looks[i].time = looks[i].time / grid * grid;
		s->asked++;
		if (chance(s) < s->dark)
			continue;
		looks[i].text = say(s, clock_of(s, looks[i].time));
		if (chance(s) < s->undated && strlen(looks[i].text) > 10)
			memmove(looks[i].text, looks[i].text + 11, strlen(looks[i].text + 11) + 1);
		if (looks[i].time >= s->misread_from && looks[i].time < s->misread_to)
			looks[i].text[14] = '3'; /* tens of minutes */
		bool confused = s->confused > 0 && chance(s) < s->confused;
		for (char *p = looks[i].text; confused && *p; p++)
			*p = *p == '5' ? '3' : *p;
		if (chance(s) < s->wrong) {
			size_t k = (size_t)(chance(s) * (double)strlen(looks[i].text));
			looks[i].text[k] = "0123456789:lSx "[(size_t)(chance(s) * 15)];
		}
	}
	return 0;
}

static void release(struct wallclock_clock *c)
{
	for (size_t i = 0; i < c->n_samples; i++)
		free(c->samples[i].text);
	free(c->samples);
	c->samples = NULL;
	wallclock_unfit(c);
}

static struct wallclock_clock follow(struct scene *s)
{
	struct wallclock_clock c = {0};
	struct err err;
	size_t reads;
	bool found;
	if (s->speed == 0)
		s->speed = 1;
	if (s->frame == 0)
		s->frame = S / 10;
	struct wallclock_follow f = {
		.duration = s->duration, .frame = s->frame, .look = look, .ctx = s};
	assert_ok(wallclock_follow(&f, &c, &reads, &found, &err));
	assert_int_equal(reads, s->asked);
	assert_true(reads <= WALLCLOCK_READS_MAX);
	assert_true(found);
	return c;
}

/* Follows it, and compares the breaks. */
static struct wallclock_clock follow_right(struct scene *s)
{
	struct wallclock_clock c = follow(s);
	size_t n = 0;
	while (n < JUMPS_MAX && s->jumps[n].by)
		n++;
	if (c.n_breaks != n) {
		for (size_t i = 0; i < c.n_breaks; i++)
			print_message("break %lld..%lld by %lld\n", (long long)c.breaks[i].before,
			              (long long)c.breaks[i].after, (long long)c.breaks[i].jump);
		fail_msg("%zu breaks instead of %zu in a clock like '%s'", c.n_breaks, n, s->format);
	}
	for (size_t i = 0; i < n; i++) {
		const struct wallclock_break *b = &c.breaks[i];
		/* a frame that cannot be read leaves a gap */
		if (b->before >= s->jumps[i].at || b->after < s->jumps[i].at ||
		    b->after - b->before > S / 2 + s->frame * 3 / 2 + (s->dark + s->wrong > 0 ? S : 0))
			fail_msg("break %zu: %lld is not in %lld..%lld", i, (long long)s->jumps[i].at,
			         (long long)b->before, (long long)b->after);
		if (llabs(b->jump - s->jumps[i].by) > (c.unit > S ? MINUTE / 2 : S / 2 + S / 5))
			fail_msg("break %zu: by %lld, not %lld", i, (long long)b->jump,
			         (long long)s->jumps[i].by);
	}
	struct wallclock w = {.clocks = &c, .n_clocks = 1};
	for (int64_t t = 0; t < s->duration; t += s->duration / 97) {
		struct wallclock_time at;
		assert_true(wallclock_at(&w, t, &at));
		int64_t want = clock_of(s, t), period = c.period;
		int64_t d = at.at - (c.dated ? want : want % DAY);
		if (period)
			d -= period * llround((double)d / (double)period);
		if (llabs(d) > at.error + S)
			fail_msg("at %lld: %lld off", (long long)t, (long long)d);
	}
	return c;
}

#define NOV30 (civil_days(2026, 11, 30) * DAY)

static void clean(void **state)
{
	static const char *const formats[] = {"Y", "D", "M", "A", "t", "m"};
	static const int64_t durations[] = {20 * S, 5 * MINUTE, HOUR, 10 * HOUR, 30 * HOUR};
	(void)state;
	for (size_t f = 0; f < ARRAY_LEN(formats); f++)
		for (size_t d = f == 5; d < ARRAY_LEN(durations); d++)
			for (unsigned k = 0; k < 4; k++) {
				struct scene s = {.duration = durations[d],
				                  .start = NOV30 + 14 * HOUR + 5 * MINUTE + k * 12345678,
				                  .format = formats[f],
				                  .key = k == 1 ? 4 * S : 0,
				                  .wrong = k == 2 ? 0.1 : 0,
				                  .dark = k == 3 ? 0.3 : 0,
				                  .undated = k == 0 ? 0.4 : 0,
				                  .random = k};
				struct wallclock_clock c = follow_right(&s);
				if (fabs(c.fits[0].pieces[0].speed - 1) > 0.001)
					fail_msg("speed %f", c.fits[0].pieces[0].speed);
				release(&c);
			}
}

static void cuts(void **state)
{
	static const int64_t by[] = {2 * S, 3 * S, 37 * S, 600 * S, -60 * S, 2 * HOUR + 7 * S};
	static const int64_t durations[] = {MINUTE, 20 * MINUTE, 10 * HOUR};
	(void)state;
	for (size_t d = 0; d < ARRAY_LEN(durations); d++)
		for (size_t b = 0; b < ARRAY_LEN(by); b++)
			for (unsigned k = 0; k < 6; k++) {
				struct scene s = {.duration = durations[d],
				                  .frame = k == 4 ? S / 2 : S / 10,
				                  .start = NOV30 + 14 * HOUR + 5 * MINUTE + k * 12345678,
				                  .speed = k == 5 ? 1.0005 : 1,
				                  .format = k == 2 ? "t" : "Y",
				                  .key = k == 1 ? 4 * S : 0,
				                  .wrong = k == 3 ? 0.05 : 0,
				                  .random = k};
				int64_t at = durations[d] / 3 + k * 1234567;
				s.jumps[0].at = at / s.frame * s.frame;
				s.jumps[0].by = by[b];
				struct wallclock_clock c = follow_right(&s);
				release(&c);
			}
}

static void three_cuts(void **state)
{
	(void)state;
	for (unsigned k = 0; k < 20; k++) {
		struct scene s = {.duration = 10 * HOUR,
		                  .frame = S / 2,
		                  .start = NOV30 + 20 * HOUR,
		                  .speed = 1 + (k % 5 - 2.0) * 1e-4,
		                  .format = "Y",
		                  .key = k % 2 ? 10 * S : 0,
		                  .wrong = k % 3 ? 0.02 : 0,
		                  .dark = k % 4 ? 0.05 : 0,
		                  .jumps = {{HOUR + k * 7 * S, 2 * S},
		                            {5 * HOUR + k * 100 * S, 37 * S},
		                            {9 * HOUR + k * 11 * S, -60 * S}},
		                  .random = k};
		struct wallclock_clock c = follow_right(&s);
		assert_true(s.asked < 1000);
		release(&c);
	}
}

/* Digits that are misread again and again, also at the beginning and at the
 * end, are no jumps. */
static void confused(void **state)
{
	static const struct {
		const char *format;
		int hour, minute, second;
	} list[] = {{"t", 11, 58, 30}, {"Y", 23, 58, 30}, {"Y", 14, 55, 9}, {"1", 5, 51, 0},
	            {"D", 15, 35, 0},  {"M", 8, 49, 30},  {"A", 9, 57, 50}};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(list); i++)
		for (unsigned k = 0; k < 12; k++) {
			struct scene s = {.duration = (2 + k % 3) * MINUTE,
			                  .start = NOV30 + list[i].hour * HOUR + list[i].minute * MINUTE +
			                           list[i].second * S,
			                  .confused = 0.1 + 0.1 * (k % 4),
			                  .format = list[i].format,
			                  .random = 77 * k + 5};
			struct wallclock_clock c = follow_right(&s);
			release(&c);
		}
}

/* A clock that is set once such that only one digit differs: it may be a
 * misreading, but is not left out. */
static void doubtful(void **state)
{
	(void)state;
	struct scene s = {.duration = MINUTE,
	                  .start = NOV30 + 14 * HOUR + 33 * MINUTE + 10 * S,
	                  .jumps = {{30 * S, 20 * MINUTE}},
	                  .format = "Y"};
	struct wallclock_clock c = follow_right(&s);
	assert_string_equal(c.breaks[0].why,
	                    "it may be a misreading: only digits 3 and 5 differ, which look alike");
	release(&c);
	/* 14:33 to 14:36 is not alike */
	s.asked = 0;
	s.jumps[0].by = 3 * MINUTE;
	c = follow_right(&s);
	assert_string_equal(c.breaks[0].why, "");
	release(&c);
}

static void drift(void **state)
{
	static const double speeds[] = {1.0003, 0.9995, 1.01, 0.98, 60, 4, 0.5};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(speeds); i++) {
		struct scene s = {.duration = HOUR, .start = NOV30, .speed = speeds[i], .format = "Y"};
		struct wallclock_clock c = follow_right(&s);
		if (fabs(c.fits[0].pieces[0].speed - speeds[i]) > 0.0002 * speeds[i])
			fail_msg("speed %f", c.fits[0].pieces[0].speed);
		release(&c);
	}
}

static void midnight(void **state)
{
	(void)state;
	for (unsigned k = 0; k < 3; k++) {
		struct scene s = {.duration = HOUR,
		                  .start = NOV30 + 23 * HOUR + 40 * MINUTE,
		                  .format = k == 0   ? "t"
		                            : k == 1 ? "A"
		                                     : "Y"};
		struct wallclock_clock c = follow_right(&s);
		release(&c);
	}
}

/* 12:59 to 1:00 shows that the clock has 12 hours. */
static void twelve(void **state)
{
	struct scene s = {.duration = 2 * HOUR, .start = NOV30 + 12 * HOUR, .format = "1"};
	struct scene plain = {.duration = HOUR, .start = NOV30 + 14 * HOUR, .format = "1"};
	struct wallclock_clock c = follow_right(&s);
	struct wallclock w = {.clocks = &c, .n_clocks = 1};
	struct wallclock_time t;
	char text[WALLCLOCK_TEXT_MAX];
	(void)state;
	assert_int_equal(c.period, 12 * HOUR);
	assert_true(wallclock_at(&w, 90 * MINUTE, &t));
	assert_string_equal(wallclock_text(&t, text), "01:30:00 AM or PM");
	release(&c);
	/* 7:00: the missing 0 says that it may be one */
	plain.start += 5 * HOUR;
	c = follow(&plain);
	assert_int_equal(c.n_breaks, 0);
	assert_int_equal(c.period, 12 * HOUR);
	release(&c);
	for (int noon = 0; noon < 2; noon++) {
		struct scene am = {
			.duration = 2 * HOUR, .start = NOV30 + 11 * HOUR + noon * 12 * HOUR, .format = "A"};
		c = follow_right(&am);
		assert_int_equal(c.period, 0);
		release(&c);
	}
}

static void dates(void **state)
{
	char text[WALLCLOCK_TEXT_MAX];
	struct wallclock_time t;
	(void)state;
	/* neither is excluded */
	struct scene s = {
		.duration = HOUR, .start = civil_days(2026, 6, 5) * DAY + HOUR, .format = "D"};
	struct wallclock_clock c = follow_right(&s);
	struct wallclock w = {.clocks = &c, .n_clocks = 1};
	assert_int_equal(c.n_fits, 2);
	assert_true(wallclock_at(&w, 0, &t));
	assert_string_equal(wallclock_text(&t, text), "2026-06-05 or 2026-05-06, 01:00:00");
	release(&c);
	/* midnight excludes one */
	for (int k = 0; k < 2; k++) {
		s = (struct scene){.duration = 2 * HOUR,
		                   .start = civil_days(2026, 6, 5) * DAY + 23 * HOUR,
		                   .format = k ? "M" : "D"};
		c = follow_right(&s);
		assert_int_equal(c.n_fits, 1);
		assert_string_equal(c.fits[0].order, k ? "mdy" : "dmy");
		release(&c);
	}
	/* so does a day after the 12th */
	s = (struct scene){.duration = HOUR, .start = NOV30, .format = "M"};
	c = follow_right(&s);
	assert_int_equal(c.n_fits, 1);
	release(&c);
}

static void minutes(void **state)
{
	(void)state;
	struct scene s = {.duration = HOUR,
	                  .start = NOV30 + 5 * S,
	                  .format = "m",
	                  .jumps = {{20 * MINUTE, 10 * MINUTE}, {40 * MINUTE, -3 * MINUTE}}};
	struct wallclock_clock c = follow(&s);
	assert_int_equal(c.unit, MINUTE);
	assert_int_equal(c.n_breaks, 2);
	/* the frame cannot be found, the minute can */
	for (size_t i = 0; i < 2; i++)
		assert_true(llabs(c.breaks[i].after - s.jumps[i].at) <= MINUTE);
	release(&c);
}

/* A digit is misread for a while, and then read rightly: no jump. */
static void misread(void **state)
{
	(void)state;
	for (unsigned k = 0; k < 3; k++) {
		struct scene s = {.duration = k ? HOUR : MINUTE,
		                  .start = NOV30 + 14 * HOUR + 5 * S,
		                  .format = "Y",
		                  .misread_from = 20 * S,
		                  .misread_to = k == 2 ? 400 * S : 50 * S};
		struct wallclock_clock c = follow_right(&s);
		release(&c);
	}
}

static void no_clock(void **state)
{
	struct wallclock_clock c = {0};
	struct err err;
	size_t reads;
	bool found;
	(void)state;
	for (int k = 0; k < 2; k++) {
		struct scene s = {.duration = MINUTE, .frame = S / 10, .speed = 1, .format = "Y"};
		s.dark = k ? 1 : 0;
		s.wrong = 1;
		if (k == 0)
			s.speed = 0; /* "00:00:00" all the time */
		struct wallclock_follow f = {
			.duration = s.duration, .frame = s.frame, .look = look, .ctx = &s};
		assert_ok(wallclock_follow(&f, &c, &reads, &found, &err));
		if (k)
			assert_false(found);
		release(&c);
	}
	struct scene s = {.duration = MINUTE, .format = "t"};
	c = follow(&s);
	assert_true(wallclock_is_counter(&c));
	release(&c);
	s.start = 14 * HOUR;
	s.asked = 0;
	c = follow(&s);
	assert_false(wallclock_is_counter(&c));
	release(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clean),    cmocka_unit_test(cuts),     cmocka_unit_test(three_cuts),
		cmocka_unit_test(confused), cmocka_unit_test(doubtful), cmocka_unit_test(drift),
		cmocka_unit_test(midnight), cmocka_unit_test(twelve),   cmocka_unit_test(dates),
		cmocka_unit_test(minutes),  cmocka_unit_test(no_clock), cmocka_unit_test(misread),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
