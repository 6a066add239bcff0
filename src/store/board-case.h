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

/* The summary of a case by the model. Strings are never NULL once read. */
struct store_board_summary {
	int64_t wanted; /* since when one is to be written, Unix time; 0 = none is */
	char *fault;    /* why the last attempt failed; "" if it did not */
	char *text;     /* the last one that was written, see cases/print.h; "" = none was */
	char *made_of;  /* SHA-256 of what that was written from; the caller's */
	char *model;    /* that wrote it */
	int64_t written;
};

struct store_board_case {
	int64_t id; /* positive, never reused */
	char *name;
	int64_t created; /* Unix time, microseconds */
	int64_t *videos; /* ids, ascending */
	size_t n;
	struct store_board_summary summary;
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
/* The ids of the cases that have this video; the caller frees *ret. */
int store_board_cases_with(struct store *s, int64_t video, int64_t **ret, size_t *ret_n,
                           struct err *err);

/* ---- summaries */

/* Replaces that of the case; ERR_NOENT. */
int store_board_summary_save(struct store *s, int64_t id, const struct store_board_summary *summary,
                             struct err *err);
/* An answer about a case, by the SHA-256 of everything that it depends on.
 * ERR_NOENT if there is none; adding replaces, and fails if there is no such
 * case. The caller frees *ret. */
int store_board_answer_find(struct store *s, int64_t id, const char *key, char **ret,
                            struct err *err);
int store_board_answer_add(struct store *s, int64_t id, const char *key, const char *text,
                           struct err *err);

#endif
