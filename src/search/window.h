/* SPDX-License-Identifier: Apache-2.0 */
/* From ranked passages to windows. Pure. */
#ifndef VDET_SEARCH_WINDOW_H
#define VDET_SEARCH_WINDOW_H

#include <stddef.h>
#include <stdint.h>

#include "search/find.h"

struct window_hit {
	size_t job; /* index into the jobs of the request */
	double score;
	struct find_passage passage;
};

/* Hits of one job that overlap or are less than FIND_NEAR apart are one window,
 * up to FIND_WINDOW_MAX; a hit that is longer itself is cut, and each part has
 * its share of the score. The score of a window is that of its best hit: ranks
 * are so near to each other that several weak ones would outweigh a good one.
 * Sorts the hits; texts are copied. *ret is to be freed with windows_free(). */
void windows_make(struct window_hit *hits, size_t n, struct find_window **ret, size_t *ret_n);
void windows_free(struct find_window *w, size_t n);

/* Best first, keeps at most `most` of the n windows, and frees the others;
 * returns how many are left. Of each group that has a window at least one is
 * kept, as long as there is room: with one job the quarters of [from, to], with
 * several the jobs. */
size_t windows_choose(struct find_window *w, size_t n, size_t n_jobs, int64_t from, int64_t to,
                      size_t most);

#endif
