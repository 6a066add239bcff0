/* SPDX-License-Identifier: Apache-2.0 */
/* The header of a GGUF file: what a model is, how large, and whether the file
 * is whole.
 *
 * Reads only the header (some megabytes with a large vocabulary), never the
 * weights, and trusts nothing: every length is checked against the file's size.
 * Blocking; thread-safe. */
#ifndef VDET_MODELS_GGUF_H
#define VDET_MODELS_GGUF_H

#include <stdint.h>

#include "base/err.h"

struct gguf {
	char *arch;      /* "llama", "qwen2vl", …; "clip" for a projector */
	char *name;      /* general.name, or "" */
	char *projector; /* clip.projector_type (or clip.vision.projector_type), or "" */
	/* general.file_type: how most tensors are stored, see gguf_quantize_name();
	 * -1 = unknown */
	int64_t file_type;
	int64_t context; /* ARCH.context_length, 0 = unknown; likewise below */
	int64_t layers, width, heads, kv_heads, key_length, value_length, feed_forward, vocab;
	/* sum over the layers, where each has a number of its own; 0 = kv_heads in
	 * each */
	int64_t kv_heads_all;
	int64_t window;     /* tokens that the sliding layers look back */
	int64_t recurrent;  /* size of the state of recurrent layers, which grows with nothing */
	int64_t projection; /* clip.vision.projection_dim: width that the text model must have */
	/* merge: patches along each side that become one token */
	int64_t image_size, patch_size, merge;
	int64_t vision_layers, vision_width, vision_heads, vision_feed_forward;
	int64_t output; /* of a projector: the width that its last matrix makes; 0 = not known */
	int64_t splits; /* split.count: files that make up the model; 0 or 1 = this one alone */
	int64_t tensors;
	int64_t weight_bytes;
	int64_t parameters;
	/* of these, in the layers (blk.N.…): what can be put on a GPU layer by
	 * layer */
	int64_t layer_bytes;
	int64_t file_bytes;
	int vision; /* clip.has_vision_encoder: 1 yes, 0 no, -1 unknown */
};

/* ERR_NOENT and the like; ERR_FORMAT "… is not a GGUF file", "… is cut short:
 * 12 of 30 bytes"; ERR_UNSUPPORTED for another version or byte order. */
int gguf_read(const char *path, struct gguf *ret, struct err *err);
void gguf_clear(struct gguf *g);

/* "q4_k_m" for a general.file_type; NULL if it is unknown. And back: -1 if the
 * word is unknown. */
const char *gguf_quantize_name(int64_t file_type);
int64_t gguf_file_type(const char *quantize);

#endif
