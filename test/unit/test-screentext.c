/* SPDX-License-Identifier: Apache-2.0 */
/* Writing in the picture: how texts are compared and merged over time, which
 * frames are read, and a reader whose child sends wrong data, dies or hangs.
 * This program is that child, too: VDET_LIE says what it does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "proc/spawn.h"
#include "proc/wire.h"
#include "protocol/text-wire.h"
#include "screentext/alike.h"
#include "screentext/lines-read.h"
#include "screentext/merge.h"
#include "screentext/times.h"

#define S CLOCK_SECOND

/* ---- comparing */

static void test_alike(void **state)
{
	(void)state;
	assert_true(text_alike("Gate number 12", "gate, number 12.") == 1);
	assert_true(text_alike("Harbour Road", "Harbour Roaa") > 0.9);
	assert_true(text_alike("Harbour Road", "Exit") < 0.3);
	assert_true(text_alike("", "") == 1 && text_alike("", "x") == 0);
	assert_true(text_alike("北京火车站", "北京火车占") > 0.75);
	assert_true(text_alike_but_digits("13:45:09", "00:00:00") == 1);
	assert_true(text_same_digits("a1b2", "12") && text_same_digits("x", ""));
	assert_false(text_same_digits("12", "123") || text_same_digits("12", "21"));
	assert_true(text_is_part("the ferry", "The ferry leaves") && text_is_part("leaves", "eaves"));
	assert_false(text_is_part("the", "the ferry") || text_is_part("ferries", "the ferry"));
	struct text_letters n = text_count_letters("Öl 4 — 火!");
	assert_int_equal(n.letters, 5);
	assert_int_equal(n.digits, 1);
	assert_int_equal(n.marks, 2);
	assert_int_equal(text_count_letters("").letters, 0);
}

/* ---- merging */

struct seen {
	int64_t time, from, until;
	const char *text; /* NULL = nothing */
	double conf;
	int x, y;
};

static void take(struct text_merge *m, const struct seen *s)
{
	char words[100];
	snprintf(words, sizeof words, "%s", s->text ? s->text : "");
	struct text_line l = {.box = {s->x, s->y, 2000, 400, 0}, .text = words, .conf = s->conf};
	const struct text_lines lines = {&l, s->text != NULL};
	const struct text_reading r = {s->time, s->from, s->until, &lines};
	text_merge_add(m, &r);
}

static void merge(const struct seen *s, size_t n, struct text_passages *ret)
{
	AUTO(text_merge_freep) struct text_merge *m = text_merge_new();
	for (size_t i = 0; i < n; i++)
		take(m, &s[i]);
	text_merge_end(m, ret);
}

static void expect(const struct text_passages *p, size_t i, int64_t start, int64_t end,
                   const char *text, const char *reason)
{
	assert_true(i < p->n);
	assert_string_equal(p->items[i].text, text);
	assert_int_equal(p->items[i].start, start);
	assert_int_equal(p->items[i].end, end);
	if (reason)
		assert_string_equal(p->items[i].reason, reason);
	else
		assert_null(p->items[i].reason);
}

static void test_two_frames_agree(void **state)
{
	(void)state;
	AUTO(text_passages_clear) struct text_passages p = {0};
	const struct seen s[] = {
		{1 * S, 0, 8 * S, "Agenda", 0.9, 100, 100},    /* a slide, read twice */
		{2 * S, 0, 8 * S, "Agende", 0.8, 120, 110},    /* a wrong letter */
		{9 * S, 8 * S, 20 * S, "Next", 0.9, 100, 100}, /* once only */
		{30 * S, 20 * S, 40 * S, NULL, 0, 0, 0},
	};
	merge(s, ARRAY_LEN(s), &p);
	assert_int_equal(p.n, 2);
	assert_int_equal(p.shown, 1);
	expect(&p, 0, 0, 8 * S, "Agenda", NULL);
	assert_int_equal(p.items[0].readings, 2);
	assert_true(p.items[0].conf > 0.89);
	expect(&p, 1, 8 * S, 20 * S, "Next", TEXT_SEEN_ONCE);
}

