/* SPDX-License-Identifier: Apache-2.0 */
/* Checks the head of a request before libwebsockets gets it, which closes the
 * connection or sends a page of its own where a request is malformed. Pure. */
#ifndef VDET_NET_HTTP_REQUEST_CHECK_H
#define VDET_NET_HTTP_REQUEST_CHECK_H

#include <stddef.h>

enum {
	/* Bytes of a head and its lines: what fits into the tables of the library,
	 * which adds some bytes to each header. */
	REQUEST_HEAD_MAX = 30 * 1024,
	REQUEST_TARGET_MAX = 8 * 1024,
	REQUEST_HEADER_MAX = 8 * 1024,
	REQUEST_PARTS_MAX = 80, /* headers, and parameters of the query */
};

enum request_verdict {
	REQUEST_INCOMPLETE, /* the head does not end in these bytes */
	REQUEST_GOOD,
	REQUEST_BAD,
	REQUEST_OPTIONS, /* OPTIONS *: about the server, not about a route */
};

/* Status, code and detail of a problem document. */
struct request_fault {
	int status;
	const char *code;
	char detail[240];
};

/* Checks the bytes that a client has sent so far; what follows the head is not
 * looked at. *ret is set if the verdict is REQUEST_BAD. */
enum request_verdict request_check(const char *data, size_t len, struct request_fault *ret);

#endif
