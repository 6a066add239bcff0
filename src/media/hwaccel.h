/* SPDX-License-Identifier: Apache-2.0 */
/* Decoding by a device, through libav's device API: the first decode path, used
 * only if configured. Decoded frames are copied to memory at once; what the
 * device cannot decode, libav decodes in software. H.264, HEVC, VP9 and AV1
 * define their output exactly, but devices are not checked for conformance, so
 * their pictures have their own decode path in the report. Not thread-safe. */
#ifndef VDET_MEDIA_HWACCEL_H
#define VDET_MEDIA_HWACCEL_H

#include <libavcodec/avcodec.h>
#include <libavutil/frame.h>
#include <stddef.h>

#include "base/mem.h"

/* A device, or a simulated one in a test. */
struct hwaccel {
	const char *name; /* "vaapi", "cuda", … */
	/* The decoder for this codec that can use the device, or NULL. */
	const AVCodec *(*codec)(const struct hwaccel *h, enum AVCodecID id);
	/* Called before avcodec_open2(): 0 or an AVERROR code. */
	int (*attach)(const struct hwaccel *h, AVCodecContext *dec);
	/* Copies a decoded frame to memory: 1, or 0 if it was already in memory, or
	 * an AVERROR code. */
	int (*fetch)(const struct hwaccel *h, AVFrame *f);
	AVBufferRef *device;
};

/* Opens a device of the kind with this libav name, or of the first available
 * kind ("auto"). Must be called before the sandbox, which forbids it. NULL if
 * there is none; why: the reason, for messages. */
struct hwaccel *hwaccel_open(const char *which, char *why, size_t why_size);
void hwaccel_free(struct hwaccel *h);
DEFINE_FREEP(struct hwaccel, hwaccel)

#endif
