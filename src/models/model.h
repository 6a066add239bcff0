/* SPDX-License-Identifier: Apache-2.0 */
/* Which model our own llama-server runs. A model is a
 * GGUF file (or the first of a split one) and its projector, the file that
 * turns pictures into what the model reads. Blocking; thread-safe. */
#ifndef VDET_MODELS_MODEL_H
#define VDET_MODELS_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/hash.h"

struct model {
	char *path, *projector;
	char *name;     /* the file's stem, without the numbers of a split file */
	char *quantize; /* precision: "q4_k_m"; "" = not known */
	char *warning;  /* "" or one line for the user */
	bool demo;
	int64_t context; /* the longest it was made for; 0 = unknown */
	int64_t files;   /* of a split model */
	/* of its weights, without the projector; of a split model, of the first
	 * file */
	int64_t bytes;
	/* SHA-256 over the SHA-256s (hexadecimal, NUL-terminated) of its files in
	 * order and of the projector; filled by model_hash() */
	char hash[HASH_HEX];
};

/* `wanted`: a path (to a file, or to a folder that holds one model), a name in
 * `models_dir` (NAME, NAME.gguf or a folder NAME), or "": the newest model with
 * a projector in `models_dir`, else the demo model in `demo_dir`. Checks that
 * the files are what they should be: each fault is one clear line. */
/* `quantize`: the precision that is wanted where there are several, "" or NULL
 * = any; where it is not there, the finest that is, of which it can be made
 * (models/quantize.h). models_dir and demo_dir may be NULL. */
int model_choose(const char *wanted, const char *quantize, const char *models_dir,
                 const char *demo_dir, struct model *ret, struct err *err);
void model_clear(struct model *m);

/* The SHA-256 of one file; as below. */
int model_file_hash(const char *path, const char *cache_path, struct cancel *cancel,
                    void (*note)(void *ctx, const char *what), void *ctx, char out[static HASH_HEX],
                    struct err *err);

/* Where a file SHA256SUMS is beside the model, as it does beside the demo
 * model: are the files those that it names? Reads them whole. */
int model_check_sums(const struct model *m, struct err *err);

/* Reads the files whole unless `cache_path` (a JSON file; NULL = none) knows
 * them by name, size and time of change. `note` (may be NULL) is called before
 * the files are read. */
int model_hash(struct model *m, const char *cache_path, struct cancel *cancel,
               void (*note)(void *ctx, const char *what), void *ctx, struct err *err);

#endif
