/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a copy of a video: H.264 if an encoder is available, upright, SDR. A
 * proxy is one for browsers that is cheap to decode again, without B-frames,
 * with AAC sound, the header at the front. Also extracts the sound alone. One
 * thread. */
#ifndef VDET_MEDIA_PROXY_H
#define VDET_MEDIA_PROXY_H

#include "base/err.h"
#include "media/input.h"
#include "media/reader.h"
#include "media/source.h"
#include "media/writer.h"
#include "protocol/plant.h"

struct proxy_options {
	struct writer_sink sink;
	const struct source_options *source; /* how the sound is opened */
	int64_t duration;                    /* of the video */
	int64_t from, to;                    /* the range to copy; to 0 = the end */
	int short_side;                      /* pixels; never enlarged */
	double fps_max;                      /* frames that follow more closely are left out */
	double keyframe_s;                   /* distance of keyframes, in seconds */
	int quality;                         /* as in struct writer_options */
	int max_kbit;                        /* limit of the bit rate; 0 = one that suits browsers */
	bool web;                            /* for browsers */
	bool sound;
	const struct plant *plants; /* events to draw, or NULL */
	size_t n_plants;
	/* called when t of the copy is done; a negative result stops */
	int (*progress)(void *ctx, int64_t t, struct err *err);
	void *ctx;
};

/* Reads the whole range. */
int proxy_video(struct input *in, struct source *s, struct reader *r, const struct proxy_options *o,
                struct err *err);

/* The sound as WAV: 16 bits, one channel, `rate` samples per second. */
int proxy_sound(struct input *in, int rate, const struct proxy_options *o, struct err *err);

#endif
