/* SPDX-License-Identifier: Apache-2.0 */
/* Checks what the reader's child sends. Pure. */
#ifndef VDET_SCREENTEXT_LINES_READ_H
#define VDET_SCREENTEXT_LINES_READ_H

#include <jansson.h>

#include "screentext/reader.h"

/* The head of TEXT_MSG_LINES (protocol/text-wire.h). turn: that was requested.
 * `ret` is overwritten, also by an error; the caller clears it. ERR_PROTO. */
int text_lines_read(const json_t *head, int turn, struct text_lines *ret, struct err *err);

#endif
