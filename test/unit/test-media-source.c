/* SPDX-License-Identifier: Apache-2.0 */
/* Probing of real files, intact and damaged. */
#include "unit.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "media-help.h"
#include "media/probe.h"

static int probe_file(const char *path, struct probe *p, struct opened *o, struct err *err)
{
	int r = opened_begin(path, o, err);
	return r < 0 ? r : probe_run(o->source, o->reader, p, err);
}

static void test_broken(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		int code;
		const char *text;
	} cases[] = {
		{"zero_length.mp4", ERR_FORMAT, "empty"},
		{"text_as_video.mp4", ERR_FORMAT, "not a known video format"},
		{"truncated_nomoov.mp4", ERR_FORMAT,
	     "the index (moov) is missing: the recording was cut off"},
		{"corrupt_userdata_231s.mp4", ERR_FORMAT,
	     "00:03:51.231 of video, but the media data is missing"},
		{"corrupt_vp9_bitstream.webm", ERR_FORMAT, "the vp9 data is damaged"},
		{"audio_jfk.flac", ERR_UNSUPPORTED, "no video in this file, only audio"},
		{"audio_frag_bbb.mp4", ERR_UNSUPPORTED, "no video in this file, only audio"},
		{"audio_with_cover.m4a", ERR_UNSUPPORTED, "only audio and a cover picture"},
		{"unsupported_vvc.mp4", ERR_UNSUPPORTED, "VVC (H.266)"},
	};
	if (!media_dir())
		skip();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct opened o;
		struct probe p;
		struct err err = {0};
		if (!strcmp(cases[i].name, "unsupported_vvc.mp4") && avcodec_find_decoder_by_name("vvc"))
			continue;
		AUTO(mem_freep) char *path = file_join(media_dir(), cases[i].name);
		int r = probe_file(path, &p, &o, &err);
		opened_end(&o);
		if (r != -cases[i].code || !strstr(err.msg, cases[i].text))
			fail_msg("%s: %d \"%s\"", cases[i].name, r, r < 0 ? err.msg : "");
	}
}

