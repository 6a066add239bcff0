/* SPDX-License-Identifier: Apache-2.0 */
#include "models/fit.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/text.h"

#define BATCH 512
#define DRIVER ((int64_t)512 << 20)
#define SLOTS_WANTED 4 /* fewer leave a GPU idle between requests */
#define SLOTS_MAX 8
#define CONTEXT_STEP 256
#define TEXT_TOKENS 800 /* our own words around the pictures */
#define SIDE_MIN 256

const char *const fit_quantizations[] = {"bf16", "f16", "q8_0", "q6_k", "q5_k_m", "q4_k_m", NULL};

double fit_bits(const char *quantize)
{
	static const struct {
		const char *name;
		double bits;
	} known[] = {{"f32", 32},      {"bf16", 16},     {"f16", 16},      {"q8_0", 8.51},
	             {"q6_k", 6.57},   {"q5_k_m", 5.70}, {"q5_k_s", 5.57}, {"q4_k_m", 4.90},
	             {"q4_k_s", 4.67}, {"q4_0", 4.64},   {"mixed", 5.5},   {"q3_k_m", 4.0},
	             {"q3_k_l", 4.3},  {"q2_k", 3.17},   {"mxfp4", 4.4}};
	for (size_t i = 0; quantize && i < ARRAY_LEN(known); i++)
		if (!strcasecmp(known[i].name, quantize))
			return known[i].bits;
	return 0;
}

double fit_cache_bytes(const char *cache_type)
{
	if (!cache_type || !*cache_type || !strcmp(cache_type, "f16"))
		return 2;
	return !strcmp(cache_type, "q8_0") ? 34.0 / 32 : !strcmp(cache_type, "q4_0") ? 18.0 / 32 : 0;
}

/* Layers of which only one in `period` looks back at everything, by
 * architecture, as llama.cpp has it. */
static int64_t window_period(const char *arch)
{
	static const struct {
		const char *arch;
		int64_t period;
	} known[] = {{"gemma2", 2}, {"gemma3", 6}, {"gemma3n", 5}, {"cohere2", 4}, {"gpt-oss", 2}};
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (!strcmp(known[i].arch, arch))
			return known[i].period;
	return 0;
}

/* Tokens of a picture, for projectors that make as many of any picture. */
static void set_picture(const struct gguf *p, struct fit_model *m)
{
	m->patch = p->patch_size;
	m->merge = p->merge > 0 ? p->merge : 1;
	bool grows = strstr(p->projector, "qwen") || strstr(p->projector, "pixtral") ||
	             strstr(p->projector, "kimi");
	if (strstr(p->projector, "qwen") && p->merge <= 0)
		m->merge = 2;
	if (grows || p->patch_size <= 0 || p->image_size <= 0)
		return;
	int64_t side = p->image_size / p->patch_size;
	m->picture_tokens = side * side;
	if (!strcmp(p->projector, "gemma3"))
		m->picture_tokens /= 16;
	else if (!strcmp(p->projector, "idefics3"))
		m->picture_tokens /= 16;
	else if (!strcmp(p->projector, "internvl"))
		m->picture_tokens /= 4;
}

void fit_from_gguf(const struct gguf *model, const struct gguf *projector, struct fit_model *ret)
{
	int64_t head = model->heads > 0 ? model->width / model->heads : 0;
	int64_t kv = model->kv_heads > 0 ? model->kv_heads : model->heads;
	*ret = (struct fit_model){
		.parameters = model->parameters,
		.weights = model->weight_bytes,
		.layer_bytes = model->layer_bytes,
		.quantize = gguf_quantize_name(model->file_type),
		.layers = model->layers,
		.width = model->width,
		.kv_heads_all = model->kv_heads_all > 0 ? model->kv_heads_all : kv * model->layers,
		.key_length = model->key_length > 0 ? model->key_length : head,
		.value_length = model->value_length > 0 ? model->value_length : head,
		.vocab = model->vocab,
		.context = model->context,
	};

	int64_t period = model->window > 0 ? window_period(model->arch) : 0;
	if (period) {
		ret->window = model->window;
		ret->window_layers = model->layers - model->layers / period;
	}

	if (projector) {
		ret->projector = projector->weight_bytes;
		ret->vision_width = projector->vision_width;
		ret->vision_feed_forward = projector->vision_feed_forward;
		set_picture(projector, ret);
	}
}

