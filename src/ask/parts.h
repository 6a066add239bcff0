/* SPDX-License-Identifier: Apache-2.0 */
/* Questions about two things, such as which is first. Internal to src/ask/. */
#ifndef VDET_ASK_PARTS_H
#define VDET_ASK_PARTS_H

#include "ask/asking.h"

/* Finds the moments of each part of the route by a question of its own; which
 * is first follows from them. To compare how often they are seen, frames are
 * examined for each as for a count, and the times of each counted. */
int parts_find(struct asking *a, struct err *err);

#endif
