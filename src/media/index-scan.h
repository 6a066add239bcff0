/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures of a video as signatures: its keyframes alone, or every frame of a
 * stretch. One thread; parallel work is more processes. */
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

typedef int index_scan_fn(void *ctx, const struct signature *s, struct err *err);

/* These keyframes (ascending, as the walk told them), each decoded by itself
 * without the loop filter. One that cannot be had is left out. A negative
 * result of fn ends it. */
int index_scan_keys(struct index_scan *x, const struct packet_key *keys, size_t n,
                    index_scan_fn *fn, void *ctx, struct err *err);

/* The frames from the one shown at `from` up to `to`; `all` includes those that
 * nothing refers to. */
int index_scan_stretch(struct index_scan *x, int64_t from, int64_t to, bool all, index_scan_fn *fn,
                       void *ctx, struct err *err);

#endif
