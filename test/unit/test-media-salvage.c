/* SPDX-License-Identifier: Apache-2.0 */
/* The last decode path: pictures out of files whose header or index is gone,
 * compared with those of the whole file. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "media-help.h"
#include "media/note.h"
#include "media/probe.h"

/* A file in memory, damaged. */
struct wreck {
	struct buf bytes;
	struct input *in;
	struct source *source;
	struct reader *reader;
};

static void wreck_clear(struct wreck *w)
{
	reader_free(w->reader);
	source_free(w->source);
	input_free(w->in);
	buf_free(&w->bytes);
}

static int wreck_open(struct wreck *w, const struct salvage_reference *ref, struct err *err)
{
	note_start();
	w->in = input_open_memory(w->bytes.data, w->bytes.len);
	const struct source_options o = {.reference = ref, .stream = SOURCE_STREAM_AUTO};
	int r = source_open_with(w->in, &o, &w->source, err);
	return r < 0 ? r : reader_open(w->source, &w->reader, err);
}

static void wreck_load(struct wreck *w, const char *path)
{
	w->bytes = BUF(64 << 20);
	assert_ok(file_read(path, &w->bytes, NULL));
}

/* The start of the last box of this type. */
static size_t find_box(const struct buf *b, const char *type)
{
	for (size_t i = b->len - 4; i > 4; i--)
		if (!memcmp(b->data + i, type, 4))
			return i - 4;
	fail_msg("no %s", type);
	return 0;
}

/* The pictures equal those of the intact file, in this order, from number
 * `from` on. */
static void compare(struct wreck *w, const char *whole, size_t from, size_t least)
{
	struct opened o;
	struct plain p = {0};
	struct err err = {0};
	struct shown s;
	assert_ok(opened_begin(whole, &o, &err));
	plain_decode(whole, o.source, 0, &p);
	size_t n = 0, same = 0;
	int64_t last = INT64_MIN;
	int r = reader_at(w->reader, 0, &s, &err);
	for (; r == 0; n++) {
		assert_true(s.pts > last);
		assert_string_equal(s.decode_path, "salvage");
		last = s.pts;
		same += from + n < p.n && frame_sum(s.frame) == p.frames[from + n].sum;
		r = reader_next(w->reader, INT64_MIN, &s, &err);
	}
	print_message("%s: %zu of %zu pictures, %zu as in the whole file\n", file_base(whole), n, p.n,
	              same);
	assert_true(n >= least && same + 3 >= n); /* the last may be cut */
	/* Also by time, forward and backward. */
	for (int i = 0; i < 8 && same; i++)
		assert_ok(reader_at(w->reader, last * (i * 5 % 8) / 8, &s, &err));
	plain_free(&p);
	opened_end(&o);
}

static void test_no_index(void **state)
{
	(void)state;
	if (!media_dir())
		skip();
	AUTO(mem_freep) char *cut = file_join(media_dir(), "truncated_nomoov.mp4");
	AUTO(mem_freep) char *whole = file_join(media_dir(), "normal_h264_bbb480p.mp4");
	struct err err = {0};
	AUTO(wreck_clear) struct wreck lost = {0}, w = {0};
	wreck_load(&lost, cut);
	assert_int_equal(wreck_open(&lost, NULL, &err), -ERR_FORMAT);
	assert_non_null(strstr(err.msg, "--media-reference"));
	struct opened o;
	struct salvage_reference ref;
	assert_ok(opened_begin(whole, &o, &err));
	assert_true(source_reference(o.source, &ref));
	wreck_load(&w, cut);
	if (wreck_open(&w, &ref, &err) < 0)
		fail_msg("%s", err.msg);
	compare(&w, whole, 0, 300);
	struct probe p;
	assert_ok(probe_run(w.source, w.reader, &p, &err));
	assert_non_null(strstr(p.warning, "pictures were found"));
	assert_true(p.extent.duration > 12 * CLOCK_SECOND && p.fps > 23 && p.fps < 25);
	opened_end(&o);
}

