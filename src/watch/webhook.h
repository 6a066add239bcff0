/* SPDX-License-Identifier: Apache-2.0 */
/* Posts a message to an address, signed so that the receiver knows who sent it,
 * and when:
 *
 *   Vdet-Signature: t=1700000000,v1=…
 *
 * v1 is the HMAC-SHA-256, in hexadecimal, of the time t as written, a full stop
 * and the body, with the secret that both know as its key. */
#ifndef VDET_WATCH_WEBHOOK_H
#define VDET_WATCH_WEBHOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "transfer/http.h"

struct webhook {
	const char *url;
	const char *secret;
	bool allow_private; /* addresses of this machine and of private networks */
};

/* The secret of a file, without white space at its end: 16 to 1000 bytes. The
 * caller frees. */
int webhook_secret(const char *file, char **ret, struct err *err);
/* ERR_ARG unless a message can be posted there. Pure. */
int webhook_check(const char *url, struct err *err);

enum { WEBHOOK_SIGNATURE_MAX = 128 };
/* The line of the header; `seconds`: Unix time. Pure. */
void webhook_sign(const char *secret, int64_t seconds, const char *body,
                  char ret[static WEBHOOK_SIGNATURE_MAX]);

/* 0 once the receiver has accepted it, with a status from 200 to 299.
 * ERR_CANCELED; ERR_PERM: the address is private; others may pass. Blocks for
 * at most half a minute. */
int webhook_post(struct http *http, const struct webhook *w, const char *body,
                 struct cancel *cancel, struct err *err);

#endif
