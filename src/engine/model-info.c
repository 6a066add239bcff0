/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/model-info.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/catalogue.h"
#include "models/gguf.h"
#include "models/model.h"

void model_look_clear(struct model_look *m)
{
	free(m->name);
	free(m->quantize);
	free(m->full_name);
	free(m->projector);
	*m = (struct model_look){0};
}

int model_look_at(const struct model *m, const char *quantize, struct model_look *ret,
                  struct err *err)
{
	struct gguf text = {0}, projector = {0};
	int r = gguf_read(m->path, &text, err);
	if (r == 0)
		r = gguf_read(m->projector, &projector, err);
	if (r == 0) {
		ret->name = mem_strdup(m->name);
		ret->quantize = mem_strdup(*quantize ? quantize : m->quantize);
		ret->full_name = mem_strdup(text.name);
		ret->projector = mem_strdup(projector.projector);
		ret->here = true;
		ret->demo = m->demo;
		fit_from_gguf(&text, &projector, &ret->shape);
		if (m->files > 1) {
			ret->shape.weights *= m->files; /* parts are about equal */
			ret->shape.parameters *= m->files;
			ret->shape.layer_bytes *= m->files;
		}
		if (*quantize && strcmp(quantize, m->quantize) != 0)
			ret->shape.weights = fit_weights(&ret->shape, quantize);
		ret->shape.quantize = ret->quantize;
	}
	gguf_clear(&text);
	gguf_clear(&projector);
	return r;
}

static int look_in_catalogue(const struct engine_options *o, const char *name, const char *quantize,
                             const char *own, struct model_look *ret, struct err *err)
{
	AUTO(catalogue_freep) struct catalogue *c = NULL;
	struct err ignored;
	if (catalogue_load(own, &c, &ignored) < 0)
		return -(int)err->code;
	const struct catalogue_model *m = catalogue_find(c, name);
	if (!m)
		return -(int)err->code;
	ret->name = mem_strdup(m->name);
	ret->quantize = mem_strdup(*quantize ? quantize : m->quantize);
	const struct model_family *f = catalogue_family(c, m->name);
	ret->shape = m->shape;
	ret->shape.picture_tokens_min = o->image_min_tokens >= 0 ? o->image_min_tokens
	                                : f                      ? f->picture_tokens_min
	                                                         : 0;
	ret->shape.quantize = ret->quantize;
	ret->shape.weights = (int64_t)((double)m->shape.parameters * fit_bits(ret->quantize) / 8);
	return 0;
}

int model_look(const struct engine_options *o, const struct engine_places *p,
               const char *own_catalogue, struct model_look *ret, struct err *err)
{
	AUTO(model_clear) struct model m = {0};
	const char *wanted = o->model ? o->model : "";
	const char *quantize = o->quantize && strcmp(o->quantize, "as-is") != 0 ? o->quantize : "";
	if (o->url && *o->url && strcmp(o->url, "auto") != 0) {
		*ret = (struct model_look){
			.name = mem_strdup(wanted), .quantize = mem_strdup(""), .endpoint = true};
		return 0;
	}
	struct model_look look = {0};
	int r = model_choose(wanted, quantize, p->models_dir, p->demo_dir, &m, err);
	r = r == 0 ? model_look_at(&m, quantize, &look, err)
	           : look_in_catalogue(o, wanted, quantize, own_catalogue, &look, err);
	if (r == 0)
		*ret = look;
	return r;
}
