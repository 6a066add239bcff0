/* SPDX-License-Identifier: Apache-2.0 */
/* How a request to the media child is made: shared by the files decoder*.c
 * only. */
#ifndef VDET_DECODER_DECODER_INTERNAL_H
#define VDET_DECODER_DECODER_INTERNAL_H

#include <jansson.h>

#include "decoder/decoder.h"
#include "proc/wire.h"

/* Sends a request and starts its time; `err` of the others must not be NULL. */
int decoder_request(struct decoder *d, uint32_t type, const json_t *head, struct err *err);
/* The next message, of one of two types that are allowed now, with at most
 * `blob` bytes. Anything else ends the child. */
int decoder_receive(struct decoder *d, uint32_t type, uint32_t other, size_t blob,
                    struct wire_msg *ret, struct err *err);
/* The child has failed us: kills it and says why in err, which holds what the
 * wire or a check said. */
int decoder_give_up(struct decoder *d, struct err *err);

/* The request goes well and gets its time again. */
void decoder_more_time(struct decoder *d);
/* The rest is not needed: kills the child; returns r. */
int decoder_stop(struct decoder *d, int r);

#endif
