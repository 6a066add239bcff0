/* SPDX-License-Identifier: Apache-2.0 */
/* The two slow tasks at the start of a run that need only the file: its hash,
 * and the engine, which loads its model. Each runs on a thread of its own
 * beside the other steps. All calls come from the thread that called
 * startup_begin(). */
#ifndef VDET_JOB_STARTUP_H
#define VDET_JOB_STARTUP_H

#include "base/hash.h"
#include "job/run.h"

struct startup;

/* Starts both. `fd`, of `size` bytes, is borrowed until the end; `sha256` is
 * its hash if known, else NULL. */
struct startup *startup_begin(const struct run_context *run, int fd, int64_t size,
                              const char *sha256);
void startup_free(struct startup *o); /* stops hashing; waits for both; NULL is fine */
DEFINE_FREEP(struct startup, startup)

/* Waits for the hash; shows the progress unless `quiet`. ERR_CANCELED. */
int startup_hash(struct startup *o, bool quiet, char out[static HASH_HEX], struct err *err);
bool startup_hashed(struct startup *o); /* whether startup_hash() would not wait */
/* Waits until the engine is ready. */
int startup_engine(struct startup *o, struct err *err);

#endif
