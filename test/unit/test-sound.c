/* SPDX-License-Identifier: Apache-2.0 */
/* The sound of videos as samples on their timeline: each file has beeps at
 * known times, which have to be where they are expected, no matter how the file
 * is read. */
#include "unit.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "decoder/decoder-audio.h"
#include "media-help.h"
#include "media/input.h"
#include "media/sound.h"
#include "protocol/media-wire.h"

#define VIDEO(d, r) "-f lavfi -i testsrc2=s=64x48:r=" r ":d=" d " "
/* A tone of 0.2 s at each whole second plus `off`; `how`: of aevalsrc. */
#define TONES(off, how) \
	"-f lavfi -i \"aevalsrc='0.5*sin(2*PI*440*t)*lt(mod(t-" off "+9,1),0.2)" how "\" "
#define H264 "-c:v libx264 -preset ultrafast -g 10 "
#define EIGHT(x) x "|" x "|" x "|" x "|" x "|" x "|" x "|" x

enum { MS = MEDIA_SAMPLES_RATE / 1000 };

static struct decoder *open_path(const char *path)
{
	const struct decoder_options o = {.timeout = 60 * CLOCK_SECOND, .sandbox = "on"};
	struct decoder *d = NULL;
	struct err err = {0};
	AUTO(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (decoder_open(fd, &o, NULL, &d, &err) < 0)
		fail_msg("%s: %s", path, err.msg);
	return d;
}

/* Reads a part; the number of its samples is exact. */
static int16_t *part(struct decoder *d, int track, int64_t from_ms, int64_t to_ms, bool *ret_ended)
{
	const struct decoder_sound o = {.track = track,
	                                .from = from_ms * 1000,
	                                .to = to_ms * 1000,
	                                .believed = 3600 * CLOCK_SECOND};
	int16_t *samples = NULL;
	size_t n = 0;
	struct err err = {0};
	if (decoder_samples(d, &o, &samples, &n, ret_ended, NULL, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(n, (to_ms - from_ms) * MS);
	return samples;
}

/* Where tones begin, in milliseconds: at most `max`. */
static size_t onsets(const int16_t *x, int64_t ms, int64_t *ret, size_t max)
{
	size_t n = 0;
	int64_t quiet = 100;
	for (int64_t i = 0; i < ms; i++) {
		int peak = 0;
		for (int k = 0; k < MS; k++)
			peak = abs(x[i * MS + k]) > peak ? abs(x[i * MS + k]) : peak;
		if (peak > 3000 && quiet >= 50 && n < max)
			ret[n++] = i;
		quiet = peak > 3000 ? 0 : quiet + 1;
	}
	return n;
}

static void expect(const char *what, const int16_t *x, int64_t ms, const int64_t *at, size_t n)
{
	const int64_t right = 10;
	int64_t found[64];
	size_t count = onsets(x, ms, found, ARRAY_LEN(found));
	for (size_t i = 0; i < count && i < n; i++)
		if (llabs(found[i] - at[i]) > right)
			fail_msg("%s: a tone is at %lld ms instead of %lld", what, (long long)found[i],
			         (long long)at[i]);
	if (count != n)
		fail_msg("%s: %zu tones instead of %zu", what, count, n);
}

static const struct {
	const char *name, *args;
	int64_t ms, at[12]; /* at: of the tones; -1 = no more */
	bool ended;         /* before the last of these milliseconds */
} files[] = {
	{"plain.mp4",
     VIDEO("4", "10") TONES("0", "':d=4") H264 "-c:a aac",
     4000,
     {0, 1000, 2000, 3000, -1},
     false},
	{"late.mkv",
     VIDEO("6", "10") "-itsoffset 2.5 " TONES("0", "':d=3.5:s=48000") H264 "-c:a flac",
     6000,
     {2500, 3500, 4500, 5500, -1},
     false},
	{"late.mp4",
     VIDEO("6", "10") "-itsoffset 2.5 " TONES("0", "':d=3.5:s=48000") H264 "-c:a aac",
     6000,
     {2500, 3500, 4500, 5500, -1},
     false},
	{"gap.mkv",
     VIDEO("8", "10") TONES("0", "':d=8:s=44100") H264
     "-af \"aselect='lt(t,1.9)+gte(t,4.9)'\" -c:a pcm_s16le",
     8000,
     {0, 1000, 5000, 6000, 7000, -1},
     false},
	{"shortgap.mkv",
     VIDEO("4", "10") TONES("0", "':d=4:s=8000") H264
     "-af \"aselect='lt(t,1.5)+gte(t,1.56)'\" -c:a pcm_s16le",
     4000,
     {0, 1000, 2000, 3000, -1},
     false},
	{"longer.mkv",
     VIDEO("2", "10") TONES("0", "':d=5") H264 "-c:a flac",
     6000,
     {0, 1000, 2000, 3000, 4000, -1},
     true},
	{"eight.mkv",
     VIDEO("3", "10") "-f lavfi -i \"aevalsrc='" EIGHT(
		 "0.5*sin(2*PI*440*t)*lt(mod(t,1),0.2)") "':d=3:c=7.1:s=48000\" " H264 "-c:a flac",
     3000,
     {0, 1000, 2000, -1},
     false},
	{"far.mkv",
     VIDEO("705", "1") "-itsoffset 701.5 " TONES("0", "':d=3.5") H264 "-c:a flac",
     705000,
     {701500, 702500, 703500, 704500, -1},
     false},
};

static int64_t best_track(struct decoder *d)
{
	AUTO(decoder_audio_clear) struct decoder_audio a = {0};
	struct err err = {0};
	if (decoder_audio(d, &a, &err) < 0)
		fail_msg("%s", err.msg);
	return a.best;
}

static size_t count(const int64_t *at)
{
	size_t n = 0;
	while (at[n] >= 0)
		n++;
	return n;
}

/* Parts that follow each other are, sample for sample, the whole. */
static void check_parts(const char *name, struct decoder *d, int track, const int16_t *whole,
                        int64_t ms)
{
	bool ended;
	int64_t step = ms > 100000 ? 50010 : 710;
	for (int64_t at = 0; at < ms; at += step) {
		int64_t to = at + step < ms ? at + step : ms;
		AUTO(mem_freep) int16_t *x = part(d, track, at, to, &ended);
		if (memcmp(x, whole + at * MS, (size_t)(to - at) * MS * sizeof *x) != 0)
			fail_msg("%s: the part from %lld ms differs", name, (long long)at);
	}
}

/* A part that is read after a seek has the tones where they are. */
static void check_seeks(const char *name, struct decoder *d, int track, const int64_t *at, size_t n)
{
	bool ended;
	for (size_t i = n; i-- > 0;) {
		int64_t from = at[i] < 300 ? 0 : at[i] - 300, expected = at[i] - from;
		AUTO(mem_freep) int16_t *x = part(d, track, from, from + 700, &ended);
		expect(name, x, 700, &expected, 1);
	}
}

static void test_times(void **state)
{
	(void)state;
	size_t made = 0;
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		AUTO(mem_freep) char *path = media_make(files[i].name, files[i].args);
		if (!path)
			continue;
		made++;
		bool ended = false;
		AUTO(decoder_freep) struct decoder *d = open_path(path);
		int track = (int)best_track(d);
		size_t n = count(files[i].at);
		AUTO(mem_freep) int16_t *x = part(d, track, 0, files[i].ms, &ended);
		expect(files[i].name, x, files[i].ms, files[i].at, n);
		assert_int_equal(ended, files[i].ended);
		check_parts(files[i].name, d, track, x, files[i].ms);
		check_seeks(files[i].name, d, track, files[i].at, n);
	}
	if (!made)
		skip();
}

/* Two recordings behind each other, of another sample rate; the clock of the
 * second begins again. */
static void test_rate_changes(void **state)
{
	(void)state;
	static const char how[] = H264 "-bf 0 -c:a aac -shortest -f mpegts";
	AUTO(mem_freep)
	char *first = mem_printf(VIDEO("3", "10") TONES("0", "':d=3:s=44100") "%s", how);
	AUTO(mem_freep)
	char *then = mem_printf(VIDEO("3", "10") TONES("0.5", "':d=3:s=24000") "%s", how);
	AUTO(mem_freep) char *a = media_make("a.ts", first), *b = media_make("b.ts", then);
	if (!a || !b)
		skip();
	AUTO(mem_freep) char *both = mem_printf("%s.both.ts", a);
	AUTO(mem_freep) char *command = mem_printf("cat '%s' '%s' > '%s'", a, b, both);
	assert_int_equal(system(command), 0);
	int64_t at[] = {0, 1000, 2000, 3500, 4500, 5500}, begin = 0;
	bool ended = false;
	AUTO(decoder_freep) struct decoder *d = open_path(both);
	int track = (int)best_track(d);
	AUTO(mem_freep) int16_t *x = part(d, track, 0, 6000, &ended);
	/* The encoder's delay moves the picture as well. */
	assert_int_equal(onsets(x, 500, &begin, 1), 1);
	assert_in_range(begin, 0, 50);
	for (size_t i = 0; i < ARRAY_LEN(at); i++)
		at[i] += begin;
	expect("both.ts", x, 6000, at, ARRAY_LEN(at));
	check_parts("both.ts", d, track, x, 6000);
	check_seeks("both.ts", d, track, at, ARRAY_LEN(at));
}

static void test_tracks(void **state)
{
	(void)state;
	AUTO(mem_freep)
	char *path =
		media_make("two.mkv", VIDEO("3", "10") TONES("0", "':d=3") TONES("0.5", "':d=3:s=8000") H264
	               "-map 0 -map 1 -map 2 -c:a:0 flac -c:a:1 pcm_s16le -metadata:s:a:0 language=eng "
	               "-metadata:s:a:1 title=Gate");
	if (!path)
		skip();
	AUTO(decoder_freep) struct decoder *d = open_path(path);
	AUTO(decoder_audio_clear) struct decoder_audio a = {0};
	assert_ok(decoder_audio(d, &a, NULL));
	assert_int_equal(a.n, 2);
	assert_int_equal(a.best, 1);
	assert_string_equal(a.tracks[0].codec, "flac");
	assert_string_equal(a.tracks[0].language, "eng");
	assert_int_equal(a.tracks[1].index, 2);
	assert_int_equal(a.tracks[1].rate, 8000);
	assert_string_equal(a.tracks[1].title, "Gate");
	bool ended;
	const int64_t first[] = {0, 1000, 2000}, second[] = {500, 1500, 2500};
	AUTO(mem_freep) int16_t *x = part(d, 1, 0, 3000, &ended), *y = part(d, 2, 0, 3000, &ended);
	expect("track 1", x, 3000, first, 3);
	expect("track 2", y, 3000, second, 3);

	/* Those that are none. */
	for (int track = 0; track < 4; track += 3) {
		AUTO(decoder_freep) struct decoder *other = open_path(path);
		const struct decoder_sound o = {.track = track, .to = CLOCK_SECOND};
		int16_t *samples = NULL;
		size_t n;
		struct err err = {0};
		assert_int_equal(decoder_samples(other, &o, &samples, &n, &ended, NULL, &err), -ERR_NOENT);
		assert_non_null(strstr(err.msg, "is not an audio track"));
	}
}

static void test_no_sound(void **state)
{
	(void)state;
	AUTO(mem_freep) char *path = media_make("mute.mp4", VIDEO("1", "10") H264);
	if (!path)
		skip();
	AUTO(decoder_freep) struct decoder *d = open_path(path);
	AUTO(decoder_audio_clear) struct decoder_audio a = {0};
	assert_ok(decoder_audio(d, &a, NULL));
	assert_int_equal(a.n, 0);
	assert_int_equal(a.best, -1);
}

static void test_lies(void **state)
{
	(void)state;
	static const struct {
		const char *how;
		int result;
	} cases[] = {
		{"pcm", 0},
		{"pcm-long", -ERR_PROTO},
		{"pcm-odd", -ERR_PROTO},
		{"pcm-short", -ERR_PROTO},
		{"pcm-end", -ERR_PROTO},
		{"crash", -ERR_DIED},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		setenv("VDET_LIE", cases[i].how, 1);
		AUTO(decoder_freep) struct decoder *d = open_path("/proc/self/exe");
		const struct decoder_sound o = {.track = 1, .to = 1000};
		AUTO(mem_freep) int16_t *samples = NULL;
		size_t n = 0;
		bool ended = false;
		struct err err = {0};
		int r = decoder_samples(d, &o, &samples, &n, &ended, NULL, &err);
		if (r != cases[i].result)
			fail_msg("%s: %d %s", cases[i].how, r, err.msg);
		assert_true(r < 0 || (n == 16 && samples[0] == 0x6261 && !samples[8]));
	}
	unsetenv("VDET_LIE");
}

static void test_lies_of_tracks(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"{}",
		"{\"best\":0,\"tracks\":{}}",
		"{\"best\":0,\"tracks\":[{}]}",
		"{\"best\":-2,\"tracks\":[]}",
		("{\"best\":1,\"tracks\":[{\"index\":1,\"codec\":\"a\",\"language\":\"\",\"title\":\"\","
	     "\"rate\":1,\"channels\":1,\"end\":-1,\"undecodable\":false}]}"),
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		AUTO(decoder_audio_clear) struct decoder_audio a = {0};
		json_auto_t *head = json_loads(bad[i], 0, NULL);
		assert_non_null(head);
		assert_int_equal(decoder_audio_read(head, &a, NULL), -ERR_PROTO);
	}
}

/* Overwrites packets of FLAC in Matroska, which are found by their sync code:
 * those from number `from` on. Returns how many there were. */
static size_t damage(const char *path, size_t from, size_t n)
{
	AUTO(buf_free) struct buf b = BUF((size_t)64 << 20);
	assert_ok(file_read(path, &b, NULL));
	size_t count = 0;
	for (size_t i = 0; i + 6 < b.len; i++) {
		/* \xff\xf8: fixed block size; then block size, rate and channels */
		if ((unsigned char)b.data[i] != 0xff || (unsigned char)b.data[i + 1] != 0xf8 ||
		    b.data[i - 1] != '\x80')
			continue;
		if (count >= from && count < from + n)
			memset((char *)b.data + i, 'x', 6);
		count++;
	}
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(b.data, 1, b.len, f), b.len);
	assert_int_equal(fclose(f), 0);
	return count;
}

