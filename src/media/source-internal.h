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
/* Selects st; the demuxer discards all other streams. */
void source_select(struct source *s, AVStream *st);

#endif