int64_t fit_weights(const struct fit_model *m, const char *quantize)
{
	if (!quantize || !*quantize || (m->quantize && !strcasecmp(quantize, m->quantize)))
		return m->weights;
	return (int64_t)((double)m->parameters * fit_bits(quantize) / 8);
}

static int64_t rounded(int64_t n, int64_t step)
{
	return (n + step - 1) / step * step;
}

int64_t fit_picture_tokens(const struct fit_model *m, int64_t width, int64_t height)
{
	if (m->picture_tokens > 0) {
		int64_t tiles = 1;
		if (m->tile > 0 && (width > m->tile || height > m->tile))
			tiles = rounded(width, m->tile) / m->tile * (rounded(height, m->tile) / m->tile) + 1;
		return tiles * m->picture_tokens;
	}
	int64_t cell = m->patch * (m->merge > 0 ? m->merge : 1);
	if (cell <= 0)
		return 1200;
	int64_t tokens = rounded(width, cell) / cell * (rounded(height, cell) / cell);
	if (tokens >= m->picture_tokens_min || width <= 0 || height <= 0)
		return tokens;
	/* Enlarged, both sides alike. */
	double scale =
		sqrt((double)(m->picture_tokens_min * cell * cell) / ((double)width * (double)height));
	int64_t columns = (int64_t)ceil((double)width * scale / (double)cell);
	int64_t rows = (int64_t)ceil((double)height * scale / (double)cell);
	return columns * rows;
}

bool fit_known(const struct fit_model *m)
{
	return (m->weights > 0 || m->parameters > 0) && m->layers > 0 && m->kv_heads_all > 0 &&
	       m->key_length > 0 && (m->patch > 0 || m->picture_tokens > 0);
}

static int64_t cache_size(const struct fit_model *m, const struct fit_choice *c)
{
	double row = (double)(m->key_length + m->value_length) * fit_cache_bytes(c->cache_type);
	int64_t tokens = rounded(c->context, CONTEXT_STEP);
	int64_t seen = m->window + BATCH < tokens ? rounded(m->window + BATCH, CONTEXT_STEP) : tokens;
	double heads = m->layers > 0 ? (double)m->kv_heads_all / (double)m->layers : 0;
	double full = (double)(m->layers - m->window_layers) * heads * row * (double)tokens;
	double windowed = (double)m->window_layers * heads * row * (double)seen;
	return (int64_t)((full + windowed) * (double)c->slots);
}

static int64_t compute_size(const struct fit_model *m, const struct fit_choice *c)
{
	int64_t text =
		BATCH * (4 * m->vocab + 8 * 4 * m->width) + 2 * BATCH * rounded(c->context, CONTEXT_STEP);
	int64_t patches =
		m->patch > 0 ? (c->picture_width / m->patch + 1) * (c->picture_height / m->patch + 1) : 0;
	return text + patches * 4 * (8 * m->vision_width + 2 * m->vision_feed_forward);
}

struct fit_need fit_need(const struct fit_model *m, const struct fit_choice *c)
{
	struct fit_need n = {.weights = fit_weights(m, c->quantize), .projector = m->projector};
	n.cache = cache_size(m, c);
	n.compute = compute_size(m, c);
	if (c->gpu_layers >= 0 && c->gpu_layers < m->layers) {
		/* The cache is where its layer is. */
		double away = (double)(m->layers - c->gpu_layers) / (double)m->layers;
		double share = m->layer_bytes > 0 && m->weights > 0
		                   ? (double)m->layer_bytes / (double)m->weights
		                   : 0.9;
		n.main_memory = (int64_t)((double)n.weights * share * away + (double)n.cache * away);
		n.weights -= (int64_t)((double)n.weights * share * away);
		n.cache -= (int64_t)((double)n.cache * away);
	}
	int64_t sum = n.weights + n.projector + n.cache + n.compute;
	n.margin = DRIVER + sum / 20;
	n.total = sum + n.margin;
	return n;
}

