/* SPDX-License-Identifier: Apache-2.0 */
/* The choice of the stream; internal to source*.c. */
#ifndef VDET_MEDIA_SOURCE_INTERNAL_H
#define VDET_MEDIA_SOURCE_INTERNAL_H

#include "media/source.h"

/* Chooses the video stream as the options say: the one that was named, else the
 * default, longest stream that moves. Fails, with what to do, where there is
 * none, or where it is encrypted or cannot be decoded. *ret_moved: packets were
 * read for it, so that the source has to be opened again. */
int source_choose(struct source *s, bool *ret_moved, struct err *err);
/* Makes st the stream; all others are left out by the demuxer. */
void source_select(struct source *s, AVStream *st);

#endif
