/* SPDX-License-Identifier: Apache-2.0 */
/* The parent's side of the decoder: children that work, send wrong data, are
 * slow, or exit. */
#include "unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "decoder/decoder-texts.h"
#include "decoder/decoder.h"
#include "decoder/jpeg-check.h"
#include "media-help.h"
#include "proc/sandbox.h"
#include "protocol/media-wire.h"

/* Builds with sanitizers have no sandbox, and no memory limits. */
static bool sandboxed(void)
{
	return strcmp(sandbox_name(), "none") != 0;
}

static struct decoder *open_path(const char *path, int64_t timeout, int64_t memory)
{
	const struct decoder_options o = {.timeout = timeout, .memory = memory, .sandbox = "on"};
	struct decoder *d = NULL;
	struct err err = {0};
	AUTO(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (decoder_open(fd, &o, NULL, &d, &err) < 0)
		fail_msg("%s: %s", path, err.msg);
	return d;
}

struct seen {
	size_t n, faults, bytes;
	int64_t pts[4096];
	int width, height, stop_after;
	char sha256[8][HASH_HEX], format[64]; /* of the first frames, and of the last */
	char gray[MEDIA_GRAY_HEX + 1];        /* likewise */
	char decode_path[32];                 /* of the last frame */
};

static int see(void *ctx, size_t i, struct frame *f)
{
	struct seen *s = ctx;
	assert_int_equal(i, s->n);
	if (i < ARRAY_LEN(s->sha256) && f->planes_sha256)
		snprintf(s->sha256[i], sizeof s->sha256[i], "%s", f->planes_sha256);
	snprintf(s->format, sizeof s->format, "%s", f->planes_format ? f->planes_format : "");
	snprintf(s->gray, sizeof s->gray, "%s", f->gray ? f->gray : "");
	s->pts[s->n++] = f->pts;
	s->faults += !!f->fault;
	snprintf(s->decode_path, sizeof s->decode_path, "%s", f->decode_path ? f->decode_path : "");
	s->bytes += f->jpeg_len;
	s->width = f->width;
	s->height = f->height;
	if (!f->fault)
		assert_ok(jpeg_check(f->jpeg, f->jpeg_len, f->width, f->height, NULL));
	return s->stop_after && (int)s->n >= s->stop_after ? -ERR_BUSY : 0;
}

static int ask(struct decoder *d, const int64_t *times, size_t n, struct seen *s, struct err *err)
{
	const struct frame_request q = {.times = times, .n = n, .size = 320, .quality = 80};
	return decoder_frames(d, &q, see, s, err);
}

static void test_lies_of_texts(void **state)
{
	(void)state;
	static const char *const kinds[] = {"texts-list", "texts-track", "texts-back",
	                                    "texts-end",  "crash",       "texts"};
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		AUTO(decoder_texts_clear) struct decoder_texts t = {0};
		setenv("VDET_LIE", kinds[i], 1);
		AUTO(decoder_freep) struct decoder *d = open_path("/proc/self/exe", 30 * CLOCK_SECOND, 0);
		struct err err = {0};
		bool fine = !strcmp(kinds[i], "texts");
		int r = decoder_texts(d, &t, &err);
		if (r != (fine ? 0 : !strcmp(kinds[i], "crash") ? -ERR_DIED : -ERR_PROTO))
			fail_msg("%s: %d", kinds[i], r);
		assert_true(!fine || t.n_segments == 1);
	}
	unsetenv("VDET_LIE");
}

