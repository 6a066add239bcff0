/* SPDX-License-Identifier: Apache-2.0 */
/* Writes a clip as MP4, the header at the front. One thread. */
#ifndef VDET_MEDIA_CLIP_MUX_H
#define VDET_MEDIA_CLIP_MUX_H

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/mem.h"
#include "media/writer.h"

struct clip_mux;

/* A stream of the clip; everything is copied. */
struct clip_stream {
	const AVCodecParameters *par;
	AVRational time_base;
	uint32_t tag;         /* 0 = the usual one */
	const AVStream *like; /* whose side data it gets; may be NULL */
	bool rotation;        /* the display matrix, too */
};

/* Whether MP4 can have such a stream, as this program writes it. */
bool clip_mux_takes(const AVCodecParameters *par);

/* `sound` may be NULL. `packets`: an estimate of how many will be written. */
int clip_mux_open(const struct writer_sink *sink, const struct clip_stream *video,
                  const struct clip_stream *sound, int64_t packets, struct clip_mux **ret,
                  struct err *err);
void clip_mux_free(struct clip_mux *m);
DEFINE_FREEP(struct clip_mux, clip_mux)

/* Times of the packet are in the time base of its stream, as it was given. The
 * packet is empty afterwards. */
int clip_mux_write(struct clip_mux *m, bool sound, AVPacket *pkt, struct err *err);
int clip_mux_finish(struct clip_mux *m, struct err *err);

#endif
