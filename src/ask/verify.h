/* SPDX-License-Identifier: Apache-2.0 */
/* Checks what was found by a second look (job/look.h), which the model does not
 * know to be about its own words. Internal to src/ask/. */
#ifndef VDET_ASK_VERIFY_H
#define VDET_ASK_VERIFY_H

#include "ask/asking.h"

/* Makes the controls that are missing before verdicts of this model count, as
 * far as the videos of the question have statements for them. */
int verify_ability(struct asking *a, struct err *err);

/* Gives each finding that has none a verdict. Fails only if the journal does,
 * or with ERR_CANCELED. */
int verify_run(struct asking *a, struct err *err);

/* Whether what is asked for is there was checked, and no is as likely as yes:
 * such a finding is of something else. */
bool verify_is_open(const struct asking *a, const struct ask_finding *f);

/* What a finding says of the question: that what is asked for is there, or the
 * answer of the look. The caller frees. */
char *verify_text(const struct asking *a, const char *text);

/* Checks another sentence about the frames of a finding; the finding's own
 * verdict stays. */
void verify_sentence(struct asking *a, const struct ask_finding *f, const char *sentence,
                     enum check_verdict *ret, double *ret_p);

/* What is checked of an answer: without the "Yes, " before it. Borrows `text`'s
 * rest; the caller frees. Pure. */
char *verify_bare(const char *text);

#endif
