/* SPDX-License-Identifier: Apache-2.0 */
/* An open video: the demuxer over an input, and the chosen video stream. The
 * format is recognised by content, never by name; the demuxer cannot open
 * anything but the input. Times: microseconds of the timeline (timeline.h);
 * "stream clock" means units of the stream's time base. Not thread-safe. */
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
#include "media/timeline.h"

/* 16K; beyond it a single frame is a quarter of a gigabyte */
enum { SOURCE_PIXELS_MAX = 16384 * 8704 };

enum { SOURCE_STREAM_AUTO = -1 };

struct source_options {
	const struct salvage_reference *reference; /* for a damaged file; may be NULL */
	int stream;                      /* index of the video stream, or SOURCE_STREAM_AUTO */
	double rate;                     /* frames a second of a stream without times; 0 = as it says */
	enum timeline_policy gaps;       /* what is done with forward jumps of the clock */
	const struct timeline *timeline; /* of this file, measured before; may be NULL */
};

struct source {
	struct input *in; /* borrowed */
	struct source_options options;
	/* what is read in its place, if it is damaged: salvage.in is NULL if not */
	struct salvage salvage;
	AVIOContext *pb;
	AVFormatContext *fmt;
	AVStream *st;                  /* the chosen video stream */
	const AVCodec *codec;          /* its decoder */
	const struct hwaccel *hwaccel; /* borrowed: a device that may decode it; NULL if none */
	int64_t start;                 /* microseconds taken off the container's times */
	/* a stream without times: packets are counted, and there is no seeking */
	bool bare;
	int64_t count;            /* of packets so far, if bare */
	struct timeline timeline; /* owned; duration 0 until it was measured */
	size_t part;              /* of the timeline, of the last packet read */
};

/* Blocks while the demuxer reads ahead. Fails with what is wrong with the file
 * and what to do. */
int source_open(struct input *in, struct source **ret, struct err *err);
/* The same with options. What they point to is needed until the source is
 * freed, but for the timeline, which is copied. */
int source_open_with(struct input *in, const struct source_options *o, struct source **ret,
                     struct err *err);
/* The best audio stream in place of the video; times count as for the video
 * where there is one. ERR_NOENT where there is no sound. */
int source_open_sound(struct input *in, const struct source_options *o, struct source **ret,
                      struct err *err);
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

/* Whether the packets of the container cannot be sought to exactly, so that one
 * has to aim before the target. */
bool source_seeks_blindly(const struct source *s);

/* Between the stream's clock and the timeline in microseconds; AV_NOPTS_VALUE
 * becomes CLOCK_NONE. */
int64_t source_time(const struct source *s, int64_t ts);
int64_t source_ts(const struct source *s, int64_t t);
/* A packet's presentation time, or its decoding time where the container has no
 * other. */
int64_t source_packet_time(const struct source *s, const AVPacket *pkt);

/* A stream of video that moves: no cover, thumbnail, or single picture. */
bool source_is_moving(const AVStream *st);
/* Frames a second of a stream without times, and whether that is a guess. */
AVRational source_rate(const struct source *s);

/* A name for people: "H.264", "VVC (H.266)". */
const char *source_codec_name(const AVCodecParameters *par, char out[static 64]);

#endif
