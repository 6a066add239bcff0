/* SPDX-License-Identifier: Apache-2.0 */
/* The members of a case, in memory as in the journal. Internal; one thread. */
#ifndef VDET_CASES_MEMBERS_H
#define VDET_CASES_MEMBERS_H

#include <stdbool.h>

#include "store/case.h"

struct member {
	struct store_member row;
	bool seen;  /* its file is among those of this run */
	bool taken; /* it was analyzed in this run, or was complete before */
	bool skipped;
	bool before;      /* it was complete before this run */
	bool new_content; /* it is replaced since this run */
	bool gone;        /* it is not in the case any more; see members_sweep() */
};

struct members {
	struct store *store;
	const char *case_id; /* borrowed */
	struct member *items;
	size_t n, cap;
};

int members_load(struct members *m, struct store *store, const char *case_id, struct err *err);
void members_clear(struct members *m);
/* NULL if there is none; valid until the next members_put(). */
struct member *members_find(const struct members *m, const char *path, int64_t stream);
/* Adds or replaces a member, also in the journal; what `row` points to is
 * copied. */
int members_put(struct members *m, const struct store_member *row, struct member **ret,
                struct err *err);
int members_save(struct members *m, const struct member *one, struct err *err);
/* Removes those of this path. */
int members_forget(struct members *m, const char *path, struct err *err);
/* Whether it is gone, and was never looked at: a file that failed, or a video
 * of which no stream has a result. */
bool members_are_lost(const struct members *m, const struct member *one);
/* Removes those. */
int members_forget_lost(struct members *m, struct err *err);
/* The file has another stamp: those of this path with a result become replaced
 * members, the others are removed. */
int members_replace(struct members *m, const char *path, const char *stamp, struct err *err);
/* The hash of the member's file is known now: what was replaced by the same
 * content was not, and is a member of this path again. Moves no member; what
 * becomes superfluous is `gone`. */
int members_restore(struct members *m, struct member *one, struct err *err);
/* Removes what is gone from memory. */
void members_sweep(struct members *m);
/* Whether its file has another content now. */
bool member_is_replaced(const struct store_member *row);
/* The real path of its file, also where that has another content now. */
const char *member_path(const struct store_member *row);
/* A name of the member, the stream if it is not the default one, and a former
 * content by the beginning of its hash. The caller frees. */
char *member_label(const struct store_member *row, const char *name);
/* Replaces a string of a row. */
void member_set(char **to, const char *text);

#endif
