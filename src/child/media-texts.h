/* SPDX-License-Identifier: Apache-2.0 */
/* Sends the text tracks of the file (protocol/media-wire.h). Role `media`. */
#ifndef VDET_CHILD_MEDIA_TEXTS_H
#define VDET_CHILD_MEDIA_TEXTS_H

#include "base/err.h"
#include "media/source.h"

int media_texts(struct input *in, const struct source_options *options, struct err *err);

#endif
