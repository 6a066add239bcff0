/* SPDX-License-Identifier: Apache-2.0 */
/* Whether bytes from an untrusted decoder are a valid baseline JPEG. Pure. */
#ifndef VDET_DECODER_JPEG_CHECK_H
#define VDET_DECODER_JPEG_CHECK_H

#include <stddef.h>

#include "base/err.h"

/* Checks the markers: one baseline frame of width x height, three components,
 * complete, nothing after its end. */
int jpeg_check(const unsigned char *data, size_t len, int width, int height, struct err *err);

/* The size of a thumbnail of a picture of *w x *h: its long side is at most
 * `size`. */
void jpeg_thumb_size(int *w, int *h, int size);

#endif
