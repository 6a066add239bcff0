/* SPDX-License-Identifier: Apache-2.0 */
/* Units of work about what is written and said, their results, also with wrong
 * values in them, and the frames that workers read ahead. */
#include "unit.h"

#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "job/speech-faults.h"
#include "job/speech-unit.h"
#include "job/text-frames.h"
#include "job/text-unit.h"
#include "job/unit.h"

#define S CLOCK_SECOND
static const char sha[] = "f2f5ebec7bd8466b47ff7138654f8bda97555c6c7bef08b61274c70bff2305f2";

/* The text with another value of a member, or of one of an item of its list:
 * "readings/turn" is that of the first. NULL removes it. */
static char *with(const char *text, const char *place, const char *value)
{
	json_auto_t *root = json_loads(text, 0, NULL);
	AUTO(mem_freep) char *list = mem_strdup(place);
	char *key = strchr(list, '/');
	json_t *at = root;
	if (key) {
		*key++ = '\0';
		at = json_array_get(json_object_get(root, list), 0);
	} else {
		key = list;
	}
	assert_true(json_is_object(at));
	if (value)
		json_object_set_new(at, key, json_loads(value, JSON_DECODE_ANY, NULL));
	else
		json_object_del(at, key);
	return json_dumps(root, JSON_COMPACT);
}

struct wrong {
	const char *place, *value;
};

/* ---- text */

static struct text_sample samples[] = {{1 * S, 1 * S, 3 * S}, {4 * S, 4 * S, 4 * S}};
static const struct text_unit frames = {.decoder = {.has_stream = true, .stream = 2},
                                        .samples = samples,
                                        .n = ARRAY_LEN(samples),
                                        .end = 9 * S};

static void a_unit_of_frames_survives_being_written(void **state)
{
	(void)state;
	AUTO(text_unit_clear) struct text_unit back = {0};
	AUTO(mem_freep) char *text = NULL, *again = NULL;
	struct err err;
	assert_ok(text_unit_write(&frames, &text, &err));
	assert_ok(text_unit_read(text, &back, &err));
	assert_ok(text_unit_write(&back, &again, &err));
	assert_string_equal(text, again);
	assert_int_equal(back.samples[0].until, 3 * S);
	assert_int_equal(back.decoder.stream, 2);
}

static void wrong_units_of_frames_are_refused(void **state)
{
	(void)state;
	static const struct wrong wrong[] = {
		{"samples_us", "[]"},
		{"samples_us", "[[1, 2, 3]]"},
		{"samples_us", "[[2, 1, 1]]"},
		{"samples_us", "[[-1, -1, 1]]"},
		{"samples_us", "[[2000000, 0, 3000000], [2000000, 0, 3000000]]"},
		{"samples_us", "[[1, 1]]"},
		{"samples_us", "{}"},
		{"end_us", "1"},
		{"end_us", "\"9\""},
		{"end_us", NULL},
		{"gaps", "\"/etc/passwd\""},
		{"stream", "-2"},
		{"languages", "\"deu\""},
		{"sandbox", "\"off\""},
	};
	AUTO(mem_freep) char *text = NULL;
	struct err err;
	assert_ok(text_unit_write(&frames, &text, &err));
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		AUTO(mem_freep) char *bad = with(text, wrong[i].place, wrong[i].value);
		struct text_unit u = {0};
		assert_int_equal(text_unit_read(bad, &u, &err), -ERR_FORMAT);
		assert_null(u.root);
	}
}

static struct text_line line = {
	.box = {100, 200, 3000, 400, 180}, .text = (char *)"Exit \"4\"", .conf = 0.951};
static const struct text_lines lines = {&line, 1};

static void readings_survive_being_sent(void **state)
{
	(void)state;
	AUTO(text_readings_clear) struct text_readings r = {0}, back = {0};
	AUTO(runner_result_clear) struct runner_result result = {0};
	AUTO(text_lines_clear) struct text_lines found = {0};
	struct err err;
	text_readings_add(&r, 1 * S, 0, &(struct text_lines){0});
	text_readings_add(&r, 1 * S, 180, &lines);
	assert_ok(text_result_write(&r, &result, &err));
	assert_ok(text_result_read(&frames, &result, &back, &err));
	assert_int_equal(back.n, 2);
	assert_false(text_readings_find(&back, 1 * S, 90, &found));
	assert_true(text_readings_find(&back, 1 * S, 180, &found));
	assert_string_equal(found.lines[0].text, line.text);
	assert_int_equal(found.lines[0].box.turn, 180);
	assert_true(found.lines[0].conf == line.conf);
}

