/* SPDX-License-Identifier: Apache-2.0 */
/* What the program says of an answer by itself: its state, counts, what was
 * examined, and what examining everything would cost. Internal to src/ask/. */
#ifndef VDET_ASK_CONCLUDE_H
#define VDET_ASK_CONCLUDE_H

#include "ask/asking.h"

/* Fills everything of the answer but what compose_run() and evidence_collect()
 * fill, and the record. */
void conclude(struct asking *a, struct answer *to, bool partly);

/* Of a question about two things, the index of the one that is first, or comes
 * more often; -1 = that is not known, or the question is another one. */
int conclude_first(const struct asking *a);

/* Fills in what was done and spent: takes the steps of `a`. */
void conclude_record(struct asking *a, struct answer *to);

#endif
