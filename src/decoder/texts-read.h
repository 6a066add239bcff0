/* SPDX-License-Identifier: Apache-2.0 */
/* What a media child says of text tracks. It is not trusted: each value is
 * checked, and texts are cleaned again. Pure. */
#ifndef VDET_DECODER_TEXTS_READ_H
#define VDET_DECODER_TEXTS_READ_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct decoder_track {
	int index;                       /* of the stream in the file */
	char *format, *language, *title; /* "" = the file does not say */
	char *fault;                     /* why nothing of it was read; "" = it was */
	int64_t unread;                  /* packets that could not be decoded */
};

struct decoder_segment {
	size_t track;       /* index into tracks */
	int64_t start, end; /* end == start: the file does not state it */
	char *who, *text;   /* who speaks, "" = not known; one line of text */
};

struct decoder_texts {
	struct decoder_track *tracks;
	size_t n_tracks;
	struct decoder_segment *segments; /* in the order of the file */
	size_t n_segments, cap_segments;
	size_t bytes; /* of their texts */
	bool cut;     /* the file has more than the limits allow */
	int64_t at;   /* byte up to which it was read */
};
void decoder_texts_clear(struct decoder_texts *t);

/* Heads of the messages TRACKS, SEGMENTS and DONE. ERR_PROTO. */
int texts_read_tracks(const json_t *head, struct decoder_texts *to, struct err *err);
int texts_read_segments(const json_t *head, struct decoder_texts *to, struct err *err);
int texts_read_end(const json_t *head, struct decoder_texts *to, struct err *err);

#endif
