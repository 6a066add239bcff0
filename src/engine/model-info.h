/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of the model that would answer, without starting anything or
 * reading whole files: only their headers, for which the calls block. */
#ifndef VDET_ENGINE_MODEL_INFO_H
#define VDET_ENGINE_MODEL_INFO_H

#include <stdbool.h>

#include "base/err.h"
#include "engine/engine.h"
#include "models/fit.h"

struct model_look {
	/* as the engine will call it; "" = not known (an endpoint is not asked) */
	char *name;
	char *quantize; /* its precision, or ""; shape.quantize points here */
	/* what its header calls it, and the kind of its projector; "" = not known */
	char *full_name, *projector;
	struct fit_model shape; /* parameters 0 = not known */
	bool here;              /* its files are on this machine */
	bool endpoint;          /* it runs behind a URL */
	bool demo;              /* the bundled one, which always runs on the processor */
};

/* The model that the options choose; if its files are not here, the one of that
 * name in the catalogue. The caller clears `ret`. */
int model_look(const struct engine_options *o, const struct engine_places *p,
               const char *own_catalogue, struct model_look *ret, struct err *err);
/* A model that was chosen, from the headers of its files. `quantize`: the
 * precision that it will be converted to, "" = as it is. */
struct model;
int model_look_at(const struct model *m, const char *quantize, struct model_look *ret,
                  struct err *err);
void model_look_clear(struct model_look *m);

#endif
