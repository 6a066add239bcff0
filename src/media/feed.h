/* SPDX-License-Identifier: Apache-2.0 */
/* Sends packets to a decoder and receives frames: the inner loop of the reader.
 * Reads packets ahead to know which frame will be shown at a target, and makes
 * the decoder skip frames before it that no frame refers to. */
#ifndef VDET_MEDIA_FEED_H
#define VDET_MEDIA_FEED_H

#include <libavcodec/avcodec.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "media/source.h"

enum { FEED_AHEAD = 32 }; /* more packets than any codec reorders */

struct feed {
	struct source *src; /* borrowed */
	AVCodecContext *dec;
	const struct hwaccel *hwaccel; /* what dec may use; NULL if there is none, or after it failed */
	bool hardware;                 /* the last frame was decoded by it */
	AVPacket *ahead[FEED_AHEAD];   /* a ring */
	unsigned ahead_at, ahead_n;
	size_t ahead_bytes;
	bool draining; /* all packets were read */
	bool cut;      /* the end was sent to the decoder early: see feed_next() */
	bool need_key; /* packets before the next keyframe are useless */
	bool lost;     /* no keyframe was found */
	/* decoding began after a seek at a packet that is not a keyframe, although
	 * the container says so */
	bool lied;
	bool unsorted; /* frame times of the container are in decoding order: see feed.c */
	/* times of packets whose frames have not been put out, if unsorted */
	int64_t times[FEED_AHEAD];
	unsigned n_times;
	bool intra_only;   /* every frame is a keyframe, marked or not */
	bool interlaced;   /* according to a frame or the stream */
	bool tainted;      /* an error occurred since the last intact keyframe, in output order */
	int64_t taint_at;  /* time of the last packet that failed */
	int64_t floor;     /* earlier frames are leftovers of an open GOP */
	int64_t landed;    /* time of the keyframe where decoding began; CLOCK_NONE until known */
	int64_t first_key; /* of the file; CLOCK_NONE until known */
	bool from_start;
	bool first_out;      /* no frame was accepted yet */
	int64_t read_dts;    /* of the last packet read, stream clock; AV_NOPTS_VALUE if none */
	int64_t key_at, gop; /* last keyframe read; longest distance between two */
	int64_t last_time;   /* of the last frame put out */
	int fault;           /* the decoder's last AVERROR, 0 if none */
	bool no_memory;      /* a frame could not be allocated, whatever the decoder reports */
};

int feed_open(struct source *s, struct feed **ret, struct err *err);
void feed_free(struct feed *f);
DEFINE_FREEP(struct feed, feed)

/* The source was moved: discards what was read. At the start of the file every
 * packet is used; elsewhere decoding begins with the next keyframe. */
void feed_restart(struct feed *f, bool at_start);

enum feed_result {
	FEED_FRAME,
	FEED_END,
	FEED_CUT,  /* no more without a restart: the requested frames were put out */
	FEED_FELL, /* the device failed: decode again in software, after a restart */
};

/* Puts the next frame into *out, with its pts in microseconds of the timeline.
 * Frames before the one shown at `target` may be skipped. `last`: no frame
 * after that one is needed, so the decoder is flushed instead of being fed
 * until the frame comes out. Damage is skipped and recorded in tainted and
 * fault; only errors of memory and reading are returned. */
int feed_next(struct feed *f, int64_t target, bool last, AVFrame *out, struct err *err);

#endif
