/* SPDX-License-Identifier: Apache-2.0 */
/* The catalogue: vision-language models that are known to work, models of
 * whisper.cpp for speech, and where they can be downloaded. One is built in
 * (data/models.json); a file of the user adds to it and replaces entries of the
 * same name. Its format is docs/models.schema.json. Read-only once loaded, so
 * any thread may read; loading blocks for the file. */
#ifndef VDET_MODELS_CATALOGUE_H
#define VDET_MODELS_CATALOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "models/family.h"
#include "models/fit.h"

struct catalogue_file {
	char *path;   /* in the repository */
	char *url;    /* "" = from the repository */
	char *sha256; /* "" = not known */
	int64_t size; /* bytes, 0 = not known */
};

struct catalogue_model {
	char *name, *title, *licence, *repository, *revision, *quantize;
	char *size; /* as its makers state it: "8B", "30B, 3B active"; "" = not known */
	/* pages that confirm what is offered, and how it is built, with a space
	 * between two; "" = none */
	char *source, *shape_source;
	bool speech;                  /* of whisper.cpp: its files are all needed, and are no GGUF */
	bool checked;                 /* all that the entry states was found there */
	struct catalogue_file *files; /* none: the hub lists them */
	size_t n_files;
	struct fit_model shape;       /* weights 0: no file is here; parameters 0: not known */
	int64_t projector_parameters; /* shape.projector is computed from it, in f16 */
};

struct catalogue {
	struct catalogue_model *models;
	size_t n;
	/* the user's own before the built-in ones */
	struct model_family *families;
	size_t n_families;
};

/* `own`: path of the user's catalogue, "" or NULL = none. ERR_FORMAT names the
 * entry and what is wrong with it. */
int catalogue_load(const char *own, struct catalogue **ret, struct err *err);
void catalogue_free(struct catalogue *c);
DEFINE_FREEP(struct catalogue, catalogue)

/* Ignores case; NULL if there is none. Owned by the catalogue. */
const struct catalogue_model *catalogue_find(const struct catalogue *c, const char *name);
/* The family of a model, by any name of it; NULL if it is not known. Owned by
 * the catalogue. */
const struct model_family *catalogue_family(const struct catalogue *c, const char *name);
/* Returns ERR_NOENT with "unknown model X; did you mean Y?". */
int catalogue_unknown(const struct catalogue *c, const char *name, struct err *err);

#endif
