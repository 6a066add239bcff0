/* SPDX-License-Identifier: Apache-2.0 */
#include "remote/s3.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/mem.h"

enum { BUCKET_MAX = 255, KEY_MAX = 1024, TEXT_MAX = 16 << 10, MAC = crypto_auth_hmacsha256_BYTES };

static bool has(const char *s)
{
	return s && *s;
}

static const char *region_of(const struct remote_s3 *s)
{
	return has(s->region) ? s->region : "us-east-1";
}

int remote_s3_parse(const char *address, char **ret_bucket, const char **ret_key, struct err *err)
{
	static const char chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
	const char *bucket = address + strlen("s3://");
	size_t n = strspn(bucket, chars);
	if (strncasecmp(address, "s3://", 5) != 0 || !n || n > BUCKET_MAX || bucket[n] != '/' ||
	    bucket[0] == '.' || !bucket[n + 1] || strlen(bucket + n + 1) > KEY_MAX)
		return err_set(err, ERR_ARG, "an address of S3 has the form s3://BUCKET/KEY");
	*ret_bucket = mem_printf("%.*s", (int)n, bucket);
	*ret_key = bucket + n + 1;
	return 0;
}

/* As the signature wants it: all but unreserved characters (RFC 3986). */
static void add_encoded(struct buf *out, const char *text, bool slash)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
		             (*p >= '0' && *p <= '9') || strchr("-._~", *p) || (slash && *p == '/');
		buf_addf(out, plain ? "%c" : "%%%02X", *p);
	}
}

static void sign(const unsigned char *key, size_t key_len, const char *text,
                 unsigned char out[static MAC])
{
	crypto_auth_hmacsha256_state state;
	crypto_auth_hmacsha256_init(&state, key, key_len);
	crypto_auth_hmacsha256_update(&state, (const unsigned char *)text, strlen(text));
	crypto_auth_hmacsha256_final(&state, out);
	sodium_memzero(&state, sizeof state);
}

/* The key of a day, region and service, and with it the signature. */
static void sign_text(const struct remote_s3 *s, const char *day, const char *region,
                      const char *text, char out[static 2 * MAC + 1])
{
	unsigned char mac[MAC];
	const char *const steps[] = {day, region, "s3", "aws4_request", text};
	AUTO(mem_freep) char *first = mem_printf("AWS4%s", s->secret);
	sign((const unsigned char *)first, strlen(first), steps[0], mac);
	for (size_t i = 1; i < ARRAY_LEN(steps); i++)
		sign(mac, MAC, steps[i], mac);
	sodium_bin2hex(out, 2 * MAC + 1, mac, MAC);
	sodium_memzero(first, strlen(first));
}

/* The two parts of an address before the path: "https" and "host:port/prefix";
 * where the bucket is a part of the path, it is added. */
static int choose_host(const struct remote_s3 *s, const char *bucket, const char *region,
                       char **ret_scheme, char **ret_host, char **ret_prefix, struct err *err)
{
	const char *e = has(s->endpoint) ? s->endpoint : NULL, *host = e ? strstr(e, "://") : NULL;
	if (!e) {
		/* A certificate of *.s3.REGION.amazonaws.com has no names with dots. */
		bool dots = strchr(bucket, '.');
		*ret_scheme = mem_strdup("https");
		*ret_host = dots ? mem_printf("s3.%s.amazonaws.com", region)
		                 : mem_printf("%s.s3.%s.amazonaws.com", bucket, region);
		*ret_prefix = dots ? mem_printf("/%s", bucket) : mem_strdup("");
		return 0;
	}
	size_t scheme = host ? (size_t)(host - e) : 0;
	bool http =
		(scheme == 4 && !strncasecmp(e, "http", 4)) || (scheme == 5 && !strncasecmp(e, "https", 5));
	host = host ? host + 3 : "";
	size_t n = strcspn(host, "/?#"), rest = strlen(host + n);
	if (!http || !n || n > 255 || strcspn(host, "@ \\") < n || strpbrk(host, "?#%") || rest > 500)
		return err_set(err, ERR_ARG,
		               "the address of the S3 server is not of the form https://HOST:PORT");
	while (rest && host[n + rest - 1] == '/')
		rest--;
	*ret_scheme = mem_printf("%.*s", (int)scheme, e);
	*ret_host = mem_printf("%.*s", (int)n, host);
	*ret_prefix = mem_printf("%.*s/%s", (int)rest, host + n, bucket);
	return 0;
}

