/* SPDX-License-Identifier: Apache-2.0 */
/* Companions of a video, for people and pages: a poster, a storyboard, a proxy
 * that any browser plays, and the sound alone. Everything is decoded and
 * encoded in the sandboxed media child; what comes of it is checked.
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
	struct decoder_options decoder; /* its timeout holds for each step, not for the whole */
	void (*progress)(void *ctx, double fraction); /* in the caller's thread; may be NULL */
	void *ctx;
};

enum { PREVIEW_CHOOSE = -1 };

/* A JPEG with its long side at most `size` (16 to 8192), appended to out: of
 * the keyframe nearest to `at` (microseconds), or, for PREVIEW_CHOOSE, of
 * several the one with the most to see. */
int preview_poster(int fd, const struct preview_options *o, int64_t at, int size,
                   struct cancel *cancel, struct buf *out, struct err *err);

enum { STORYBOARD_SHEETS = 4 };

/* Small pictures at even distances, row by row on sheets (JPEG). */
struct storyboard {
	int width, height; /* of one picture */
	int columns, rows; /* on a sheet; the last may have fewer rows */
	size_t n;          /* pictures: number i is shown from i * interval on */
	int64_t interval;  /* microseconds */
	int64_t duration;  /* of the video */
	size_t n_sheets;
	struct buf sheets[STORYBOARD_SHEETS];
};
/* As many pictures as make sense, at most 400, their long side at most `size`
 * (16 to 1024; 160 is usual). */
int preview_storyboard(int fd, const struct preview_options *o, int size, struct cancel *cancel,
                       struct storyboard *ret, struct err *err);
void storyboard_clear(struct storyboard *s);
/* As WebVTT thumbnails, which players read: sheet number i (from 1) is called
 * NAME-i.jpg; NAME, which may have slashes, is written as an address. */
void storyboard_vtt(const struct storyboard *s, const char *name, struct buf *out);

/* Into the empty file out_fd (borrowed; written at any place, not synced): an
 * MP4 that any browser plays and that is cheap to look at again; H.264 (where
 * this machine has an encoder), a keyframe every two seconds, its short side at
 * most `side` (480 or 720, say), AAC sound where the video has any. After an
 * error the file holds rubbish. */
int preview_proxy(int fd, const struct preview_options *o, int side, int out_fd,
                  struct cancel *cancel, struct err *err);
/* Likewise the sound alone, as WAV: one channel, 16,000 samples of 16 bits a
 * second, the first at time zero, gaps silent. Also of files without video.
 * ERR_NOENT where there is none. */
int preview_sound(int fd, const struct preview_options *o, int out_fd, struct cancel *cancel,
                  struct err *err);

#endif
