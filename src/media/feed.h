/* SPDX-License-Identifier: Apache-2.0 */
/* Packets into a decoder, frames out of it: the inner loop of the reader. Reads
 * packets ahead, so as to know which frame will be shown at a target, and has
 * the decoder leave out those before it that nothing refers to. */
#ifndef VDET_MEDIA_FEED_H
#define VDET_MEDIA_FEED_H

#include <libavcodec/avcodec.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "media/source.h"

enum { FEED_AHEAD = 32 }; /* packets read ahead: more than any codec reorders */

struct feed {
	struct source *src; /* borrowed */
	AVCodecContext *dec;
	const struct hwaccel *hwaccel; /* what dec may use; NULL if nothing, or no longer */
	bool hardware;                 /* the last frame came from it */
	AVPacket *ahead[FEED_AHEAD];   /* a ring */
	unsigned ahead_at, ahead_n;
	size_t ahead_bytes;
	bool draining; /* all packets were read */
	bool cut; /* the decoder was told that this is the end, though it is not: see feed_next() */
	bool need_key; /* packets before the next keyframe are useless */
	bool lost;     /* no keyframe came */
	/* what began decoding after a seek was no keyframe, whatever the container
	 * says */
	bool lied;
	bool unsorted; /* the container has frame times in decoding order: see feed.c */
	/* … of packets sent whose frames have not come out, if unsorted */
	int64_t times[FEED_AHEAD];
	unsigned n_times;
	bool intra_only;   /* every frame is a keyframe, flagged or not */
	bool interlaced;   /* seen in a frame or said by the stream */
	bool tainted;      /* an error since the last sound keyframe, in the order of output */
	int64_t taint_at;  /* time of the packet that failed last */
	int64_t floor;     /* earlier frames are leftovers of an open GOP */
	int64_t landed;    /* time of the keyframe that decoding began with; CLOCK_NONE until known */
	int64_t first_key; /* of the file; CLOCK_NONE until known */
	bool from_start;
	bool first_out;      /* no frame has been accepted yet */
	int64_t read_dts;    /* of the last packet read, stream clock; AV_NOPTS_VALUE if none */
	int64_t key_at, gop; /* last keyframe read; longest distance between two */
	int64_t last_time;   /* of the last frame put out */
	int fault;           /* the decoder's last AVERROR, 0 if none */
	bool no_memory;      /* a frame could not be allocated, whatever the decoder calls it */
};

int feed_open(struct source *s, struct feed **ret, struct err *err);
void feed_free(struct feed *f);
DEFINE_FREEP(struct feed, feed)

/* The source has been moved: forget what was read. At the start of the file
 * every packet counts; elsewhere decoding begins with the next keyframe. */
void feed_restart(struct feed *f, bool at_start);

enum feed_result {
	FEED_FRAME,
	FEED_END,
	FEED_CUT,  /* no more without a restart: what was wanted has come out */
	FEED_FELL, /* the device has failed: decoding starts anew in software, after a restart */
};

/* The next frame into *out, its pts in microseconds of the timeline. Frames
 * before the one shown at `target` may be left out. `last`: nothing behind that
 * one is wanted, so that the decoder need not go on until it would come out by
 * itself. Damage is skipped and remembered in tainted and fault; errors are
 * memory and reading. */
int feed_next(struct feed *f, int64_t target, bool last, AVFrame *out, struct err *err);

#endif
