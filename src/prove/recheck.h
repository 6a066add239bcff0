/* SPDX-License-Identifier: Apache-2.0 */
/* Shows the frames of citations of one source to the engine once more. One
 * thread; blocks. */
#ifndef VDET_PROVE_RECHECK_H
#define VDET_PROVE_RECHECK_H

#include "base/err.h"
#include "prove/prove.h"
#include "prove/read.h"

struct recheck;
/* All is borrowed until recheck_free(). */
struct recheck *recheck_new(const struct cited_source *source, int fd,
                            const struct prove_options *o);
void recheck_free(struct recheck *k);
DEFINE_FREEP(struct recheck, recheck)

/* Whether the frames that it cites show what its text says. *ret_reason (the
 * caller frees): why there is no verdict; else NULL. */
int recheck_cite(struct recheck *k, const struct cited *c, enum check_verdict *ret,
                 char **ret_reason, struct err *err);

#endif
