/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the run in the journal that a call continues, or starts a new one. */
#ifndef VDET_JOB_ENTRY_H
#define VDET_JOB_ENTRY_H

#include <stdbool.h>

#include <jansson.h>

#include "base/err.h"
#include "job/facts.h"
#include "store/store.h"

struct entry {
	struct store_job job; /* facts NULL: it is new and not in the journal */
	json_t *key;          /* see job/facts.h */
	int lock;             /* held until entry_clear(); other processes get ERR_BUSY */
};
#define ENTRY_NONE ((struct entry){.lock = -1})
void entry_clear(struct entry *e);

/* `name` of the source and `dir` of the report are those of this call;
 * `locks_dir` holds a lock file per run. With --fresh the run is new: an
 * existing one is removed. An unfinished run whose times follow another version
 * of the timeline is not continued; a warning names it. Blocks for the disk.
 * ERR_BUSY if another process has the run. */
int entry_find(struct store *store, const char *locks_dir, const struct facts_input *in,
               const char *name, const char *dir, struct entry *ret, struct err *err);
/* Whether a process has the run with this id now. */
bool entry_is_held(const char *locks_dir, const char *id);

/* Locks ID.lock in `dir`, which is made if needed, until *ret_fd is closed.
 * ERR_BUSY, with a message about a run, if another process has it. */
int entry_lock(const char *dir, const char *id, int *ret_fd, struct err *err);

#endif
