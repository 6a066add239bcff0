/* The header of a GGUF file: what a model is, how large, and whether the file is whole.
 *
 * Reads only the header (some megabytes with a large vocabulary), never the weights, and believes nothing: every
 * length is checked against the file's size. Blocking; thread-safe. */
#ifndef VDET_ENGINE_GGUF_H
#define VDET_ENGINE_GGUF_H

#include <stdint.h>

#include "base/err.h"

struct gguf {
	char *arch;      /* "llama", "qwen2vl", …; "clip" for a projector */
	char *name;      /* general.name, or "" */
	char *projector; /* clip.projector_type (or clip.vision.projector_type), or "" */
	int64_t context; /* ARCH.context_length, 0 = not told; likewise below */
	int64_t layers, width, heads, kv_heads, key_length, value_length;
	int64_t projection; /* clip.vision.projection_dim: width that the text model must have */
	int64_t image_size, patch_size;
	int64_t splits; /* split.count: files that make up the model; 0 or 1 = this one alone */
	int64_t tensors;
	int64_t weight_bytes;
	int64_t file_bytes;
	int vision; /* clip.has_vision_encoder: 1 yes, 0 no, -1 not told */
};

/* ERR_NOENT and the like; ERR_FORMAT "… is no GGUF file", "… is cut short: 12 of 30 bytes"; ERR_UNSUPPORTED for
 * another version or byte order. */
int gguf_read(const char *path, struct gguf *ret, struct err *err);
void gguf_clear(struct gguf *g);

#endif
