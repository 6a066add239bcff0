/* SPDX-License-Identifier: Apache-2.0 */
/* Where one unit is done at a time: an open video with its media child, which
 * are kept for the next unit, since starting them is slow. */
#ifndef VDET_WORK_LANE_H
#define VDET_WORK_LANE_H

#include <stdbool.h>

#include "base/hash.h"
#include "job/describe.h"
#include "job/run.h"
#include "work/work.h"

struct work_lane {
	const struct work_setup *setup;
	char source[HASH_HEX];
	struct work_video video;
	bool open; /* the video is */
	struct run_context run;
	struct describe_options options;
	struct describe_worker describe;
	struct cancel *cancel;        /* fired: the lane cannot be used any more */
	const struct work_call *call; /* of the unit that is being done; else NULL */
};

struct work_lane *work_lane_new(const struct work_setup *setup);
void work_lane_free(struct work_lane *l);

/* Whether it has this video open, as the options say. */
bool work_lane_has(const struct work_lane *l, const char *sha256, const struct decoder_options *o);

/* Opens the video with these options, of which those of the decoder are
 * completed by the worker's own. What `o` points to must stay until the next
 * call. */
int work_lane_use(struct work_lane *l, const char *sha256, const struct describe_options *o,
                  struct err *err);
/* ERR_IO if bytes of the video could not be had since it was opened: what is
 * wrong then has other reasons than the video. */
int work_lane_bytes(struct work_lane *l, struct err *err);
/* The same after a look whose result is `r`: its error gets the form of a
 * failure (job/unit-result.h). */
int work_lane_looked(struct work_lane *l, int r, struct err *err);

/* The unit got on, as by a frame or a token more. */
void work_lane_moved(void *lane);

/* Adds microseconds until frames were decoded to the meter, if there is one. */
void work_lane_decoded(const struct work_lane *l, int64_t time);

#endif