/* ---- choosing */

struct search {
	const struct fit_model *m;
	const struct fit_wish *w;
	int64_t room; /* what may be taken */
	struct fit_plan *plan;
};

int64_t fit_request_tokens(const struct fit_model *m, const struct fit_wish *w, int64_t width,
                           int64_t height)
{
	int64_t text = w->text_tokens > 0 ? w->text_tokens : TEXT_TOKENS;
	return w->frames * fit_picture_tokens(m, width, height) + text + w->answer_tokens;
}

/* The context of one slot for pictures of the plan's size: what the chunk
 * takes. False where the model cannot. */
static bool set_context(const struct search *s)
{
	struct fit_plan *p = s->plan;
	p->picture_tokens = fit_picture_tokens(s->m, p->choice.picture_width, p->choice.picture_height);
	p->request_tokens =
		fit_request_tokens(s->m, s->w, p->choice.picture_width, p->choice.picture_height);
	int64_t most = s->m->context > 0 ? s->m->context : INT64_MAX;
	if (s->w->context > 0) {
		p->choice.context = s->w->context;
		return p->request_tokens <= s->w->context;
	}
	p->choice.context = rounded(p->request_tokens, CONTEXT_STEP);
	if (p->choice.context > most)
		p->choice.context = most;
	return p->request_tokens <= most;
}

/* As many slots as fit, at least `least`; false if these do not. */
static bool set_slots(const struct search *s, int64_t least)
{
	struct fit_choice *c = &s->plan->choice;
	int64_t most = s->w->slots > 0       ? s->w->slots
	               : s->w->slots_max > 0 ? s->w->slots_max
	                                     : SLOTS_MAX;
	if (s->w->slots > 0)
		least = most;
	for (c->slots = most; c->slots >= least; c->slots--)
		if (fit_need(s->m, c).total <= s->room)
			return true;
	c->slots = least;
	return false;
}

/* The finest precision with which `least` slots fit. */
static bool set_precision(const struct search *s, int64_t least)
{
	const char *const *list = s->w->available ? s->w->available : fit_quantizations;
	const char *const only[] = {s->w->quantize, NULL};
	if (s->w->quantize && *s->w->quantize)
		list = only;
	for (; *list; list++) {
		s->plan->choice.quantize = *list;
		if (set_slots(s, least))
			return true;
	}
	return false;
}

static void set_side(const struct search *s, int64_t side)
{
	int64_t w = s->w->picture_width, h = s->w->picture_height, longest = w > h ? w : h;
	if (longest <= 0)
		return;
	s->plan->choice.picture_width = w * side / longest;
	s->plan->choice.picture_height = h * side / longest;
}

/* Everything on the GPU: first in full, then with one slot, then with smaller
 * pictures and a smaller cache. */
static bool search_gpu(const struct search *s)
{
	int64_t w = s->w->picture_width, h = s->w->picture_height, side = w > h ? w : h;
	s->plan->choice.gpu_layers = -1;
	if (set_context(s) && (set_precision(s, SLOTS_WANTED) || set_precision(s, 1)))
		return true;
	for (;;) {
		side = side * 3 / 4;
		if (side < SIDE_MIN)
			return false;
		set_side(s, side);
		if (!set_context(s))
			continue;
		if (set_precision(s, 1))
			return true;
	}
}

/* Some layers in main memory, with the coarsest precision: slow, but it runs. */
static bool search_split(const struct search *s)
{
	struct fit_choice *c = &s->plan->choice;
	if (s->w->main_memory <= 0 || s->m->layers <= 0)
		return false;
	set_side(s, s->w->picture_width > s->w->picture_height ? s->w->picture_width
	                                                       : s->w->picture_height);
	if (!set_context(s))
		return false;
	c->slots = s->w->slots > 0 ? s->w->slots : 1;
	for (c->gpu_layers = s->m->layers - 1; c->gpu_layers >= 0; c->gpu_layers--) {
		struct fit_need n = fit_need(s->m, c);
		if (n.total <= s->room)
			return n.main_memory <= s->w->main_memory;
	}
	return false;
}

