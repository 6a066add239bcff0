/* SPDX-License-Identifier: Apache-2.0 */
/* Scene cuts in a stretch of frames that was decoded closely, from their
 * signatures. Pure; any thread.
 *
 * A hard cut is a step that stands out among its neighbours, so that pans and
 * busy motion are none; that remains, so that flashes are none; and that
 * exposure does not explain. A dissolve is a stretch whose frames are, one
 * after the other, mixtures of its two ends in a growing share: motion makes no
 * mixtures. A fade leaves black or white. */
#ifndef VDET_INDEX_CUTS_H
#define VDET_INDEX_CUTS_H

#include <stdbool.h>
#include <stddef.h>

#include "index/index.h"
#include "protocol/index-wire.h"

struct cut_list {
	struct index_cut *items; /* ascending by pts */
	size_t n;
};
void cut_list_clear(struct cut_list *l);
void cut_list_add(struct cut_list *l, const struct index_cut *c);
void cut_list_sort(struct cut_list *l);

/* Appends the cuts of n frames in order. `exact`: no frame between them was
 * left out, so that the uncertainty is 0; otherwise it is the distance to the
 * frame before. `at_start`: they begin with the video's first frame, whose
 * black is no fade. */
void cuts_find(const struct signature *s, size_t n, bool exact, bool at_start,
               struct cut_list *out);

/* A picture of one colour, black or white, within noise. */
bool signature_is_blank(const struct signature *s);

#endif
