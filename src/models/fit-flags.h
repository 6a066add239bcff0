/* SPDX-License-Identifier: Apache-2.0 */
/* From what is known of a GPU's memory to what a llama-server is started with:
 * how many slots of how many tokens, and how many layers on the GPU; and how
 * large pictures may be for a chunk to fit. Pure. */
#ifndef VDET_MODELS_FIT_FLAGS_H
#define VDET_MODELS_FIT_FLAGS_H

#include <stdbool.h>
#include <stdint.h>

#include "models/fit.h"

/* what users configure for llama-server for all of them; old ones put none
 * there by themselves */
#define FIT_LAYERS_ALL 999

struct fit_flags {
	int64_t slots;
	int64_t context;      /* of one slot; that of the wish unless only less fits */
	int64_t picture_side; /* the longest that a picture's long side may be; 0 = as it is */
	int64_t gpu_layers;   /* for -ngl; -1 = it is not passed */
	char why[3][FIT_WHY];
	/* "" or one line: the model is larger than the memory, and what would fit */
	char warning[2 * FIT_WHY];
};

/* Tokens of one slot where the user did not say: what a chunk of `w` takes, at
 * least `usual`, at most what the model was made for. */
int64_t fit_context(const struct fit_model *m, const struct fit_wish *w, int64_t usual);

/* `w` says memory, in_use, goal, main_memory, cache_type, what a chunk takes
 * (frames, picture_width, picture_height, answer_tokens; frames 0 = not known)
 * and context; slots too, where the user did. `fixed`: so the user did the
 * context; else it may become smaller, down to what a chunk takes. */
void fit_flags(const struct fit_model *m, const struct fit_wish *w, bool fixed,
               struct fit_flags *ret);

/* Without a GPU: "", or one line if the weights are larger than `memory`, the
 * machine's whole main memory in bytes. */
void fit_main_warning(const struct fit_model *m, int64_t memory, char ret[static 2 * FIT_WHY]);

#endif
