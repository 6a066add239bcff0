/* SPDX-License-Identifier: Apache-2.0 */
/* The fit planner, the catalogue, and which files of a repository make up a
 * model. All pure functions. */
#include "unit.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "engine/asking.h"
#include "models/catalogue.h"
#include "models/fit-flags.h"
#include "models/fit.h"
#include "models/get.h"

#define GB INT64_C(1000000000)

static const struct catalogue_model *model(const struct catalogue *c, const char *name)
{
	const struct catalogue_model *m = catalogue_find(c, name);
	if (!m)
		fail_msg("no %s in the catalogue", name);
	return m;
}

static struct catalogue *shipped(void)
{
	struct catalogue *c = NULL;
	struct err err = {0};
	if (catalogue_load("", &c, &err) < 0)
		fail_msg("%s", err.msg);
	return c;
}

static struct fit_wish wish(int64_t memory)
{
	return (struct fit_wish){.memory = memory,
	                         .goal = 0.7,
	                         .frames = 6,
	                         .picture_width = 1280,
	                         .picture_height = 720,
	                         .answer_tokens = 2048};
}

static struct fit_plan fits(const struct fit_model *m, const struct fit_wish *w)
{
	struct fit_plan p;
	struct err err = {0};
	if (fit_make(m, w, &p, &err) < 0)
		fail_msg("%s", err.msg);
	return p;
}

/* Whether how a model is built is stated whole, or not at all: what is not
 * confirmed is left out. */
static bool whole_shape(const struct catalogue_model *m)
{
	const struct fit_model *s = &m->shape;
	return s->parameters > 0 && s->layers > 0 && s->kv_heads_all > 0 && s->context > 0 &&
	       s->vocab > 0 && fit_picture_tokens(s, 1280, 720) >= 64 && m->projector_parameters > 0;
}

static void the_shipped_catalogue_is_complete(void **state)
{
	(void)state;
	AUTO(catalogue_freep) struct catalogue *c = shipped();
	static const char *const wanted[] = {
		"qwen2.5-vl-3b",    "qwen2.5-vl-7b",  "QWEN2.5-VL-32B", "qwen2.5-vl-72b", "qwen3-vl-8b",
		"qwen3-vl-30b-a3b", "smolvlm2-256m",  "gemma-3-27b",    "qwen3.5-9b",     "qwen3.6-35b-a3b",
		"gemma-4-e4b",      "ministral-3-8b", "lfm2-vl-1.6b",   "glm-4.6v-flash", "internvl3.5-8b"};
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
		model(c, wanted[i]);
	size_t checked = 0;
	for (size_t i = 0; i < c->n; i++) {
		const struct catalogue_model *m = &c->models[i];
		bool known = fit_known(&m->shape);
		if (!*m->licence || !*m->repository || (!m->speech && fit_bits(m->quantize) <= 0))
			fail_msg("%s lacks something", m->name);
		if (known ? !whole_shape(m) : m->shape.parameters || m->shape.layers || m->shape.patch)
			fail_msg("how %s is built is stated in part", m->name);
		if (m->checked && (!*m->source || (known && !*m->shape_source)))
			fail_msg("%s is checked, and names no page", m->name);
		checked += m->checked;
	}
	assert_true(checked >= 10 && checked < c->n);
	for (size_t i = 0; i < c->n_families; i++) {
		const struct model_family *f = &c->families[i];
		if (!*f->source)
			fail_msg("the family %s names no page", f->name);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(f->name, c->families[k].name);
	}
}

