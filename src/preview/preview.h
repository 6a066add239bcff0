/* SPDX-License-Identifier: Apache-2.0 */
/* Companion files of a video, for users and web pages: a poster, a storyboard,
 * a proxy that any browser plays, and the sound alone. Everything is decoded
 * and encoded in the sandboxed media child; its output is checked.
 *
 * All calls take an open, seekable, readable file (borrowed), block, observe
 * `cancel`, and may run in any thread. */
#ifndef VDET_PREVIEW_PREVIEW_H
#define VDET_PREVIEW_PREVIEW_H

#include <stdint.h>

#include "base/buf.h"
#include "base/cancel.h"
#include "base/err.h"
#include "decoder/decoder.h"

struct preview_options {
	struct decoder_options decoder; /* its timeout applies to each step, not to the whole */
	void (*progress)(void *ctx, double fraction); /* in the caller's thread; may be NULL */
	void *ctx;
};

enum { PREVIEW_CHOOSE = -1 };

/* A JPEG with its long side at most `size` (16 to 8192), appended to out: the
 * keyframe nearest to `at` (microseconds), or, for PREVIEW_CHOOSE, the one of
 * several with the most detail. */
int preview_poster(int fd, const struct preview_options *o, int64_t at, int size,
                   struct cancel *cancel, struct buf *out, struct err *err);

enum { STORYBOARD_SHEETS = 4 };

/* Small pictures at equal intervals, row by row on sheets (JPEG). */
struct storyboard {
	int width, height; /* of one picture */
	int columns, rows; /* on a sheet; the last may have fewer rows */
	size_t n;          /* number of pictures: picture i is shown from i * interval on */
	int64_t interval;  /* microseconds */
	int64_t duration;  /* of the video */
	size_t n_sheets;
	struct buf sheets[STORYBOARD_SHEETS];
};
/* Chooses the number of pictures, at most 400; their long side is at most
 * `size` (16 to 1024; usually 160). */
int preview_storyboard(int fd, const struct preview_options *o, int size, struct cancel *cancel,
                       struct storyboard *ret, struct err *err);
void storyboard_clear(struct storyboard *s);
/* As WebVTT thumbnails for players: sheet number i (from 1) is called
 * NAME-i.jpg; NAME, which may contain slashes, is encoded as a URL. */
void storyboard_vtt(const struct storyboard *s, const char *name, struct buf *out);

/* Writes an MP4 that any browser plays and that is cheap to decode again into
 * the empty file out_fd (borrowed; written at any position, not synced): H.264
 * (if this machine has an encoder), a keyframe every two seconds, its short
 * side at most `side` (480 or 720, for example), AAC sound if the video has
 * any. After an error the content of the file is undefined. */
int preview_proxy(int fd, const struct preview_options *o, int side, int out_fd,
                  struct cancel *cancel, struct err *err);
/* Likewise the sound alone, as WAV: one channel, 16,000 samples of 16 bits per
 * second, the first at time zero, gaps silent. Also accepts files without
 * video. ERR_NOENT if there is no sound. */
int preview_sound(int fd, const struct preview_options *o, int out_fd, struct cancel *cancel,
                  struct err *err);

#endif