static void say_why(const struct search *s)
{
	struct fit_plan *p = s->plan;
	const struct fit_choice *c = &p->choice;
	char total[TEXT_SIZE_MAX], memory[TEXT_SIZE_MAX], weights[TEXT_SIZE_MAX], cache[TEXT_SIZE_MAX],
		compute[TEXT_SIZE_MAX];

	text_size((double)p->need.total, total);
	text_size((double)s->w->memory, memory);
	text_size((double)(p->need.weights + p->need.projector), weights);
	text_size((double)p->need.cache, cache);
	text_size((double)(p->need.compute + p->need.margin), compute);

	snprintf(p->why[0], FIT_WHY,
	         "%s of %s (%.0f %%; goal %.0f %%): weights %s, cache %s, compute and margin %s", total,
	         memory, 100.0 * (double)(p->need.total + s->w->in_use) / (double)s->w->memory,
	         100 * s->w->goal, weights, cache, compute);
	snprintf(p->why[1], FIT_WHY,
	         "%s%s, %lld slot%s of %lld tokens: %lld frames of %lldx%lld are %lld tokens each",
	         c->quantize && *c->quantize ? c->quantize : "the file as it is",
	         s->w->quantize && *s->w->quantize        ? " (as set)"
	         : s->w->available && !s->w->available[1] ? " as it is here"
	                                                  : " is the finest that fits",
	         (long long)c->slots, c->slots == 1 ? "" : "s", (long long)c->context,
	         (long long)s->w->frames, (long long)c->picture_width, (long long)c->picture_height,
	         (long long)p->picture_tokens);

	if (c->gpu_layers >= 0)
		snprintf(
			p->why[2], FIT_WHY,
			"only %lld of %lld layers fit on the GPU; the rest runs on the processor, many times "
			"slower",
			(long long)c->gpu_layers, (long long)s->m->layers);
	else if (c->picture_width < s->w->picture_width)
		snprintf(p->why[2], FIT_WHY,
		         "pictures are made smaller, from %lldx%lld, so that a request fits",
		         (long long)s->w->picture_width, (long long)s->w->picture_height);
	else
		snprintf(p->why[2], FIT_WHY, "all %lld layers on the GPU, pictures in full size",
		         (long long)s->m->layers);
}

int64_t fit_context(const struct fit_model *m, const struct fit_wish *w, int64_t usual)
{
	int64_t most = m->context > 0 ? m->context : usual,
			takes = fit_request_tokens(m, w, w->picture_width, w->picture_height);
	int64_t context = w->frames > 0 && takes > usual ? takes : usual;
	return context < most ? context : most;
}

void fit_main(const struct fit_model *m, const struct fit_wish *w, struct fit_plan *ret)
{
	char total[TEXT_SIZE_MAX], memory[TEXT_SIZE_MAX], weights[TEXT_SIZE_MAX], cache[TEXT_SIZE_MAX],
		compute[TEXT_SIZE_MAX];
	int64_t most = m->context > 0 ? m->context : FIT_CONTEXT_UNKNOWN;
	int64_t usual = most < FIT_CONTEXT ? most : FIT_CONTEXT;
	struct fit_plan p = {
		.choice = {.quantize = w->quantize,
	               .cache_type = w->cache_type,
	               .slots = w->slots > 0 ? w->slots : FIT_SLOTS,
	               .context = w->context > 0 ? w->context : fit_context(m, w, usual),
	               .gpu_layers = -1,
	               .picture_width = w->picture_width,
	               .picture_height = w->picture_height}};
	p.picture_tokens = fit_picture_tokens(m, w->picture_width, w->picture_height);
	p.request_tokens = fit_request_tokens(m, w, w->picture_width, w->picture_height);
	p.need = fit_need(m, &p.choice);
	p.need.margin -= DRIVER;
	p.need.total -= DRIVER;
	p.choice.gpu_layers = 0;

	text_size((double)p.need.total, total);
	text_size((double)w->memory, memory);
	text_size((double)(p.need.weights + p.need.projector), weights);
	text_size((double)p.need.cache, cache);
	text_size((double)(p.need.compute + p.need.margin), compute);
	snprintf(p.why[0], FIT_WHY, "%s of %s main memory: weights %s, cache %s, compute and margin %s",
	         total, memory, weights, cache, compute);
	snprintf(p.why[1], FIT_WHY,
	         "%lld slot%s of %lld tokens: %lld frames of %lldx%lld are %lld tokens each",
	         (long long)p.choice.slots, p.choice.slots == 1 ? "" : "s", (long long)p.choice.context,
	         (long long)w->frames, (long long)w->picture_width, (long long)w->picture_height,
	         (long long)p.picture_tokens);
	snprintf(p.why[2], FIT_WHY, "no layers on a GPU: the model runs on the processor");
	*ret = p;
}

