/* SPDX-License-Identifier: Apache-2.0 */
/* Which model the llama-server child runs. A model is a GGUF file (or the first
 * of a split one) and its projector, the file that turns pictures into what the
 * model reads. Blocking; thread-safe. */
#ifndef VDET_MODELS_MODEL_H
#define VDET_MODELS_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/hash.h"

struct model {
	char *path, *projector;
	char *name;      /* the file's stem, without the numbers of a split file */
	char *quantize;  /* precision: "q4_k_m"; "" = not known */
	char *warning;   /* "" or one line for the user */
	bool demo;       /* the bundled one */
	int64_t context; /* tokens that it was made for; 0 = unknown */
	int64_t files;   /* of a split model */
	/* bytes of the weights, without the projector; of a split model, of its
	 * first file */
	int64_t bytes;
	/* SHA-256 over the SHA-256s (hexadecimal, NUL-terminated) of its files in
	 * order and of the projector, if it has one; filled by model_hash() */
	char hash[HASH_HEX];
};

/* `wanted`: a path (to a file, or to a folder that holds one model), a name in
 * `models_dir` (NAME, NAME.gguf or a folder NAME), or "": the newest model with
 * a projector in `models_dir`, else the demo model in `demo_dir`. Checks that
 * the files are valid.
 *
 * `quantize`: the precision to choose if there are several, "" or NULL = any;
 * if it is not there, the finest one, from which it can be made
 * (models/quantize.h). models_dir and demo_dir may be NULL. The caller clears
 * `ret`. */
int model_choose(const char *wanted, const char *quantize, const char *models_dir,
                 const char *demo_dir, struct model *ret, struct err *err);
/* Likewise a model that need not see, whose `projector` may be NULL; `wanted`
 * is not "". */
int model_choose_any(const char *wanted, const char *models_dir, struct model *ret,
                     struct err *err);
void model_clear(struct model *m);

/* The SHA-256 of one file; parameters as in model_hash(). */
int model_file_hash(const char *path, const char *cache_path, struct cancel *cancel,
                    void (*note)(void *ctx, const char *what), void *ctx, char out[static HASH_HEX],
                    struct err *err);

/* If there is a file SHA256SUMS in the model's folder, as for the demo model:
 * compares the files with it, which reads them completely. ERR_FORMAT if one
 * differs. */
int model_check_sums(const struct model *m, struct err *err);

/* Fills m->hash. Reads the files completely unless `cache_path` (a JSON file;
 * NULL = none) contains them with the same name, size and time of change.
 * `note` (may be NULL) is called before the files are read. ERR_CANCELED. */
int model_hash(struct model *m, const char *cache_path, struct cancel *cancel,
               void (*note)(void *ctx, const char *what), void *ctx, struct err *err);

#endif
