#include "engine/fit-flags.h"

#include <stdio.h>

#include "base/text.h"

#define WIDTH 1280 /* a picture as large as they are by default */
#define HEIGHT 720

/* The finest precision coarser than what is at hand with which all of it would be on the GPU; NULL = none. */
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

static void warn(const struct fit_model *m, const struct fit_wish *w, const char *what, struct fit_flags *ret)
{
	const char *q = would_fit(m, w, w->slots > 0 ? w->slots : 1);
	char memory[TEXT_SIZE_MAX];
	text_size((double)w->memory, memory);
	snprintf(ret->warning, sizeof ret->warning, "the model is larger than %.0f %% of the GPU's %s: %s; %s%s%s",
	         100 * w->goal, memory, what, q ? "with --quantize " : "no precision would fit: choose a smaller model",
	         q ? q : "", q ? " it would fit" : "");
}

void fit_flags(const struct fit_model *m, const struct fit_wish *w, struct fit_flags *ret)
{
	const char *file = m->quantize && *m->quantize ? m->quantize : "the file";
	const char *only[] = {file, NULL};
	struct fit_model shape = *m;
	struct fit_wish wish = *w;
	struct fit_plan p;
	struct err err;
	*ret = (struct fit_flags){.gpu_layers = -1};
	shape.quantize = file;
	wish.quantize = NULL;
	wish.available = only;
	wish.frames = 0;
	wish.text_tokens = 1; /* how much a chunk takes is not the server's business */
	wish.picture_width = WIDTH;
	wish.picture_height = HEIGHT;
	int r = fit_make(&shape, &wish, &p, &err);
	if (r < 0 || p.choice.picture_width < WIDTH) {
		/* Nobody here can make pictures smaller. */
		wish.picture_width = wish.picture_height = 0;
		r = fit_make(&shape, &wish, &p, &err);
	}
	if (r < 0) {
		warn(&shape, w, "llama-server is left to try, and may fail or be slow", ret);
		return;
	}
	ret->slots = p.choice.slots;
	ret->gpu_layers = p.choice.gpu_layers < 0 ? FIT_LAYERS_ALL : p.choice.gpu_layers;
	snprintf(ret->why[0], FIT_WHY, "%s", p.why[0]);
	snprintf(ret->why[1], FIT_WHY, "%s as it is here, %lld slot%s%s of %lld tokens", file, (long long)ret->slots,
	         ret->slots == 1 ? "" : "s", w->slots > 0 ? " as told" : "", (long long)p.choice.context);
	if (p.choice.gpu_layers < 0) {
		snprintf(ret->why[2], FIT_WHY, "all %lld layers on the GPU", (long long)m->layers);
		return;
	}
	snprintf(ret->why[2], FIT_WHY, "%lld of %lld layers on the GPU, the rest runs on the processor, many times slower",
	         (long long)p.choice.gpu_layers, (long long)m->layers);
	warn(&shape, w, ret->why[2], ret);
}
