/* SPDX-License-Identifier: Apache-2.0 */
/* An open video: the demuxer over an input, and the chosen video stream. The
 * format is detected by content, never by name; the demuxer can open nothing
 * but the input. Times: microseconds of the timeline (timeline.h); "stream
 * clock" means units of the stream's time base. Not thread-safe. */
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
#include "media/sparse.h"
#include "media/timeline.h"

/* 16K; a larger frame would need more than a quarter of a gigabyte */
enum { SOURCE_PIXELS_MAX = 16384 * 8704 };

enum { SOURCE_STREAM_AUTO = -1 };

struct source_options {
	const struct salvage_reference *reference; /* for a damaged file; may be NULL */
	int stream;  /* index of the video stream, or SOURCE_STREAM_AUTO */
	double rate; /* frames per second of a stream without times; 0 = as the stream states */
	enum timeline_policy gaps;       /* how forward jumps of the clock are handled */
	const struct timeline *timeline; /* of this file, measured before; may be NULL */
};

struct source {
	struct input *in; /* borrowed */
	struct source_options options;
	/* replaces the input of a damaged file; salvage.in is NULL otherwise */
	struct salvage salvage;
	AVIOContext *pb;
	AVFormatContext *fmt;
	AVStream *st;                  /* the chosen video stream */
	int preferred;                 /* index of the stream that is chosen by default; -1 = none */
	const AVCodec *codec;          /* decoder of the stream */
	const struct hwaccel *hwaccel; /* borrowed: a device that may decode it; NULL if none */
	int64_t start;                 /* microseconds subtracted from the container's times */
	/* a stream without times: packets are counted, and seeking is impossible */
	bool bare;
	int64_t count;             /* number of fields so far, if bare: two for a frame */
	AVRational fields;         /* frames per second of a bare stream of fields, else 0 */
	struct sparse_clock clock; /* otherwise, of packets without times */
	struct timeline timeline;  /* owned; duration 0 until it was measured */
	size_t part;               /* index of the part of the timeline that contains the last packet */
};

/* Blocks while the demuxer reads ahead. The error says what is wrong with the
 * file and what to do. */
int source_open(struct input *in, struct source **ret, struct err *err);
/* The same with options. Their pointers must remain valid until the source is
 * freed, except the timeline, which is copied. */
int source_open_with(struct input *in, const struct source_options *o, struct source **ret,
                     struct err *err);
/* Opens the audio stream with index `track`, or the best one
 * (SOURCE_STREAM_AUTO), instead of the video; its times use the clock of the
 * video if there is one. ERR_NOENT if there is no such sound. */
int source_open_sound(struct input *in, const struct source_options *o, int track,
                      struct source **ret, struct err *err);
/* Opens the text tracks instead of the video, whose clock their times use. */
int source_open_texts(struct input *in, const struct source_options *o, struct source **ret,
                      struct err *err);
/* Reads the next packet of a text track, or, where the demuxer has to read all
 * of the file, of the video, so that the call does not take long; with the
 * times of the timeline plus `start`. Results as of source_packet(). */
int source_text_packet(struct source *s, AVPacket *pkt);
/* Returns to the state after source_open(), without a seek of the demuxer. */
int source_reopen(struct source *s, struct err *err);
void source_free(struct source *s);
DEFINE_FREEP(struct source, source)

/* Parameters of this intact file for a damaged one of the same camera; params
 * remain owned by the source. False if there are none. */
bool source_reference(const struct source *s, struct salvage_reference *ret);

/* Reads the next packet of the video stream: 0, or an AVERROR code (AVERROR_EOF
 * at the end). */
int source_packet(struct source *s, AVPacket *pkt);
/* Seeks to the last keyframe at or before t according to the demuxer; an
 * AVERROR code if it cannot. */
int source_seek(struct source *s, int64_t t);
/* Seeks to the first byte, for formats that do not need their header again; an
 * AVERROR code if it cannot. */
int source_rewind(struct source *s);

/* Whether seeks of the container are inexact, so that they must aim before the
 * target. */
bool source_seeks_blindly(const struct source *s);

/* Converts between the stream's clock and microseconds of the timeline;
 * AV_NOPTS_VALUE becomes CLOCK_NONE. */
int64_t source_time(const struct source *s, int64_t ts);
int64_t source_ts(const struct source *s, int64_t t);
/* The presentation time of a packet, or its decoding time if the container has
 * no other. */
int64_t source_packet_time(const struct source *s, const AVPacket *pkt);

/* Whether the stream is moving video: not a cover, thumbnail, or single
 * picture. */
bool source_is_moving(const AVStream *st);
/* Frames per second of a stream without times, and whether that is an
 * assumption. */
AVRational source_rate(const struct source *s);

/* A name for users: "H.264", "VVC (H.266)". */
const char *source_codec_name(const AVCodecParameters *par, char out[static 64]);

#endif
