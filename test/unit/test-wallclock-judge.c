/* SPDX-License-Identifier: Apache-2.0 */
/* What is made of a clock's jumps: verdicts, time zones, and their form in the
 * journal. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "wallclock/civil.h"
#include "wallclock/judge.h"
#include "wallclock/local.h"

#define S CLOCK_SECOND
#define HOUR (3600 * S)

/* ---- verdicts ---- */

enum { PICTURES = 17, BREAK = 8 };

/* A bright thing at x on a ground with some noise; `turn` moves the noise. */
static void draw(struct judge_picture *p, size_t i, double x, int size, int ground)
{
	p->time = (int64_t)i * S / 10;
	for (int y = 0; y < JUDGE_H; y++)
		for (int c = 0; c < JUDGE_W; c++) {
			int noise = (int)((i * 7 + (size_t)(y * 13 + c * 5)) % 3) - 1;
			double cover = 1 - (x > c ? x - c : c - x);
			if (y < 6 || y >= 6 + size || cover < 0)
				cover = 0;
			p->cells[y * JUDGE_W + c] = (uint8_t)(ground + noise + 120 * cover);
		}
}

static enum wallclock_verdict judge(struct judge_picture *p, size_t n, const int *box)
{
	struct wallclock_clock c = {0};
	struct wallclock_break b = {.before = (BREAK - 1) * S / 10, .after = BREAK * S / 10};
	if (box)
		memcpy(c.box, box, sizeof c.box);
	wallclock_judge(p, n, &c, &b);
	assert_non_null(b.why);
	free(b.why);
	return b.verdict;
}

static void verdicts(void **state)
{
	struct judge_picture p[PICTURES];
	static const int corner[4] = {0, 0, 7500, 800};
	(void)state;
	for (size_t i = 0; i < PICTURES; i++)
		draw(&p[i], i, 5 + (double)i * 0.25, 4, 90);
	assert_int_equal(judge(p, PICTURES, NULL), WALLCLOCK_SET);
	/* unless the jump itself is in doubt */
	struct wallclock_clock none = {0};
	struct wallclock_break doubt = {.before = (BREAK - 1) * S / 10,
	                                .after = BREAK * S / 10,
	                                .why = mem_strdup("it may be a misreading")};
	wallclock_judge(p, PICTURES, &none, &doubt);
	assert_int_equal(doubt.verdict, WALLCLOCK_CANNOT_TELL);
	assert_string_equal(doubt.why, "it may be a misreading");
	free(doubt.why);
	/* it is elsewhere after the jump */
	for (size_t i = 0; i < PICTURES; i++)
		draw(&p[i], i, 5 + (double)i * 0.25 + (i >= BREAK ? 12 : 0), 4, 90);
	assert_int_equal(judge(p, PICTURES, NULL), WALLCLOCK_INTERRUPTED);
	/* it stays, and then is gone */
	for (size_t i = 0; i < PICTURES; i++)
		draw(&p[i], i, i < BREAK ? 5 : 40, 4, 90);
	assert_int_equal(judge(p, PICTURES, NULL), WALLCLOCK_INTERRUPTED);
	/* nothing moves */
	for (size_t i = 0; i < PICTURES; i++)
		draw(&p[i], i, 40, 4, 90);
	assert_int_equal(judge(p, PICTURES, NULL), WALLCLOCK_CANNOT_TELL);
	/* the exposure changes a little */
	for (size_t i = 0; i < PICTURES; i++)
		draw(&p[i], i, 40, 4, i < BREAK ? 90 : 97);
	assert_int_equal(judge(p, PICTURES, NULL), WALLCLOCK_CANNOT_TELL);
	/* the digits of the clock itself change */
	for (size_t i = 0; i < PICTURES; i++) {
		draw(&p[i], i, 40, 4, 90);
		for (size_t k = 0; k < 20 && i >= BREAK; k++)
			p[i].cells[k] = 240;
	}
	assert_int_equal(judge(p, PICTURES, NULL), WALLCLOCK_INTERRUPTED);
	assert_int_equal(judge(p, PICTURES, corner), WALLCLOCK_CANNOT_TELL);
	/* so much moves that nothing can be said */
	for (size_t i = 0; i < PICTURES; i++)
		draw(&p[i], i, (double)(i * 11 % 31), 4, 90);
	assert_int_equal(judge(p, PICTURES, NULL), WALLCLOCK_CANNOT_TELL);
	/* too few frames */
	assert_int_equal(judge(p, 4, NULL), WALLCLOCK_CANNOT_TELL);
	assert_int_equal(judge(p, 0, NULL), WALLCLOCK_CANNOT_TELL);
}