static void test_known(void **state)
{
	(void)state;
	static const struct {
		const char *name, *codec;
		int stream, width, height, rotation;
		double duration;
		bool variable, interlaced, measured;
		const char *hdr, *warning;
	} cases[] = {
		{"normal_h264_bbb480p.mp4", "h264", 0, 854, 480, 0, 30, false, false, false, "", ""},
		{"nasa_13013.mp4", "h264", 3, 480, 270, 0, 13.013, false, false, false, "",
	     "other video streams"},
		{"vfr_frames.mp4", "h264", 0, 128, 128, 0, 14.966667, true, false, false, "", ""},
		{"phone_vfr_rot90_hlg_hevc.mp4", "hevc", 0, 1080, 1920, 90, 2.548333, true, false, false,
	     "hlg", ""},
		{"phone_rot90_portrait.mp4", "h264", 0, 720, 1280, 90, 1.885578, false, false, false, "",
	     ""},
		{"emulator_rot270.mp4", "h264", 0, 720, 1280, 270, 4.971633, false, false, false, "", ""},
		{"hdr10_pq_hevc.mp4", "hevc", 0, 1920, 1080, 0, 1.0174, true, false, false, "pq", ""},
		{"interlaced_480i30_tff.ts", "mpeg2video", 0, 640, 480, 0, 5.010022, false, true, false, "",
	     ""},
		{"first_pts_10s.mp4", "h264", 0, 1137, 640, 0, 4, false, false, false, "", ""},
		{"edit_list_shift.mp4", "h264", 0, 1920, 1080, 0, 10, false, false, false, "", ""},
		{"fragmented_bogus_duration.mp4", "h264", 0, 1080, 720, 0, 1.067733, false, false, true, "",
	     "1.067"},
		{"truncated_faststart.mp4", "h264", 0, 720, 480, 0, 3.5, false, false, true, "", "cut off"},
		{"corrupt_mdat_too_long.mp4", "h264", 0, 1080, 720, 0, 1.001, false, false, false, "",
	     "8 bytes longer"},
		{"mkv_nocues_person.mkv", "h264", 0, 768, 432, 0, 40.1, false, false, false, "", ""},
		{"ts_h264_ateme.ts", "h264", 0, 427, 240, 0, 6.006, false, false, false, "", ""},
		{"ts_car.ts", "h264", 0, 768, 432, 0, 30.16, false, false, false, "", ""},
		{"wrong_ext_webm.jpg", "vp8", 0, 320, 240, 0, 7.8, false, false, false, "", ""},
		{"wrong_ext_mp4.avi", "hevc", 0, 128, 128, 0, 1, false, false, false, "", ""},
		{"-odd näme %d 視頻.mkv", "av1", 0, 640, 360, 0, 5, false, false, false, "", ""},
		{"hevc_bbb.mp4", "hevc", 0, 1280, 720, 0, 11.96, false, false, false, "", "decoding order"},
	};
	if (!media_dir())
		skip();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct opened o;
		struct probe p;
		struct err err = {0};
		AUTO(mem_freep) char *path = file_join(media_dir(), cases[i].name);
		if (probe_file(path, &p, &o, &err) < 0)
			fail_msg("%s: %s", cases[i].name, err.msg);
		/* FFmpeg 7 sees itself how long the fragments are. */
		bool known = avformat_version() >= AV_VERSION_INT(61, 0, 0) &&
		             !strcmp(cases[i].name, "fragmented_bogus_duration.mp4");
		const char *warning = known ? "" : cases[i].warning;
		double diff = (double)p.extent.duration / CLOCK_SECOND - cases[i].duration;
		if (strcmp(p.codec, cases[i].codec) != 0 || o.source->st->index != cases[i].stream ||
		    p.width != cases[i].width || p.height != cases[i].height ||
		    p.rotation != cases[i].rotation || diff > 0.0011 || diff < -0.0011 ||
		    p.variable_rate != cases[i].variable || p.interlaced != cases[i].interlaced ||
		    p.extent.measured != (cases[i].measured && !known) ||
		    strcmp(p.hdr, cases[i].hdr) != 0 || !strstr(p.warning, warning) ||
		    (!*warning && p.warning[0]))
			fail_msg("%s: %s stream %d, %dx%d, turned %d, %lld us, variable %d, interlaced %d, "
			         "measured %d, %s, \"%s\"",
			         cases[i].name, p.codec, o.source->st->index, p.width, p.height, p.rotation,
			         (long long)p.extent.duration, p.variable_rate, p.interlaced, p.extent.measured,
			         p.hdr, p.warning);
		opened_end(&o);
	}
}

/* Each time of a list: a request for it returns its frame, also slightly later,
 * and slightly earlier it returns the previous one. */
static void check_times(const char *name, const int64_t *times, size_t n)
{
	struct opened o;
	struct shown s;
	struct err err = {0};
	AUTO(mem_freep) char *path = file_join(media_dir(), name);
	assert_ok(opened_begin(path, &o, &err));
	for (size_t i = 0; i < n; i++) {
		/* The times of the list are rounded. */
		for (int64_t t = times[i] + 1; t <= times[i] + 2001; t += 2000) {
			if (reader_at(o.reader, t, &s, &err) < 0)
				fail_msg("%s: %s", name, err.msg);
			if (s.pts < times[i] - 1 || s.pts > times[i] + 1)
				fail_msg("%s at %lld: %lld, not %lld", name, (long long)t, (long long)s.pts,
				         (long long)times[i]);
		}
	}
	for (size_t i = n - 1; n && i > 0 && i + 8 > n; i--) {
		assert_ok(reader_at(o.reader, times[i] - 2, &s, &err));
		assert_in_range(s.pts, times[i - 1] - 1, times[i - 1] + 1);
	}
	opened_end(&o);
}

static void test_times_from_json(void **state)
{
	(void)state;
	static const char *const files[][2] = {
		{"nasa_13013.mp4", "truth/nasa_13013.mp4.stream3.json"},
		{"vfr_frames.mp4", "truth/var_fps_video.mp4.stream0.json"},
	};
	if (!media_dir())
		skip();
	for (size_t f = 0; f < ARRAY_LEN(files); f++) {
		AUTO(mem_freep) char *path = file_join(media_dir(), files[f][1]);
		json_auto_t *list = json_load_file(path, 0, NULL);
		size_t n = json_array_size(list);
		assert_true(n > 100);
		AUTO(mem_freep) int64_t *times = mem_alloc(n, sizeof *times);
		for (size_t i = 0; i < n; i++) {
			const json_t *t = json_object_get(json_array_get(list, i), "pts_time");
			assert_ok(clock_parse(json_string_value(t), &times[i], NULL));
		}
		check_times(files[f][0], times, n);
	}
}

