/* An open video: the demuxer over an input, and the stream that is looked at. Recognised by content, never by name;
 * nothing but the input itself can be opened by what the file says. Not thread-safe. */
#ifndef VDET_MEDIA_SOURCE_H
#define VDET_MEDIA_SOURCE_H

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "media/input.h"

struct source {
	struct input *in; /* borrowed */
	AVIOContext *pb;
	AVFormatContext *fmt;
	AVStream *st;         /* the chosen video stream */
	const AVCodec *codec; /* its decoder */
	int64_t start;        /* microseconds taken off the container's times */
};

/* Blocks while the demuxer reads ahead. Fails with what is wrong with the file and what to do. */
int source_open(struct input *in, struct source **ret, struct err *err);
/* Back to the state after source_open(), without asking the demuxer to seek. */
int source_reopen(struct source *s, struct err *err);
void source_free(struct source *s);
DEFINE_FREEP(struct source, source)

/* Reads the next packet of the video stream: 0, or an AVERROR code (AVERROR_EOF at the end). */
int source_packet(struct source *s, AVPacket *pkt);
/* Seeks to the last keyframe that the demuxer believes to be at or before t; an AVERROR code if it cannot. */
int source_seek(struct source *s, int64_t t);
/* Seeks to the first byte, for formats that need no header to be read again; an AVERROR code if it cannot. */
int source_rewind(struct source *s);

/* Between the stream's clock and the timeline in microseconds; AV_NOPTS_VALUE becomes CLOCK_NONE. */
int64_t source_time(const struct source *s, int64_t ts);
int64_t source_ts(const struct source *s, int64_t t);
/* A packet's presentation time, or its decoding time where the container has no other. */
int64_t source_packet_time(const struct source *s, const AVPacket *pkt);

/* A name for people: "H.264", "VVC (H.266)". */
const char *source_codec_name(const AVCodecParameters *par, char out[static 64]);

#endif
