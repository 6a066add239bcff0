/* SPDX-License-Identifier: Apache-2.0 */
#include "watch/webhook.h"

#include <ctype.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "transfer/download.h"

enum { SECRET_MIN = 16, SECRET_MAX = 1000 };
#define CONNECT_TIMEOUT (10 * CLOCK_SECOND)
#define TOTAL_TIMEOUT (30 * CLOCK_SECOND)

int webhook_secret(const char *file, char **ret, struct err *err)
{
	AUTO(buf_free) struct buf b = BUF(SECRET_MAX + 2);
	int r = file_read(file, &b, err);
	if (r < 0)
		return err_wrap(err, "the secret of the webhook");
	size_t n = strlen(buf_str(&b));
	bool whole = n == b.len;
	while (n && isspace((unsigned char)b.data[n - 1]))
		n--;
	if (!whole || n < SECRET_MIN || n > SECRET_MAX)
		return err_set(err, ERR_ARG, "%s has to have a secret of %d to %d bytes, as text", file,
		               SECRET_MIN, SECRET_MAX);
	*ret = mem_printf("%.*s", (int)n, buf_str(&b));
	return 0;
}

int webhook_check(const char *url, struct err *err)
{
	AUTO(mem_freep) char *name = NULL;
	int r = download_name(url, &name, err);
	return r < 0 ? err_wrap(err, "the address of the webhook") : 0;
}

void webhook_sign(const char *secret, int64_t seconds, const char *body,
                  char ret[static WEBHOOK_SIGNATURE_MAX])
{
	crypto_auth_hmacsha256_state state;
	unsigned char mac[crypto_auth_hmacsha256_BYTES];
	char time[24], hex[2 * sizeof mac + 1];
	int n = snprintf(time, sizeof time, "%" PRId64, seconds);
	crypto_auth_hmacsha256_init(&state, (const unsigned char *)secret, strlen(secret));
	crypto_auth_hmacsha256_update(&state, (const unsigned char *)time, (size_t)n);
	crypto_auth_hmacsha256_update(&state, (const unsigned char *)".", 1);
	crypto_auth_hmacsha256_update(&state, (const unsigned char *)body, strlen(body));
	crypto_auth_hmacsha256_final(&state, mac);
	sodium_bin2hex(hex, sizeof hex, mac, sizeof mac);
	snprintf(ret, WEBHOOK_SIGNATURE_MAX, "Vdet-Signature: t=%s,v1=%s", time, hex);
}

/* What the receiver says does not matter. */
static int skip_body(void *ctx, const struct http_reply *reply, const char *data, size_t len,
                     struct err *err)
{
	size_t *left = ctx;
	(void)reply, (void)data;
	if (len > *left)
		return err_set(err, ERR_LIMIT, "the reply is too long");
	*left -= len;
	return 0;
}

int webhook_post(struct http *http, const struct webhook *w, const char *body,
                 struct cancel *cancel, struct err *err)
{
	char signature[WEBHOOK_SIGNATURE_MAX];
	size_t left = 64 << 10;
	struct http_reply reply;
	webhook_sign(w->secret, clock_wall() / CLOCK_SECOND, body, signature);
	const struct http_piece piece = {body, strlen(body)};
	const char *const headers[] = {signature, NULL};
	const struct http_request q = {.url = w->url,
	                               .pieces = &piece,
	                               .n_pieces = 1,
	                               .headers = headers,
	                               .public_only = !w->allow_private,
	                               .connect_timeout = CONNECT_TIMEOUT,
	                               .total_timeout = TOTAL_TIMEOUT,
	                               .cancel = {cancel},
	                               .body = skip_body,
	                               .ctx = &left};
	int r = http_run(http, &q, &reply, err);
	/* It has accepted the message, whatever comes of its reply. */
	if (reply.status >= 200 && reply.status < 300)
		return 0;
	if (r == -ERR_PERM)
		err_add(err, "allow that with --webhook-private");
	return r < 0 ? r
	             : err_set(err, ERR_ENGINE, "the receiver answered with HTTP status %d",
	                       reply.status);
}