static void test_two_texts_at_one_place_and_elsewhere(void **state)
{
	(void)state;
	AUTO(text_passages_clear) struct text_passages p = {0};
	const struct seen s[] = {
		{1 * S, 0, 4 * S, "First words", 0.9, 100, 100},
		{2 * S, 0, 4 * S, "First words", 0.9, 100, 100},
		{5 * S, 4 * S, 9 * S, "Other title", 0.9, 100, 100},
		{6 * S, 4 * S, 9 * S, "Other title", 0.9, 100, 100},
		{10 * S, 9 * S, 12 * S, "First words", 0.9, 6000, 7000}, /* far away: another passage */
		{11 * S, 9 * S, 12 * S, "First words", 0.9, 6100, 7000},
	};
	merge(s, ARRAY_LEN(s), &p);
	assert_int_equal(p.n, 3);
	expect(&p, 0, 0, 4 * S, "First words", NULL);
	expect(&p, 1, 4 * S, 9 * S, "Other title", NULL);
	expect(&p, 2, 9 * S, 12 * S, "First words", NULL);
}

static void test_a_miss_does_not_end_a_text(void **state)
{
	(void)state;
	AUTO(text_passages_clear) struct text_passages p = {0};
	const struct seen s[] = {
		{1 * S, 1 * S, 1 * S, "A caption", 0.9, 100, 9000},
		{3 * S, 3 * S, 3 * S, NULL, 0, 0, 0},
		{5 * S, 5 * S, 5 * S, "A caption", 0.8, 100, 9000},
		{7 * S, 7 * S, 7 * S, NULL, 0, 0, 0},
		{9 * S, 9 * S, 9 * S, NULL, 0, 0, 0},
		{11 * S, 11 * S, 11 * S, "A caption", 0.8, 100, 9000}, /* again, later */
		{12 * S, 12 * S, 12 * S, "A caption", 0.8, 100, 9000},
	};
	merge(s, ARRAY_LEN(s), &p);
	assert_int_equal(p.n, 2);
	expect(&p, 0, 1 * S, 5 * S, "A caption", NULL);
	expect(&p, 1, 11 * S, 12 * S, "A caption", NULL);
}

static void test_what_is_not_sure(void **state)
{
	(void)state;
	AUTO(text_passages_clear) struct text_passages p = {0};
	const struct seen s[] = {
		{1 * S, 0, 9 * S, "leaves of a tree", 0.5, 100, 100},
		{2 * S, 0, 9 * S, "leaves of a tree", 0.5, 100, 100},
		{10 * S, 9 * S, 20 * S, "\\4", 0.95, 100, 5000}, /* a texture: not even dropped */
		{11 * S, 9 * S, 20 * S, "\\4", 0.95, 100, 5000},
		{21 * S, 20 * S, 30 * S, "if", 0.95, 100, 5000},
		{22 * S, 20 * S, 30 * S, "if", 0.95, 100, 5000},
		{31 * S, 30 * S, 40 * S, "B2", 0.95, 100, 5000}, /* a sign */
		{32 * S, 30 * S, 40 * S, "B2", 0.95, 100, 5000},
	};
	merge(s, ARRAY_LEN(s), &p);
	assert_int_equal(p.n, 2);
	expect(&p, 0, 0, 9 * S, "leaves of a tree", TEXT_UNSURE);
	expect(&p, 1, 30 * S, 40 * S, "B2", NULL);
}

static void test_a_running_clock_is_one_passage(void **state)
{
	(void)state;
	AUTO(text_passages_clear) struct text_passages p = {0};
	AUTO(text_merge_freep) struct text_merge *m = text_merge_new();
	for (int i = 0; i < 5000; i++) {
		char text[32];
		snprintf(text, sizeof text, "2024-05-17 13:%02d:%02d", i / 60 % 60, i % 60);
		take(m, &(struct seen){i * S, i * S, i * S, text, 0.9, 100, 100});
		assert_true(text_merge_wants_more(m) == (i == 0));
	}
	text_merge_end(m, &p);
	assert_int_equal(p.n, 1);
	expect(&p, 0, 0, 4999 * S, "2024-05-17 13:00:00 … 2024-05-17 13:23:19", NULL);
	assert_true(p.items[0].counts);
}

static void test_two_readings_of_a_clock(void **state)
{
	(void)state;
	AUTO(text_passages_clear) struct text_passages p = {0};
	const struct seen s[] = {
		{1 * S, 0, 9 * S, "13:45:09", 0.9, 100, 100},
		{2 * S, 0, 9 * S, "13:45:10", 0.9, 100, 100},
	};
	merge(s, ARRAY_LEN(s), &p);
	assert_int_equal(p.n, 1);
	expect(&p, 0, 0, 9 * S, "13:45:09 … 13:45:10", NULL);
}