/* By the names that files, hubs and engines give them. */
static void families_are_recognized(void **state)
{
	static const struct {
		const char *name, *family;
	} cases[] = {{"Qwen/Qwen3-VL-8B-Instruct", "qwen3-vl"},
	             {"Qwen3VL-8B-Instruct-Q4_K_M", "qwen3-vl"},
	             {"qwen3-vl:8b", "qwen3-vl"},
	             {"Qwen3-VL-30B-A3B-Thinking", "qwen3-vl-thinking"},
	             {"qwen2.5vl:7b", "qwen2.5-vl"},
	             {"unsloth/Qwen3.5-9B-GGUF:Q4_K_M", "qwen3.5"},
	             {"Qwen/Qwen3.6-35B-A3B-FP8", "qwen3.6"},
	             {"gemma4:31b", "gemma-4"},
	             {"google/gemma-4-E4B-it", "gemma-4"},
	             {"glm-4.6v", "glm-4v"},
	             {"Ministral-3-8B-Instruct-2512-Q4_K_M", "ministral-3"},
	             {"mistralai/Ministral-3-14B-Reasoning-2512", "ministral-3-reasoning"},
	             {"gemma-3-4b-it", NULL},
	             {"Qwen3-8B", NULL},
	             {"gemma-4b", NULL},
	             {"qwen3.55-7b", NULL},
	             {"my-qwen3.5x", NULL},
	             {"", NULL}};
	AUTO(catalogue_freep) struct catalogue *c = shipped();
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct model_family *f = catalogue_family(c, cases[i].name);
		if (!f != !cases[i].family || (f && strcmp(f->name, cases[i].family) != 0))
			fail_msg("%s is of %s, not of %s", cases[i].name, f ? f->name : "none",
			         cases[i].family ? cases[i].family : "none");
	}
}

/* What a family recommends, and what the user sets instead. */
static void options_override_a_family(void **state)
{
	AUTO(catalogue_freep) struct catalogue *c = shipped();
	const struct model_family *f = catalogue_family(c, "qwen3.5-9b");
	char automatic[] = "auto", greedy[] = "greedy", on[] = "on", off[] = "off";
	struct engine_options o = {.sampling = automatic,
	                           .reasoning = automatic,
	                           .temperature = -1,
	                           .top_p = -1,
	                           .image_min_tokens = -1};
	(void)state;
	struct asking a = asking_of(&o);
	struct sampling s = asking_sampling(&a, f);
	assert_true(s.temperature == 0.7 && s.top_p == 0.8 && s.top_k == 20 && s.has_min_p);
	assert_int_equal(s.no_reasoning, NO_REASONING_TEMPLATE);
	assert_int_equal(asking_picture_tokens(&a, f), 1024);
	AUTO(mem_freep) char *none = asking_text(&a);
	assert_string_equal(none, "");
	s = asking_sampling(&a, NULL);
	assert_true(s.temperature == 0 && s.top_p == 0 && s.top_k == 0 && !s.has_min_p);
	assert_int_equal(s.no_reasoning, REASONING_AS_IS);
	o = (struct engine_options){.sampling = greedy,
	                            .reasoning = on,
	                            .temperature = -1,
	                            .top_p = 0.9,
	                            .image_min_tokens = 0};
	a = asking_of(&o);
	s = asking_sampling(&a, f);
	assert_true(s.temperature == 0 && s.top_p == 0.9 && s.top_k == 0);
	assert_int_equal(s.no_reasoning, REASONING_AS_IS);
	assert_int_equal(asking_picture_tokens(&a, f), 0);
	AUTO(mem_freep) char *text = asking_text(&a);
	assert_string_equal(text, " greedy reasoning=on top_p=0.9 image_min_tokens=0");
	o = (struct engine_options){.reasoning = off, .temperature = 0.2, .top_p = -1};
	a = asking_of(&o);
	s = asking_sampling(&a, NULL);
	assert_true(s.temperature == 0.2);
	assert_int_equal(s.no_reasoning, NO_REASONING_TEMPLATE);
}

/* Small pictures are enlarged to the fewest tokens; large ones are not. Of what
 * is not known nothing is guessed. */
