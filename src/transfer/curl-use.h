/* SPDX-License-Identifier: Apache-2.0 */
/* What those who use libcurl share, beside it. Pure but
 * for the first. */
#ifndef VDET_TRANSFER_CURL_USE_H
#define VDET_TRANSFER_CURL_USE_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* libcurl is set up, once for the process; from any thread. */
void curl_use(void);
/* What each of our transfers has: HTTP alone, our name, no signals, no proxy to
 * this machine itself. */
void curl_use_plainly(CURL *e, const char *url, char words[static CURL_ERROR_SIZE]);

/* The value of header `name` in a line of a head: trimmed, bounded, what cannot
 * be printed as '?'. False if it is another header. */
bool curl_use_header(const char *line, size_t len, const char *name, char *out, size_t size);
/* Retry-After, in seconds or as a date: microseconds from now, at most `max`; 0
 * where it has neither a summary nor events. */
int64_t curl_use_retry_after(const char *value, int64_t max);

/* May it work the next time: no listener yet, or the connection was lost?
 * Certificates and bad URLs will not change. */
bool curl_use_passing(CURLcode code);

#endif