static int by_value(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

static void test_times_from_tables(void **state)
{
	(void)state;
	static const char *const files[] = {"phone_vfr_rot90_hlg_hevc.mp4",
	                                    "fragmented_bogus_duration.mp4",
	                                    "corrupt_mdat_too_long.mp4", "corrupt_invalid_nalu.mp4"};
	if (!media_dir())
		skip();
	for (size_t f = 0; f < ARRAY_LEN(files); f++) {
		AUTO(mem_freep) char *path = mem_printf("%s/truth/%s.samples.csv", media_dir(), files[f]);
		FILE *table = fopen(path, "re");
		assert_non_null(table);
		char line[100];
		int64_t times[400];
		size_t n = 0;
		while (fgets(line, sizeof line, table) && n < ARRAY_LEN(times)) {
			int track, sample;
			long long t;
			/* What the edit list removes before zero is not shown. */
			if (sscanf(line, "%d,%d,%lld", &track, &sample, &t) == 3 && track == 0 && t >= 0)
				times[n++] = t;
		}
		fclose(table);
		assert_true(n > 20);
		qsort(times, n, sizeof *times, by_value);
		while (strstr(files[f], "phone") && times[n - 1] >= 2548333) /* end of the edit list */
			n--;
		/* An edit that begins within a frame: libav lets the first complete
		 * frame begin at zero. */
		for (size_t i = n; strstr(files[f], "phone") && i-- > 0;)
			times[i] -= times[0];
		/* For a sample that cannot be decoded, the previous one is shown. */
		check_times(files[f], times, strstr(files[f], "nalu") ? 20 : n);
	}
}

/* A file that refers to other files must not be followed. */
static void test_references(void **state)
{
	(void)state;
	static const char *const texts[][2] = {
		{"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n/etc/passwd\n#EXT-X-ENDLIST\n", "playlist"},
		{"ffconcat version 1.0\nfile /etc/passwd\n", "playlist"},
		{"<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\"></MPD>", "playlist"},
	};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct err err = {0};
		AUTO(input_freep) struct input *in = input_open_memory(texts[i][0], strlen(texts[i][0]));
		AUTO(source_freep) struct source *s = NULL;
		int r = source_open(in, &s, &err);
		assert_true(r == -ERR_UNSUPPORTED || r == -ERR_FORMAT);
		if (!strstr(err.msg, texts[i][1]))
			print_message("%s\n", err.msg);
	}
}

/* 33-bit clocks wrap around after 26.5 hours: the video continues. */
static void test_wrap(void **state)
{
	(void)state;
	AUTO(mem_freep)
	char *path = media_make(
		"wrap.ts", "-f lavfi -i testsrc2=s=160x90:r=10:d=12 -c:v libx264 -preset ultrafast -g 10 "
				   "-output_ts_offset 95439");
	if (!path)
		skip();
	struct opened o;
	struct probe p;
	struct plain all = {0};
	struct err err = {0};
	struct shown s;
	if (probe_file(path, &p, &o, &err) < 0)
		fail_msg("%s", err.msg);
	assert_in_range(p.extent.duration, 11900000, 12100000);
	plain_decode(path, o.source, 0, &all);
	assert_int_equal(all.n, 120);
	/* After the jump, before it, and after it again. */
	static const int tenths[] = {90, 20, 119, 43, 110, 5};
	for (size_t i = 0; i < ARRAY_LEN(tenths); i++) {
		int64_t t = tenths[i] * CLOCK_SECOND / 10 + 1000;
		if (reader_at(o.reader, t, &s, &err) < 0)
			fail_msg("at %d: %s", tenths[i], err.msg);
		if (frame_sum(s.frame) != all.frames[tenths[i]].sum)
			fail_msg("at %d: another picture, of %lld", tenths[i], (long long)s.pts);
	}
	plain_free(&all);
	opened_end(&o);
}

