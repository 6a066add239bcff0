/* SPDX-License-Identifier: Apache-2.0 */
/* Decodes a body in chunked transfer coding (RFC 9112, section 7.1). Pure. */
#ifndef VDET_NET_HTTP_CHUNKED_H
#define VDET_NET_HTTP_CHUNKED_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* All zero at the start. */
struct chunked {
	int state, digits, skipped;
	int64_t left; /* bytes of the chunk */
};

/* Appends the decoded bytes of the next part of the body to `out`; its parts
 * may be split anywhere. 0: more is expected; 1: the body ended, and what
 * follows was not read; -1: malformed. */
int chunked_decode(struct chunked *c, const char *data, size_t len, struct buf *out);

#endif