static void test_lies(void **state)
{
	(void)state;
	static const struct {
		const char *how;
		int result;
		const char *text;
	} cases[] = {
		{"honest", 0, ""},
		{"cut-jpeg", -ERR_PROTO, "protocol"},
		{"long-jpeg", -ERR_PROTO, "protocol"},
		{"wrong-size", -ERR_PROTO, "protocol"},
		{"too-wide", -ERR_PROTO, "protocol"},
		{"wrong-index", -ERR_PROTO, "protocol"},
		{"wrong-length", -ERR_PROTO, "protocol"},
		{"unasked-hash", -ERR_PROTO, "identity"},
		{"bad-hash", -ERR_PROTO, "identity"},
		{"bad-format", -ERR_PROTO, "identity"},
		{"no-hash", -ERR_PROTO, "planes_sha256"},
		{"bad-gray-format", -ERR_PROTO, "gray levels"},
		{"one-more", -ERR_PROTO, "protocol"},
		{"done-early", -ERR_PROTO, "protocol"},
		{"half", -ERR_DIED, "ended with status 0"},
		{"rubbish", -ERR_PROTO, "protocol"},
		{"huge-blob", -ERR_PROTO, "larger than allowed"},
		{"huge-head", -ERR_PROTO, "larger than allowed"},
		{"no-json", -ERR_PROTO, "not JSON"},
		{"wrong-type", -ERR_PROTO, "unexpected message"},
		{"wrong-code", -ERR_PROTO, "protocol"},
		{"wrong-version", -ERR_PROTO, "protocol"},
		{"escape", -ERR_FORMAT, " [2Jgone  "},
		{"exit", -ERR_DIED, "ended with status 3"},
		{"abort", -ERR_LIMIT, "memory limit"},
		{"crash", -ERR_DIED, "SIGSEGV"},
		{"killed", -ERR_DIED, "SIGKILL"},
		{"sigsys", -ERR_DIED, "sandbox"},
		{"silent", -ERR_TIMEOUT, "took longer"},
		{"no-hello", -ERR_TIMEOUT, "took longer"},
		{"trickle", -ERR_TIMEOUT, "took longer"},
	};
	const int64_t times[] = {0};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = {0};
		struct seen s = {0};
		setenv("VDET_LIE", cases[i].how, 1);
		bool slow = cases[i].result == -ERR_TIMEOUT;
		AUTO(decoder_freep)
		struct decoder *d = open_path("/proc/self/exe", (slow ? 1 : 30) * CLOCK_SECOND, 1 << 30);
		int r = ask(d, times, 1, &s, &err);
		if (r != cases[i].result || !strstr(err.msg, cases[i].text))
			fail_msg("%s: %d \"%s\"", cases[i].how, r, err.msg);
		/* The child is gone, and the next call reports that. */
		if (r < 0)
			assert_int_equal(ask(d, times, 1, &s, &err), -ERR_DIED);
	}
	unsetenv("VDET_LIE");
}

struct shot {
	struct cancel *cancel;
	int heard; /* the child writes to the other end when it has received the request */
};

static void *fire_later(void *arg)
{
	const struct shot *s = arg;
	char byte;
	if (read(s->heard, &byte, 1) == 1)
		cancel_fire(s->cancel);
	return NULL;
}

static void test_cancel(void **state)
{
	(void)state;
	struct cancel *c = cancel_new();
	const struct decoder_options o = {.sandbox = "on"};
	AUTO(decoder_freep) struct decoder *d = NULL;
	struct video_info v;
	struct err err;
	pthread_t thread;
	setenv("VDET_LIE", "notify", 1);
	int ends[2];
	assert_ok(pipe2(ends, O_CLOEXEC));
	struct shot shot = {.cancel = c, .heard = ends[0]};
	assert_ok(decoder_open(ends[1], &o, c, &d, &err));
	pthread_create(&thread, NULL, fire_later, &shot);
	int64_t begin = clock_now();
	assert_int_equal(decoder_probe(d, &v, &err), -ERR_CANCELED);
	assert_true(clock_now() - begin < 10 * CLOCK_SECOND);
	pthread_join(thread, NULL);
	close(ends[0]);
	close(ends[1]);
	unsetenv("VDET_LIE");
	cancel_free(c);
}

/* One minute of moving pictures with sound. */
static char *minute(void)
{
	return media_make("minute.mp4",
	                  "-f lavfi -i testsrc2=s=640x360:r=25:d=60 -f lavfi -i sine=d=60 -c:v libx264 "
	                  "-preset veryfast -g 50 -c:a aac -shortest");
}

static void test_probe_and_frames(void **state)
{
	(void)state;
	AUTO(mem_freep) char *path = minute();
	if (!path)
		skip();
	AUTO(decoder_freep) struct decoder *d = open_path(path, 60 * CLOCK_SECOND, (int64_t)1 << 30);
	AUTO(video_info_clear) struct video_info v = {0};
	struct err err = {0};
	if (decoder_probe(d, &v, &err) < 0)
		fail_msg("%s", err.msg);
	assert_string_equal(v.codec, "h264");
	assert_int_equal(v.width, 640);
	assert_int_equal(v.duration, 60 * CLOCK_SECOND);
	assert_true(v.has_audio && !v.variable_rate && !v.interlaced && !v.duration_measured);
	assert_true(v.fps > 24.99 && v.fps < 25.01);
	const int64_t times[] = {
		0, 39999, 40000, 1000001, 30 * CLOCK_SECOND, 60 * CLOCK_SECOND, 90 * CLOCK_SECOND};
	const int64_t want[] = {0, 0, 40000, 1000000, 30 * CLOCK_SECOND, 59960000};
	struct seen s = {0};
	assert_ok(ask(d, times, 7, &s, &err));
	assert_int_equal(s.n, 7);
	assert_int_equal(s.faults, 1); /* after the end */
	for (int i = 0; i < 6; i++)
		assert_int_equal(s.pts[i], want[i]);
	/* After the callback stops the request, the child is gone. */
	struct seen few = {.stop_after = 2};
	assert_int_equal(ask(d, times, 7, &few, &err), -ERR_BUSY);
	assert_int_equal(ask(d, times, 7, &few, &err), -ERR_DIED);
}