/* Two recordings joined byte by byte: the clock jumps back, and no frame is
 * lost. */
static void test_joined(void **state)
{
	(void)state;
	static const char *const sources[] = {"testsrc2=s=160x90:r=10:d=6", "mandelbrot=s=160x90:r=10"};
	AUTO(buf_free) struct buf joined = BUF(64 << 20);
	struct plain parts[2] = {0};
	struct err err = {0};
	struct shown s;
	for (int i = 0; i < 2; i++) {
		AUTO(mem_freep) char *name = mem_printf("part%d.ts", i);
		AUTO(mem_freep)
		char *args =
			mem_printf("-f lavfi -i %s -t 6 -c:v libx264 -preset ultrafast -g 10 -pix_fmt yuv420p",
		               sources[i]);
		AUTO(mem_freep) char *path = media_make(name, args);
		if (!path)
			skip();
		struct opened o;
		assert_ok(opened_begin(path, &o, &err));
		plain_decode(path, o.source, 0, &parts[i]);
		opened_end(&o);
		assert_int_equal(parts[i].n, 60);
		assert_ok(file_read(path, &joined, &err));
	}
	AUTO(input_freep) struct input *in = input_open_memory(joined.data, joined.len);
	AUTO(source_freep) struct source *src = NULL;
	AUTO(reader_freep) struct reader *r = NULL;
	struct probe p;
	assert_ok(source_open(in, &src, &err));
	assert_ok(reader_open(src, &r, &err));
	assert_ok(probe_run(src, r, &p, &err));
	assert_in_range(p.extent.duration, 11800000, 12200000);
	assert_non_null(strstr(p.warning, "2 recordings"));
	static const int tenths[] = {10, 90, 20, 119, 59, 61, 5, 115};
	for (size_t i = 0; i < ARRAY_LEN(tenths); i++) {
		int k = tenths[i];
		if (reader_at(r, k * CLOCK_SECOND / 10 + 1000, &s, &err) < 0)
			fail_msg("at %d: %s", k, err.msg);
		if (frame_sum(s.frame) != parts[k / 60].frames[k % 60].sum)
			fail_msg("at %d: another picture, of %lld", k, (long long)s.pts);
	}
	reader_free(TAKE(r));
	plain_free(&parts[0]);
	plain_free(&parts[1]);
}

/* Few frames a second, with B-frames: the first packets of a Matroska file have
 * no decoding time, and their presentation times fall by many seconds. */
static void test_slow_reordered(void **state)
{
	(void)state;
	static const struct {
		const char *name, *rate, *filter;
		int64_t step, end; /* milliseconds */
		int b_frames;
	} files[] = {
		{"tenth.mkv", "1/10", "null", 10000, 400000, 3},
		{"one.mkv", "1", "null", 1000, 40000, 3},
		{"three.mkv", "3", "null", 333, 13333, 3},
		{"sparse.mkv", "1", "setpts=N*10/TB", 10000, 391000, 3},
		{"rare.mkv", "1", "setpts=N*50000/TB", 50000000, 1950001000, 3},
		{"even.mkv", "1", "setpts=N*50000/TB", 50000000, 1950001000, 0},
		{"one.mp4", "1", "null", 1000, 40000, 3},
		{"one.ts", "1", "null", 1000, 40000, 3},
	};
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		AUTO(mem_freep)
		char *args =
			mem_printf("-f lavfi -i testsrc=s=96x64:r=%s -frames:v 40 -vf %s -fps_mode passthrough "
		               "-c:v libx264 -preset ultrafast -bf %d -x264-params b-pyramid=1:b-adapt=0",
		               files[i].rate, files[i].filter, files[i].b_frames);
		AUTO(mem_freep) char *path = media_make(files[i].name, args);
		if (!path)
			skip();
		struct err err = {0};
		struct opened o;
		struct plain all;
		struct probe p;
		struct shown s;
		assert_ok(opened_begin(path, &o, &err));
		assert_ok(probe_run(o.source, o.reader, &p, &err));
		assert_null(strstr(p.warning, "restart"));
		assert_int_equal(o.source->timeline.n_gaps, 0);
		/* Runs of files whose times were right before are continued. */
		assert_int_equal(p.timeline, strstr(files[i].name, "mkv") ? 3 : 1);
		assert_in_range(p.extent.duration / 1000, files[i].end - 2, files[i].end + 2);
		plain_decode(path, o.source, 0, &all);
		assert_int_equal(all.n, 40);
		for (int k = 39; k >= 0; k--) {
			int64_t t = k * files[i].step;
			assert_ok(reader_at(o.reader, (t + 150) * 1000, &s, &err));
			assert_int_equal(frame_sum(s.frame), all.frames[k].sum);
			assert_in_range(s.pts / 1000 + 50, t + 30, t + 70);
		}
		plain_free(&all);
		opened_end(&o);
	}
}