/* Recorders that repeat the parameter sets need no reference file. */
static void test_sets_inside(void **state)
{
	(void)state;
	static const char *const encoders[][2] = {
		{"in-h264.mp4", "-c:v libx264 -bf 0 -x264-params repeat-headers=1"},
		{"in-h264-b.mp4", "-c:v libx264 -bf 2 -x264-params repeat-headers=1"},
		{"in-hevc.mp4", "-c:v libx265 -x265-params repeat-headers=1:log-level=none"},
	};
	for (size_t i = 0; i < ARRAY_LEN(encoders); i++) {
		AUTO(mem_freep)
		char *args = mem_printf("-f lavfi -i testsrc2=s=320x180:r=25:d=4 -f lavfi -i sine=d=4 "
		                        "-preset ultrafast -pix_fmt yuv420p -g 25 -c:a aac -shortest %s",
		                        encoders[i][1]);
		AUTO(mem_freep) char *whole = media_make(encoders[i][0], args);
		if (!whole)
			continue;
		struct err err = {0};
		AUTO(wreck_clear) struct wreck w = {0};
		wreck_load(&w, whole);
		w.bytes.len = find_box(&w.bytes, "moov") - 1000;
		if (wreck_open(&w, NULL, &err) < 0)
			fail_msg("%s: %s", encoders[i][0], err.msg);
		compare(&w, whole, 0, 80);
	}
}

static void test_broken_box(void **state)
{
	(void)state;
	if (!media_dir())
		skip();
	AUTO(mem_freep) char *path = file_join(media_dir(), "corrupt_malformed_free.mp4");
	struct err err = {0};
	struct probe p;
	AUTO(wreck_clear) struct wreck w = {0};
	wreck_load(&w, path);
	if (wreck_open(&w, NULL, &err) < 0)
		fail_msg("%s", err.msg);
	assert_ok(probe_run(w.source, w.reader, &p, &err));
	assert_int_equal(p.extent.duration / 10000, 100);
	assert_non_null(strstr(p.warning, "byte 32"));
}

/* Garbage before an intact part. */
static void test_broken_beginning(void **state)
{
	(void)state;
	static const struct {
		const char *name, *args;
		size_t rubbish, from;
	} cases[] = {
		{"begin.ts", "-c:v libx264 -bf 0", 1200001, 0},
		{"begin.ts", "-c:v libx264 -bf 0", 0, 100},
		{"begin.mkv", "-c:v libx264 -bf 0", 0, 20},
		{"begin.h264", "-c:v libx264 -bf 0 -f h264", 1200001, 0},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(mem_freep)
		char *args = mem_printf("-f lavfi -i testsrc2=s=320x180:r=25:d=4 -preset ultrafast -g 25 "
		                        "-pix_fmt yuv420p %s",
		                        cases[i].args);
		AUTO(mem_freep) char *path = media_make(cases[i].name, args);
		if (!path)
			continue;
		struct err err = {0};
		struct shown s;
		AUTO(wreck_clear) struct wreck w = {0};
		AUTO(buf_free) struct buf whole = BUF(64 << 20);
		assert_ok(file_read(path, &whole, NULL));
		w.bytes = BUF(64 << 20);
		for (size_t k = 0; k < cases[i].rubbish; k++)
			buf_add(&w.bytes, &(char){(char)(k * 2654435761u >> 24)}, 1);
		buf_add(&w.bytes, whole.data + cases[i].from, whole.len - cases[i].from);
		if (wreck_open(&w, NULL, &err) < 0)
			fail_msg("%zu: %s", i, err.msg);
		if (reader_at(w.reader, 2 * CLOCK_SECOND, &s, &err) < 0)
			fail_msg("%zu: %s", i, err.msg);
		assert_int_equal(s.frame->width, 320);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_index),
		cmocka_unit_test(test_sets_inside),
		cmocka_unit_test(test_broken_box),
		cmocka_unit_test(test_broken_beginning),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
