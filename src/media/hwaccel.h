/* SPDX-License-Identifier: Apache-2.0 */
/* Decoding by a device of this machine, through libav's device API: the first
 * decode path, used only if requested. Decoded frames are copied to memory at
 * once; what the device cannot decode, libav decodes in software. H.264, HEVC,
 * VP9 and AV1 define their output to the bit, but devices are not checked for
 * it: hence a decode path of its own in the report. Not thread-safe. */
#ifndef VDET_MEDIA_HWACCEL_H
#define VDET_MEDIA_HWACCEL_H

#include <libavcodec/avcodec.h>
#include <libavutil/frame.h>
#include <stddef.h>

#include "base/mem.h"

/* A device, or what plays one in a test. */
struct hwaccel {
	const char *name; /* "vaapi", "cuda", … */
	/* The decoder for this codec that can use it, or NULL. */
	const AVCodec *(*codec)(const struct hwaccel *h, enum AVCodecID id);
	/* Before avcodec_open2(): 0 or an AVERROR code. */
	int (*attach)(const struct hwaccel *h, AVCodecContext *dec);
	/* Brings a frame that the decoder has put out into memory: 1, or 0 if it
	 * lay there already, or an AVERROR code. */
	int (*fetch)(const struct hwaccel *h, AVFrame *f);
	AVBufferRef *device;
};

/* Opens the device of a kind by libav's name for it, or of the first kind that
 * this machine has ("auto"). To be called before the sandbox, which forbids it.
 * NULL if there is none; why: the reason, for people. */
struct hwaccel *hwaccel_open(const char *which, char *why, size_t why_size);
void hwaccel_free(struct hwaccel *h);
DEFINE_FREEP(struct hwaccel, hwaccel)

#endif