static int64_t lost_of(struct decoder *d, int64_t from_ms, int64_t to_ms)
{
	const struct decoder_sound o = {
		.track = 1, .from = from_ms * 1000, .to = to_ms * 1000, .believed = 60 * CLOCK_SECOND};
	AUTO(mem_freep) int16_t *samples = NULL;
	struct decoder_lost_list lost = {0};
	size_t n;
	bool ended;
	int64_t sum = 0;
	assert_ok(decoder_samples(d, &o, &samples, &n, &ended, &lost, NULL));
	for (size_t i = 0; i < lost.n; i++)
		sum += lost.items[i].to - lost.items[i].from;
	free(lost.items);
	return sum / 1000;
}

/* What cannot be decoded is counted, where it is. */
static void test_damage(void **state)
{
	(void)state;
	AUTO(mem_freep)
	char *path = media_make("damaged.mkv", VIDEO("8", "10") TONES("0", "':d=8:s=16000") H264
	                        "-c:a flac -frame_size 1600");
	if (!path)
		skip();
	AUTO(decoder_freep) struct decoder *whole = open_path(path);
	assert_int_equal(lost_of(whole, 0, 8000), 0);
	assert_int_equal(damage(path, 20, 10), 80);
	AUTO(decoder_freep) struct decoder *d = open_path(path);
	assert_in_range(lost_of(d, 0, 8000), 990, 1010);
	assert_in_range(lost_of(d, 0, 2500), 490, 510);
	/* reads on */
	assert_in_range(lost_of(d, 2500, 8000), 490, 510);
	/* after seeks */
	assert_int_equal(lost_of(d, 4000, 8000), 0);
	assert_in_range(lost_of(d, 2800, 6000), 190, 210);
	assert_int_equal(lost_of(d, 0, 1900), 0);
}

