/* SPDX-License-Identifier: Apache-2.0 */
/* What is checked before a request reaches its handler: how much its address
 * asks, by which name it calls us, from which page it comes, and whether it
 * may. Net thread only. */
#ifndef VDET_NET_GUARD_H
#define VDET_NET_GUARD_H

#include "net/call.h"

/* Finds the route and the user. False if the request is refused: the reply says
 * why. */
bool guard_admit(struct call *c);
/* Adds what a page of another origin needs to read the reply, if that origin is
 * one of those configured. */
void guard_cors(struct call *c);

#endif
