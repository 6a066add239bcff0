/* SPDX-License-Identifier: Apache-2.0 */
/* The frames of a video whose writing workers of a fleet read, ahead of the one
 * thread that makes passages of what is written in them. */
#ifndef VDET_JOB_TEXT_FRAMES_H
#define VDET_JOB_TEXT_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "job/run.h"
#include "screentext/reader.h"
#include "screentext/times.h"

struct text_frames;

struct text_frames_options { /* everything is borrowed */
	const struct run_context *run;
	const char *job, *source; /* its id; SHA-256 of the video */
	const char *model;        /* see text_unit_model() */
	const struct decoder_options *decoder;
	const struct text_sample *samples;
	size_t n;
	int64_t end; /* of the last */
};

/* NULL: no worker can read them, or another file is needed for it. May wait
 * some seconds for workers. */
struct text_frames *text_frames_new(const struct text_frames_options *o);
/* Withdraws what was not read. NULL is fine. */
void text_frames_free(struct text_frames *f);
DEFINE_FREEP(struct text_frames, text_frames)

/* For text_scan_options.known: waits until a worker has read the frame; false
 * if none does. */
bool text_frames_known(void *frames, int64_t time, int turn, struct text_lines *ret);
/* How many of them workers have read, of how many. */
size_t text_frames_read(const struct text_frames *f);

#endif