/* A read error does not become silence. */
static void test_read_error(void **state)
{
	(void)state;
	AUTO(mem_freep)
	char *path =
		media_make("long.mkv", VIDEO("30", "5") TONES("0", "':d=30:s=48000") H264 "-c:a pcm_s16le");
	if (!path)
		skip();
	const struct source_options source = {0};
	const struct sound_options o = {
		.rate = MEDIA_SAMPLES_RATE, .channels = 1, .track = 1, .exact = true};
	AUTO(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	AUTO(fd_closep) int none = open("/dev/null", O_WRONLY | O_CLOEXEC);
	AUTO(input_freep) struct input *in = NULL;
	AUTO(sound_freep) struct sound *s = NULL;
	const int16_t *data;
	size_t n;
	struct err err = {0};
	assert_ok(input_open_fd(fd, &in, &err));
	assert_ok(sound_open(in, &source, &o, &s, &err));
	assert_ok(sound_read(s, &data, &n, &err));
	assert_true(dup2(none, fd) == fd);
	int r = 0;
	while (r == 0)
		r = sound_read(s, &data, &n, &err);
	assert_true(r < 0);
	assert_non_null(strstr(err.msg, "cannot read the file"));
}

static void test_lies_of_lost_sound(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"{}",
		"{\"lost\":7}",
		"{\"lost\":[7]}",
		"{\"lost\":[[1]]}",
		"{\"lost\":[[1000,1001.5]]}",
		"{\"lost\":[[999,1001]]}",
		"{\"lost\":[[1500,1500]]}",
		"{\"lost\":[[1500,2001]]}",
		"{\"lost\":[[1500,1600],[1599,1700]]}",
	};
	const struct decoder_sound o = {.from = 1000, .to = 2000};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct decoder_lost_list lost = {0};
		json_auto_t *head = json_loads(bad[i], 0, NULL);
		assert_non_null(head);
		if (decoder_lost_read(head, &o, &lost, NULL) != -ERR_PROTO)
			fail_msg("%s is accepted", bad[i]);
		free(lost.items);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_rate_changes),
		cmocka_unit_test(test_tracks),
		cmocka_unit_test(test_no_sound),
		cmocka_unit_test(test_lies),
		cmocka_unit_test(test_lies_of_tracks),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_read_error),
		cmocka_unit_test(test_lies_of_lost_sound),
	};
	setenv("VDET_EXE", UNIT_HELPER, 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
