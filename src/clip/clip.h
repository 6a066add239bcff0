/* SPDX-License-Identifier: Apache-2.0 */
/* A clip of a video as a file: exact to the frame, encoded again only where it
 * must be. The sandboxed media child makes it; its output is limited, and what
 * it says of it is checked.
 *
 * The clip has the frames that begin in the range [from, to) of the video's
 * timeline. It is MP4, with the sound of that time. */
#ifndef VDET_CLIP_CLIP_H
#define VDET_CLIP_CLIP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "decoder/decoder.h"
#include "protocol/clip-wire.h"

struct clip_options {
	struct decoder_options decoder; /* its timeout applies to each step; its device is not used */
	int64_t from, to;               /* microseconds; to: INT64_MAX = the end of the video */
	bool overwrite;                 /* a file that is there may be replaced */
	void (*progress)(void *ctx, double fraction); /* in the caller's thread; may be NULL */
	void *ctx;
};

struct clip_result {
	/* Of the first frame, and the end of the last one: microseconds of the
	 * video's timeline. `to` is at most the end of the video. */
	int64_t from, to;
	bool copied;      /* nothing was encoded again: all frames are bit-exact */
	size_t frames;    /* of the clip */
	size_t encoded;   /* of them were encoded again; the others are bit-exact */
	size_t concealed; /* of these were damaged in the video */
	enum clip_sound sound;
	unsigned lost; /* CLIP_LOST_…: what the encoded frames lack */
	char codec[CLIP_CODEC_MAX];
	int64_t duration; /* of the video */
	int64_t bytes;    /* of the clip */
};

/* Makes the clip of `fd`, an open, seekable, readable file (borrowed). `path`
 * has the whole clip afterwards, synced, or is as it was before: also if the
 * process is killed. Blocks; any thread. ERR_ARG: the range is empty or begins
 * after the end of the video, or `path` exists; ERR_NOENT: no frame begins in
 * the range; ERR_NOSPC; ERR_CANCELED. */
int clip_write(int fd, const char *path, const struct clip_options *o, struct cancel *cancel,
               struct clip_result *ret, struct err *err);

/* The same with the usual name of a clip, in which an end after that of the
 * video is the end of the video. `folder`: "" = the current one; `video`: its
 * file name. *ret_path: the caller frees; unchanged on failure. */
int clip_write_named(int fd, const char *folder, const char *video, const struct clip_options *o,
                     struct cancel *cancel, char **ret_path, struct clip_result *ret,
                     struct err *err);

/* The usual file name of a clip of this video: its name without extension, the
 * times, ".mp4". The caller frees it. */
char *clip_name(const char *video, int64_t from, int64_t to);

/* "from", "to" and so on; times are seconds. The caller owns it. */
json_t *clip_json(const struct clip_result *r);
/* For people: "copied", "12 of 300 frames were encoded again", …; the caller
 * frees it. */
char *clip_text(const struct clip_result *r);

#endif