/* ---- zones ---- */

static int64_t local(int y, int m, int d, int h, int min)
{
	return civil_days(y, m, d) * 86400 + h * 3600 + min * 60;
}

static struct wallclock_zone *berlin(void)
{
	AUTO(buf_free) struct buf data = BUF(1 << 20);
	struct wallclock_zone *z;
	struct err err;
	assert_ok(file_read(VDET_SOURCE_ROOT "/test/fuzz/corpus/wallclock/berlin.tzif", &data, &err));
	assert_ok(wallclock_zone_read(data.data, data.len, &z, &err));
	return z;
}

static void zones(void **state)
{
	static const char *const wrong[] = {"",       "../etc/passwd", "/etc/passwd", "Europe//Berlin",
	                                    "+",      "+1:00",         "+25:00",      "Europe/",
	                                    "No/Such"};
	AUTO(wallclock_zone_freep) struct wallclock_zone *z = berlin(), *fixed = NULL;
	struct err err;
	(void)state;
	assert_int_equal(wallclock_zone_offset(z, local(2026, 7, 1, 10, 0)), 7200);
	assert_int_equal(wallclock_zone_offset(z, local(2026, 12, 1, 10, 0)), 3600);
	assert_int_equal(wallclock_zone_offset_local(z, local(2026, 3, 29, 1, 59)), 3600);
	assert_int_equal(wallclock_zone_offset_local(z, local(2026, 3, 29, 3, 0)), 7200);
	assert_true(wallclock_zone_changes(z, local(2026, 3, 29, 1, 59), 3600));
	assert_false(wallclock_zone_changes(z, local(2026, 3, 29, 1, 59), -3600));
	assert_true(wallclock_zone_changes(z, local(2026, 10, 25, 2, 59), -3600));
	assert_false(wallclock_zone_changes(z, local(2026, 10, 24, 2, 59), -3600));
	assert_ok(wallclock_zone_open("-03:30", &fixed, &err));
	assert_int_equal(wallclock_zone_offset(fixed, 0), -12600);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct wallclock_zone *none = NULL;
		assert_int_equal(wallclock_zone_open(wrong[i], &none, &err), -ERR_ARG);
	}
	struct wallclock_zone *none = NULL;
	assert_int_equal(wallclock_zone_read("TZif", 4, &none, &err), -ERR_FORMAT);
}

/* ---- the form in the journal ---- */