static void pictures_have_the_fewest_tokens(void **state)
{
	AUTO(catalogue_freep) struct catalogue *c = shipped();
	struct fit_model m = model(c, "qwen3-vl-8b")->shape;
	(void)state;
	int64_t small = fit_picture_tokens(&m, 320, 180), large = fit_picture_tokens(&m, 1920, 1080);
	assert_true(small < 100);
	m.picture_tokens_min = 1024;
	assert_true(fit_picture_tokens(&m, 320, 180) >= 1024);
	assert_true(fit_picture_tokens(&m, 320, 180) < 1150);
	assert_int_equal(fit_picture_tokens(&m, 1920, 1080), large);
	struct fit_wish w = wish(80 * GB);
	struct fit_plan p;
	struct err err = {0};
	const struct fit_model *unknown = &model(c, "gemma-4-e4b")->shape;
	assert_false(fit_known(unknown));
	assert_int_equal(fit_make(unknown, &w, &p, &err), -ERR_UNSUPPORTED);
	struct fit_model in_part = {.parameters = 9 * GB};
	assert_int_equal(fit_make(&in_part, &w, &p, &err), -ERR_UNSUPPORTED);
	assert_non_null(strstr(err.msg, "not known before it is downloaded"));
}

/* Against what is known of published files: sizes within 7 % (rows that cannot
 * be cut into blocks of 256, as in the 72-billion model, are stored at more
 * bits), tokens of a picture exactly. */
static void sizes_are_those_of_real_files(void **state)
{
	(void)state;
	AUTO(catalogue_freep) struct catalogue *c = shipped();
	const struct {
		const char *name, *quantize;
		double bytes;
	} known[] = {{"qwen3-vl-8b", "q4_k_m", 5027784800.0},
	             {"qwen2.5-vl-7b", "q4_k_m", 4.68e9},
	             {"qwen2.5-vl-7b", "q8_0", 8.10e9},
	             {"qwen2.5-vl-32b", "q4_k_m", 19.85e9},
	             {"qwen2.5-vl-72b", "q4_k_m", 47.4e9}};
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		double bytes = (double)fit_weights(&model(c, known[i].name)->shape, known[i].quantize);
		if (bytes < known[i].bytes * 0.93 || bytes > known[i].bytes * 1.07)
			fail_msg("%s at %s: %.3g, not %.3g bytes", known[i].name, known[i].quantize, bytes,
			         known[i].bytes);
	}
	assert_int_equal(fit_picture_tokens(&model(c, "qwen2.5-vl-7b")->shape, 1280, 720), 46 * 26);
	assert_int_equal(fit_picture_tokens(&model(c, "qwen3-vl-8b")->shape, 448, 448), 14 * 14);
	assert_int_equal(fit_picture_tokens(&model(c, "gemma-3-4b")->shape, 1280, 720), 256);
	/* 28 layers, 4 heads of 128 for keys and values each, two bytes: 56 KiB a
	 * token. */
	const struct fit_choice choice = {.slots = 1, .context = 1024, .gpu_layers = -1};
	assert_int_equal(fit_need(&model(c, "qwen2.5-vl-7b")->shape, &choice).cache, 1024 * 56 * 1024);
	const struct fit_choice narrow = {
		.slots = 2, .context = 1024, .gpu_layers = -1, .cache_type = "q8_0"};
	assert_int_equal(fit_need(&model(c, "qwen2.5-vl-7b")->shape, &narrow).cache,
	                 2 * 1024 * 56 * 1024 * 17 / 32);
}

static void windows_keep_the_cache_small(void **state)
{
	(void)state;
	AUTO(catalogue_freep) struct catalogue *c = shipped();
	struct fit_model whole = model(c, "gemma-3-27b")->shape;
	const struct fit_choice choice = {.slots = 1, .context = 65536, .gpu_layers = -1};
	int64_t windowed = fit_need(&whole, &choice).cache;
	whole.window_layers = 0;
	assert_true(windowed * 4 < fit_need(&whole, &choice).cache);
}

