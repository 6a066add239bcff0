/* SPDX-License-Identifier: Apache-2.0 */
/* The runs that are searched: of each video the newest one that ended. */
#ifndef VDET_SEARCH_SCOPE_H
#define VDET_SEARCH_SCOPE_H

#include <stddef.h>

#include "base/err.h"
#include "store/store.h"

struct scope_run {
	char *job, *name, *dir; /* id; of the video; of the report, absolute */
	char *sha256;           /* of the file */
};
struct scope {
	struct scope_run *runs; /* newest first */
	size_t n, cap;
	char *ids; /* of the runs, a JSON array */
};
void scope_clear(struct scope *s);

/* `video`: only of videos in whose name this occurs, or whose SHA-256 begins
 * so; "" = all. Blocks for the disk. */
int scope_load(struct store *s, const char *video, struct scope *ret, struct err *err);
/* NULL if it is not among them. */
const struct scope_run *scope_find(const struct scope *s, const char *job);

#endif