/* Without the default port, which clients do not send. */
static char *host_header(const char *scheme, const char *host)
{
	const char *port = strcasecmp(scheme, "https") == 0 ? ":443" : ":80";
	size_t n = strlen(host), m = strlen(port);
	return n > m && strcmp(host + n - m, port) == 0 ? mem_printf("%.*s", (int)(n - m), host)
	                                                : mem_strdup(host);
}

static void hash_text(const char *text, char out[static HASH_HEX])
{
	AUTO(hash_freep) struct hash *h = hash_new();
	hash_add(h, text, strlen(text));
	hash_end(h, out);
}

/* In the order of the alphabet, as they are signed. */
static void add_query(const struct remote_s3 *s, const char *scope, const char *time, int64_t valid,
                      struct buf *out)
{
	buf_adds(out, "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=");
	add_encoded(out, s->key_id, false);
	add_encoded(out, "/", false);
	add_encoded(out, scope, false);
	buf_addf(out, "&X-Amz-Date=%s&X-Amz-Expires=%" PRId64, time, valid);
	if (has(s->session)) {
		buf_adds(out, "&X-Amz-Security-Token=");
		add_encoded(out, s->session, false);
	}
	buf_adds(out, "&X-Amz-SignedHeaders=host");
}

char *remote_s3_query(const struct remote_s3 *s, const char *host, const char *path, int64_t now,
                      int64_t valid)
{
	const char *region = region_of(s);
	char time[40], day[20], hash[HASH_HEX], signature[2 * MAC + 1];
	struct tm tm = {0};
	time_t t = (time_t)now;
	gmtime_r(&t, &tm);
	strftime(time, sizeof time, "%Y%m%dT%H%M%SZ", &tm);
	strftime(day, sizeof day, "%Y%m%d", &tm);
	AUTO(mem_freep) char *scope = mem_printf("%s/%s/s3/aws4_request", day, region);
	AUTO(buf_free) struct buf query = BUF(TEXT_MAX);
	add_query(s, scope, time, valid, &query);
	AUTO(mem_freep)
	char *request =
		mem_printf("GET\n%s\n%s\nhost:%s\n\nhost\nUNSIGNED-PAYLOAD", path, buf_str(&query), host);
	hash_text(request, hash);
	AUTO(mem_freep)
	char *text = mem_printf("AWS4-HMAC-SHA256\n%s\n%s\n%s", time, scope, hash);
	sign_text(s, day, region, text, signature);
	return mem_printf("%s&X-Amz-Signature=%s", buf_str(&query), signature);
}

int remote_s3_url(const struct remote_s3 *s, const char *bucket, const char *key, int64_t now,
                  int64_t valid, char **ret, struct err *err)
{
	AUTO(mem_freep) char *scheme = NULL, *host = NULL, *prefix = NULL;
	AUTO(buf_free) struct buf path = BUF(TEXT_MAX);
	const char *region = region_of(s);
	if (has(s->key_id) != has(s->secret))
		return err_set(err, ERR_ARG,
		               "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are needed both, or none of "
		               "them for a public bucket");
	if (strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(region) ||
	    strlen(region) > 60 || (has(s->session) && strlen(s->session) > 3000) ||
	    (has(s->key_id) && strlen(s->key_id) > 200))
		return err_set(err, ERR_ARG, "the S3 region or keys are not valid");
	int r = choose_host(s, bucket, region, &scheme, &host, &prefix, err);
	if (r < 0)
		return r;
	add_encoded(&path, prefix, true);
	buf_adds(&path, "/");
	add_encoded(&path, key, true);
	if (!has(s->key_id)) {
		*ret = mem_printf("%s://%s%s", scheme, host, buf_str(&path));
		return 0;
	}
	AUTO(mem_freep) char *header = host_header(scheme, host);
	AUTO(mem_freep)
	char *query = remote_s3_query(s, header, buf_str(&path), now, valid);
	*ret = mem_printf("%s://%s%s?%s", scheme, host, buf_str(&path), query);
	return 0;
}
