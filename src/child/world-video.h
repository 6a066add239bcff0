/* SPDX-License-Identifier: Apache-2.0 */
/* Draws the demo world into a video file, in a child (role `world`), since
 * libav is linked to workers only.
 *
 * Over proc/wire.h: the parent sends WORLD_DRAW with a struct world_video as
 * its head; the child replies with WORLD_DONE {us} about twice a second,
 * finally with us = the duration when the file is complete; or with WORLD_ERROR
 * {code, msg}. When the socket closes, the child removes its partial file and
 * exits. */
#ifndef VDET_CHILD_WORLD_VIDEO_H
#define VDET_CHILD_WORLD_VIDEO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "world/world.h"

struct world_video {
	struct world_options world;
	const char *path;      /* of the MP4 to write; borrowed */
	int64_t width, height; /* even, 16 to 4096 */
	double fps;            /* 0.1 to 120 */
	double keyframe_s;     /* 0.1 to 60 s */
	int64_t quality;       /* x264's constant rate factor, 0 (best) to 51 */
	bool sound;
	/* Of the date and time in the picture, see world/dial.h; only world.dial
	 * counts. */
	char *clock_start, *clock_format, *clock_set;
	double clock_speed;
	char *subjects;    /* "plain" or "hard", as it was given; only world.subjects counts */
	int64_t questions; /* to write beside it; nothing in the video */
};

/* From the texts to world.dial; ERR_ARG. */
int world_video_dial(struct world_video *v, struct err *err);

/* 640x360, 10 pictures per second, a keyframe every 4 s, no sound, the default
 * world; path NULL. */
void world_video_default(struct world_video *v);

/* Starts the child and waits for the file. progress (may be NULL) is called on
 * this thread with the time drawn so far. Blocks for a fraction of the duration
 * of the video; ERR_CANCELED when `cancel` fires. A partial file is removed. */
int world_video_draw(const struct world_video *v, void (*progress)(void *ctx, int64_t done_us),
                     void *ctx, struct cancel *cancel, struct err *err);

/* The child's side. */
enum world_msg { WORLD_DRAW = 1, WORLD_DONE, WORLD_ERROR };

#endif
