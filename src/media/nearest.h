/* SPDX-License-Identifier: Apache-2.0 */
/* The picture of the keyframe nearest to a time, with its true time: far
 * cheaper than the exact frame. */
#ifndef VDET_MEDIA_NEAREST_H
#define VDET_MEDIA_NEAREST_H

#include "base/err.h"
#include "base/mem.h"
#include "media/reader.h"
#include "media/source.h"

struct nearest;

/* Borrows both; moves the source and calls reader_moved(). */
struct nearest *nearest_new(struct source *s, struct reader *r);
void nearest_free(struct nearest *n);
DEFINE_FREEP(struct nearest, nearest)

/* As reader_at(), with decode path "keyframe". Where keyframes are unreliable
 * or this one gives no complete picture, returns the exact frame of the reader
 * instead. Borrowed until the next call. */
int nearest_at(struct nearest *n, int64_t t, struct shown *ret, struct err *err);

#endif
