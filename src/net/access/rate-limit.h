/* SPDX-License-Identifier: Apache-2.0 */
/* Limits for each client address: open connections, requests per second, failed
 * and successful logins. State of an address is dropped five minutes after its
 * last request.
 *
 * Not thread-safe: one thread uses it. Times are those of clock_now(). */
#ifndef VDET_NET_ACCESS_RATE_LIMIT_H
#define VDET_NET_ACCESS_RATE_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

/* Size of a client address as text, with its NUL. */
#define CLIENT_ADDRESS_MAX 48

struct rate_limiter;

/* `connections`: most open connections of one address. `rate`: requests per
 * second of one address, 0 = no limit. */
struct rate_limiter *rate_limiter_new(int64_t connections, int64_t rate);
void rate_limiter_free(struct rate_limiter *l);
DEFINE_FREEP(struct rate_limiter, rate_limiter)

/* False if the address has too many open connections. Otherwise call
 * rate_limiter_disconnect() once when the connection closes. */
bool rate_limiter_connect(struct rate_limiter *l, const char *address);
void rate_limiter_disconnect(struct rate_limiter *l, const char *address);

/* Counts a request. False if the limit is exceeded (a token bucket that holds
 * five seconds of requests); *ret_wait is then the number of seconds until the
 * next request is allowed. */
bool rate_limiter_request(struct rate_limiter *l, const char *address, int64_t now,
                          double *ret_wait);
/* The same for logins: a burst of ten, then one in ten seconds. */
bool rate_limiter_login(struct rate_limiter *l, const char *address, int64_t now, double *ret_wait);

#endif
