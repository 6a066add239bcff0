/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures of a video's pictures: its keyframes alone, or every frame of a
 * range. One thread; use several processes for parallel work. */
#ifndef VDET_MEDIA_INDEX_SCAN_H
#define VDET_MEDIA_INDEX_SCAN_H

#include "base/err.h"
#include "base/mem.h"
#include "media/reader.h"
#include "media/source.h"
#include "protocol/index-wire.h"

struct index_scan;

/* Borrows both. */
struct index_scan *index_scan_new(struct source *s, struct reader *r);
void index_scan_free(struct index_scan *x);
DEFINE_FREEP(struct index_scan, index_scan)

/* `grid` is NULL for frames that follow another one closely. */
typedef int index_scan_fn(void *ctx, const struct signature *s, const struct grid *grid,
                          struct err *err);

/* The keyframes (ascending, as found by the packet scan), each decoded alone
 * without the loop filter. One that cannot be decoded is left out. A negative
 * result of fn stops the scan. */
int index_scan_keys(struct index_scan *x, const struct packet_key *keys, size_t n,
                    index_scan_fn *fn, void *ctx, struct err *err);

/* The frames from the one shown at `from` up to `to`; `all` includes those that
 * no other frame refers to. */
int index_scan_stretch(struct index_scan *x, int64_t from, int64_t to, bool all, index_scan_fn *fn,
                       void *ctx, struct err *err);

#endif
