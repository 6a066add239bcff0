/* SPDX-License-Identifier: Apache-2.0 */
/* The fit planner: what a model needs of a GPU's memory, and which precision,
 * slots, context, layers and picture size fit into it. Pure functions: no file,
 * no device, no thread is touched.
 *
 * The formula. Everything in bytes:
 *   weights    as the GGUF header adds them up; where there is no file yet,
 *              parameters x bits / 8. The bits of a weight are those that
 *              llama.cpp states for an 8-billion model, with the tensors that
 *              it keeps at more.
 *   projector  as its header adds them up.
 *   cache      2 x (key + value length) x heads of keys x layers x tokens (two
 *              bytes each in f16, 34/32 in q8_0, 18/32 in q4_0); layers that
 *              look back over a window hold no more tokens than that and one
 *              batch.
 *   compute    a batch of 512 tokens: its logits (4 bytes a word of the
 *              vocabulary), eight rows of the model's width, the mask over all
 *              tokens; and of a picture in the projector eight rows of its
 *              width and two of its inner layer, a row a patch.
 *   margin     what the driver and its libraries take (512 MiB), and one part
 *              in twenty of the rest. */
#ifndef VDET_MODELS_FIT_H
#define VDET_MODELS_FIT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "models/gguf.h"

/* What a model's needs follow from. Zero where not known. */
struct fit_model {
	int64_t parameters;
	int64_t weights;      /* bytes as they are stored in the file at hand; 0 = none is at hand */
	int64_t layer_bytes;  /* of these, in the layers; 0 = 9/10 */
	const char *quantize; /* of the file at hand, NULL = not known */
	int64_t projector;    /* bytes */
	int64_t layers, width, kv_heads_all, key_length, value_length, vocab;
	int64_t window, window_layers; /* layers that look back over a window only */
	int64_t context;               /* tokens that it was made for */
	/* Pictures: patches of `patch` pixels, merge x merge of them a token; or
	 * `picture_tokens` whatever the size, for each tile of `tile` pixels (0 =
	 * the whole picture is one). */
	int64_t patch, merge, picture_tokens, tile;
	int64_t vision_width, vision_feed_forward;
};

/* From the headers of the files; `projector` may be NULL. Strings stay the
 * header's. */
void fit_from_gguf(const struct gguf *model, const struct gguf *projector, struct fit_model *ret);

/* Bits of a weight at a precision ("q4_k_m"); 0 for a word that is none. */
double fit_bits(const char *quantize);
/* "f16", "q8_0", "q4_0": bytes of a number in the cache; 0 for a word that is
 * none. */
double fit_cache_bytes(const char *cache_type);
/* What the precisions are, from the finest to the coarsest, NULL at the end. */
extern const char *const fit_quantizations[];

struct fit_choice {
	const char *quantize;   /* NULL = the file at hand as it is */
	const char *cache_type; /* NULL = f16 */
	int64_t slots, context; /* context of one slot */
	int64_t gpu_layers;     /* -1 = all, with everything else */
	int64_t picture_width, picture_height;
};

struct fit_need {
	int64_t weights, projector, cache, compute, margin;
	int64_t total;
	int64_t main_memory; /* weights of layers that are not on the GPU */
};

int64_t fit_weights(const struct fit_model *m, const char *quantize);
int64_t fit_picture_tokens(const struct fit_model *m, int64_t width, int64_t height);
struct fit_need fit_need(const struct fit_model *m, const struct fit_choice *c);

/* What is there, and what is wanted. */
struct fit_wish {
	int64_t memory;                    /* of the GPU; or of the machine, where there is none */
	int64_t in_use;                    /* of it, by others */
	double goal;                       /* the share of it that may be in use: 0.7 */
	int64_t main_memory;               /* for layers that do not fit; 0 = none */
	const char *quantize, *cache_type; /* NULL = choose */
	int64_t slots, context;            /* 0 = choose */
	int64_t slots_max;                 /* 0 = 8 */
	/* of a chunk; of a picture, as large as it may be */
	int64_t frames, picture_width, picture_height;
	int64_t text_tokens, answer_tokens; /* of a chunk, beside the pictures */
	const char *const *available;       /* precisions that there are, finest first; NULL = all */
};

/* What a chunk of this wish takes with pictures of this size: these, text and
 * answer. */
int64_t fit_request_tokens(const struct fit_model *m, const struct fit_wish *w, int64_t width,
                           int64_t height);

#define FIT_WHY 200
struct fit_plan {
	struct fit_choice choice;
	struct fit_need need;
	int64_t request_tokens; /* of a chunk: pictures, text and answer */
	int64_t picture_tokens; /* of one picture */
	char why[3][FIT_WHY];   /* three lines for people */
};

/* ERR_LIMIT where nothing fits: the message says what would. Strings of `ret`
 * are those of `w`, or constants. */
int fit_make(const struct fit_model *m, const struct fit_wish *w, struct fit_plan *ret,
             struct err *err);

#endif
