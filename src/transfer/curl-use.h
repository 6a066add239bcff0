/* SPDX-License-Identifier: Apache-2.0 */
/* What every user of libcurl in this module needs. The functions may be called
 * from any thread; those that take a handle change that handle only. */
#ifndef VDET_TRANSFER_CURL_USE_H
#define VDET_TRANSFER_CURL_USE_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Initializes libcurl, once per process. Call it before any other use of
 * libcurl. */
void curl_use(void);
/* Sets what every transfer has in common: URL, HTTP and HTTPS only, user agent,
 * no signals, no proxy for addresses of this machine, certificates as the
 * environment names them. `words` receives libcurl's message, and must be valid
 * as long as the handle uses it. */
void curl_use_plainly(CURL *e, const char *url, char words[static CURL_ERROR_SIZE]);

/* Copies the value of header `name` from a header line: trimmed, cut to size -
 * 1 bytes, '?' for what is not printable. False if it is another header. */
bool curl_use_header(const char *line, size_t len, const char *name, char *out, size_t size);
/* The value of Retry-After, in seconds or as a date: microseconds from now, at
 * most `max`; 0 if it is invalid or in the past. */
int64_t curl_use_retry_after(const char *value, int64_t max);

/* Whether a retry may succeed: there was no listener yet, or the connection was
 * lost. A bad certificate or URL does not change. */
bool curl_use_passing(CURLcode code);

#endif
