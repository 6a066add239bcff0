/* SPDX-License-Identifier: Apache-2.0 */
/* What a head keeps for the workers of a fleet: the hashes of the blocks of its
 * sources, and what it is called. */
#ifndef VDET_STORE_BLOCK_H
#define VDET_STORE_BLOCK_H

#include "base/hash.h"
#include "store/store.h"

/* Replaces the list of a source. */
int store_blocks_save(struct store *s, const char *sha256, const struct hash_blocks *b,
                      struct err *err);
/* The caller clears *ret; it is empty if there is no list, or one of blocks of
 * another size. */
int store_blocks_load(struct store *s, const char *sha256, struct hash_blocks *ret,
                      struct err *err);

/* Removes the list of a source of which no run and no video of the server is
 * left: with the last run it goes by itself, unless it was saved after that.
 * *ret_gone: none of them is left. */
int store_blocks_forget(struct store *s, const char *sha256, bool *ret_gone, struct err *err);

enum { STORE_HEAD_ID = 17 }; /* 16 hexadecimal digits and NUL */
/* The name of this journal among heads: random, made by the first call. */
int store_head_id(struct store *s, char out[static STORE_HEAD_ID], struct err *err);
/* Gives this name to a journal that has none. ERR_ARG if it has another one. */
int store_head_name(struct store *s, const char *id, struct err *err);

#endif
