/* SPDX-License-Identifier: Apache-2.0 */
/* Bringing models into the models folder: from a hub (of Hugging Face's kind)
 * by the catalogue's name or OWNER/NAME, or from local files. Calls block. */
#ifndef VDET_MODELS_GET_H
#define VDET_MODELS_GET_H

#include "base/cancel.h"
#include "base/err.h"
#include "models/catalogue.h"
#include "models/folder.h"
#include "transfer/download.h"

struct model_options {
	char *hub, *token, *token_file, *catalogue;
	int64_t connections, retries, timeout;
};
/* Rows for the options table, section [model]; offsets into struct
 * model_options. */
struct opt_group;
extern const struct opt_group model_opt_group;

struct model_get {
	const struct model_options *options;
	const struct catalogue *catalogue;
	const char *models_dir;
	struct cancel *cancel;
	/* Called on the caller's thread with each step ("2 files, 5.4 GB"), and
	 * with the progress of the file that is downloaded; may be NULL. */
	void (*note)(void *ctx, const char *line);
	void (*progress)(void *ctx, const char *file, const struct download_progress *p);
	void *ctx;
};

/* `what`: a name of the catalogue or OWNER/NAME of the hub, optionally followed
 * by ":PRECISION"; `quantize` is the same ("" = the catalogue's). Files that
 * are there already are not downloaded again. The caller clears `ret`.
 * *ret_quantize: the precision that is there now, finer than requested if the
 * hub has no file of that one; a literal. */
int model_get(const struct model_get *g, const char *what, const char *quantize,
              struct model_folder *ret, const char **ret_quantize, struct err *err);

/* Adds local files: a model (all parts of a split one, of which only one must
 * be named) and its projector, to the folder `name` ("" = the file's name).
 * Hard links if possible, else copies; the originals stay. */
int model_add(const struct model_get *g, char *const *files, int n, const char *name,
              struct model_folder *ret, struct err *err);

/* Chooses the files of a repository that make up a model. Pure. Sets an element
 * of `choice` for each file: whether it is needed. ERR_NOENT if there is none
 * of this precision or a finer one; the message lists those there are. */
int model_pick(const struct catalogue_file *files, size_t n, const char *quantize, bool *choice,
               const char **ret_quantize, struct err *err);

#endif
