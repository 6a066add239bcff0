/* SPDX-License-Identifier: Apache-2.0 */
/* Examines the frames that the analysis sampled, group by group, for the
 * question: cheap, since a group is one request with a short reply. Internal to
 * src/ask/. */
#ifndef VDET_ASK_SCAN_H
#define VDET_ASK_SCAN_H

#include "ask/asking.h"

/* Groups that are examined unless the question is to be answered thoroughly:
 * of those where the search found something, and of others. */
enum { SCAN_LIKELY = 24, SCAN_GROUPS = 14 };

/* Examines groups that were not; adds findings for those that may show what the
 * statement of the route says, or without one, that answer the question. With
 * `every`: every group, else as many as above, evenly. */
void scan_run(struct asking *a, bool every);

/* A group's letter says that it shows it, or otherwise. */
bool scan_shows(const struct ask_group *g);
bool scan_denies(const struct ask_group *g);
/* Groups of all sources; of them, those that were examined. */
void scan_count(const struct asking *a, size_t *ret_all, size_t *ret_examined);

#endif