/* As many lines as a page has at most, in as many frames as a unit has. */
static void large_readings_are_a_blob(void **state)
{
	(void)state;
	AUTO(text_readings_clear) struct text_readings r = {0}, back = {0};
	AUTO(runner_result_clear) struct runner_result result = {0};
	AUTO(mem_freep) struct text_line *many = mem_alloc(400, sizeof *many);
	struct text_sample all[64];
	const struct text_unit u = {.samples = all, .n = ARRAY_LEN(all), .end = 1000 * S};
	const struct text_lines page = {many, 400};
	struct err err;
	for (size_t i = 0; i < page.n; i++)
		many[i] = line;
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		all[i] = (struct text_sample){.time = (int64_t)i * S};
		text_readings_add(&r, all[i].time, 0, &page);
	}
	assert_ok(text_result_write(&r, &result, &err));
	assert_int_equal(result.n_blobs, 1);
	assert_ok(text_result_read(&u, &result, &back, &err));
	assert_int_equal(back.n, ARRAY_LEN(all));
}

static void wrong_readings_are_refused(void **state)
{
	(void)state;
	static const struct wrong wrong[] = {
		{"readings", "null"},
		{"readings", "[5]"},
		{"readings/time_us", "0"},
		{"readings/time_us", "9000001"},
		{"readings/time_us", "1.5"},
		{"readings/turn", "45"},
		{"readings/turn", "-90"},
		{"readings/turn", "360"},
		{"readings/lines", "null"},
		{"readings/lines", "[[0, 0, 1, 20000, 0, \"a\"]]"},
		{"readings/lines", "[[9999, 0, 2, 1, 0, \"a\"]]"},
		{"readings/lines", "[[0, 0, 1, 1, 1001, \"a\"]]"},
		{"readings/lines", "[[0, 0, 1, 1, 0, 5]]"},
		{"readings/more", "1"},
		{"more", "1"},
	};
	AUTO(text_readings_clear) struct text_readings r = {0};
	AUTO(runner_result_clear) struct runner_result good = {0};
	struct err err;
	text_readings_add(&r, 1 * S, 0, &lines);
	assert_ok(text_result_write(&r, &good, &err));
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		AUTO(runner_result_clear)
		struct runner_result bad = {.body = with(good.body, wrong[i].place, wrong[i].value)};
		struct text_readings back = {0};
		assert_int_equal(text_result_read(&frames, &bad, &back, &err), -ERR_PROTO);
		assert_int_equal(back.n, 0);
	}
}

/* ---- frames that workers read ahead */

/* Workers that read the first line in each frame, until they go. */
static struct workers {
	pthread_mutex_t lock;
	int units, settled, rejected;
	int leave_after; /* units */
	int lies;        /* results with a frame that is none of them */
	int slots;
} workers;

static int work(void *ctx, const struct runner_unit *u, struct cancel *cancel,
                struct runner_result *ret, struct err *err)
{
	AUTO(text_unit_clear) struct text_unit unit = {0};
	AUTO(text_readings_clear) struct text_readings r = {0};
	(void)ctx;
	(void)cancel;
	assert_true(u->optional);
	assert_string_equal(u->kind, TEXT_UNIT_KIND);
	assert_string_equal(u->source, sha);
	assert_ok(text_unit_read(u->body, &unit, err));
	pthread_mutex_lock(&workers.lock);
	bool gone = workers.units >= workers.leave_after, lies = workers.lies > 0;
	workers.units += !gone;
	workers.lies -= lies;
	workers.slots = gone ? 0 : workers.slots;
	pthread_mutex_unlock(&workers.lock);
	if (gone)
		return err_set(err, ERR_NOENT, "no worker is there that can do it");
	for (size_t i = 0; i < unit.n; i++)
		text_readings_add(&r, lies ? unit.end + 1 : unit.samples[i].time, 0, &lines);
	return text_result_write(&r, ret, err);
}

static void settle(void *ctx, const char *id)
{
	(void)ctx;
	assert_true(runner_id_valid(id));
	workers.settled++;
}

static void reject(void *ctx, const char *id, const char *why)
{
	(void)ctx;
	(void)id;
	(void)why;
	pthread_mutex_lock(&workers.lock);
	workers.rejected++;
	workers.units--;
	pthread_mutex_unlock(&workers.lock);
}

static int serves(void *ctx, const char *model)
{
	(void)ctx;
	assert_string_equal(model, sha);
	pthread_mutex_lock(&workers.lock);
	int n = workers.slots;
	pthread_mutex_unlock(&workers.lock);
	return n;
}

enum { FRAMES = 200 };

