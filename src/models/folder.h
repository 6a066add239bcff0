/* SPDX-License-Identifier: Apache-2.0 */
/* The models folder: what is in it, and what vdet itself has put there. Each
 * model that `vdet model` installed is in a folder of its own, NAME, with its
 * projector, in one precision or several, and a manifest (vdet-model.json) that
 * says where each file came from and what its hash is. Files that somebody else
 * put there are listed too, and left alone. Calls block; thread-safe, but two
 * processes that change one model must not run at once. */
#ifndef VDET_MODELS_FOLDER_H
#define VDET_MODELS_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"

struct model_file {
	char *name;     /* in the folder */
	char *quantize; /* precision, "" = not known */
	char *sha256;   /* "" = not known */
	char *from;     /* SHA-256 of the file that this one was made from, or "" */
	int64_t size;
	bool projector;
};

struct model_folder {
	char *dir, *name;
	char *title, *licence, *repository, *revision; /* "" = not known */
	char *use; /* precision that is meant where none is named, or "" */
	struct model_file *files;
	size_t n;
	bool managed; /* has a manifest */
};
void model_folder_clear(struct model_folder *f);

/* The folder of that name, with its manifest if it has one; else what the
 * files' names and headers show. ERR_NOENT. */
int model_folder_read(const char *models_dir, const char *name, struct model_folder *ret,
                      struct err *err);
/* All, in order of their names. The caller clears each and frees the array. */
int model_folders_read(const char *models_dir, struct model_folder **ret, size_t *ret_n,
                       struct err *err);
/* Writes the manifest. */
int model_folder_save(const struct model_folder *f, struct err *err);
/* Adds a file, or replaces what is known of the one of that name. Strings are
 * copied; NULL is "". */
void model_folder_put(struct model_folder *f, const char *name, const char *quantize,
                      const char *sha256, const char *from, int64_t size, bool projector);

/* Reads every file whole and compares it with the manifest. `report` is called
 * with each: `fault` is "" or what is wrong with it. ERR_FORMAT if any is not
 * what it was. */
int model_folder_check(const struct model_folder *f, struct cancel *cancel,
                       void (*report)(void *ctx, const struct model_file *file, const char *fault),
                       void *ctx, struct err *err);
/* Removes the files of one precision ("" = everything). *ret_bytes: what that
 * frees. Files that are not ours stay, and so does the folder then. */
int model_folder_remove(struct model_folder *f, const char *quantize, int64_t *ret_bytes,
                        struct err *err);

/* The precision in a file's name ("…-Q4_K_M.gguf", "…-mixed.gguf"), or
 * "". A constant. */
const char *model_name_precision(const char *name);
/* "-00001-of-00003.gguf" at the end of a name: its number and count, else 0.
 * *ret_stem: length without it. */
int64_t model_split(const char *name, size_t *ret_stem, int64_t *ret_count);
bool model_is_projector(const char *path); /* by its name */

#endif