static struct wallclock *make(int64_t before, int64_t jump)
{
	struct wallclock *w = mem_alloc(1, sizeof *w);
	struct wallclock_clock *c = mem_alloc(1, sizeof *c);
	w->clocks = c;
	w->n_clocks = 1;
	w->reads = 77;
	w->zone = mem_strdup("");
	w->fault = mem_strdup("2 frames could not be read: damaged");
	*c = (struct wallclock_clock){.source = WALLCLOCK_PICTURE,
	                              .name = mem_strdup("the clock in the picture"),
	                              .box = {1, 2, 3000, 400},
	                              .turn = 180,
	                              .format = mem_strdup("YYYY-MM-DD hh:mm:ss"),
	                              .dated = true,
	                              .unit = S,
	                              .fits = mem_alloc(1, sizeof *c->fits),
	                              .n_fits = 1,
	                              .breaks = mem_alloc(1, sizeof *c->breaks),
	                              .n_breaks = 1,
	                              .samples = mem_alloc(1, sizeof *c->samples),
	                              .n_samples = 1};
	c->samples[0] = (struct wallclock_sample){.time = 5, .text = mem_strdup("x"), .used = true};
	c->breaks[0] = (struct wallclock_break){.before = 10 * S,
	                                        .after = 10 * S + 40000,
	                                        .clock_before = before,
	                                        .clock_after = before + jump,
	                                        .jump = jump,
	                                        .verdict = WALLCLOCK_SET,
	                                        .why = mem_strdup("it goes on")};
	c->fits[0] = (struct wallclock_fit){.order = mem_strdup("ymd"),
	                                    .pieces = mem_alloc(2, sizeof *c->fits[0].pieces),
	                                    .n_pieces = 2};
	c->fits[0].pieces[0] = (struct wallclock_piece){
		.end = 10 * S, .at = before - 10 * S, .speed = 1, .offset = WALLCLOCK_NO_OFFSET};
	c->fits[0].pieces[1] = (struct wallclock_piece){.start = 10 * S + 40000,
	                                                .end = 20 * S,
	                                                .at = before + jump,
	                                                .speed = 1.0005,
	                                                .residual = 290000,
	                                                .readings = 9,
	                                                .offset = WALLCLOCK_NO_OFFSET};
	return w;
}

static void journal(void **state)
{
	AUTO(wallclock_freep) struct wallclock *w = make(local(2026, 11, 30, 14, 5) * S, 37 * S);
	AUTO(wallclock_freep) struct wallclock *again = NULL, *empty = NULL;
	AUTO(mem_freep) char *text = wallclock_write(w), *twice = NULL, *jump = NULL;
	struct wallclock_time t;
	char out[WALLCLOCK_TEXT_MAX];
	struct err err;
	(void)state;
	assert_ok(wallclock_read(text, &again, &err));
	twice = wallclock_write(again);
	assert_string_equal(text, twice);
	assert_true(wallclock_at(again, 15 * S, &t));
	assert_string_equal(wallclock_text(&t, out), "2026-11-30 14:05:41");
	assert_true(wallclock_at(again, 5 * S, &t));
	assert_string_equal(wallclock_text(&t, out), "2026-11-30 14:04:55");
	jump = wallclock_break_text(again->clocks, again->clocks[0].breaks);
	assert_string_equal(jump, "the clock jumps by +37 s here");
	assert_ok(wallclock_read(NULL, &empty, &err));
	assert_false(wallclock_at(empty, 0, &t));
	static const char *const wrong[] = {
		"{", "[]", "{}", "{\"version\":2}",
		("{\"version\":1,\"reads\":0,\"timezone\":\"\",\"fault\":\"\","
	     "\"clocks\":[{}]}")};
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct wallclock *none = NULL;
		assert_true(wallclock_read(wrong[i], &none, &err) < 0);
	}
}

