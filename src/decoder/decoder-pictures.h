/* SPDX-License-Identifier: Apache-2.0 */
/* What the index measures of pictures, in lists and as bytes. Pure. */
#ifndef VDET_DECODER_DECODER_PICTURES_H
#define VDET_DECODER_DECODER_PICTURES_H

#include "base/buf.h"
#include "base/err.h"
#include "protocol/index-wire.h"

/* Signatures, ascending by time (others are dropped). */
struct signatures {
	struct signature *items;
	size_t n, cap;
};
void signatures_clear(struct signatures *s);
void signatures_add(struct signatures *s, const struct signature *one);

/* Grids, likewise. */
struct grids {
	struct grid *items;
	size_t n, cap;
};
void grids_clear(struct grids *g);
void grids_add(struct grids *g, const struct grid *one);

/* Signatures, and grids after them, as bytes: SIGNATURE_BYTES and GRID_BYTES
 * each. Reading appends what is later than what is there; ERR_PROTO unless
 * `len` is right for so many, and their values are valid. */
void pictures_write(const struct signatures *s, const struct grids *g, struct buf *out);
int pictures_read(const unsigned char *data, size_t len, size_t n, size_t n_grids,
                  struct signatures *out, struct grids *grids, struct err *err);

#endif
