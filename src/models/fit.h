/* SPDX-License-Identifier: Apache-2.0 */
/* The fit planner: what a model needs of a GPU's memory, and which precision,
 * slots, context, layers and picture size fit into it. Pure functions: no file,
 * no device, no thread is touched.
 *
 * The formula. Everything in bytes:
 *   weights    the sum in the GGUF header; without a file, parameters x bits /
 *              8. The bits per weight are those that llama.cpp states for an
 *              8-billion model, including the tensors that it keeps at a finer
 *              precision.
 *   projector  the sum in its header.
 *   cache      (key + value length) x key heads of all layers x tokens x slots
 *              x bytes per number (2 in f16, 34/32 in q8_0, 18/32 in q4_0);
 *              layers with a sliding window hold no more tokens than that and
 *              one batch.
 *   compute    a batch of 512 tokens: its logits (4 bytes a word of the
 *              vocabulary), eight rows of the model's width, the mask over all
 *              tokens; and of a picture in the projector eight rows of its
 *              width and two of its inner layer, a row a patch.
 *   margin     what the driver and its libraries take (512 MiB), and one part
 *              in twenty of the rest. */
#ifndef VDET_MODELS_FIT_H
#define VDET_MODELS_FIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "models/gguf.h"

/* The properties of a model that its needs follow from; 0 = not known. */
struct fit_model {
	int64_t parameters;
	int64_t weights;      /* bytes as stored in the file; 0 = no file is here */
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
	/* Pictures of fewer tokens are enlarged; 0 = none. Only with `patch`. */
	int64_t picture_tokens_min;
	int64_t vision_width, vision_feed_forward;
};

/* From the headers of the files; `projector` may be NULL. Strings are borrowed
 * from the headers. */
void fit_from_gguf(const struct gguf *model, const struct gguf *projector, struct fit_model *ret);

/* Bits per weight at a precision ("q4_k_m"); 0 for an unknown word. */
double fit_bits(const char *quantize);
/* Bytes per number in a cache of type "f16", "q8_0" or "q4_0"; 0 for an unknown
 * word. */
double fit_cache_bytes(const char *cache_type);
/* All precisions, from the finest to the coarsest; NULL at the end. */
extern const char *const fit_quantizations[];

struct fit_choice {
	const char *quantize;                  /* NULL = as the file is */
	const char *cache_type;                /* NULL = f16 */
	int64_t slots, context;                /* context: tokens of one slot */
	int64_t gpu_layers;                    /* -1 = the whole model */
	int64_t picture_width, picture_height; /* pixels */
};

/* Bytes of memory. */
struct fit_need {
	int64_t weights, projector, cache, compute, margin;
	int64_t total;
	int64_t main_memory; /* weights and cache of layers that are not on the GPU */
};

/* Whether enough is known to calculate with: else nothing is guessed. */
bool fit_known(const struct fit_model *m);
int64_t fit_weights(const struct fit_model *m, const char *quantize);
int64_t fit_picture_tokens(const struct fit_model *m, int64_t width, int64_t height);
struct fit_need fit_need(const struct fit_model *m, const struct fit_choice *c);

/* What is available, and what is wanted. */
struct fit_wish {
	int64_t memory;                    /* bytes of the GPU; without one, of the machine */
	int64_t in_use;                    /* bytes of it that other processes use */
	double goal;                       /* the share of it that may be in use: 0.7 */
	int64_t main_memory;               /* bytes for layers that do not fit; 0 = none */
	const char *quantize, *cache_type; /* NULL = choose */
	int64_t slots, context;            /* 0 = choose */
	int64_t slots_max;                 /* 0 = 8 */
	/* pictures of a chunk; their largest size in pixels */
	int64_t frames, picture_width, picture_height;
	int64_t text_tokens, answer_tokens; /* of a chunk, beside the pictures */
	const char *const *available;       /* precisions to choose from, finest first; NULL = all */
};

/* Tokens of a chunk of this wish with pictures of this size: pictures, text and
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

#define FIT_SLOTS 4       /* parallel requests if the memory of a GPU is not known */
#define FIT_CONTEXT 16384 /* tokens of one slot, unless a chunk needs more or the model has less */
#define FIT_CONTEXT_UNKNOWN 8192 /* of a model whose header does not say */

/* Without a GPU: everything is in main memory, of which w->memory is there.
 * Slots and context are those of the wish, or the defaults above. */
void fit_main(const struct fit_model *m, const struct fit_wish *w, struct fit_plan *ret);

/* Tokens of one slot if the user did not set them: what a chunk of `w` needs,
 * at least `usual`, at most what the model was made for. */
int64_t fit_context(const struct fit_model *m, const struct fit_wish *w, int64_t usual);

/* ERR_LIMIT if nothing fits; the message says what would. Strings of `ret` are
 * those of `w`, or literals. */
int fit_make(const struct fit_model *m, const struct fit_wish *w, struct fit_plan *ret,
             struct err *err);

#endif
