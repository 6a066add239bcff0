/* SPDX-License-Identifier: Apache-2.0 */
/* Detects cuts in a range of decoded frames from their signatures. Pure; any
 * thread.
 *
 * A hard cut is a step that is much larger than those near it (so pans and fast
 * motion are not cuts), that is permanent (so flashes are not cuts), and that
 * exposure does not explain. In a dissolve, each frame is a mixture of the
 * first and the last one, with a growing share of the last; motion does not
 * produce mixtures. A fade begins or ends with black or white. */
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

/* Appends the cuts of n frames in order. `exact`: all frames between them were
 * decoded, so the uncertainty is 0; otherwise it is the distance to the
 * previous frame. `at_start`: the first frame is the first of the video, so
 * black at the start is not a fade. */
void cuts_find(const struct signature *s, size_t n, bool exact, bool at_start,
               struct cut_list *out);

/* A picture of one color, black or white, except for noise. */
bool signature_is_blank(const struct signature *s);

#endif
