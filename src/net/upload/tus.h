/* SPDX-License-Identifier: Apache-2.0 */
/* The routes of resumable uploads, by the protocol tus 1.0 (https://tus.io)
 * with its extensions creation, creation-with-upload, creation-defer-length,
 * checksum, expiration, termination and concatenation. call.ctx is a struct
 * uploads. */
#ifndef VDET_NET_UPLOAD_TUS_H
#define VDET_NET_UPLOAD_TUS_H

#include <stddef.h>

#include "net/http/route.h"

extern const struct route tus_routes[];
extern const size_t n_tus_routes;

#endif