/* The 32-billion model on one card of 80 GB: under the goal, with slots enough. */
static void large_model_on_a_large_card(void **state)
{
	(void)state;
	AUTO(catalogue_freep) struct catalogue *c = shipped();
	const struct fit_model *m = &model(c, "qwen2.5-vl-32b")->shape;
	struct fit_wish w = wish(80 * GB);
	struct fit_plan p = fits(m, &w);
	assert_true(p.need.total <= 56 * GB);
	assert_string_equal(p.choice.quantize, "q8_0");
	assert_true(p.choice.slots >= 4);
	assert_int_equal(p.choice.gpu_layers, -1);
	assert_int_equal(p.choice.picture_width, 1280);
	assert_true(p.choice.context >= 6 * 1196 + 2048);
	assert_non_null(strstr(p.why[0], "goal 70 %"));
	assert_non_null(strstr(p.why[1], "q8_0"));
	/* Others in it: less precision for as many slots. Not room for four slots
	 * at all: fewer. */
	w.in_use = 20 * GB;
	assert_string_equal(fits(m, &w).choice.quantize, "q4_k_m");
	w = wish(48 * GB);
	assert_int_equal(fits(m, &w).choice.slots, 2);
	/* Fine precision for a model that is small beside its card. */
	w = wish(80 * GB);
	assert_string_equal(fits(&model(c, "qwen3-vl-2b")->shape, &w).choice.quantize, "bf16");
}

static void more_memory_never_gives_less(void **state)
{
	(void)state;
	AUTO(catalogue_freep) struct catalogue *c = shipped();
	for (size_t i = 0; i < c->n; i++) {
		double bits = 0;
		bool fit = false;
		if (!fit_known(&c->models[i].shape))
			continue;
		for (int64_t memory = 4; memory <= 640; memory += memory < 32 ? 2 : 16) {
			const struct fit_wish w = wish(memory * GB);
			struct fit_plan p;
			struct err err = {0};
			int r = fit_make(&c->models[i].shape, &w, &p, &err);
			if (r < 0) {
				assert_int_equal(r, -ERR_LIMIT);
				if (fit)
					fail_msg("%s fits into less than %lld GB", c->models[i].name,
					         (long long)memory);
				continue;
			}
			fit = true;
			assert_true(p.need.total <= (int64_t)(0.7 * (double)w.memory));
			assert_true(p.request_tokens <= p.choice.context);
			if (p.choice.slots >= 4) {
				assert_true(fit_bits(p.choice.quantize) >= bits);
				bits = fit_bits(p.choice.quantize);
			}
		}
		assert_true(fit);
	}
}

static void what_is_told_is_kept(void **state)
{
	(void)state;
	AUTO(catalogue_freep) struct catalogue *c = shipped();
	const struct fit_model *m = &model(c, "qwen2.5-vl-7b")->shape;
	struct fit_wish w = wish(24 * GB);
	w.quantize = "q5_k_m";
	w.slots = 2;
	w.context = 12000;
	struct fit_plan p = fits(m, &w);
	assert_string_equal(p.choice.quantize, "q5_k_m");
	assert_int_equal(p.choice.slots, 2);
	assert_int_equal(p.choice.context, 12000);
	struct err err = {0};
	w.context = 4000;
	assert_int_equal(fit_make(m, &w, &p, &err), -ERR_LIMIT);
	assert_non_null(strstr(err.msg, "--chunk-frames"));
}

static void what_does_not_fit_says_what_would(void **state)
{
	(void)state;
	AUTO(catalogue_freep) struct catalogue *c = shipped();
	struct fit_plan p;
	struct err err = {0};
	struct fit_wish w = wish(24 * GB);
	w.quantize = "f16";
	assert_int_equal(fit_make(&model(c, "qwen2.5-vl-7b")->shape, &w, &p, &err), -ERR_LIMIT);
	assert_non_null(strstr(err.msg, "--quantize q8_0"));
	w = wish(24 * GB);
	assert_int_equal(fit_make(&model(c, "qwen2.5-vl-72b")->shape, &w, &p, &err), -ERR_LIMIT);
	assert_non_null(strstr(err.msg, "smaller model"));
	/* With main memory for the rest, it runs, and says how. */
	w.main_memory = 64 * GB;
	p = fits(&model(c, "qwen2.5-vl-72b")->shape, &w);
	assert_true(p.choice.gpu_layers > 0 && p.choice.gpu_layers < 80);
	assert_true(p.need.total <= (int64_t)(0.7 * 24e9) && p.need.main_memory <= 64 * GB);
	assert_non_null(strstr(p.why[2], "layers fit"));
	w.memory = 0;
	assert_int_equal(fit_make(&model(c, "qwen2.5-vl-72b")->shape, &w, &p, &err), -ERR_ARG);
}

