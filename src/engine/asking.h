/* SPDX-License-Identifier: Apache-2.0 */
/* How a model is asked: what its family recommends (models/family.h), as far as
 * the options do not say otherwise. Pure. */
#ifndef VDET_ENGINE_ASKING_H
#define VDET_ENGINE_ASKING_H

#include "base/buf.h"
#include "engine/engine.h"
#include "models/family.h"
#include "openai/sampling.h"

/* Numbers below 0, and false, mean: as the model wants it. */
struct asking {
	bool greedy;
	bool reasoning_on, reasoning_off;
	double temperature, top_p;
	int64_t picture_tokens_min;
};

struct asking asking_of(const struct engine_options *o);
/* `f`: the model's family, NULL = not known. */
struct sampling asking_sampling(const struct asking *a, const struct model_family *f);
/* Fewest tokens of a picture; 0 = as the engine has it. */
int64_t asking_picture_tokens(const struct asking *a, const struct model_family *f);
/* What differs from the defaults, for the key of a run; "" if nothing does. The
 * caller frees. */
char *asking_text(const struct asking *a);

#endif