static void test_numbers_that_change_are_no_clock(void **state)
{
	(void)state;
	AUTO(text_passages_clear) struct text_passages p = {0};
	const struct seen s[] = {
		{1 * S, 0, 8 * S, "Revenue 4100 dollars", 0.9, 100, 100},
		{2 * S, 0, 8 * S, "Revenue 4100 dollars", 0.9, 100, 100},
		{9 * S, 8 * S, 16 * S, "Revenue 5200 dollars", 0.9, 100, 100},
		{10 * S, 8 * S, 16 * S, "Revenue 5200 dollars", 0.9, 100, 100},
		{11 * S, 8 * S, 16 * S, "Revenue 5280 dollars", 0.8, 100, 100}, /* a wrong digit */
		{12 * S, 8 * S, 16 * S, "Revenue 5200 dollars", 0.9, 100, 100},
	};
	merge(s, ARRAY_LEN(s), &p);
	assert_int_equal(p.shown, 2);
	expect(&p, 0, 0, 8 * S, "Revenue 4100 dollars", NULL);
	expect(&p, 1, 8 * S, 16 * S, "Revenue 5200 dollars", NULL);
	assert_int_equal(p.items[1].readings, 3);
	assert_string_equal(p.items[2].reason, TEXT_SEEN_ONCE);
}

static void test_half_a_line(void **state)
{
	(void)state;
	AUTO(text_passages_clear) struct text_passages p = {0};
	const struct seen s[] = {
		{1 * S, 0, 8 * S, "The ferry", 0.9, 100, 100},
		{2 * S, 0, 8 * S, "The ferry leaves at nine", 0.9, 100, 100},
		{3 * S, 0, 8 * S, "The ferry leaves at nine", 0.8, 100, 100},
	};
	merge(s, ARRAY_LEN(s), &p);
	assert_int_equal(p.n, 1);
	expect(&p, 0, 0, 8 * S, "The ferry leaves at nine", NULL);
	assert_int_equal(p.items[0].readings, 3);
}

static void test_limits(void **state)
{
	(void)state;
	AUTO(text_passages_clear) struct text_passages p = {0};
	AUTO(text_merge_freep) struct text_merge *m = text_merge_new();
	for (int i = 0; i < TEXT_DROPPED_MAX + 50; i++) {
		char text[40];
		snprintf(text, sizeof text, "%c%c%c words", 'a' + i % 26, 'a' + i / 26 % 26, 'a' + i / 676);
		take(m, &(struct seen){i * 60 * S, i * 60 * S, i * 60 * S, text, 0.9, i % 2 * 7000, 100});
	}
	text_merge_end(m, &p);
	assert_int_equal(p.shown, 0);
	assert_int_equal(p.dropped, TEXT_DROPPED_MAX);
	assert_true(p.lost >= 1);
}

/* ---- which frames */

enum { BIN = CLOCK_SECOND / 5, BINS = 600 };

static void sample(const float *activity, const struct text_cut *cuts, size_t n,
                   struct text_samples *ret)
{
	const struct text_changes x = {BIN, BINS, activity, cuts, n};
	text_samples_make(&x, 0, 100 * S, ret);
	for (size_t i = 0; i < ret->n; i++) {
		const struct text_sample *s = &ret->items[i];
		assert_true(s->time >= 0 && s->time < 100 * S);
		assert_true(s->from <= s->time && s->time <= s->until);
		assert_true(!i || s->time > ret->items[i - 1].time);
	}
}

static void test_samples_of_slides(void **state)
{
	(void)state;
	AUTO(text_samples_clear) struct text_samples s = {0};
	float activity[BINS] = {0};
	const struct text_cut cuts[] = {{10 * S, 10 * S}, {20 * S, 21 * S}};
	activity[50] = activity[51] = 0.8F;   /* the first cut */
	activity[150] = activity[151] = 0.3F; /* a point appears at 30 s */
	sample(activity, cuts, 2, &s);
	assert_int_equal(s.n, 5);
	const int64_t from[] = {0, 10 * S, 21 * S, 30 * S, 30 * S};
	const int64_t until[] = {10 * S, 20 * S, 30 * S, 100 * S, 100 * S};
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(s.items[i].from, from[i]);
		assert_int_equal(s.items[i].until, until[i]);
	}
	assert_true(s.items[1].time >= 10 * S + 2 * BIN && s.items[1].time < 11 * S);
	assert_int_equal(s.items[4].time - s.items[3].time, TEXT_STEP_STILL);
}

