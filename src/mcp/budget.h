/* SPDX-License-Identifier: Apache-2.0 */
/* How many costly calls each client has made in the last hour. Thread-safe;
 * does not block. */
#ifndef VDET_MCP_BUDGET_H
#define VDET_MCP_BUDGET_H

#include <stdint.h>

#include "base/err.h"

struct budget;

struct budget *budget_new(int64_t calls); /* an hour and client; 0 = no limit */
void budget_free(struct budget *b);
/* Counts a call at `now` (clock_now()). `what` says what it is about, a hash:
 * the same again is not counted, as it only asks how far the work is. ERR_LIMIT
 * says when the next is possible. */
int budget_take(struct budget *b, const char *client, const char *what, int64_t now,
                struct err *err);

#endif
