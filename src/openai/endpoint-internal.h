/* SPDX-License-Identifier: Apache-2.0 */
/* What endpoint.c (address, probing) and
 * endpoint-call.c (one chat) share. */
#ifndef VDET_OPENAI_ENDPOINT_INTERNAL_H
#define VDET_OPENAI_ENDPOINT_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

#include "openai/dialect.h"
#include "openai/endpoint.h"
#include "transfer/http.h"

/* What one probe found. Published whole and never changed afterwards, so that
 * threads read it without a lock; older ones live as long as the endpoint. */
struct endpoint_known {
	struct endpoint_info info;
	struct endpoint_known *older;
};

struct endpoint {
	struct http *http;
	char *shown;   /* for people */
	char *base;    /* the API: …/v1 */
	char *root;    /* the server: /health, /props */
	char *socket;  /* or NULL */
	char *key;     /* "" = none */
	char *wanted;  /* model name that was asked for, or "" */
	char *ca_file; /* certificates to trust beside the system's; "" = none */
	struct endpoint_limits limits;
	struct endpoint_known *_Atomic known;
	void (*learned)(void *ctx); /* or NULL */
	void *learned_ctx;
	pthread_mutex_t lock; /* guards what follows */
	struct dialect dialect;
	struct sampling sampling;
	bool tried; /* something was learned since a request was last answered */
};

/* The error for a reply whose status is not 200, with the engine's own words. */
enum { ADVICE_SIZE = 400 };

/* What to do if there is no API at the address; "" or text after a message. */
const char *endpoint_address_advice(const struct endpoint *e, char out[static ADVICE_SIZE]);
int endpoint_status_error(const struct endpoint *e, const struct http_reply *reply,
                          const char *body, size_t len, struct err *err);
/* Whether the same request may succeed later. */
bool endpoint_status_passes(int status);
/* What the error `r` of a reply whose status is not 200 means for the request. */
void endpoint_note_failure(const struct http_reply *reply, int r, struct endpoint_failure *ret);
/* Takes the key out of a message: engines like to repeat it. */
void endpoint_scrub(const struct endpoint *e, struct err *err);

#endif
