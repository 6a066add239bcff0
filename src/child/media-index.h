/* SPDX-License-Identifier: Apache-2.0 */
/* The requests of role `media` for the index (protocol/media-wire.h). Replies
 * are sent on ROLE_SOCKET; an error that is returned has not been sent. */
#ifndef VDET_CHILD_MEDIA_INDEX_H
#define VDET_CHILD_MEDIA_INDEX_H

#include <jansson.h>

#include "base/err.h"
#include "media/index-scan.h"
#include "media/reader.h"
#include "media/source.h"

int media_index_packets(struct source *s, struct reader *r, struct err *err);
int media_index_keys(struct index_scan *x, const json_t *request, struct err *err);
int media_index_stretch(struct index_scan *x, const json_t *request, struct err *err);

#endif
