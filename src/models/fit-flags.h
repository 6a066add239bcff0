/* SPDX-License-Identifier: Apache-2.0 */
/* The settings of a llama-server for the memory of a GPU: slots, tokens per
 * slot, layers on the GPU; and how large pictures may be for a chunk to fit.
 * Pure. */
#ifndef VDET_MODELS_FIT_FLAGS_H
#define VDET_MODELS_FIT_FLAGS_H

#include <stdbool.h>
#include <stdint.h>

#include "models/fit.h"

/* The value of -ngl for all layers, larger than the number of any model. It is
 * passed because old versions put none on the GPU by default. */
#define FIT_LAYERS_ALL 999

struct fit_flags {
	int64_t slots;
	int64_t context;      /* tokens of one slot; as in the wish unless only less fits */
	int64_t picture_side; /* limit of a picture's long side in pixels; 0 = none */
	int64_t gpu_layers;   /* for -ngl; -1 = do not pass it */
	char why[3][FIT_WHY]; /* three lines for people */
	/* "" or one line: the model is larger than the memory, and what would fit */
	char warning[2 * FIT_WHY];
};

/* Uses of `w`: memory, in_use, goal, main_memory, cache_type, the needs of a
 * chunk (frames, picture_width, picture_height, answer_tokens; frames 0 = not
 * known), context, and slots if the user set them. `fixed`: the user set the
 * context; else it may become smaller, down to what a chunk needs. */
void fit_flags(const struct fit_model *m, const struct fit_wish *w, bool fixed,
               struct fit_flags *ret);

/* Without a GPU: "", or one line if the weights are larger than `memory`, the
 * machine's whole main memory in bytes. */
void fit_main_warning(const struct fit_model *m, int64_t memory, char ret[static 2 * FIT_WHY]);

#endif
