/* SPDX-License-Identifier: Apache-2.0 */
/* The text tracks of a file: subtitles that are stored as text, with the times
 * of the video's timeline. One thread; blocks while it reads the file. */
#ifndef VDET_MEDIA_TEXTS_H
#define VDET_MEDIA_TEXTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "media/input.h"
#include "media/source.h"

struct texts;

struct texts_track {
	int index;          /* of the stream in the file */
	const char *format; /* "subrip", as libavcodec names it; static */
	char language[16];  /* as the file states it; "" = it does not */
	char *title;        /* of at most TEXTS_NAME_MAX bytes; "" = none */
	const char *fault;  /* why it cannot be read; static, NULL = it can */
	int64_t unread;     /* its packets so far that could not be decoded */
};

struct texts_segment {
	size_t track;
	int64_t start, end; /* end <= start: the file does not say */
	char *who, *text;   /* as subtitle_read() makes them; the caller frees */
};

/* Opens the input a second time. */
int texts_open(struct input *in, const struct source_options *o, struct texts **ret,
               struct err *err);
void texts_free(struct texts *t);
DEFINE_FREEP(struct texts, texts)

/* Borrowed; valid until texts_free(). At most TEXTS_TRACKS_MAX. */
const struct texts_track *texts_tracks(const struct texts *t, size_t *ret_n);

/* One step: 1 with a segment in *ret, 0 without one, -ERR_NOENT (err is not
 * set) at the end. Damage is counted; only errors of memory and reading are
 * returned. */
int texts_step(struct texts *t, struct texts_segment *ret, struct err *err);
/* How far the file was read: byte, ascending except where it is not known. */
int64_t texts_position(const struct texts *t);

#endif
