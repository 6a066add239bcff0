/* SPDX-License-Identifier: Apache-2.0 */
/* Writes an MP4 file from drawn pictures and sound: H.264 (4:2:0, BT.709), and
 * AAC if sound is requested.
 *
 * The file is written as PATH.part and renamed when it is complete; after any
 * error the partial file is removed. One thread at a time; every call may block
 * on the disk or the encoder. */
#ifndef VDET_MEDIA_WRITER_H
#define VDET_MEDIA_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

struct writer_options {
	int width, height; /* even, 16 to 4096 */
	double fps;        /* 0.1 to 120; times of pictures need not follow it */
	/* exact distance of keyframes: 0.1 to 60 s, as in cameras */
	double keyframe_s;
	int quality;        /* x264's constant rate factor, 0 (best) to 51; 0 = 26 */
	int sound_rate;     /* samples per second of a channel; 0 = no sound */
	int sound_channels; /* 0 = 1 */
	/* for browsers: no B-frames, and the header at the front of a file of
	 * `duration` microseconds */
	bool web;
	bool bt601;   /* the pictures passed to writer_frame() are BT.601 instead of BT.709 */
	int max_kbit; /* limit of the video bit rate; 0 = none */
	int64_t duration;
};

/* Where bytes go if not to a file: `len` of them at `pos`; 0 or a negative
 * errno. */
struct writer_sink {
	int (*write)(void *ctx, int64_t pos, const void *data, size_t len);
	void *ctx;
};

struct writer;

int writer_open(const char *path, const struct writer_options *o, struct writer **ret,
                struct err *err);
/* The same, to a sink, which is copied. */
int writer_open_sink(const struct writer_sink *sink, const struct writer_options *o,
                     struct writer **ret, struct err *err);
/* A picture that is shown from t_us on; times must be ascending. RGB24, rows
 * `stride` bytes apart; copied. */
int writer_picture(struct writer *w, int64_t t_us, const uint8_t *rgb, size_t stride,
                   struct err *err);
/* The same with a decoded picture of this size: YUV 4:2:0, limited range. */
struct AVFrame;
int writer_frame(struct writer *w, int64_t t_us, const struct AVFrame *f, struct err *err);
/* The next n samples of each channel, interleaved. Pictures and sound should be
 * passed alternately, about a second at a time. */
int writer_sound(struct writer *w, const int16_t *samples, size_t n, struct err *err);
/* Completes the file and renames it. The writer must be freed in any case. */
int writer_finish(struct writer *w, struct err *err);
/* Removes a file that was not completed by writer_finish(). */
void writer_free(struct writer *w);
DEFINE_FREEP(struct writer, writer)

#endif
