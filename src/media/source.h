/* SPDX-License-Identifier: Apache-2.0 */
/* An open video: the demuxer over an input, and the stream that is looked at.
 * Recognised by content, never by name; nothing but the input itself can be
 * opened by what the file says. Not thread-safe. */
#ifndef VDET_MEDIA_SOURCE_H
#define VDET_MEDIA_SOURCE_H

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "media/hwaccel.h"
#include "media/input.h"
#include "media/salvage.h"
#include "media/splice.h"

/* 16K; beyond it a single frame is a quarter of a gigabyte */
enum { SOURCE_PIXELS_MAX = 16384 * 8704 };

struct source {
	struct input *in; /* borrowed */
	/* what is read in its place, if it is damaged: salvage.in is NULL if not */
	struct salvage salvage;
	AVIOContext *pb;
	AVFormatContext *fmt;
	AVStream *st;                  /* the chosen video stream */
	const AVCodec *codec;          /* its decoder */
	const struct hwaccel *hwaccel; /* borrowed: a device that may decode it; NULL if none */
	int64_t start;                 /* microseconds taken off the container's times */
	/* a stream without a container: no times but those counted here, and no
	 * seeking */
	bool bare;
	int64_t count;          /* … of packets so far */
	struct splices splices; /* the parts of a recording that was put together */
};

/* Blocks while the demuxer reads ahead. Fails with what is wrong with the file
 * and what to do. */
int source_open(struct input *in, struct source **ret, struct err *err);
/* The same with a reference (or NULL), of which what is missing in a damaged
 * file may be taken. */
int source_open_with(struct input *in, const struct salvage_reference *ref, struct source **ret,
                     struct err *err);
/* The best audio stream in place of the video; times count as for the video
 * where there is one. ERR_NOENT where there is no sound. */
int source_open_sound(struct input *in, struct source **ret, struct err *err);
/* Back to the state after source_open(), without asking the demuxer to seek. */
int source_reopen(struct source *s, struct err *err);
void source_free(struct source *s);
DEFINE_FREEP(struct source, source)

/* What this (good) file can tell about a damaged one of the same camera; params
 * stay the source's. False if nothing. */
bool source_reference(const struct source *s, struct salvage_reference *ret);

/* Reads the next packet of the video stream: 0, or an AVERROR code (AVERROR_EOF
 * at the end). */
int source_packet(struct source *s, AVPacket *pkt);
/* Seeks to the last keyframe that the demuxer believes to be at or before t; an
 * AVERROR code if it cannot. */
int source_seek(struct source *s, int64_t t);
/* Seeks to the first byte, for formats that need no header to be read again; an
 * AVERROR code if it cannot. */
int source_rewind(struct source *s);

/* Between the stream's clock and the timeline in microseconds; AV_NOPTS_VALUE
 * becomes CLOCK_NONE. */
int64_t source_time(const struct source *s, int64_t ts);
int64_t source_ts(const struct source *s, int64_t t);
/* A packet's presentation time, or its decoding time where the container has no
 * other. */
int64_t source_packet_time(const struct source *s, const AVPacket *pkt);

/* A name for people: "H.264", "VVC (H.266)". */
const char *source_codec_name(const AVCodecParameters *par, char out[static 64]);

#endif
