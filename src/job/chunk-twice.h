/* SPDX-License-Identifier: Apache-2.0 */
/* A chunk that two workers do, to notice one that is faulty or invents results:
 * the runner says which, and their results are compared. The first one
 * stays. */
#ifndef VDET_JOB_CHUNK_TWICE_H
#define VDET_JOB_CHUNK_TWICE_H

#include "job/chunk-run.h"
#include "store/store.h"

enum chunk_twice { CHUNK_TWICE_NOT, CHUNK_TWICE_SAME, CHUNK_TWICE_DIFFERENT };

/* Blocks until another worker has done the chunk, if the runner wants that; the
 * runner is informed of the outcome, and a difference is logged.
 * CHUNK_TWICE_NOT also if no other worker is there, or it failed, or the run
 * was canceled. */
enum chunk_twice chunk_twice(const struct chunk_run *how, const struct chunk_given *given,
                             const struct store_chunk *first);

/* In what two results of one chunk differ, as text for people, which the caller
 * frees; NULL: in nothing that means that one of them is wrong. Frames and
 * their times are the same on any machine; so are pictures that are decoded
 * without a device and without damage. What a model says may differ a little
 * between machines: only if hardly a word is the same, it is different. Pure. */
char *chunk_difference(const struct store_chunk *a, const struct store_chunk *b);

#endif
