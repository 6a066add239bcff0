/* SPDX-License-Identifier: Apache-2.0 */
/* The server's part of the journal: cases of its videos. Those of folders,
 * which the command line analyzes, are in case.h. As store.h: thread-safe, data
 * is on disk when a call returns. */
#ifndef VDET_STORE_BOARD_CASE_H
#define VDET_STORE_BOARD_CASE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "store/store.h"

struct store_board_case {
	int64_t id; /* positive, never reused */
	char *name;
	int64_t created; /* Unix time, microseconds */
	int64_t *videos; /* ids, ascending */
	size_t n;
};
void store_board_cases_free(struct store_board_case *all, size_t n);

/* The case of this id, ERR_NOENT if there is none; or with STORE_ALL_CASES all
 * of them, in order of id. */
#define STORE_ALL_CASES (-1)
int store_board_cases_load(struct store *s, int64_t id, struct store_board_case **ret,
                           size_t *ret_n, struct err *err);

/* What is set of a case. */
struct store_board_case_change {
	const char *name; /* NULL = stays */
	const int64_t *add, *remove;
	size_t n_add, n_remove;
};
/* In one transaction. *id: of the case, 0 = a new one, whose id is set.
 * ERR_NOENT if the case or an added video does not exist, ERR_BUSY if another
 * case has this name. */
int store_board_case_save(struct store *s, const struct store_board_case_change *c, int64_t *id,
                          struct err *err);
/* Its videos stay. ERR_NOENT. */
int store_board_case_remove(struct store *s, int64_t id, struct err *err);

#endif
