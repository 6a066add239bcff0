/* SPDX-License-Identifier: Apache-2.0 */
/* The catalogue: vision-language models that are known to work, and where they
 * can be downloaded. One is built in (data/models.json); a file of the user
 * adds to it and replaces entries of the same name. Its format is
 * docs/models.schema.json. Read-only once loaded, so any thread may read;
 * loading blocks for the file. */
#ifndef VDET_MODELS_CATALOGUE_H
#define VDET_MODELS_CATALOGUE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "models/fit.h"

struct catalogue_file {
	char *path;   /* in the repository */
	char *url;    /* "" = from the repository */
	char *sha256; /* "" = not known */
	int64_t size; /* bytes, 0 = not known */
};

struct catalogue_model {
	char *name, *title, *licence, *repository, *revision, *quantize;
	struct catalogue_file *files; /* none: the hub lists them */
	size_t n_files;
	struct fit_model shape;       /* weights 0: no file is here; parameters 0: not known */
	int64_t projector_parameters; /* shape.projector is computed from it, in f16 */
};

struct catalogue {
	struct catalogue_model *models;
	size_t n;
};

/* `own`: path of the user's catalogue, "" or NULL = none. ERR_FORMAT names the
 * entry and what is wrong with it. */
int catalogue_load(const char *own, struct catalogue **ret, struct err *err);
void catalogue_free(struct catalogue *c);
DEFINE_FREEP(struct catalogue, catalogue)

/* Ignores case; NULL if there is none. Owned by the catalogue. */
const struct catalogue_model *catalogue_find(const struct catalogue *c, const char *name);
/* Returns ERR_NOENT with "unknown model X; did you mean Y?". */
int catalogue_unknown(const struct catalogue *c, const char *name, struct err *err);

#endif