/* The first len bytes: either they have pictures, from the first to one near
 * the end, or there is an error. */
static bool beginning_is_good(const struct buf *whole, size_t len)
{
	struct err err = {0};
	struct probe p;
	struct shown shown;
	AUTO(mem_freep) char *cut = mem_alloc(len, 1);
	memcpy(cut, whole->data, len);
	AUTO(input_freep) struct input *in = input_open_memory(cut, len);
	AUTO(source_freep) struct source *s = NULL;
	AUTO(reader_freep) struct reader *r = NULL;
	bool good = source_open(in, &s, &err) == 0 && reader_open(s, &r, &err) == 0 &&
	            probe_run(s, r, &p, &err) == 0;
	for (int i = 0; i < 2 && good; i++)
		if (reader_at(r, i ? p.extent.duration - 1 : 0, &shown, &err) < 0)
			fail_msg("of %zu bytes, %s: %s", len, i ? "the end" : "the start", err.msg);
	/* The reader must be freed before its source. */
	reader_free(TAKE(r));
	assert_true(good || err.msg[0]);
	return good;
}

/* Returns how many truncated files, of lengths `step` bytes apart, have
 * pictures. */
static size_t truncate_file(const char *path, size_t step)
{
	AUTO(buf_free) struct buf whole = BUF(1 << 20);
	size_t good = 0, n = 0;
	assert_ok(file_read(path, &whole, NULL));
	for (size_t len = 1; len < whole.len; len += step, n++)
		good += beginning_is_good(&whole, len);
	print_message("%s: %zu of %zu beginnings have pictures\n", file_base(path), good, n);
	return good;
}

/* VDET_TEST_FULL=1: truncated at every kilobyte; otherwise at some. */
static size_t truncation_step(size_t some)
{
	return getenv("VDET_TEST_FULL") ? 1024 : some;
}

static void test_truncations(void **state)
{
	(void)state;
	static const char *const names[] = {"wrong_ext_mp4.avi", "av1_testsrc.mkv",
	                                    "vp9_odd_dimensions.webm", "edit_list_shift.mp4"};
	if (!media_dir())
		skip();
	for (size_t f = 0; f < ARRAY_LEN(names); f++) {
		AUTO(mem_freep) char *path = file_join(media_dir(), names[f]);
		truncate_file(path, truncation_step(4096 + 512));
	}
}

/* The same for generated files of each container: those that need their index
 * have pictures only with it. */
static void test_truncations_made(void **state)
{
	(void)state;
	static const struct {
		const char *name, *how;
		bool streams; /* readable from the start, without the data at the end */
	} files[] = {
		{"cut.mp4", "", false},
		{"cut-faststart.mp4", "-movflags +faststart", true},
		{"cut-fragments.mp4", "-movflags +frag_keyframe+empty_moov", true},
		{"cut.mkv", "", true},
		{"cut.ts", "", true},
	};
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		AUTO(mem_freep)
		char *args = mem_printf(
			"-f lavfi -i testsrc2=s=320x180:r=10:d=8 -f lavfi -i sine=d=8 -c:v libx264 -preset "
			"veryfast -g 20 -pix_fmt yuv420p -c:a aac -shortest %s",
			files[i].how);
		AUTO(mem_freep) char *path = media_make(files[i].name, args);
		if (!path)
			skip();
		size_t good = truncate_file(path, truncation_step(16384 + 512));
		if (files[i].streams)
			assert_true(good);
	}
}

/* Simulates a device: decodes in software, and fails after so many frames. */
static int device_patience;

static const AVCodec *played_codec(const struct hwaccel *h, enum AVCodecID id)
{
	(void)h;
	return avcodec_find_decoder(id);
}

