/* SPDX-License-Identifier: Apache-2.0 */
/* Resumable uploads by the protocol tus 1.0 (https://tus.io): creation,
 * creation-with-upload, checksum, expiration, termination. Handlers as in
 * route.h; of a route that takes bytes, the handler begins, then tus_write()
 * for what comes, then tus_finish(), or tus_gone() if the connection breaks
 * off. */
#ifndef VDET_NET_TUS_H
#define VDET_NET_TUS_H

#include "net/route.h"

route_fn tus_options, tus_create, tus_head, tus_patch, tus_delete;
int tus_write(struct call *c, const void *data, size_t len, struct err *err);
int tus_finish(struct call *c, struct err *err);
void tus_gone(struct call *c);

#endif
