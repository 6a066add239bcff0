/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of objects of an S3 server, signed so that they need nothing else
 * ("presigned", AWS Signature Version 4): a worker gets one without a key of
 * the user. libcurl can sign requests, but makes no such addresses. Pure; any
 * thread. */
#ifndef VDET_REMOTE_S3_H
#define VDET_REMOTE_S3_H

#include <stdint.h>

#include "base/err.h"

/* All borrowed; NULL or "" = none. */
struct remote_s3 {
	/* "https://minio.example:9000": buckets are folders there. Without it AWS
	 * is meant, where a bucket is a host. */
	const char *endpoint;
	const char *region;  /* none: us-east-1 */
	const char *key_id;  /* none: requests are not signed, as of a public bucket */
	const char *secret;  /* belongs to it */
	const char *session; /* token of keys that are valid for some hours */
};

/* "s3://BUCKET/KEY". *ret_bucket, which the caller frees, and *ret_key, a part
 * of `address`. ERR_ARG. */
int remote_s3_parse(const char *address, char **ret_bucket, const char **ret_key, struct err *err);

/* The http or https address of an object for a GET; it is valid for `valid`
 * seconds from `now`, Unix time. The caller frees *ret. ERR_ARG names what is
 * wrong with the settings. */
int remote_s3_url(const struct remote_s3 *s, const char *bucket, const char *key, int64_t now,
                  int64_t valid, char **ret, struct err *err);

/* The part of such an address after its '?': for a host as it is in the header,
 * and an encoded path. The caller frees the result. */
char *remote_s3_query(const struct remote_s3 *s, const char *host, const char *path, int64_t now,
                      int64_t valid);

#endif