/* A model made for 8192 tokens: 40 pictures of a kind that grows with the
 * picture must be made smaller. */
static void pictures_shrink_where_the_context_is_short(void **state)
{
	(void)state;
	AUTO(catalogue_freep) struct catalogue *c = shipped();
	struct fit_model m = model(c, "qwen3-vl-2b")->shape;
	m.context = 8192;
	struct fit_wish w = wish(24 * GB);
	w.frames = 20;
	w.answer_tokens = 512;
	struct fit_plan p = fits(&m, &w);
	assert_true(p.choice.picture_width < 1280 && p.request_tokens <= 8192);
	assert_non_null(strstr(p.why[2], "smaller"));
}

/* ---- names and files */

static void names_tell_the_precision(void **state)
{
	(void)state;
	assert_string_equal(model_name_precision("Qwen2.5-VL-7B-Instruct-Q4_K_M.gguf"), "q4_k_m");
	assert_string_equal(model_name_precision("x.BF16.gguf"), "bf16");
	assert_string_equal(model_name_precision("mmproj-Qwen3VL-8B-Instruct-F16.gguf"), "f16");
	assert_string_equal(model_name_precision("model-q6_k-00001-of-00002.gguf"), "q6_k");
	assert_string_equal(model_name_precision("x-Q6_K_L.gguf"), "");
	assert_string_equal(model_name_precision("demo.gguf"), "");
	size_t stem;
	int64_t count;
	assert_int_equal(model_split("a/b-00002-of-00003.gguf", &stem, &count), 2);
	assert_int_equal(count, 3);
	assert_int_equal(stem, 3);
	assert_int_equal(model_split("b-00004-of-00003.gguf", &stem, &count), 0);
	assert_int_equal(model_split("b-2-of-3.gguf", &stem, &count), 0);
}

#define FILES(...)        \
	(const char *const[]) \
	{                     \
		__VA_ARGS__, NULL \
	}

static struct fit_flags flags(const struct fit_model *m, int64_t memory, int64_t slots)
{
	struct fit_flags f;
	fit_flags(m,
	          &(struct fit_wish){.memory = memory,
	                             .goal = 0.7,
	                             .main_memory = 64 * GB,
	                             .slots = slots,
	                             .context = 16384},
	          true, &f);
	return f;
}

static void the_server_is_told_what_fits(void **state)
{
	(void)state;
	AUTO(catalogue_freep) struct catalogue *c = shipped();
	struct fit_model m = model(c, "qwen2.5-vl-7b")->shape;
	m.quantize = "f16";
	m.weights = (int64_t)((double)m.parameters * fit_bits("f16") / 8);

	struct fit_flags f = flags(&m, 80 * GB, 0);
	assert_int_equal(f.gpu_layers, FIT_LAYERS_ALL);
	assert_int_equal(f.slots, 8);
	assert_string_equal(f.warning, "");
	assert_non_null(strstr(f.why[1], "f16 as it is here, 8 slots of 16384 tokens"));
	assert_int_equal(flags(&m, 80 * GB, 3).slots, 3);

	f = flags(&m, 16 * GB, 0);
	assert_true(f.gpu_layers > 0 && f.gpu_layers < m.layers);
	assert_non_null(strstr(f.why[2], "many times slower"));
	assert_non_null(strstr(f.warning, "with --quantize q"));

	f = flags(&m, 1 * GB, 0);
	assert_int_equal(f.gpu_layers, -1);
	assert_int_equal(f.slots, 0);
	assert_non_null(strstr(f.warning, "choose a smaller model"));

	m.quantize = ""; /* as of a file that does not state it */
	assert_int_equal(flags(&m, 80 * GB, 0).gpu_layers, FIT_LAYERS_ALL);
}

/* What the catalogue computes against the files that Qwen publishes of these
 * models. */
