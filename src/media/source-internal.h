/* SPDX-License-Identifier: Apache-2.0 */
/* The choice of the stream; internal to source*.c. */
#ifndef VDET_MEDIA_SOURCE_INTERNAL_H
#define VDET_MEDIA_SOURCE_INTERNAL_H

#include "media/source.h"

/* Chooses the video stream: the one in the options, else the default, longest
 * stream with moving pictures. Fails, with what to do, if there is none, or if
 * it is encrypted or cannot be decoded. *ret_moved: packets were read, so the
 * source must be opened again. */
int source_choose(struct source *s, bool *ret_moved, struct err *err);
/* The duration of a stream in microseconds; 0 if the container does not state
 * it. */
int64_t source_stated_length(const AVStream *st);
/* Selects st; the demuxer discards all other streams. */
void source_select(struct source *s, AVStream *st);
/* Opens the file for another stream than the video, but with its clock;
 * *ret_video: there is one. */
int source_open_beside(struct input *in, const struct source_options *o, struct source **ret,
                       bool *ret_video, struct err *err);
/* Index of the best audio stream, or an AVERROR code. */
int source_best_sound(const struct source *s, bool video);

#endif
