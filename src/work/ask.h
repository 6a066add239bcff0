/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker asks the head of its unit: topics, and forms of the answers.
 * Pure. */
#ifndef VDET_WORK_ASK_H
#define VDET_WORK_ASK_H

#include "base/buf.h"
#include "base/err.h"
#include "decoder/decoder.h"

/* {"kind", "sha256", "relayed"?}: the answer is that of remote/address.h */
#define WORK_ASK_ADDRESS "address"
/* {"sha256", "stream", "rate", "gaps"}: bytes as hexadecimal digits, "" = it is
 * not known; see decoder_timeline() */
#define WORK_ASK_TIMELINE "timeline"
enum { WORK_TIMELINE_MAX = 100 << 10 };

/* The caller frees. */
char *work_bytes_text(const unsigned char *data, size_t len);
/* Appends; ERR_PROTO. */
int work_bytes_read(const char *text, struct buf *out, struct err *err);

/* Reads the question for a timeline, which may come from anyone with the
 * credentials of a worker. `sha256` and gaps point into `q`. ERR_PROTO. */
int work_ask_read_timeline(const json_t *q, const char **ret_sha256, struct decoder_options *ret,
                           struct err *err);

#endif
