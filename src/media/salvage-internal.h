/* SPDX-License-Identifier: Apache-2.0 */
/* Part of salvage.c: finds H.264 or HEVC units in the media data of an MP4 file
 * by their syntax. */
#ifndef VDET_MEDIA_SALVAGE_INTERNAL_H
#define VDET_MEDIA_SALVAGE_INTERNAL_H

#include "media/salvage.h"

/* Searches from byte `from` on. As salvage_find(). */
int salvage_units(struct input *in, int64_t from, const struct salvage_reference *ref,
                  struct salvage *ret, struct err *err);

#endif