static void sizes_are_those_of_published_files(void **state)
{
	(void)state;
	static const struct {
		const char *name, *quantize;
		int64_t size;
	} files[] = {
		{"qwen3-vl-2b", "q8_0", 1834427424},       {"qwen3-vl-2b", "q4_k_m", 1107409952},
		{"qwen3-vl-4b", "q8_0", 4280406144},       {"qwen3-vl-4b", "q4_k_m", 2497281664},
		{"qwen3-vl-8b", "q8_0", 8709519456},       {"qwen3-vl-8b", "q4_k_m", 5027784800},
		{"qwen3-vl-30b-a3b", "q8_0", 32483932992}, {"qwen3-vl-30b-a3b", "q4_k_m", 18556687168}};
	AUTO(catalogue_freep) struct catalogue *c = shipped();
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		const struct fit_model *m = &model(c, files[i].name)->shape;
		double ratio = (double)fit_weights(m, files[i].quantize) / (double)files[i].size;
		if (ratio < 0.95 || ratio > 1.05)
			fail_msg("%s at %s: %.3f of its size", files[i].name, files[i].quantize, ratio);
	}
	/* Its keys and values, two bytes each, of a token. */
	const struct fit_choice one = {.slots = 1, .context = 1024, .gpu_layers = -1};
	const struct fit_choice two = {.slots = 1, .context = 2048, .gpu_layers = -1};
	const struct fit_model *m = &model(c, "qwen3-vl-8b")->shape;
	assert_int_equal(fit_need(m, &two).cache - fit_need(m, &one).cache, 1024 * 147456);
}

/* What a chunk takes decides about the context, and where memory is short,
 * about the pictures. */
static void a_model_larger_than_main_memory(void **state)
{
	const struct fit_model m = {.weights = 20LL << 30};
	char warning[2 * FIT_WHY];
	(void)state;
	fit_main_warning(&m, 32LL << 30, warning);
	assert_string_equal(warning, "");
	fit_main_warning(&m, 16LL << 30, warning);
	assert_non_null(strstr(warning, "larger than this machine's memory"));
	fit_main_warning(&m, 0, warning); /* not known */
	assert_string_equal(warning, "");
}

static void a_chunk_fits_into_the_server(void **state)
{
	(void)state;
	AUTO(catalogue_freep) struct catalogue *c = shipped();
	struct fit_model m = model(c, "qwen2.5-vl-7b")->shape;
	m.quantize = "q4_k_m";
	m.weights = fit_weights(&(struct fit_model){.parameters = m.parameters}, "q4_k_m");
	struct fit_wish w = {.memory = 80 * GB,
	                     .goal = 0.7,
	                     .main_memory = 64 * GB,
	                     .frames = 6,
	                     .picture_width = 1280,
	                     .picture_height = 720,
	                     .answer_tokens = 2048};
	struct fit_flags f;
	int64_t takes = fit_request_tokens(&m, &w, 1280, 720);
	assert_true(takes > 6 * 46 * 26 + 2048);
	assert_int_equal(fit_context(&m, &w, 16384), 16384); /* more than it takes */
	w.frames = 20;
	assert_true(fit_context(&m, &w, 16384) >= fit_request_tokens(&m, &w, 1280, 720));
	w.frames = 6;
	m.context = 4096;
	assert_int_equal(fit_context(&m, &w, 16384), 4096);
	m.context = 128000;

	w.context = 65536; /* as much as usual does not fit: as much as a chunk takes does */
	w.memory = 16 * GB;
	fit_flags(&m, &w, true, &f);
	assert_true(f.gpu_layers < FIT_LAYERS_ALL || f.slots == 1);
	w.slots = 2;
	fit_flags(&m, &w, false, &f);
	assert_int_equal(f.gpu_layers, FIT_LAYERS_ALL);
	assert_int_equal(f.slots, 2);
	assert_true(f.context < 65536 && f.context >= takes);
	assert_int_equal(f.picture_side, 0);
	assert_string_equal(f.warning, "");

	w.slots = 0;
	w.frames = 64; /* all of it on the GPU only with smaller pictures */
	w.context = fit_context(&m, &w, 16384);
	w.memory = 12 * GB;
	fit_flags(&m, &w, false, &f);
	assert_int_equal(f.gpu_layers, FIT_LAYERS_ALL);
	assert_true(f.picture_side >= 256 && f.picture_side < 1280);
	assert_non_null(strstr(f.warning, "pictures are made smaller"));
	assert_true(f.context >= fit_request_tokens(&m, &w, f.picture_side, f.picture_side * 9 / 16));
}

