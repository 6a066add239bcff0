/* SPDX-License-Identifier: Apache-2.0 */
/* A file that a muxer writes, where the bytes go to a function. One thread. */
#ifndef VDET_MEDIA_SINK_H
#define VDET_MEDIA_SINK_H

#include <libavformat/avio.h>

#include "media/writer.h"

/* The sink is copied. Free it with sink_avio_free(); NULL if memory is out. */
AVIOContext *sink_avio(const struct writer_sink *sink);
void sink_avio_free(AVIOContext **pb);

#endif
