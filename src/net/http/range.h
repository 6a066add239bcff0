/* SPDX-License-Identifier: Apache-2.0 */
/* The Range header of a request for a file (RFC 9110). Pure. */
#ifndef VDET_NET_HTTP_RANGE_H
#define VDET_NET_HTTP_RANGE_H

#include <stdint.h>

enum range_result {
	/* no range, or one that may be ignored (several, other unit, malformed):
	 * the whole file */
	RANGE_WHOLE,
	RANGE_PART,  /* *ret_first to *ret_last, both included, within the file */
	RANGE_WRONG, /* outside of the file */
};
enum range_result range_read(const char *text, int64_t size, int64_t *ret_first, int64_t *ret_last);

#endif
