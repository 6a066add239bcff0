/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of the options table that describe a drawn video; shared by `vdet
 * world` and `vdet demo`. */
#ifndef VDET_APP_WORLD_OPTIONS_H
#define VDET_APP_WORLD_OPTIONS_H

#include "base/cancel.h"
#include "base/opt.h"
#include "child/world-video.h"

extern const struct opt_group world_opt_group; /* target: struct world_video */

/* Writes the video `path` and, in the same folder, its stem with ".truth.json"
 * and, if questions are wanted, with ".questions.json", each completely or not
 * at all; v->questions is then how many there are. Prints its progress to
 * standard error, on one line if that is a terminal. */
int world_draw_files(struct world_video *v, const char *path, struct cancel *cancel,
                     struct err *err);
char *world_truth_path(const char *video); /* the caller frees */
char *world_questions_path(const char *video);

#endif
