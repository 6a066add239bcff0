/* SPDX-License-Identifier: Apache-2.0 */
/* The one door into the net thread. */
#ifndef VDET_NET_DOOR_H
#define VDET_NET_DOOR_H

#include "net/net.h"

/* Calls fn(n, ctx) on the net thread, soon, in the order of posting. Any
 * thread. */
void net_post(struct net *n, void (*fn)(struct net *n, void *ctx), void *ctx);

#endif
