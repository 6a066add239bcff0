/* SPDX-License-Identifier: Apache-2.0 */
/* What the roles of fleet_try have in common. */
#ifndef VDET_TEST_FLEET_TRY_H
#define VDET_TEST_FLEET_TRY_H

#include <jansson.h>

#include "fleet/link.h"
#include "fleet/wire.h"

extern struct cancel *stop;

void print(json_t *o);         /* a line; takes the reference */
int fail(const struct err *e); /* prints it; 1 */
struct fleet_options options(const char *url);
/* As a worker of this name; 0 once the server has it. */
int send_result(struct link *l, const char *head, const char *worker, const struct wire_result *r,
                int number);

/* ---- fleet_liar.c */

int liar_main(const char *url, const char *head, const char *how);

#endif
