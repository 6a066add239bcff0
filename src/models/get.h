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
	/* Hears what is done: a line ("2 files, 5.4 GB"), and how far the file that
	 * is fetched is. */
	void (*note)(void *ctx, const char *line);
	void (*progress)(void *ctx, const char *file, const struct download_progress *p);
	void *ctx;
};

/* `what`: a name of the catalogue or OWNER/NAME of the hub, with ":PRECISION"
 * behind it if wanted; `quantize` is the same ("" = the catalogue's). What is
 * there already is not fetched again. The folder is owned by the caller
 * afterwards. *ret_quantize: the precision that is there now, finer than asked
 * for where the hub has no file of that one; a constant. */
int model_get(const struct model_get *g, const char *what, const char *quantize,
              struct model_folder *ret, const char **ret_quantize, struct err *err);

/* Local files: a model (all parts of a split one, of which one need be named)
 * and its projector, into folder `name` ("" = after the file). Linked where
 * that is possible, else copied; the originals stay. */
int model_add(const struct model_get *g, char *const *files, int n, const char *name,
              struct model_folder *ret, struct err *err);

/* Which of a repository's files make up a model: pure. `choice` has an element
 * for each file, true if it is needed. ERR_NOENT where it is not there at this
 * precision or a finer one: says which there are. */
int model_pick(const struct catalogue_file *files, size_t n, const char *quantize, bool *choice,
               const char **ret_quantize, struct err *err);

#endif
