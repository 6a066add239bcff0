/* SPDX-License-Identifier: Apache-2.0 */
/* The sentences of an answer from what was found. Internal to src/ask/. */
#ifndef VDET_ASK_COMPOSE_H
#define VDET_ASK_COMPOSE_H

#include "ask/asking.h"

/* Fills claims, cites, dropped and text of the answer; *ret_partly: the model
 * says that the findings answer a part of the question. A model writes the
 * claims if it can; else each finding is one. Fails only with ERR_CANCELED, or
 * if the journal does. */
int compose_run(struct asking *a, struct answer *to, bool *ret_partly, struct err *err);

/* A claim with its placeholders filled in: {E3} by the time of finding 3 and
 * its mark, {#} by the number of cites. `times` and `marks` are those of the
 * findings, from 1. NULL: it has a number of its own, other braces, or a
 * placeholder of a finding that it does not cite; `text` is valid UTF-8; the
 * caller frees. Pure. */
char *compose_fill(const char *text, const size_t *cites, size_t n_cites, char *const *times,
                   const size_t *marks);

#endif
