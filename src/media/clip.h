/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a clip of a video, exact to the frame, as MP4: the frames that begin in
 * a range of the timeline. Frames are copied where that is exact, which is
 * checked by decoding the copied packets around each place where the clip
 * differs from the video; others are encoded again (clip-plan.h, clip-coder.h).
 * One thread. */
#ifndef VDET_MEDIA_CLIP_H
#define VDET_MEDIA_CLIP_H

#include "base/err.h"
#include "media/input.h"
#include "media/reader.h"
#include "media/source.h"
#include "media/writer.h"
#include "protocol/clip-wire.h"

struct clip_request {
	struct writer_sink sink;
	const struct source_options *source; /* how the file is opened again */
	int64_t from, to;
	/* called often: t is how much is done, ascending, at most to - from; a
	 * negative result stops */
	int (*progress)(void *ctx, int64_t t, struct err *err);
	void *ctx;
};

/* ERR_NOENT: no frame begins in the range. After an error the bytes that were
 * written are of no use. */
int clip_make(struct input *in, struct source *s, struct reader *r, const struct clip_request *q,
              struct clip_made *ret, struct err *err);

#endif
