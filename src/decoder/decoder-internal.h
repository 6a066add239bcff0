/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to the media child; included by decoder*.c only. */
#ifndef VDET_DECODER_DECODER_INTERNAL_H
#define VDET_DECODER_DECODER_INTERNAL_H

#include <jansson.h>

#include "base/clock.h"
#include "decoder/decoder.h"
#include "proc/wire.h"

/* limit of valid times */
#define DECODER_LATEST (INT64_C(100) * 366 * 86400 * CLOCK_SECOND)

/* Reads and checks the description of a file; the caller clears `ret`. */
int decoder_read_info(const json_t *head, struct video_info *ret, struct err *err);

/* Sends a request and starts its timeout; `err` must not be NULL in the other
 * functions. */
int decoder_request(struct decoder *d, uint32_t type, const json_t *head, struct err *err);
/* Receives the next message, which must have one of two types and at most
 * `blob` bytes. Anything else ends the child. */
int decoder_receive(struct decoder *d, uint32_t type, uint32_t other, size_t blob,
                    struct wire_msg *ret, struct err *err);
/* Kills a child that failed, and puts the reason into err, which must contain
 * the error of the wire or of a check. */
int decoder_give_up(struct decoder *d, struct err *err);

/* The request makes progress: restarts its timeout. */
void decoder_more_time(struct decoder *d);
/* The rest is not needed: kills the child; returns r. */
int decoder_stop(struct decoder *d, int r);

#endif
