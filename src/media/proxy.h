/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a proxy, a copy of a video for browsers that is cheap to decode again:
 * H.264 if an encoder is available, a keyframe every two seconds, no B-frames,
 * at most 30 frames per second, upright, SDR, with AAC sound, the header at the
 * front. Also extracts the sound alone. One thread. */
#ifndef VDET_MEDIA_PROXY_H
#define VDET_MEDIA_PROXY_H

#include "base/err.h"
#include "media/input.h"
#include "media/reader.h"
#include "media/source.h"
#include "media/writer.h"

struct proxy_options {
	struct writer_sink sink;
	const struct source_options *source; /* how the sound is opened */
	int short_side;                      /* pixels; never enlarged */
	bool sound;
	int64_t duration; /* of the video */
	/* called when pictures up to t are done; a negative result stops */
	int (*progress)(void *ctx, int64_t t, struct err *err);
	void *ctx;
};

/* Reads the whole video. */
int proxy_video(struct input *in, struct source *s, struct reader *r, const struct proxy_options *o,
                struct err *err);

/* The sound as WAV: 16 bits, one channel, `rate` samples per second. */
int proxy_sound(struct input *in, int rate, const struct proxy_options *o, struct err *err);

#endif
