/* SPDX-License-Identifier: Apache-2.0 */
#include "models/fit-flags.h"

#include <stdio.h>

#include "base/text.h"

#define WIDTH 1280 /* a picture as large as they are by default */
#define HEIGHT 720

/* The finest precision coarser than what is at hand with which all of it would
 * be on the GPU; NULL = none. */
static const char *would_fit(const struct fit_model *m, const struct fit_wish *w, int64_t slots)
{
	int64_t room = (int64_t)((double)w->memory * w->goal) - w->in_use;
	for (const char *const *q = fit_quantizations; *q; q++) {
		struct fit_choice c = {.quantize = *q,
		                       .cache_type = w->cache_type,
		                       .slots = slots,
		                       .context = w->context,
		                       .gpu_layers = -1,
		                       .picture_width = WIDTH,
		                       .picture_height = HEIGHT};
		if (m->parameters > 0 && fit_weights(m, *q) < m->weights && fit_need(m, &c).total <= room)
			return *q;
	}
	return NULL;
}

static void warn(const struct fit_model *m, const struct fit_wish *w, const char *what,
                 struct fit_flags *ret)
{
	const char *q = would_fit(m, w, w->slots > 0 ? w->slots : 1);
	char memory[TEXT_SIZE_MAX];
	text_size((double)w->memory, memory);
	snprintf(ret->warning, sizeof ret->warning,
	         "the model is larger than %.0f %% of the GPU's %s: %s; %s%s%s", 100 * w->goal, memory,
	         what, q ? "with --quantize " : "no precision would fit: choose a smaller model",
	         q ? q : "", q ? " it would fit" : "");
}

void fit_main_warning(const struct fit_model *m, int64_t memory, char ret[static 2 * FIT_WHY])
{
	char needs[TEXT_SIZE_MAX], has[TEXT_SIZE_MAX];
	text_size((double)m->weights, needs);
	text_size((double)memory, has);
	ret[0] = '\0';
	if (memory > 0 && m->weights > memory)
		snprintf(
			ret, 2 * FIT_WHY,
			"the model's weights, %s, are larger than this machine's memory, %s: they are read "
			"from the disk again "
			"and again, many times slower; choose a smaller model or a coarser --quantize",
			needs, has);
}

/* As the wish has it, all on the GPU, with pictures as they are. */
static bool fits_as_wished(const struct fit_model *m, const struct fit_wish *w, struct fit_plan *p)
{
	struct err err;
	return fit_make(m, w, p, &err) == 0 && p->choice.gpu_layers < 0 &&
	       p->choice.picture_width == w->picture_width;
}

/* What fits, the least loss first: all as wished; less context, down to what a
 * chunk takes; smaller pictures; layers in main memory. */
static int search(const struct fit_model *m, const struct fit_wish *w, bool fixed,
                  struct fit_plan *p, struct err *err)
{
	struct fit_wish wish = *w;
	if (fits_as_wished(m, &wish, p))
		return 0;
	int64_t takes =
		w->frames > 0 ? fit_request_tokens(m, w, w->picture_width, w->picture_height) : w->context;
	while (!fixed && wish.context / 2 > takes) {
		wish.context /= 2;
		if (fits_as_wished(m, &wish, p))
			return 0;
	}
	wish.context = fixed || w->frames <= 0 ? w->context : 0;
	if (fit_make(m, &wish, p, err) == 0)
		return 0;
	/* What the user set leaves no room for a chunk: the server can be started
	 * all the same, and says so. */
	wish.context = w->context;
	wish.frames = 0;
	wish.text_tokens = 1;
	wish.answer_tokens = 0;
	wish.picture_width = wish.picture_height = 0;
	return fit_make(m, &wish, p, err);
}

static void say(const struct fit_plan *p, const struct fit_model *m, const struct fit_wish *w,
                struct fit_flags *ret)
{
	snprintf(ret->why[0], FIT_WHY, "%s", p->why[0]);
	snprintf(ret->why[1], FIT_WHY, "%s as it is here, %lld slot%s%s of %lld tokens%s", m->quantize,
	         (long long)ret->slots, ret->slots == 1 ? "" : "s", w->slots > 0 ? " as set" : "",
	         (long long)ret->context,
	         ret->context < w->context ? ", fewer than usual so that it fits" : "");
	if (p->choice.gpu_layers >= 0)
		snprintf(
			ret->why[2], FIT_WHY,
			"%lld of %lld layers on the GPU, the rest runs on the processor, many times slower",
			(long long)p->choice.gpu_layers, (long long)m->layers);
	else if (ret->picture_side)
		snprintf(ret->why[2], FIT_WHY,
		         "all %lld layers on the GPU; pictures no larger than %lld pixels, so that it fits",
		         (long long)m->layers, (long long)ret->picture_side);
	else
		snprintf(ret->why[2], FIT_WHY, "all %lld layers on the GPU", (long long)m->layers);
}

void fit_flags(const struct fit_model *m, const struct fit_wish *w, bool fixed,
               struct fit_flags *ret)
{
	const char *file = m->quantize && *m->quantize ? m->quantize : "the file";
	const char *only[] = {file, NULL};
	struct fit_model shape = *m;
	struct fit_wish wish = *w;
	struct fit_plan p;
	struct err err;

	*ret = (struct fit_flags){.gpu_layers = -1, .context = w->context};
	shape.quantize = file;
	wish.quantize = NULL;
	wish.available = only;
	if (wish.frames <= 0)
		wish.text_tokens = 1;
	if (wish.picture_width <= 0 || wish.picture_height <= 0) {
		wish.picture_width = WIDTH;
		wish.picture_height = HEIGHT;
	}

	if (search(&shape, &wish, fixed, &p, &err) < 0) {
		warn(&shape, w, "llama-server is left to try, and may fail or be slow", ret);
		return;
	}

	ret->slots = p.choice.slots;
	ret->context = p.choice.context;
	ret->gpu_layers = p.choice.gpu_layers < 0 ? FIT_LAYERS_ALL : p.choice.gpu_layers;
	if (p.choice.picture_width > 0 && p.choice.picture_width < wish.picture_width)
		ret->picture_side = p.choice.picture_width > p.choice.picture_height
		                        ? p.choice.picture_width
		                        : p.choice.picture_height;

	say(&p, &shape, w, ret);
	if (p.choice.gpu_layers >= 0)
		warn(&shape, w, ret->why[2], ret);
	else if (ret->picture_side)
		snprintf(
			ret->warning, sizeof ret->warning,
			"pictures are made smaller, to %lld pixels, so that a chunk of %lld frames fits into "
			"the GPU's memory",
			(long long)ret->picture_side, (long long)w->frames);
}