static void test_samples_of_motion(void **state)
{
	(void)state;
	AUTO(text_samples_clear) struct text_samples s = {0};
	float activity[BINS];
	struct text_cut cuts[400];
	for (size_t i = 0; i < BINS; i++)
		activity[i] = 0.7F;
	sample(activity, NULL, 0, &s);
	assert_int_equal(s.n, 50);
	assert_int_equal(s.items[7].time - s.items[6].time, TEXT_STEP_MOVING);
	assert_int_equal(s.items[7].from, s.items[7].until);
	text_samples_clear(&s);

	/* Flicker: a change every 0.4 s, and a cut every 0.25 s. */
	for (size_t i = 0; i < BINS; i++)
		activity[i] = i % 2 ? 0.7F : 0;
	sample(activity, NULL, 0, &s);
	assert_true(s.n <= 105 && s.n >= 50);
	text_samples_clear(&s);
	for (size_t i = 0; i < 400; i++)
		cuts[i].from = cuts[i].to = (int64_t)i * S / 4;
	memset(activity, 0, sizeof activity);
	sample(activity, cuts, 400, &s);
	assert_true(s.n <= 105 && s.n >= 50);
	text_samples_clear(&s);

	text_samples_make(NULL, 5 * S, 9 * S, &s);
	assert_int_equal(s.n, 2);
	text_samples_clear(&s);
	text_samples_make(NULL, 5 * S, 5 * S, &s);
	assert_int_equal(s.n, 0);
}

/* ---- messages of the child */

static int read_text(const char *text, struct text_lines *ret)
{
	struct err err;
	json_auto_t *head = json_loads(text, 0, NULL);
	assert_non_null(head);
	return text_lines_read(head, 0, ret, &err);
}

static void test_lines(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"{}",
		"{\"lines\": {}}",
		"{\"lines\": [[0, 0, 1, 1, 0]]}",
		"{\"lines\": [[0, 0, 0, 1, 0, \"a\"]]}",
		"{\"lines\": [[9999, 0, 2, 1, 0, \"a\"]]}",
		"{\"lines\": [[0, -1, 1, 1, 0, \"a\"]]}",
		"{\"lines\": [[0, 0, 1, 1, 1001, \"a\"]]}",
		"{\"lines\": [[0, 0, 1, 1.5, 1, \"a\"]]}",
		"{\"lines\": [[0, 0, 1, 1, 1, 7]]}",
		"{\"lines\": [7]}",
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		AUTO(text_lines_clear) struct text_lines l = {0};
		assert_int_equal(read_text(bad[i], &l), -ERR_PROTO);
	}
	AUTO(text_lines_clear) struct text_lines l = {0};
	assert_int_equal(read_text("{\"lines\": [[1, 2, 3, 4, 500, \" a\\n\\u202eb  c \"], "
	                           "[0, 0, 1, 1, 0, \" \\n \"]]}",
	                           &l),
	                 0);
	assert_int_equal(l.n, 1);
	assert_string_equal(l.lines[0].text, "a b c");
	assert_true(l.lines[0].conf == 0.5);
}

/* ---- a reader and its child */

static void say(uint32_t type, const char *head)
{
	struct err err;
	json_auto_t *j = json_loads(head, 0, NULL);
	wire_send(ROLE_SOCKET, type, j, NULL, 0, 0, NULL, &err);
}

static const char good_hello[] = "{\"version\": 3, \"engine\": \"Test 1\", \"data\": "
								 "\"00000000000000000000000000000000"
								 "00000000000000000000000000000000\", \"sandbox\": \"off\"}";

/* Answers each picture by what its bytes say. */
static int child_main(void)
{
	const char *lie = getenv("VDET_LIE");
	const struct wire_limits limits = WIRE_LIMITS_MAX;
	struct err err;
	if (!strcmp(lie, "hello"))
		say(TEXT_MSG_HELLO, "{\"version\": 7, \"engine\": \"x\"}");
	else if (!strcmp(lie, "language"))
		say(TEXT_MSG_ERROR, "{\"code\": 3, \"msg\": \"no such language\"}");
	else
		say(TEXT_MSG_HELLO, good_hello);
	for (;;) {
		AUTO(wire_msg_clear) struct wire_msg m = {0};
		if (wire_recv(ROLE_SOCKET, &limits, 0, NULL, &m, &err) < 0)
			return 0;
		if (!memcmp(m.blob, "die", 3))
			abort();
		if (!memcmp(m.blob, "hang", 4))
			pause();
		else if (!memcmp(m.blob, "type", 4))
			say(TEXT_MSG_READ, "{}");
		else if (!memcmp(m.blob, "range", 5))
			say(TEXT_MSG_LINES, "{\"lines\": [[0, 0, 1, 20000, 0, \"a\"]]}");
		else if (!memcmp(m.blob, "error", 5))
			say(TEXT_MSG_ERROR, "{\"code\": 6, \"msg\": \"a bad picture\"}");
		else
			say(TEXT_MSG_LINES, "{\"lines\": [[0, 0, 1, 1, 900, \"words\"]]}");
	}
}