static void identify(struct decoder *d, const int64_t *times, size_t n, int size, struct seen *s)
{
	struct err err = {0};
	const struct frame_request q = {
		.times = times, .n = n, .size = size, .quality = 80, .identify = true};
	if (decoder_frames(d, &q, see, s, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(s->n, n);
	for (size_t i = 0; i < n; i++)
		assert_true(hash_is_hex(s->sha256[i]));
}

/* A frame has one identity, however it is found and whatever picture is made of
 * it; another frame has another one. */
static void test_identity(void **state)
{
	(void)state;
	AUTO(mem_freep) char *path = minute();
	if (!path)
		skip();
	AUTO(decoder_freep) struct decoder *d = open_path(path, 60 * CLOCK_SECOND, (int64_t)1 << 30);
	AUTO(decoder_freep) struct decoder *new = open_path(path, 60 * CLOCK_SECOND, (int64_t)1 << 30);
	struct seen steps = {0}, sought = {0}, plain = {0};
	const int64_t near[] = {1920000, 1960000, 2000000, 2040000}, far[] = {2010000, 50000000};
	identify(d, near, 4, 320, &steps);
	for (int i = 1; i < 4; i++)
		assert_string_not_equal(steps.sha256[i], steps.sha256[i - 1]);
	identify(new, far, 2, 64, &sought);
	assert_string_equal(sought.sha256[0], steps.sha256[2]);
	assert_string_not_equal(sought.sha256[1], steps.sha256[2]);
	assert_string_equal(sought.format, "yuv420p 640x360");
	assert_ok(ask(d, near, 4, &plain, NULL));
	assert_string_equal(plain.sha256[0], "");
	assert_string_equal(plain.gray, "");
	assert_int_equal(strlen(steps.gray), MEDIA_GRAY_HEX);
	assert_string_not_equal(steps.gray, sought.gray);
	assert_string_equal(plain.format, "");
}

/* A driver that crashes ends its child: another child continues without a
 * device. */
static void test_driver_crash(void **state)
{
	(void)state;
	AUTO(mem_freep) char *path = minute();
	if (!path)
		skip();
	setenv("VDET_LIE", "driver", 1);
	const struct decoder_options o = {
		.timeout = 60 * CLOCK_SECOND, .hwaccel = "auto", .sandbox = "on"};
	AUTO(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	AUTO(decoder_freep) struct decoder *d = NULL;
	AUTO(decoder_freep) struct decoder *probing = NULL;
	AUTO(video_info_clear) struct video_info v = {0};
	struct err err = {0};
	struct seen s = {0};
	const int64_t times[] = {0, CLOCK_SECOND, 2 * CLOCK_SECOND};
	assert_ok(decoder_open(fd, &o, NULL, &d, &err));
	assert_ok(ask(d, times, 3, &s, &err));
	assert_int_equal(s.n, 3);
	assert_int_equal(s.faults, 0);
	assert_int_equal(s.pts[1], CLOCK_SECOND);
	assert_int_equal(s.pts[2], 2 * CLOCK_SECOND);
	assert_ok(decoder_open(fd, &o, NULL, &probing, &err));
	assert_ok(decoder_probe(probing, &v, &err));
	assert_string_equal(v.codec, "h264");
	unsetenv("VDET_LIE");
}

/* On any machine, frames are decoded, and a missing device is reported. */
static void test_device_asked_for(void **state)
{
	(void)state;
	static const char *const kinds[] = {"auto", "cuda", "vaapi", "qsv", "drm", "vulkan"};
	AUTO(mem_freep) char *path = minute();
	if (!path)
		skip();
	AUTO(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		const struct decoder_options o = {.timeout = 60 * CLOCK_SECOND,
		                                  .memory = (int64_t)1 << 30,
		                                  .hwaccel = kinds[i],
		                                  .sandbox = "on"};
		AUTO(decoder_freep) struct decoder *d = NULL;
		struct err err = {0};
		struct seen s = {0};
		const int64_t times[] = {CLOCK_SECOND, 30 * CLOCK_SECOND};
		assert_ok(decoder_open(fd, &o, NULL, &d, &err));
		if (ask(d, times, 2, &s, &err) < 0)
			fail_msg("%s: %s", kinds[i], err.msg);
		assert_int_equal(s.faults, 0);
		assert_int_equal(s.pts[1], 30 * CLOCK_SECOND);
		print_message("%s: decoded by %s\n", kinds[i], s.decode_path);
	}
}

static void test_bad_requests(void **state)
{
	(void)state;
	AUTO(decoder_freep) struct decoder *d = open_path("/proc/self/exe", 30 * CLOCK_SECOND, 0);
	struct frame_request q = {.times = &(int64_t){0}, .n = 0, .size = 320, .quality = 80};
	struct err err;
	assert_int_equal(decoder_frames(d, &q, see, NULL, &err), -ERR_ARG);
	q.n = 5000;
	assert_int_equal(decoder_frames(d, &q, see, NULL, &err), -ERR_ARG);
	q.n = 1;
	q.quality = 0;
	assert_int_equal(decoder_frames(d, &q, see, NULL, &err), -ERR_ARG);
	struct video_info v;
	assert_int_equal(decoder_probe(d, &v, &err), -ERR_FORMAT); /* a program is not a video */
}

static void test_memory_is_flat(void **state)
{
	(void)state;
	if (!sandboxed())
		skip();
	AUTO(mem_freep) char *path = minute();
	if (!path)
		skip();
	AUTO(decoder_freep) struct decoder *d = open_path(path, 0, (int64_t)1 << 30);
	struct err err = {0};
	int64_t times[300], peak[3];
	for (int round = 0; round < 3; round++) {
		struct seen s = {0};
		for (int i = 0; i < 300; i++)
			times[i] = (i * 7919 + round) % 1500 * INT64_C(40000); /* in random order */
		if (ask(d, times, 300, &s, &err) < 0)
			fail_msg("%s", err.msg);
		assert_int_equal(s.faults, 0);
		peak[round] = decoder_peak_memory(d);
	}
	print_message("peak of the child: %lld, %lld, %lld kB\n", (long long)peak[0] >> 10,
	              (long long)peak[1] >> 10, (long long)peak[2] >> 10);
	assert_true(peak[0] > 0 && peak[2] - peak[0] < 4 << 20);
}

static void test_memory_limit(void **state)
{
	(void)state;
	if (!sandboxed())
		skip();
	AUTO(mem_freep)
	char *path = media_make("big.mp4", "-f lavfi -i color=s=7680x4320:r=5:d=1 -c:v libx264 "
	                                   "-preset ultrafast");
	if (!path)
		skip();
	struct err err = {0};
	AUTO(video_info_clear) struct video_info v = {0};
	AUTO(decoder_freep) struct decoder *small = open_path(path, 60 * CLOCK_SECOND, 100 << 20);
	int r = decoder_probe(small, &v, &err);
	print_message("8K within 100 MiB: %s\n", err.msg);
	assert_int_equal(r, -ERR_LIMIT);
	assert_non_null(strstr(err.msg, "memory"));
	AUTO(decoder_freep)
	struct decoder *large = open_path(path, 60 * CLOCK_SECOND, (int64_t)2 << 30);
	if (decoder_probe(large, &v, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(v.width, 7680);
}

static void test_timeout(void **state)
{
	(void)state;
	AUTO(mem_freep) char *path = minute();
	if (!path)
		skip();
	/* A request of seconds with a timeout of a tenth. */
	AUTO(decoder_freep) struct decoder *d = open_path(path, CLOCK_SECOND / 10, 0);
	struct seen s = {0};
	struct err err = {0};
	int64_t times[1500];
	for (int i = 0; i < 1500; i++)
		times[i] = i * INT64_C(40000);
	int64_t begin = clock_now();
	assert_int_equal(ask(d, times, 1500, &s, &err), -ERR_TIMEOUT);
	assert_true(clock_now() - begin < 5 * CLOCK_SECOND);
}

/* A video whose bytes come from the parent. */
struct far {
	int fd;
	int64_t fail_at; /* reading this byte fails */
	size_t reads;
};

static int read_far(void *ctx, int64_t pos, void *data, size_t len, struct cancel *cancel,
                    struct err *err)
{
	struct far *f = ctx;
	(void)cancel;
	f->reads++;
	if (pos <= f->fail_at && f->fail_at < pos + (int64_t)len)
		return err_set(err, ERR_FORMAT, "the wrong bytes were sent");
	assert_int_equal(pread(f->fd, data, len, pos), len);
	return 0;
}

static struct decoder *open_far(struct far *f, struct decoder_feed *feed)
{
	struct decoder *d = NULL;
	struct err err = {0};
	*feed = (struct decoder_feed){
		.size = lseek(f->fd, 0, SEEK_END), .id = "far", .read = read_far, .ctx = f};
	const struct decoder_options o = {.timeout = 60 * CLOCK_SECOND, .sandbox = "on", .feed = feed};
	assert_ok(decoder_open(-1, &o, NULL, &d, &err));
	return d;
}

static int identities(struct decoder *d, struct seen *s, struct err *err)
{
	const int64_t times[] = {CLOCK_SECOND, 30 * CLOCK_SECOND, 59 * CLOCK_SECOND};
	const struct frame_request q = {
		.times = times, .n = 3, .size = 320, .quality = 80, .identify = true};
	return decoder_frames(d, &q, see, s, err);
}

static void test_feed(void **state)
{
	(void)state;
	AUTO(mem_freep) char *path = minute();
	if (!path)
		skip();
	struct far far = {.fd = open(path, O_RDONLY | O_CLOEXEC), .fail_at = -1};
	struct decoder_feed feed;
	struct seen near_by = {0}, seen = {0}, none = {0};
	struct err err = {0};
	AUTO(decoder_freep) struct decoder *file = open_path(path, 60 * CLOCK_SECOND, 0);
	AUTO(decoder_freep) struct decoder *d = open_far(&far, &feed);
	AUTO(video_info_clear) struct video_info v = {0};
	assert_ok(identities(file, &near_by, &err));
	assert_ok(decoder_probe(d, &v, &err));
	assert_ok(identities(d, &seen, &err));
	assert_int_equal(seen.faults, 0);
	for (int i = 0; i < 3; i++)
		assert_string_equal(seen.sha256[i], near_by.sha256[i]);
	assert_true(far.reads > 0);

	/* What cannot be read is the error of the request. */
	AUTO(decoder_freep) struct decoder *broken = open_far(&far, &feed);
	far.fail_at = 5000;
	assert_int_equal(identities(broken, &none, &err), -ERR_FORMAT);
	assert_string_equal(err.msg, "the wrong bytes were sent");
	close(far.fd);
}

static void test_lies_of_feeds(void **state)
{
	(void)state;
	static const char *const kinds[] = {"want-after", "want-before", "want-much", "want-nothing",
	                                    "want"};
	struct decoder_feed feed;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct err err = {0};
		struct far far = {.fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), .fail_at = -1};
		setenv("VDET_LIE", kinds[i], 1);
		bool fine = !strcmp(kinds[i], "want");
		AUTO(decoder_freep)
		struct decoder *d =
			fine ? open_path("/proc/self/exe", 30 * CLOCK_SECOND, 0) : open_far(&far, &feed);
		struct seen s = {0};
		/* One that has a file may not ask at all. */
		if (ask(d, (int64_t[]){0}, 1, &s, &err) != -ERR_PROTO)
			fail_msg("%s: %s", kinds[i], err.msg);
		assert_int_equal(far.reads, 0);
		close(far.fd);
	}
	unsetenv("VDET_LIE");
}

static void test_jpeg_check(void **state)
{
	(void)state;
	static const unsigned char no_frame[] = {0xff, 0xd8, 0xff, 0xda, 0, 8,    1,   1,
	                                         0,    0,    63,   0,    1, 0xff, 0xd9};
	static const unsigned char progressive[] = {0xff, 0xd8, 0xff, 0xc2, 0, 17, 8, 0, 1, 0, 1, 3};
	assert_int_equal(jpeg_check(no_frame, sizeof no_frame, 1, 1, NULL), -ERR_PROTO);
	assert_int_equal(jpeg_check(progressive, sizeof progressive, 1, 1, NULL), -ERR_PROTO);
	assert_int_equal(jpeg_check(no_frame, 2, 1, 1, NULL), -ERR_PROTO);
	assert_int_equal(jpeg_check(no_frame, 0, 1, 1, NULL), -ERR_PROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lies),
		cmocka_unit_test(test_lies_of_texts),
		cmocka_unit_test(test_lies_of_feeds),
		cmocka_unit_test(test_feed),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_jpeg_check),
		cmocka_unit_test(test_probe_and_frames),
		cmocka_unit_test(test_bad_requests),
		cmocka_unit_test(test_memory_is_flat),
		cmocka_unit_test(test_memory_limit),
		cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_driver_crash),
		cmocka_unit_test(test_device_asked_for),
	};
	setenv("VDET_EXE", UNIT_HELPER, 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
