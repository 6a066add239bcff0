/* SPDX-License-Identifier: Apache-2.0 */
/* The recording that `vdet demo` and `vdet fleet try` analyze, and the options
 * with which they do. */
#ifndef VDET_APP_DEMO_VIDEO_H
#define VDET_APP_DEMO_VIDEO_H

#include "base/cancel.h"
#include "child/world-video.h"

#define DEMO_HOURS "0.1667"
#define DEMO_SEED "7"
#define DEMO_DIR "vdet-demo"

/* Options of an analysis; the last has no row. */
struct demo_setting {
	const char *row, *flag, *value;
};
extern const struct demo_setting demo_settings[];

/* Draws it, unless `dir` has it: recording-SEED-SECONDSs.mp4, with its truth.
 * *ret is what was drawn, and *ret_path where; the caller frees. Blocks. */
int demo_video_draw(const char *dir, int64_t seed, double hours, struct cancel *cancel,
                    struct world_video *ret, char **ret_path, struct err *err);

#endif
