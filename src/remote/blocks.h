/* SPDX-License-Identifier: Apache-2.0 */
/* The hashes of the blocks of a source, on the head: from its journal, or made
 * once. */
#ifndef VDET_REMOTE_BLOCKS_H
#define VDET_REMOTE_BLOCKS_H

#include "base/cancel.h"
#include "base/err.h"
#include "base/hash.h"
#include "store/store.h"

/* `fd` is the file with this SHA-256, which is read whole if the journal has no
 * list. ERR_FORMAT if it has another one by now. The caller clears *ret. Any
 * thread. */
int remote_blocks_get(struct store *s, const char *sha256, int fd, struct cancel *cancel,
                      struct hash_blocks *ret, struct err *err);

#endif
