/* SPDX-License-Identifier: Apache-2.0 */
/* The index written down: compact for the store, JSON and WebVTT for people and
 * programs. Pure. */
#ifndef VDET_INDEX_FORM_H
#define VDET_INDEX_FORM_H

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"
#include "index/index.h"

/* Changes whenever an index made before would no longer be made the same. */
enum { INDEX_FORM_VERSION = 3, INDEX_FORM_MAX = 256 << 20 };

void index_write(const struct video_index *x, struct buf *out);
/* Trusts nothing: lengths, ranges and order are checked. ERR_FORMAT where it is
 * not what index_write() wrote. */
int index_parse(const void *data, size_t len, struct video_index **ret, struct err *err);

/* Everything, times in seconds; documented in docs/index.md. The caller owns
 * it. */
json_t *index_json(const struct video_index *x);
/* One chapter from cut to cut. */
void index_vtt(const struct video_index *x, struct buf *out);

const char *index_cut_name(enum index_cut_kind kind);

#endif
