/* SPDX-License-Identifier: Apache-2.0 */
/* Sound that is made here: where somebody may speak in it, and how it is
 * divided. */
#include "unit.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "speech/split.h"
#include "speech/voices.h"

enum { MS = SPEECH_RATE / 1000 };

/* Sound of this length: noise of this amplitude, always the same. */
static int16_t *noise(int64_t ms, int amplitude)
{
	int16_t *x = mem_alloc((size_t)ms * MS + 1, sizeof *x);
	uint32_t seed = 1;
	for (int64_t i = 0; i < ms * MS && amplitude; i++) {
		seed = seed * 1664525 + 1013904223;
		x[i] = (int16_t)((int)(seed >> 16) % (2 * amplitude + 1) - amplitude);
	}
	return x;
}

/* Adds something like a voice: a tone with overtones, in syllables of 0.2 s. */
static void speak(int16_t *x, int64_t from, int64_t to, int amplitude)
{
	for (int64_t i = from * MS; i < to * MS; i++) {
		double t = (double)i / SPEECH_RATE, syllable = 0.6 + 0.4 * sin(2 * M_PI * 5 * t);
		double y = sin(2 * M_PI * 150 * t) + sin(2 * M_PI * 450 * t) + sin(2 * M_PI * 900 * t);
		x[i] = (int16_t)(x[i] + amplitude * syllable * y / 3);
	}
}

static void check(const char *what, const int16_t *x, int64_t ms, const int64_t (*expected)[2],
                  size_t n)
{
	AUTO(mem_freep) struct speech_voice *v = NULL;
	size_t found;
	split_voices(x, (size_t)ms * MS, &v, &found);
	if (found != n)
		fail_msg("%s: %zu stretches instead of %zu", what, found, n);
	for (size_t i = 0; i < n; i++) {
		int64_t from = v[i].start / 1000, to = v[i].end / 1000;
		if (from > expected[i][0] || from < expected[i][0] - 300 || to < expected[i][1] ||
		    to > expected[i][1] + 450)
			fail_msg("%s: from %lld to %lld ms", what, (long long)from, (long long)to);
		assert_true(v[i].start >= 0 && v[i].end <= ms * 1000 && v[i].start % 10000 == 0);
	}
}

static void test_voices(void **state)
{
	(void)state;
	static const int64_t two[][2] = {{5000, 9000}, {12000, 15000}}, all[][2] = {{0, 20000}},
						 edges[][2] = {{0, 2000}, {18000, 20000}};
	static const struct {
		const char *what;
		int background, voice;
	} levels[] = {
		{"digital silence", 0, 8000},
		{"a quiet room", 20, 3000},
		{"a loud street", 3000, 20000},
		{"far away", 2, 100},
	};
	for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
		AUTO(mem_freep) int16_t *x = noise(20000, levels[i].background);
		speak(x, 5000, 9000, levels[i].voice);
		speak(x, 12000, 15000, levels[i].voice);
		check(levels[i].what, x, 20000, two, 2);
		AUTO(mem_freep) int16_t *y = noise(20000, levels[i].background);
		speak(y, 0, 2000, levels[i].voice);
		speak(y, 18000, 20000, levels[i].voice);
		check(levels[i].what, y, 20000, edges, 2);
	}
	/* Somebody who does not pause. */
	AUTO(mem_freep) int16_t *x = noise(20000, 0);
	speak(x, 0, 20000, 8000);
	check("without a pause", x, 20000, all, 1);
}

static void test_no_voice(void **state)
{
	(void)state;
	AUTO(mem_freep) int16_t *silent = noise(30000, 0), *hiss = noise(30000, 2000);
	check("digital silence", silent, 30000, NULL, 0);
	check("noise", hiss, 30000, NULL, 0);
	AUTO(mem_freep) int16_t *chord = noise(30000, 0), *hum = noise(30000, 0);
	for (int64_t i = 0; i < 30000 * MS; i++) {
		double t = (double)i / SPEECH_RATE;
		chord[i] = (int16_t)(6000 * (sin(2 * M_PI * 262 * t) + sin(2 * M_PI * 330 * t)));
		hum[i] = (int16_t)(4000 + 200 * sin(2 * M_PI * 50 * t) * (i / MS % 2000 < 1000));
	}
	check("a chord", chord, 30000, NULL, 0);
	check("hum that is switched on and off, and an offset", hum, 30000, NULL, 0);
	/* A click is none; nor is sound of less than a frame. */
	chord[0] = 0;
	for (int i = 0; i < 100; i++)
		silent[i + 16000] = (int16_t)(i % 2 ? 20000 : -20000);
	AUTO(mem_freep) struct speech_voice *v = NULL, *w = NULL;
	size_t n;
	split_voices(silent, 30000 * MS, &v, &n);
	assert_true(n <= 1 && (!n || v[0].end - v[0].start < CLOCK_SECOND));
	split_voices(silent, 100, &w, &n);
	assert_int_equal(n, 0);
	split_voices(NULL, 0, &w, &n);
	assert_int_equal(n, 0);
}

