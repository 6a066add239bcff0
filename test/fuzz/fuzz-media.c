/* A file in memory through everything that the sandboxed worker does with one: open, probe, frames, JPEG. */
#include <stddef.h>
#include <stdint.h>

#include "fuzz.h"
#include "media/jpeg.h"
#include "media/nearest.h"
#include "media/note.h"
#include "media/picture.h"
#include "media/probe.h"

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
		if (reader_at(r, times[i], &shown, &err) == 0 && picture_make(p, s, &shown, 160, pic, &err) == 0)
			jpeg_encode(j, pic, 80, &out, &err);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err;
	struct probe p;
	note_start();
	AUTO(input_freep) struct input *in = input_open_memory(data, size);
	AUTO(source_freep) struct source *s = NULL;
	AUTO(reader_freep) struct reader *r = NULL;
	if (source_open(in, &s, &err) == 0 && reader_open(s, &r, &err) == 0 && probe_run(s, r, &p, &err) == 0)
		frames(s, r, p.extent.duration);
	return 0;
}
