/* SPDX-License-Identifier: Apache-2.0 */
/* The index in its stored forms: compact for the store, JSON and WebVTT for
 * users and programs. Pure. */
#ifndef VDET_INDEX_FORM_H
#define VDET_INDEX_FORM_H

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"
#include "index/index.h"

/* Raise it whenever a new index of the same video would differ. */
enum { INDEX_FORM_VERSION = 5, INDEX_FORM_MAX = 256 << 20 };

void index_write(const struct video_index *x, struct buf *out);
/* Accepts untrusted data: lengths, ranges and order are checked. ERR_FORMAT if
 * index_write() could not have written it. */
int index_parse(const void *data, size_t len, struct video_index **ret, struct err *err);

/* The whole index, times in seconds; documented in docs/index.md. The caller
 * owns it. */
json_t *index_json(const struct video_index *x);
/* One chapter for each shot. */
void index_vtt(const struct video_index *x, struct buf *out);

const char *index_cut_name(enum index_cut_kind kind);

#endif
