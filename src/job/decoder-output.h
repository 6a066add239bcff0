/* Files that the media child makes. It has no way to write them: it sends their bytes, and they are written here. As
 * in decoder.h, everything is checked, and an error return means that the child is gone. */
#ifndef VDET_JOB_DECODER_OUTPUT_H
#define VDET_JOB_DECODER_OUTPUT_H

#include "job/decoder.h"

struct decoder_output {
	int fd;                                    /* an empty file, written at any place */
	int64_t max;                               /* bytes that it may have */
	void (*progress)(void *ctx, int64_t done); /* microseconds of the video; may be NULL */
	void *ctx;
};

/* An MP4 for browsers, its short side at most `side`, with sound if there is any and it is wanted. The decoder's time
 * limit holds for each second or so of it. `duration` as probed. */
int decoder_proxy(struct decoder *d, int side, bool sound, int64_t duration, const struct decoder_output *o,
                  struct err *err);
/* The sound as WAV: one channel, 16 bits, `rate` samples a second. Needs no probe, and no picture. */
int decoder_sound(struct decoder *d, int rate, const struct decoder_output *o, struct err *err);

#endif
