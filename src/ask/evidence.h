/* SPDX-License-Identifier: Apache-2.0 */
/* The cited frames, decoded once more: what identifies them, and small pictures
 * for people. Internal to src/ask/; blocks for decoders. */
#ifndef VDET_ASK_EVIDENCE_H
#define VDET_ASK_EVIDENCE_H

#include "ask/asking.h"

/* A frame of which only this is known so far. */
struct answer_frame evidence_frame(int64_t pts, const char *picture_sha256);

/* Fills the frames of all cites of the answer. A frame that cannot be decoded
 * stays without picture and hash. ERR_CANCELED. */
int evidence_collect(struct asking *a, struct answer *to, struct err *err);

#endif