/* How many of the frames workers have read, as the one who asks sees it. */
static size_t read_ahead(struct workers with)
{
	static const struct runner runner = {
		.run = work, .settle = settle, .reject = reject, .serves = serves};
	struct text_sample all[FRAMES];
	struct cancel *cancel = cancel_new();
	const struct run_context run = {.runner = &runner, .cancel = cancel};
	const struct decoder_options decoder = {0};
	const struct text_frames_options o = {.run = &run,
	                                      .job = "abcdef012345",
	                                      .source = sha,
	                                      .model = sha,
	                                      .decoder = &decoder,
	                                      .samples = all,
	                                      .n = FRAMES,
	                                      .end = FRAMES * 2 * S};
	size_t n = 0;
	workers = with;
	pthread_mutex_init(&workers.lock, NULL);
	for (int i = 0; i < FRAMES; i++)
		all[i] = (struct text_sample){i * 2 * S, i * 2 * S, i * 2 * S};
	struct text_frames *f = text_frames_new(&o);
	for (int i = 0; f && i < FRAMES; i++) {
		AUTO(text_lines_clear) struct text_lines found = {0};
		n += text_frames_known(f, i * 2 * S, 0, &found);
		assert_false(text_frames_known(f, i * 2 * S, 90, &found));
		assert_false(text_frames_known(f, i * 2 * S + 1, 0, &found));
	}
	assert_int_equal(text_frames_read(f), n);
	text_frames_free(f);
	cancel_free(cancel);
	pthread_mutex_destroy(&workers.lock);
	return n;
}

static void workers_read_ahead(void **state)
{
	(void)state;
	assert_int_equal(read_ahead((struct workers){.slots = 3, .leave_after = 1000}), FRAMES);
	/* 30 frames a minute: batches end with a minute. */
	assert_int_equal(workers.units, (FRAMES + 29) / 30);
	assert_int_equal(workers.settled, workers.units);
}

static void what_no_worker_reads_is_read_here(void **state)
{
	(void)state;
	assert_int_equal(read_ahead((struct workers){.slots = 0}), 0);
	assert_int_equal(workers.units, 0);
	/* They leave after two. */
	assert_int_equal(read_ahead((struct workers){.slots = 1, .leave_after = 2}), 60);
	assert_int_equal(workers.settled, 2);
}

static void wrong_results_are_asked_for_again(void **state)
{
	(void)state;
	assert_int_equal(read_ahead((struct workers){.slots = 2, .leave_after = 1000, .lies = 2}),
	                 FRAMES);
	assert_int_equal(workers.rejected, 2);
	assert_int_equal(workers.settled, workers.units);
}

/* ---- speech */

static struct speech_voice voices[] = {{1 * S, 2 * S}, {20 * S, 22 * S}};
static const struct speech_unit sound = {.track = 1,
                                         .start = 10 * S,
                                         .end = 70 * S,
                                         .duration = 100 * S,
                                         .voices = voices,
                                         .n = ARRAY_LEN(voices)};

static void a_unit_of_sound_survives_being_written(void **state)
{
	(void)state;
	AUTO(speech_unit_clear) struct speech_unit back = {0};
	AUTO(mem_freep) char *text = NULL, *again = NULL;
	struct err err;
	assert_ok(speech_unit_write(&sound, &text, &err));
	assert_ok(speech_unit_read(text, &back, &err));
	assert_ok(speech_unit_write(&back, &again, &err));
	assert_string_equal(text, again);
	assert_int_equal(back.voices[1].end, 22 * S);
}

static void wrong_units_of_sound_are_refused(void **state)
{
	(void)state;
	static const struct wrong wrong[] = {
		{"track", "-1"},
		{"track", "4294967297"},
		{"start_us", "-1"},
		{"end_us", "10000000"},
		{"end_us", "9000000000000000"},
		{"duration_us", "\"1\""},
		{"voices_us", "null"},
		{"voices_us", "[[2000000, 1000000]]"},
		{"voices_us", "[[1, 3], [2, 4]]"},
		{"voices_us", "[[1, 60000001]]"},
		{"voices_us", "[[1]]"},
		{"gaps", "null"},
		{"server", "\"/bin/sh\""},
	};
	AUTO(mem_freep) char *text = NULL;
	struct err err;
	assert_ok(speech_unit_write(&sound, &text, &err));
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		AUTO(mem_freep) char *bad = with(text, wrong[i].place, wrong[i].value);
		struct speech_unit u = {0};
		assert_int_equal(speech_unit_read(bad, &u, &err), -ERR_FORMAT);
		assert_null(u.root);
	}
}