/* What would have to be different. */
static int too_large(const struct search *s, struct err *err)
{
	struct fit_choice c = s->plan->choice;
	char least[TEXT_SIZE_MAX], room[TEXT_SIZE_MAX];

	c.slots = s->w->slots > 0 ? s->w->slots : 1;
	c.gpu_layers = -1;
	set_side(s, SIDE_MIN);
	set_context(s);
	c.context = s->plan->choice.context;
	c.picture_width = s->plan->choice.picture_width;
	c.picture_height = s->plan->choice.picture_height;
	text_size((double)s->room, room);

	const char *told = s->w->quantize && *s->w->quantize ? s->w->quantize : NULL;
	for (const char *const *q = s->w->available ? s->w->available : fit_quantizations; told && *q;
	     q++) {
		c.quantize = *q;
		if (fit_need(s->m, &c).total <= s->room)
			return err_set(err, ERR_LIMIT,
			               "at %s the model does not fit into %s; with --quantize %s it would",
			               told, room, *q);
	}

	if (!told)
		c.quantize = "q4_k_m";
	text_size((double)fit_need(s->m, &c).total, least);
	return err_set(
		err, ERR_LIMIT,
		"the model does not fit: even at %s, with one slot and small pictures, it takes %s, and "
		"%s may be used. "
		"Choose a smaller model (vdet model list)",
		c.quantize, least, room);
}

int fit_make(const struct fit_model *m, const struct fit_wish *w, struct fit_plan *ret,
             struct err *err)
{
	struct fit_plan plan = {.choice = {.cache_type = w->cache_type,
	                                   .slots = w->slots,
	                                   .gpu_layers = -1,
	                                   .picture_width = w->picture_width,
	                                   .picture_height = w->picture_height}};
	struct search s = {
		.m = m, .w = w, .room = (int64_t)((double)w->memory * w->goal) - w->in_use, .plan = &plan};
	if (w->memory <= 0 || w->goal <= 0)
		return err_set(err, ERR_ARG, "how much memory there is must be known to plan with it");
	if (!m->parameters && !m->weights)
		return err_set(err, ERR_UNSUPPORTED, "the header does not show how large the model is");
	/* Of a file that is here the header says what it says. */
	if (!m->weights && !fit_known(m))
		return err_set(err, ERR_UNSUPPORTED,
		               "how the model is built is not known before it is downloaded, so its "
		               "memory cannot be calculated");
	if (w->context > 0 && !set_context(&s))
		return err_set(
			err, ERR_LIMIT,
			"a chunk of %lld frames takes %lld tokens, and the context is %lld: fewer frames "
			"(--chunk-frames), "
			"smaller pictures (--frame-size) or more context (--context)",
			(long long)w->frames, (long long)plan.request_tokens, (long long)w->context);
	if (!search_gpu(&s) && !search_split(&s))
		return too_large(&s, err);
	plan.need = fit_need(m, &plan.choice);
	say_why(&s);
	*ret = plan;
	return 0;
}