/* What changes slowly is background, however loud. */
static void test_background_changes(void **state)
{
	(void)state;
	AUTO(mem_freep) int16_t *x = noise(120000, 1000);
	for (int64_t i = 0; i < 120000 * MS; i++)
		x[i] = (int16_t)(x[i] * (0.2 + (double)i / (120000 * MS)));
	speak(x, 10000, 12000, 1500);
	speak(x, 100000, 102000, 8000);
	static const int64_t expected[][2] = {{10000, 12000}, {100000, 102000}};
	check("louder and louder", x, 120000, expected, 2);
}

static void test_end(void **state)
{
	(void)state;
	const int64_t s = CLOCK_SECOND;
	struct speech_voice v[] = {{0, 90 * s}, {95 * s, 150 * s}, {153 * s, 200 * s}};
	/* The longest silence between the two, or what is left of it. */
	assert_int_equal(split_end(NULL, 0, v, 3, 60 * s, 180 * s), 92 * s + s / 2);
	assert_int_equal(split_end(NULL, 0, v, 3, 100 * s, 180 * s), 151 * s + s / 2);
	assert_int_equal(split_end(NULL, 0, v, 3, 94 * s, 96 * s), 94 * s + s / 2);
	assert_int_equal(split_end(NULL, 0, v, 3, 100 * s, 300 * s), 250 * s);
	assert_int_equal(split_end(NULL, 0, NULL, 0, 100 * s, 200 * s), 150 * s);
	/* None: where it is quietest. */
	AUTO(mem_freep) int16_t *x = noise(20000, 2000);
	for (int64_t i = 15000 * MS; i < 15300 * MS; i++)
		x[i] = 0;
	struct speech_voice all = {0, 20 * s};
	int64_t end = split_end(x, 20000 * MS, &all, 1, 10 * s, 20 * s);
	assert_in_range(end, 15050000, 15250000);
	assert_int_equal(end % 10000, 0);
	assert_int_equal(split_end(x, 20000 * MS, &all, 1, 10 * s, 10 * s + 10000), 10 * s + 10000);
}

static void test_pieces(void **state)
{
	(void)state;
	const int64_t s = CLOCK_SECOND;
	const struct speech_voice v[] = {
		{s, 2 * s}, {6 * s, 7 * s}, {12 * s, 13 * s}, {60 * s, 61 * s}, {62 * s, 63 * s}};
	AUTO(mem_freep) struct split_piece *p = NULL, *none = NULL;
	size_t n;
	split_pieces(v, 5, &p, &n);
	assert_int_equal(n, 3);
	assert_true(p[0].start == s && p[0].end == 7 * s && p[0].first == 0 && p[0].n == 2);
	assert_true(p[1].start == 12 * s && p[1].end == 13 * s && p[1].first == 2 && p[1].n == 1);
	assert_true(p[2].start == 60 * s && p[2].end == 63 * s && p[2].first == 3 && p[2].n == 2);
	split_pieces(NULL, 0, &none, &n);
	assert_int_equal(n, 0);
}

/* What whisper.cpp's program for Silero VAD prints, in 1/100 s. */
static void test_program(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"Speech segment 0: start = 5.0, end = 4.0",
		"Speech segment 0: start = -1, end = 4.0",
		"Speech segment 0: start = 1, end = 99999",
		"Speech segment 0: start = nan, end = 4.0",
		"Speech segment x",
		"Speech segment 0: start = 50, end = 60\nSpeech segment 1: start = 20, end = 30",
	};
	AUTO(mem_freep) struct speech_voice *v = NULL, *none = NULL;
	size_t n = 7;
	assert_ok(speech_voices_read("\nDetected 3 speech segments:\n"
	                             "Speech segment 0: start = 10.00, end = 200.00\n"
	                             "Speech segment 1: start = 230.00, end = 300.00\n"
	                             "Speech segment 2: start = 500.00, end = 990.00\n\n",
	                             10 * CLOCK_SECOND, &v, &n, NULL));
	assert_int_equal(n, 2);
	assert_true(v[0].start == 0 && v[0].end == 3300000);
	assert_true(v[1].start == 4750000 && v[1].end == 10 * CLOCK_SECOND);
	assert_ok(speech_voices_read("Detected 0 speech segments:\n", CLOCK_SECOND, &none, &n, NULL));
	assert_int_equal(n, 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(speech_voices_read(bad[i], 10 * CLOCK_SECOND, &none, &n, NULL),
		                 -ERR_PROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_voices),
		cmocka_unit_test(test_no_voice),
		cmocka_unit_test(test_background_changes),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_program),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
