/* SPDX-License-Identifier: Apache-2.0 */
/* The text tracks of a file, read by the media child. As in decoder.h,
 * everything is checked, and an error return means that the child is gone. */
#ifndef VDET_DECODER_DECODER_TEXTS_H
#define VDET_DECODER_DECODER_TEXTS_H

#include "decoder/decoder.h"
#include "decoder/texts-read.h"

/* Reads all of them. The timeout of the decoder applies between two steps. The
 * caller clears `ret`, also after an error. */
int decoder_texts(struct decoder *d, struct decoder_texts *ret, struct err *err);

#endif
