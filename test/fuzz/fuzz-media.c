/* SPDX-License-Identifier: Apache-2.0 */
/* A file in memory through everything that the sandboxed worker does with one:
 * open or salvage, probe, frames, JPEG, sound, clip. */
#include <stddef.h>
#include <stdint.h>

#include "fuzz.h"
#include "media/clip.h"
#include "media/jpeg.h"
#include "media/nearest.h"
#include "media/note.h"
#include "media/picture.h"
#include "media/probe.h"
#include "media/sound.h"

static void frames(struct source *s, struct reader *r, int64_t duration)
{
	AUTO(picture_freep) struct picture *p = picture_new(PICTURE_JPEG);
	AUTO(jpeg_freep) struct jpeg *j = jpeg_new();
	AUTO(nearest_freep) struct nearest *n = nearest_new(s, r);
	const int64_t times[] = {0, duration / 2, duration - 1, duration / 3};
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		AUTO(av_frame_free) AVFrame *pic = av_frame_alloc();
		AUTO(buf_free) struct buf out = BUF(1 << 20);
		struct shown shown;
		struct err err;
		if (nearest_at(n, times[i], &shown, &err) == 0)
			picture_make(p, s, &shown, 160, pic, &err);
		av_frame_unref(pic);
		if (reader_at(r, times[i], &shown, &err) == 0 &&
		    picture_make(p, s, &shown, 160, pic, &err) == 0)
			jpeg_encode(j, pic, 80, &out, &err);
	}
}

static void read_sound(struct input *in)
{
	enum { ENOUGH = 160000 };
	AUTO(sound_freep) struct sound *s = NULL;
	struct err err;
	const struct source_options options = {.stream = SOURCE_STREAM_AUTO};
	const int16_t *samples;
	size_t n, sum = 0;
	const struct sound_options sound = {.rate = 16000, .channels = 1, .track = SOURCE_STREAM_AUTO};
	if (sound_open(in, &options, &sound, &s, &err) == 0)
		while (sum < ENOUGH && sound_read(s, &samples, &n, &err) == 0)
			sum += n;
}

static int discard(void *ctx, int64_t pos, const void *data, size_t len)
{
	(void)ctx;
	(void)pos;
	(void)data;
	(void)len;
	return 0;
}

static int go_on(void *ctx, int64_t t, struct err *err)
{
	(void)ctx;
	(void)t;
	(void)err;
	return 0;
}

static void clip(struct input *in, struct source *s, struct reader *r, int64_t duration)
{
	const struct source_options options = {.stream = SOURCE_STREAM_AUTO};
	const int64_t second = 1000000;
	const struct clip_request q = {
		.sink = {.write = discard},
		.source = &options,
		.from = duration / 3,
		.to = duration / 3 + second,
		.progress = go_on,
	};
	struct clip_made made;
	struct err err;
	clip_make(in, s, r, &q, &made, &err);
}

/* The parameters of a good file for a damaged one: the sets of a small H.264
 * video. */
static const unsigned char sets[] = {1,    0x42, 0xc0, 0x0a, 0xff, 0xe1, 0,    13,   0x67, 0x42,
                                     0xc0, 0x0a, 0xda, 0x0f, 0x1a, 0x6a, 0x02, 0x02, 0x02, 0x80,
                                     0x00, 1,    0,    4,    0x68, 0xce, 0x0f, 0xc8};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err;
	struct probe p;
	note_start();
	AUTO(input_freep) struct input *in = input_open_memory(data, size);
	AUTO(source_freep) struct source *s = NULL;
	AUTO(reader_freep) struct reader *r = NULL;
	const struct salvage_reference ref = {.params = sets, .params_len = sizeof sets};
	const struct source_options o = {.reference = size % 2 ? &ref : NULL,
	                                 .stream = SOURCE_STREAM_AUTO};
	if (source_open_with(in, &o, &s, &err) == 0 && reader_open(s, &r, &err) == 0 &&
	    probe_run(s, r, &p, &err) == 0) {
		frames(s, r, p.extent.duration);
		clip(in, s, r, p.extent.duration);
	}
	read_sound(in);
	return 0;
}
