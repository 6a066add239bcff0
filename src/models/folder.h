/* SPDX-License-Identifier: Apache-2.0 */
/* The models folder: what is in it, and what vdet itself has put there. Each
 * model that `vdet model` installed is in a folder of its own, NAME, with its
 * projector, in one precision or several, and a manifest (vdet-model.json) with
 * the origin and the hash of each file. Files of other origin are listed too,
 * but never changed. Calls block; thread-safe, but two processes that change
 * one model must not run at once. */
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
	int64_t size;   /* bytes */
	bool projector;
};

struct model_folder {
	char *dir, *name;
	char *title, *licence, *repository, *revision; /* "" = not known */
	char *use; /* the precision to use if none is requested, or "" */
	struct model_file *files;
	size_t n;
	bool managed; /* has a manifest */
};
void model_folder_clear(struct model_folder *f);

/* Reads the folder of that name: its manifest if it has one, else the names and
 * headers of its files. ERR_NOENT. The caller clears `ret`. */
int model_folder_read(const char *models_dir, const char *name, struct model_folder *ret,
                      struct err *err);
/* All, in order of their names. The caller clears each and frees the array. */
int model_folders_read(const char *models_dir, struct model_folder **ret, size_t *ret_n,
                       struct err *err);
/* Writes the manifest. */
int model_folder_save(const struct model_folder *f, struct err *err);
/* Adds a file, or replaces the entry of that name. Strings are copied; NULL is
 * "". */
void model_folder_put(struct model_folder *f, const char *name, const char *quantize,
                      const char *sha256, const char *from, int64_t size, bool projector);

/* Reads every file completely and compares it with the manifest. `report` is
 * called for each: `fault` is "" or what is wrong with it. ERR_FORMAT if any
 * differs. */
int model_folder_check(const struct model_folder *f, struct cancel *cancel,
                       void (*report)(void *ctx, const struct model_file *file, const char *fault),
                       void *ctx, struct err *err);
/* Removes the files of one precision ("" = all). *ret_bytes: what that frees.
 * Files that are not in the manifest stay, and then the folder does, too.
 * ERR_PERM without a manifest, ERR_NOENT if there is no such file. */
int model_folder_remove(struct model_folder *f, const char *quantize, int64_t *ret_bytes,
                        struct err *err);

/* The precision in a file's name ("…-Q4_K_M.gguf", "…-mixed.gguf"), or "". A
 * literal. */
const char *model_name_precision(const char *name);
/* For a name that ends in "-00001-of-00003.gguf": returns its number, sets the
 * count and the length of the name without this end; else returns 0. */
int64_t model_split(const char *name, size_t *ret_stem, int64_t *ret_count);
bool model_is_projector(const char *path); /* by its name */

#endif
