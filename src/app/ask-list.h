/* SPDX-License-Identifier: Apache-2.0 */
/* `vdet ask --list`: the questions that were asked. Main thread; blocks for the
 * disk, and to hash files that were not seen before. */
#ifndef VDET_APP_ASK_LIST_H
#define VDET_APP_ASK_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cancel.h"
#include "base/err.h"
#include "store/store.h"

/* Prints those about the videos that are named, or are in and below the folders
 * that are named; without paths all. Newest first; with `json` one object a
 * line. Errors as of ask_scope_find(). */
int ask_list(struct store *s, char **paths, size_t n, bool json, struct cancel *cancel,
             struct err *err);

#endif