static struct store_segment segment = {.start = 11 * S,
                                       .end = 12 * S,
                                       .kind = (char *)STORE_SPEECH,
                                       .track = 1,
                                       .text = (char *)"Stop the car.",
                                       .who = (char *)"",
                                       .lang = (char *)"en",
                                       .conf = 0.8187307530779818,
                                       .words = (char *)"[[11000000,11500000,\"Stop\",0.9999]]"};
static struct store_dropped dropped = {.start = 30 * S,
                                       .end = 31 * S,
                                       .kind = (char *)STORE_SPEECH,
                                       .track = 1,
                                       .text = (char *)"Thanks",
                                       .reason = (char *)"repeated"};
static const struct store_transcript heard = {
	.segments = &segment, .n_segments = 1, .dropped = &dropped, .n_dropped = 1};

static void texts_survive_being_sent(void **state)
{
	(void)state;
	AUTO(store_transcript_clear) struct store_transcript back = {0};
	AUTO(runner_result_clear) struct runner_result result = {0};
	struct err err;
	assert_ok(speech_result_write(&heard, &result, &err));
	assert_ok(speech_result_read(&sound, &result, &back, &err));
	assert_int_equal(back.n_segments, 1);
	assert_string_equal(back.segments[0].text, segment.text);
	assert_string_equal(back.segments[0].words, segment.words);
	assert_string_equal(back.segments[0].kind, STORE_SPEECH);
	assert_int_equal(back.segments[0].track, 1);
	assert_true(back.segments[0].conf == segment.conf);
	assert_string_equal(back.dropped[0].reason, dropped.reason);
}

static void wrong_texts_are_refused(void **state)
{
	(void)state;
	static const struct wrong wrong[] = {
		{"segments", "null"},
		{"dropped", "5"},
		{"more", "1"},
		{"segments/start_us", "9999999"},
		{"segments/start_us", "70000000"},
		{"segments/end_us", "11000000"},
		{"segments/end_us", "70000001"},
		{"segments/text", "\"\""},
		{"segments/text", "\"two\\nlines\""},
		{"segments/text", "5"},
		{"segments/who", "null"},
		{"segments/lang", "\"a\\u0007b\""},
		{"segments/conf", "1.5"},
		{"segments/conf", "\"1\""},
		{"segments/words", "null"},
		{"segments/words", "\"[]\""},
		{"segments/words", "\"{\""},
		{"segments/words", "\"[[1, 2, \\\"a\\\", 0.5]]\""},
		{"segments/words", "\"[[11000000, 12000000, \\\"a\\\", 7]]\""},
		{"segments/words", "\"[[11000000, 12000000, 5, 0.5]]\""},
		{"segments/kind", "\"subtitle\""},
		{"segments/track", "2"},
		{"dropped/reason", "\"\""},
		{"dropped/start_us", "0"},
	};
	AUTO(runner_result_clear) struct runner_result good = {0};
	struct err err;
	assert_ok(speech_result_write(&heard, &good, &err));
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		AUTO(runner_result_clear)
		struct runner_result bad = {.body = with(good.body, wrong[i].place, wrong[i].value)};
		struct store_transcript t = {0};
		assert_int_equal(speech_result_read(&sound, &bad, &t, &err), -ERR_PROTO);
		assert_null(t.segments);
	}
}

static void faults_are_told_in_order_of_time(void **state)
{
	(void)state;
	AUTO(speech_faults_clear) struct speech_faults f = {0};
	AUTO(buf_free) struct buf out = BUF(1000);
	speech_faults_add(&f, 3, "third");
	speech_faults_add(&f, 1, "first");
	speech_faults_add(&f, 2, "second");
	speech_faults_list(&f, 2, &out);
	assert_string_equal(buf_str(&out), "first; second; and 1 parts more");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_unit_of_frames_survives_being_written),
		cmocka_unit_test(wrong_units_of_frames_are_refused),
		cmocka_unit_test(readings_survive_being_sent),
		cmocka_unit_test(large_readings_are_a_blob),
		cmocka_unit_test(wrong_readings_are_refused),
		cmocka_unit_test(workers_read_ahead),
		cmocka_unit_test(what_no_worker_reads_is_read_here),
		cmocka_unit_test(wrong_results_are_asked_for_again),
		cmocka_unit_test(a_unit_of_sound_survives_being_written),
		cmocka_unit_test(wrong_units_of_sound_are_refused),
		cmocka_unit_test(texts_survive_being_sent),
		cmocka_unit_test(wrong_texts_are_refused),
		cmocka_unit_test(faults_are_told_in_order_of_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
