/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of each address that talks to us: its connections, and how much
 * it asks. Net thread only. */
#ifndef VDET_NET_PEER_H
#define VDET_NET_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

#define PEER_ADDRESS_MAX 48

struct peers;

struct peers *peers_new(int64_t per_address, int64_t rate);
void peers_free(struct peers *p);
DEFINE_FREEP(struct peers, peers)

/* False if the address has all the connections that it may have; else call
 * peers_leave() once. */
bool peers_enter(struct peers *p, const char *address);
void peers_leave(struct peers *p, const char *address);
/* False if it asks more than it may (a bucket of five seconds' worth);
 * *ret_wait: seconds until it may again. */
bool peers_ask(struct peers *p, const char *address, int64_t now, double *ret_wait);
/* The same for logins: ten, then one in ten seconds. */
bool peers_login(struct peers *p, const char *address, int64_t now, double *ret_wait);

#endif
