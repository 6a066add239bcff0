/* SPDX-License-Identifier: Apache-2.0 */
/* What takes long and needs nothing but the file: its hash, and the engine that
 * loads its model. Both go on side by side with everything else; who needs one
 * waits for it, and the progress tells so meanwhile. All calls from the one
 * thread that began; they observe the cancel of the analysis. */
#ifndef VDET_JOB_STARTUP_H
#define VDET_JOB_STARTUP_H

#include "base/hash.h"
#include "job/analyze.h"

struct opening;

/* fd is borrowed until the end. */
struct opening *opening_begin(const struct analyze *a, int fd, int64_t size);
void opening_free(struct opening *o); /* stops hashing; waits for both; NULL is fine */
DEFINE_FREEP(struct opening, opening)

/* `quiet`: the progress shows something else already. */
int opening_hash(struct opening *o, bool quiet, char out[static HASH_HEX], struct err *err);
bool opening_hashed(struct opening *o); /* it would not have to wait */
int opening_engine(struct opening *o, struct err *err);

#endif
