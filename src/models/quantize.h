/* SPDX-License-Identifier: Apache-2.0 */
/* Converts a model to another precision with llama.cpp's llama-quantize, once:
 * the file is kept, and named after the hash of its source. It is stored in the
 * source's folder if `vdet model` manages that, else in a folder for such
 * files. Blocks, for minutes with a large model; if two processes need the same
 * file, one waits for the other. */
#ifndef VDET_MODELS_QUANTIZE_H
#define VDET_MODELS_QUANTIZE_H

#include "base/cancel.h"
#include "base/err.h"
#include "models/model.h"

struct quantize {
	const char
		*server; /* llama-server in use: llama-quantize is in its folder; without one, in PATH */
	const char *made_dir;   /* folder for files of other models; NULL = none */
	const char *hash_cache; /* as in model_hash() */
	struct cancel *cancel;
	void (*note)(void *ctx, const char *what); /* may be NULL */
	void *ctx;
};

/* Replaces `m` by the same model at `precision` ("q4_k_m", or "mixed": the
 * embeddings, the output and the layers that process pictures stay finer; the
 * projector is never changed). Does nothing if it has that precision.
 * ERR_UNSUPPORTED if that would be finer than its source, ERR_NOENT if
 * llama-quantize was not found, ERR_ENGINE if it fails. */
int model_quantize(struct model *m, const char *precision, const struct quantize *q,
                   struct err *err);

#endif