static void daylight(void **state)
{
	AUTO(wallclock_zone_freep) struct wallclock_zone *z = berlin();
	static const struct {
		int month, day, hour;
		int64_t jump;
		bool stated, guessed;
	} list[] = {
		{3, 29, 1, HOUR, true, true},    {3, 29, 1, 2 * HOUR, false, false},
		{3, 22, 1, HOUR, false, true},   {3, 28, 1, HOUR, false, false},
		{10, 25, 2, -HOUR, true, true},  {7, 5, 1, HOUR, false, false},
		{3, 29, 12, HOUR, false, false},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(list); i++) {
		AUTO(wallclock_freep)
		struct wallclock *w =
			make(local(2026, list[i].month, list[i].day, list[i].hour, 59) * S, list[i].jump);
		const struct wallclock_clock *c = w->clocks;
		wallclock_localize(w, NULL, "");
		if (c->breaks[0].daylight != list[i].guessed)
			fail_msg("%zu: guessed", i);
		assert_int_equal(c->fits[0].pieces[0].offset, WALLCLOCK_NO_OFFSET);
		wallclock_localize(w, z, "Europe/Berlin");
		if (c->breaks[0].daylight != list[i].stated)
			fail_msg("%zu: stated", i);
		assert_string_equal(w->zone, "Europe/Berlin");
		if (i == 0)
			assert_int_equal(c->fits[0].pieces[0].offset, 3600);
		if (list[i].stated)
			assert_int_equal(c->fits[0].pieces[1].offset,
			                 c->fits[0].pieces[0].offset + list[i].jump / S);
	}
	/* what the file states is UTC, and can be moved again and again */
	AUTO(wallclock_freep) struct wallclock *w = make(local(2026, 7, 1, 10, 0) * S, 5 * S);
	struct wallclock_time t;
	int64_t at;
	assert_true(wallclock_find(w, 10 * HOUR + 12 * S, 60 * S, &at));
	assert_true(wallclock_at(w, at, &t));
	assert_in_range(llabs(t.at % (24 * HOUR) - (10 * HOUR + 12 * S)), 0, S);
	assert_false(wallclock_find(w, 11 * HOUR, 60 * S, &at));
	assert_false(wallclock_find(NULL, 11 * HOUR, 60 * S, &at));
	char out[WALLCLOCK_TEXT_MAX];
	w->clocks[0].source = WALLCLOCK_CREATED;
	for (int i = 0; i < 3; i++) {
		wallclock_localize(w, i == 1 ? z : NULL, "Europe/Berlin");
		assert_true(wallclock_at(w, 10 * S, &t));
		assert_string_equal(wallclock_text(&t, out),
		                    i == 1 ? "2026-07-01 12:00:00 +02:00" : "2026-07-01 10:00:00 UTC");
	}
}

/* After clocks were set back by an hour, this hour is the second one; so it is
 * after another jump in it, and when clocks were changed too early. */
static void second_hour(void **state)
{
	AUTO(wallclock_zone_freep) struct wallclock_zone *z = berlin();
	static const struct {
		int hour, minute;
		int64_t jump;
		int before, after;
	} list[] = {
		{2, 59, -HOUR, 7200, 3600},    {2, 40, -HOUR, 7200, 3600},     {2, 10, 5 * S, 7200, 7200},
		{2, 10, 2 * HOUR, 7200, 3600}, {1, 10, -HOUR / 2, 7200, 7200},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(list); i++) {
		AUTO(wallclock_freep)
		struct wallclock *w =
			make(local(2026, 10, 25, list[i].hour, list[i].minute) * S, list[i].jump);
		const struct wallclock_piece *p = w->clocks[0].fits[0].pieces;
		wallclock_localize(w, z, "Europe/Berlin");
		assert_int_equal(p[0].offset, list[i].before);
		assert_int_equal(p[1].offset, list[i].after);
	}
	/* of three pieces, the last two are in the second hour */
	struct wallclock_piece p[] = {{0, 9 * S, local(2026, 10, 25, 2, 50) * S, 1, 0, 9, 0},
	                              {10 * S, 19 * S, local(2026, 10, 25, 2, 1) * S, 1, 0, 9, 0},
	                              {20 * S, 29 * S, local(2026, 10, 25, 2, 30) * S, 1, 0, 9, 0}};
	p[1].at = p[0].at + 10 * S - HOUR;
	struct wallclock_fit fit = {.order = "", .pieces = p, .n_pieces = 3};
	struct wallclock_clock c = {.dated = true, .unit = S, .fits = &fit, .n_fits = 1};
	struct wallclock w = {.clocks = &c, .n_clocks = 1};
	wallclock_localize(&w, z, "Europe/Berlin");
	assert_int_equal(p[1].offset, 3600);
	assert_int_equal(p[2].offset, 3600);
	free(w.zone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(second_hour), cmocka_unit_test(verdicts), cmocka_unit_test(zones),
		cmocka_unit_test(journal),     cmocka_unit_test(daylight),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
