/* SPDX-License-Identifier: Apache-2.0 */
/* What is said, or written in the picture: claims that quote the transcript. No
 * model takes part: which texts fit is decided by the search, and each quote is
 * compared with the transcript. Internal to src/ask/. */
#ifndef VDET_ASK_SAID_H
#define VDET_ASK_SAID_H

#include "ask/asking.h"

/* Sets a->about, and a->quoted: whether the question is about what is said,
 * and something is known of that in its videos; or about what is written, and
 * a text that was read fits. Otherwise frames are looked at. Fails only if the
 * search does. */
int said_decide(struct asking *a, struct err *err);

/* That frames were looked at because no transcript is known, and why; "" where
 * that is not so. The caller frees. */
char *said_unknown(const struct asking *a);

/* Adds a claim with a cite for each text that fits, best ones first if there
 * are many, in order of time, and their text; *ret_partly: there are more, or
 * not all of what is said or written is known. Fails only if the search does. */
int said_claims(struct asking *a, struct answer *to, bool *ret_partly, struct err *err);

/* The words of a question about what is said or written that are worth
 * searching for: without "say", "mention", "between 0:10 and 0:20" and the
 * like; of what is written also without "sign", "slide" and other things that
 * have texts; "" = none, it asks for everything. The caller frees. Pure. */
char *said_words(const char *question, enum answer_sense sense);

#endif