/* What is picked, joined by blanks; or the error's message. */
static const char *picked(const char *const *names, const char *quantize, const char **precision)
{
	static char out[800];
	struct catalogue_file files[20] = {0};
	bool choice[20];
	size_t n = 0;
	struct err err = {0};
	for (; names[n]; n++)
		files[n].path = (char *)names[n];
	*precision = "";
	if (model_pick(files, n, quantize, choice, precision, &err) < 0)
		return snprintf(out, sizeof out, "%s", err.msg) < 0 ? "" : out;
	out[0] = '\0';
	for (size_t i = 0; i < n; i++)
		if (choice[i])
			snprintf(out + strlen(out), sizeof out - strlen(out), "%s%s", *out ? " " : "",
			         names[i]);
	return out;
}

static void the_right_files_are_picked(void **state)
{
	(void)state;
	const char *p;
	const char *const *qwen = FILES("Q-Q4_K_M.gguf", "Q-Q8_0.gguf", "Q-F16.gguf",
	                                "mmproj-Q-Q8_0.gguf", "mmproj-Q-F16.gguf");
	assert_string_equal(picked(qwen, "q4_k_m", &p), "Q-Q4_K_M.gguf mmproj-Q-F16.gguf");
	assert_string_equal(picked(qwen, "q5_k_m", &p), "Q-Q8_0.gguf mmproj-Q-F16.gguf");
	assert_string_equal(p, "q8_0");
	assert_string_equal(picked(qwen, "bf16", &p), "Q-F16.gguf mmproj-Q-F16.gguf");
	assert_string_equal(picked(qwen, "mixed", &p), "Q-F16.gguf mmproj-Q-F16.gguf");
	assert_non_null(
		strstr(picked(FILES("a-Q4_K_M.gguf", "mmproj-f16.gguf"), "q8_0", &p), "there is q4_k_m"));
	assert_non_null(strstr(picked(FILES("a-Q4_K_M.gguf"), "q4_k_m", &p), "no projector"));
	assert_string_equal(picked(FILES("model.gguf", "mmproj.gguf"), "q4_k_m", &p),
	                    "model.gguf mmproj.gguf");
	assert_non_null(
		strstr(picked(FILES("one.gguf", "two.gguf", "mmproj.gguf"), "q4_k_m", &p), "no GGUF file"));
	assert_string_equal(
		picked(FILES("b/x-q8_0-00002-of-00002.gguf", "b/x-q8_0-00001-of-00002.gguf",
	                 "mmproj-f16.gguf"),
	           "q8_0", &p),
		"b/x-q8_0-00002-of-00002.gguf b/x-q8_0-00001-of-00002.gguf mmproj-f16.gguf");
	assert_non_null(
		strstr(picked(FILES("x-q8_0-00001-of-00002.gguf", "mmproj-f16.gguf"), "q8_0", &p),
	           "only 1 of the 2"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_shipped_catalogue_is_complete),
		cmocka_unit_test(families_are_recognized),
		cmocka_unit_test(options_override_a_family),
		cmocka_unit_test(pictures_have_the_fewest_tokens),
		cmocka_unit_test(sizes_are_those_of_real_files),
		cmocka_unit_test(windows_keep_the_cache_small),
		cmocka_unit_test(large_model_on_a_large_card),
		cmocka_unit_test(more_memory_never_gives_less),
		cmocka_unit_test(what_is_told_is_kept),
		cmocka_unit_test(what_does_not_fit_says_what_would),
		cmocka_unit_test(pictures_shrink_where_the_context_is_short),
		cmocka_unit_test(the_server_is_told_what_fits),
		cmocka_unit_test(a_chunk_fits_into_the_server),
		cmocka_unit_test(a_model_larger_than_main_memory),
		cmocka_unit_test(sizes_are_those_of_published_files),
		cmocka_unit_test(names_tell_the_precision),
		cmocka_unit_test(the_right_files_are_picked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
