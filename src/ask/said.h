/* SPDX-License-Identifier: Apache-2.0 */
/* What is said: claims that quote the transcript. No model takes part: which
 * texts fit is decided by the search, and each quote is compared with the
 * transcript. Internal to src/ask/. */
#ifndef VDET_ASK_SAID_H
#define VDET_ASK_SAID_H

#include "ask/asking.h"

/* Whether the question is about what is said, and a transcript of its videos is
 * known. Without one, frames are looked at as for any other question. */
bool said_is_asked(const struct asking *a);

/* Adds a claim with a cite for each text that fits, best ones first if there
 * are many, in order of time, and their text; *ret_partly: there are more, or
 * not all of what is said is known. Fails only if the search does. */
int said_claims(struct asking *a, struct answer *to, bool *ret_partly, struct err *err);

/* The words of a question about what is said that are worth searching for:
 * without "say", "mention", "between 0:10 and 0:20" and the like; "" = none, it
 * asks for everything. The caller frees. Pure. */
char *said_words(const char *question);

#endif
