/* Inside the engine room: from what is known of a GPU's memory to what a llama-server is told: how many slots, and how
 * many layers on the GPU. Pure. The context stays as it is: jobs are cut to it. */
#ifndef VDET_ENGINE_FIT_FLAGS_H
#define VDET_ENGINE_FIT_FLAGS_H

#include <stdint.h>

#include "engine/fit.h"

#define FIT_LAYERS_ALL 999 /* what people tell llama-server for all of them; old ones put none there by themselves */

struct fit_flags {
	int64_t slots;
	int64_t gpu_layers; /* for -ngl; -1 = it is not told */
	char why[3][FIT_WHY];
	char warning[2 * FIT_WHY]; /* "" or one line: the model is larger than the memory, and what would fit */
};

/* `w` says memory, in_use, goal, main_memory, cache_type and context; slots too, where the user did. */
void fit_flags(const struct fit_model *m, const struct fit_wish *w, struct fit_flags *ret);

#endif
