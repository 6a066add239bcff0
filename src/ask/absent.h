/* SPDX-License-Identifier: Apache-2.0 */
/* Where something is not: the claims of a question for the absence of
 * something, from groups of frames that a look found not to show it. Internal
 * to src/ask/. */
#ifndef VDET_ASK_ABSENT_H
#define VDET_ASK_ABSENT_H

#include "ask/asking.h"

/* Adds a claim with a cite for each run of such groups, and their text;
 * *ret_partly: not all frames were examined. */
void absent_claims(const struct asking *a, struct answer *to, bool *ret_partly);

#endif