static int read_as(struct text_reader *r, const char *picture, struct err *err)
{
	AUTO(text_lines_clear) struct text_lines l = {0};
	int e = text_reader_read(r, picture, strlen(picture) + 1, NULL, TEXT_PAGE, &l, err);
	assert_true(e < 0 || (l.n == 1 && !strcmp(l.lines[0].text, "words")));
	return e;
}

/* What happens to one picture costs no other. */
static void test_reader(void **state)
{
	(void)state;
	AUTO(text_reader_freep) struct text_reader *r = NULL;
	struct err err;
	static const struct {
		const char *picture;
		int code;
		const char *says;
	} cases[] = {
		{"good", 0, ""},
		{"die", -ERR_DIED, "aborted"},
		{"type", -ERR_PROTO, "violated its protocol"},
		{"range", -ERR_PROTO, "violated its protocol"},
		{"error", -ERR_FORMAT, "a bad picture"},
	};
	const struct text_reader_options o = {.languages = "eng+deu"};
	setenv("VDET_LIE", "none", 1);
	assert_int_equal(text_reader_open(&o, NULL, &r, &err), 0);
	assert_string_equal(text_reader_name(r), "Test 1, eng+deu");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(read_as(r, cases[i].picture, &err), cases[i].code);
		if (cases[i].code)
			assert_non_null(strstr(err.msg, cases[i].says));
	}
	/* Nothing else is asked of this one, as it has no time. */
	const struct text_reader_options hasty = {.timeout = CLOCK_SECOND / 10};
	AUTO(text_reader_freep) struct text_reader *slow = NULL;
	assert_int_equal(text_reader_open(&hasty, NULL, &slow, &err), 0);
	assert_int_equal(read_as(slow, "hang", &err), -ERR_TIMEOUT);
	assert_non_null(strstr(err.msg, "took longer than"));

	const struct text_region outside = {9000, 0, 2000, 100, 0}, turned = {0, 0, 100, 100, 45};
	struct text_lines l;
	assert_int_equal(text_reader_read(r, "x", 1, &outside, TEXT_PAGE, &l, &err), -ERR_ARG);
	assert_int_equal(text_reader_read(r, "x", 1, &turned, TEXT_PAGE, &l, &err), -ERR_ARG);
	assert_int_equal(text_reader_read(r, "x", 0, NULL, TEXT_PAGE, &l, &err), -ERR_ARG);
}

static void test_reader_that_cannot_start(void **state)
{
	(void)state;
	struct text_reader *r = NULL;
	struct err err;
	struct text_reader_options o = {.languages = NULL};
	setenv("VDET_LIE", "hello", 1);
	assert_int_equal(text_reader_open(&o, NULL, &r, &err), -ERR_PROTO);
	setenv("VDET_LIE", "language", 1);
	assert_int_equal(text_reader_open(&o, NULL, &r, &err), -ERR_NOENT);
	assert_string_equal(err.msg, "no such language");
	static const char *const bad[] = {"../x", "a b", "+eng", "eng+", "a++b", "eng/../../x"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		o.languages = bad[i];
		assert_int_equal(text_reader_open(&o, NULL, &r, &err), -ERR_ARG);
	}
	o = (struct text_reader_options){.exe = "/nonexistent"};
	assert_true(text_reader_open(&o, NULL, &r, &err) < 0);
	assert_null(r);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alike),
		cmocka_unit_test(test_two_frames_agree),
		cmocka_unit_test(test_two_texts_at_one_place_and_elsewhere),
		cmocka_unit_test(test_a_miss_does_not_end_a_text),
		cmocka_unit_test(test_what_is_not_sure),
		cmocka_unit_test(test_a_running_clock_is_one_passage),
		cmocka_unit_test(test_two_readings_of_a_clock),
		cmocka_unit_test(test_numbers_that_change_are_no_clock),
		cmocka_unit_test(test_half_a_line),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_samples_of_slides),
		cmocka_unit_test(test_samples_of_motion),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_reader),
		cmocka_unit_test(test_reader_that_cannot_start),
	};
	if (argc > 2 && !strcmp(argv[1], "-x"))
		return child_main();
	unsetenv("VDET_EXE");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
