/* SPDX-License-Identifier: Apache-2.0 */
/* Clips: children that work, and children that lie about what they made. */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "clip/clip.h"
#include "decoder/decoder-output.h"
#include "media-help.h"

static const struct decoder_options child = {
	.timeout = 60 * CLOCK_SECOND, .memory = (int64_t)2 << 30, .sandbox = "on"};

static void test_lies(void **state)
{
	(void)state;
	static const char *const lies[] = {
		"clip-before",  "clip-after",     "clip-backwards", "clip-empty", "clip-endless",
		"clip-encoded", "clip-concealed", "clip-sound",     "clip-lost",  "clip-copied",
		"clip-long",    "clip-silent",    "clip-large",     "clip-far",
	};
	for (size_t i = 0; i <= ARRAY_LEN(lies); i++) {
		const char *how = i < ARRAY_LEN(lies) ? lies[i] : "clip";
		AUTO(decoder_freep) struct decoder *d = NULL;
		AUTO(fd_closep) int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), out = -1;
		const char *folder = getenv("TMPDIR");
		struct clip_made made = {.codec = "none"};
		struct err err = {0};
		setenv("VDET_LIE", how, 1);
		assert_ok(file_open_nameless(folder ? folder : "/tmp", &out, &err));
		assert_ok(decoder_open(fd, &child, NULL, &d, &err));
		const struct decoder_output o = {.fd = out, .max = 1000};
		int r = decoder_clip(d, CLOCK_SECOND, 3 * CLOCK_SECOND, &o, &made, &err);
		if (i == ARRAY_LEN(lies)) {
			assert_ok(r);
			assert_int_equal(made.to, 2900000);
			assert_int_equal(made.encoded, 5);
			assert_string_equal(made.codec, "h264");
			continue;
		}
		if (r != -ERR_PROTO || !strstr(err.msg, "protocol"))
			fail_msg("%s: %d \"%s\"", how, r, err.msg);
		assert_string_equal(made.codec, "none");
	}
	unsetenv("VDET_LIE");
}

static int clip(const char *video, const char *path, int64_t from, int64_t to, bool overwrite,
                struct clip_result *ret, struct err *err)
{
	const struct clip_options o = {
		.decoder = child, .from = from, .to = to, .overwrite = overwrite};
	AUTO(fd_closep) int fd = open(video, O_RDONLY | O_CLOEXEC);
	return clip_write(fd, path, &o, NULL, ret, err);
}

static void test_errors(void **state)
{
	(void)state;
	AUTO(mem_freep)
	char *video = media_make("clip.mp4", "-f lavfi -i testsrc2=s=160x120:r=10:d=4 -c:v libx264 "
	                                     "-g 10 -bf 0");
	if (!video)
		skip();
	struct clip_result made;
	struct err err;
	AUTO(mem_freep) char *path = mem_printf("%s.clip.mp4", video);
	AUTO(mem_freep) char *away = mem_printf("%s/no/clip.mp4", video);
	const int64_t s = CLOCK_SECOND;

	assert_int_equal(clip(video, path, 2 * s, 2 * s, false, &made, &err), -ERR_ARG);
	assert_non_null(strstr(err.msg, "is empty"));
	assert_int_equal(clip(video, path, -1, 2 * s, false, &made, &err), -ERR_ARG);
	assert_int_equal(clip(video, path, 4 * s, 5 * s, false, &made, &err), -ERR_ARG);
	assert_non_null(strstr(err.msg, "the video ends at 00:00:04.000"));
	assert_int_equal(clip(video, path, s + 10000, s + 90000, false, &made, &err), -ERR_NOENT);
	assert_non_null(strstr(err.msg, "no frame begins"));
	assert_non_null(strstr(err.msg, "00:00:01.000"));
	assert_int_equal(clip(video, video, s, 2 * s, true, &made, &err), -ERR_ARG);
	assert_non_null(strstr(err.msg, "the video itself"));
	assert_true(clip(video, away, s, 2 * s, false, &made, &err) < 0);
	assert_false(file_exists(path));

	assert_ok(clip(video, path, s, 2 * s, false, &made, &err));
	assert_true(made.copied);
	assert_int_equal(made.frames, 10);
	assert_int_equal(made.encoded, 0);
	assert_int_equal(made.duration, 4 * s);
	struct stat st;
	assert_ok(stat(path, &st));
	assert_int_equal(st.st_size, made.bytes);

	assert_int_equal(clip(video, path, s, INT64_MAX, false, &made, &err), -ERR_ARG);
	assert_non_null(strstr(err.msg, "exists already"));
	assert_ok(clip(video, path, s, INT64_MAX, true, &made, &err));
	assert_int_equal(made.frames, 30);
	assert_int_equal(made.to, 4 * s);
	unlink(path);
}

static void test_cancel(void **state)
{
	(void)state;
	AUTO(mem_freep)
	char *video = media_make("clip.mp4", "-f lavfi -i testsrc2=s=160x120:r=10:d=4 -c:v libx264 "
	                                     "-g 10 -bf 0");
	if (!video)
		skip();
	AUTO(mem_freep) char *path = mem_printf("%s.clip.mp4", video);
	AUTO(fd_closep) int fd = open(video, O_RDONLY | O_CLOEXEC);
	const struct clip_options o = {.decoder = child, .to = 1};
	struct cancel *cancel = cancel_new();
	struct clip_result made;
	struct err err;
	cancel_fire(cancel);
	assert_int_equal(clip_write(fd, path, &o, cancel, &made, &err), -ERR_CANCELED);
	assert_false(file_exists(path));
	cancel_free(cancel);
}

static void test_texts(void **state)
{
	(void)state;
	struct clip_result r = {.from = 1500000,
	                        .to = 3000000,
	                        .copied = true,
	                        .frames = 45,
	                        .sound = CLIP_SOUND_COPIED,
	                        .codec = "hevc",
	                        .duration = 10000000,
	                        .bytes = 1234};
	AUTO(mem_freep) char *copied = clip_text(&r);
	assert_string_equal(copied,
	                    "00:00:01.500 to 00:00:03.000, 45 frames: copied (hevc); sound copied");
	r.copied = false;
	r.encoded = 45;
	r.concealed = 2;
	r.lost = CLIP_LOST_ALL;
	r.sound = CLIP_SOUND_LOST;
	AUTO(mem_freep) char *encoded = clip_text(&r);
	assert_non_null(strstr(encoded, "encoded again (hevc); 2 damaged; HDR was converted to SDR; "));
	assert_non_null(strstr(encoded, "; the sound could not be kept"));
	json_auto_t *j = clip_json(&r);
	assert_true(json_is_false(json_object_get(j, "copied")));
	assert_int_equal(json_array_size(json_object_get(j, "lost")), 4);
	assert_true(json_real_value(json_object_get(j, "from")) > 1.4999);
	r.encoded = 3;
	AUTO(mem_freep) char *partly = clip_text(&r);
	assert_non_null(strstr(partly, "3 encoded again, the others copied"));

	AUTO(mem_freep) char *name = clip_name("a/b.c/holiday.mov", 61500000, INT64_MAX);
	assert_string_equal(name, "holiday.00-01-01.500_end.mp4");
	AUTO(mem_freep) char *other = clip_name("x", 0, 3600 * CLOCK_SECOND);
	assert_string_equal(other, "x.00-00-00.000_01-00-00.000.mp4");
}

int main(void)
{
	setenv("VDET_EXE", UNIT_HELPER, 1);
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lies),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_texts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
