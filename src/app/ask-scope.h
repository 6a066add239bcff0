/* SPDX-License-Identifier: Apache-2.0 */
/* Which videos a question on the command line is about. Blocks for the disk;
 * files that were not seen before are hashed. */
#ifndef VDET_APP_ASK_SCOPE_H
#define VDET_APP_ASK_SCOPE_H

#include "ask/ask.h"

struct ask_scope {
	struct ask_video *videos;
	size_t n, cap;
	char **unread; /* names of videos, and of streams of videos, that are not analyzed */
	size_t n_unread, cap_unread;
	char **unread_paths; /* of those of which nothing is analyzed */
	size_t n_paths, cap_paths;
};
void ask_scope_clear(struct ask_scope *s);

/* The videos that are named, or are in and below the folders that are named;
 * without paths, all that are analyzed. ERR_NOENT: a path does not exist;
 * ERR_CANCELED. */
int ask_scope_find(struct store *s, char **paths, size_t n, struct cancel *cancel,
                   struct ask_scope *ret, struct err *err);

/* The videos of an earlier answer. ERR_NOENT: there is no such answer. */
int ask_scope_of_answer(struct store *s, const char *answer, struct ask_scope *ret,
                        struct err *err);

/* Asks of its video this run, an id or the beginning of one, instead of the
 * newest; where there are no videos in the scope, of this one only. ERR_NOENT:
 * there is no such run; ERR_ARG: it has not ended, or its video is not in the
 * scope. */
int ask_scope_choose(struct store *s, const char *job, struct ask_scope *scope, struct err *err);

/* Where a file of this content is now; "" if nowhere that is known. The caller
 * frees *ret. */
int ask_scope_path(struct store *store, const char *sha256, char **ret, struct err *err);

#endif
