/* SPDX-License-Identifier: Apache-2.0 */
/* Making a model of another precision with llama.cpp's llama-quantize, once:
 * the file is kept, named after the hash of what it was made from. It is
 * beside its source in a folder of `vdet model`, else in a folder for such
 * files. Blocks, for minutes with a large model; two processes that want the
 * same one wait for each other. */
#ifndef VDET_MODELS_QUANTIZE_H
#define VDET_MODELS_QUANTIZE_H

#include "base/cancel.h"
#include "base/err.h"
#include "models/model.h"

struct quantize {
	const char *server;     /* llama-server in use: its neighbour is taken, else the one in PATH */
	const char *made_dir;   /* for files of models that are not ours; NULL = there is none */
	const char *hash_cache; /* as in model_hash() */
	struct cancel *cancel;
	void (*note)(void *ctx, const char *what); /* may be NULL */
	void *ctx;
};

/* Turns `m` into itself at `precision` ("q4_k_m", "mixed": the embeddings, the
 * output and what the picture passes through stay finer; the projector is left
 * as it is in each case). Nothing is done where it is that already.
 * ERR_UNSUPPORTED where that would be finer than its source, ERR_NOENT where
 * llama-quantize was not found, ERR_ENGINE where that fails. */
int model_quantize(struct model *m, const char *precision, const struct quantize *q,
                   struct err *err);

#endif
