/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of the model that would answer, without starting anything or
 * reading it whole. Blocks for headers. */
#ifndef VDET_ENGINE_MODEL_INFO_H
#define VDET_ENGINE_MODEL_INFO_H

#include <stdbool.h>

#include "base/err.h"
#include "engine/engine.h"
#include "models/fit.h"

struct model_look {
	/* as the engine will call it; "" = not known (an endpoint that was not
	 * asked) */
	char *name;
	char *quantize;         /* precision that it is at, or ""; shape.quantize points here */
	struct fit_model shape; /* parameters 0 = not known */
	bool here;              /* its files are */
	bool endpoint;          /* it runs elsewhere */
};

/* The model that the options choose; else, by the same name, one of the
 * catalogue that could be fetched. */
int model_look(const struct engine_options *o, const struct engine_places *p,
               const char *own_catalogue, struct model_look *ret, struct err *err);
/* One that was chosen, from its files' headers. `quantize`: "" = as it is. */
struct model;
int model_look_at(const struct model *m, const char *quantize, struct model_look *ret,
                  struct err *err);
void model_look_clear(struct model_look *m);

#endif