static int played_attach(const struct hwaccel *h, AVCodecContext *dec)
{
	(void)h;
	(void)dec;
	return device_patience < 0 ? AVERROR(ENODEV) : 0;
}

static int played_fetch(const struct hwaccel *h, AVFrame *f)
{
	(void)h;
	(void)f;
	return device_patience-- > 0 ? 1 : AVERROR(EIO);
}

/* A device that cannot be opened, fails at once, or later: the pictures are the
 * same, and the decode path is correct. */
static void test_device_fails(void **state)
{
	(void)state;
	static const int patience[] = {-1, 0, 1, 33, 100000};
	const struct hwaccel device = {
		.name = "played", .codec = played_codec, .attach = played_attach, .fetch = played_fetch};
	AUTO(mem_freep)
	char *path =
		media_make("device.mp4",
	               "-f lavfi -i testsrc2=s=160x90:r=10:d=12 -c:v libx264 -g 20 -pix_fmt yuv420p");
	if (!path)
		skip();
	for (size_t i = 0; i < ARRAY_LEN(patience); i++) {
		struct opened o;
		struct plain all = {0};
		struct err err = {0};
		struct shown s;
		size_t by_device = 0, n = 0;
		assert_ok(opened_begin(path, &o, &err));
		plain_decode(path, o.source, 0, &all);
		reader_free(TAKE(o.reader));
		assert_ok(source_reopen(o.source, &err));
		device_patience = patience[i];
		o.source->hwaccel = &device;
		assert_ok(reader_open(o.source, &o.reader, &err));
		for (size_t k = 3; k < all.n; k += 17, n++) {
			assert_ok(reader_at_then(o.reader, all.frames[k].pts,
			                         k % 2 ? CLOCK_NONE : 11 * CLOCK_SECOND, &s, &err));
			assert_int_equal(s.pts, all.frames[k].pts);
			assert_int_equal(frame_sum(s.frame), all.frames[k].sum);
			by_device += !strcmp(s.decode_path, "hardware");
		}
		assert_true(patience[i] <= 1     ? !by_device
		            : patience[i] > 1000 ? by_device == n
		                                 : by_device && by_device < n);
		plain_free(&all);
		opened_end(&o);
	}
}

static int fetch_interlaced(const struct hwaccel *h, AVFrame *f)
{
	(void)h;
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(58, 7, 100)
	f->flags |= AV_FRAME_FLAG_INTERLACED;
#else
	f->interlaced_frame = 1;
#endif
	return 0;
}

/* Interlaced pictures of a stream that is marked as progressive are decoded
 * with the next one, also before a jump. */
static void test_interlaced_unsaid(void **state)
{
	(void)state;
	const struct hwaccel device = {.name = "played",
	                               .codec = played_codec,
	                               .attach = played_attach,
	                               .fetch = fetch_interlaced};
	AUTO(mem_freep)
	char *path =
		media_make("unsaid.mp4",
	               "-f lavfi -i testsrc2=s=160x90:r=10:d=12 -c:v libx264 -g 20 -pix_fmt yuv420p");
	if (!path)
		skip();
	static const int64_t times[] = {0, 3 * CLOCK_SECOND, 9 * CLOCK_SECOND};
	struct opened o;
	struct err err = {0};
	struct shown s;
	assert_ok(opened_begin(path, &o, &err));
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		reader_free(TAKE(o.reader));
		assert_ok(source_reopen(o.source, &err));
		device_patience = 0;
		o.source->hwaccel = &device;
		assert_ok(reader_open(o.source, &o.reader, &err));
		assert_ok(reader_at_then(o.reader, times[i], 11 * CLOCK_SECOND, &s, &err));
		assert_int_equal(s.pts, times[i]);
		assert_non_null(s.after);
		assert_int_equal(s.after->pts, times[i] + CLOCK_SECOND / 10);
	}
	opened_end(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_times_from_json),
		cmocka_unit_test(test_times_from_tables),
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_truncations),
		cmocka_unit_test(test_truncations_made),
		cmocka_unit_test(test_device_fails),
		cmocka_unit_test(test_interlaced_unsaid),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_joined),
		cmocka_unit_test(test_slow_reordered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
