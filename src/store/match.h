/* SPDX-License-Identifier: Apache-2.0 */
/* Queries of the full-text indexes `words` and `pieces`, as texts for MATCH
 * (sqlite.org/fts5.html, section 3). Everything is quoted, so that nothing in
 * it is a command. */
#ifndef VDET_STORE_MATCH_H
#define VDET_STORE_MATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "store/db.h"
#include "store/passage.h"

enum { MATCH_MAX = 1 << 18 }; /* bytes of a query */

/* "…", and its own quotes doubled. */
void match_add_quoted(struct buf *match, const char *text, size_t len);
/* Any of the forms. A word of the index `pieces` needs the store, with its lock
 * held; false: it cannot occur, and nothing is added. */
int match_add_word(struct store *s, enum store_match match, const struct store_word *w,
                   struct buf *out, bool *ret_any, struct err *err);
/* One piece, as above. */
int match_add_piece(struct store *s, const char *text, struct buf *out, bool *ret_any,
                    struct err *err);
/* Of the index `words`: in one of these jobs. */
void match_add_jobs(struct buf *match, const char *const *jobs, size_t n);
/* How many characters a text has. */
size_t match_length(const char *text);

#endif
