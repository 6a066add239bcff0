/* SPDX-License-Identifier: Apache-2.0 */
#include "decoder/decoder-pictures.h"

#include <stdlib.h>

#include "base/mem.h"
#include "decoder/decoder-internal.h"

void signatures_clear(struct signatures *s)
{
	free(s->items);
	*s = (struct signatures){0};
}

void signatures_add(struct signatures *s, const struct signature *one)
{
	s->items = mem_room(s->items, s->n, &s->cap, sizeof *s->items);
	s->items[s->n++] = *one;
}

void grids_clear(struct grids *g)
{
	free(g->items);
	*g = (struct grids){0};
}

void grids_add(struct grids *g, const struct grid *one)
{
	g->items = mem_room(g->items, g->n, &g->cap, sizeof *g->items);
	g->items[g->n++] = *one;
}

static int read_signatures(const unsigned char *p, size_t n, struct signatures *out,
                           struct err *err)
{
	for (size_t i = 0; i < n; i++, p += SIGNATURE_BYTES) {
		struct signature s;
		if (!signature_get(p, &s) || s.pts < -DECODER_LATEST || s.pts > DECODER_LATEST)
			return err_set(err, ERR_PROTO, "a signature is invalid");
		if (!out->n || s.pts > out->items[out->n - 1].pts)
			signatures_add(out, &s);
	}
	return 0;
}

static int read_grids(const unsigned char *p, size_t n, struct grids *out, struct err *err)
{
	for (size_t i = 0; i < n; i++, p += GRID_BYTES) {
		struct grid g;
		grid_get(p, &g);
		if (g.pts < -DECODER_LATEST || g.pts > DECODER_LATEST)
			return err_set(err, ERR_PROTO, "a grid is invalid");
		if (!out->n || g.pts > out->items[out->n - 1].pts)
			grids_add(out, &g);
	}
	return 0;
}

void pictures_write(const struct signatures *s, const struct grids *g, struct buf *out)
{
	unsigned char signature[SIGNATURE_BYTES], grid[GRID_BYTES];
	for (size_t i = 0; i < s->n; i++) {
		signature_put(signature, &s->items[i]);
		buf_add(out, signature, sizeof signature);
	}
	for (size_t i = 0; i < g->n; i++) {
		grid_put(grid, &g->items[i]);
		buf_add(out, grid, sizeof grid);
	}
}

int pictures_read(const unsigned char *data, size_t len, size_t n, size_t n_grids,
                  struct signatures *out, struct grids *grids, struct err *err)
{
	if (n > len / SIGNATURE_BYTES || n_grids > len / GRID_BYTES ||
	    len != n * SIGNATURE_BYTES + n_grids * GRID_BYTES)
		return err_set(err, ERR_PROTO, "the length of the signatures is wrong");
	int r = read_signatures(data, n, out, err);
	return r < 0 ? r : read_grids(data + n * SIGNATURE_BYTES, n_grids, grids, err);
}
