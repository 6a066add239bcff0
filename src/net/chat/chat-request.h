/* SPDX-License-Identifier: Apache-2.0 */
/* A request for a chat completion, as clients of OpenAI's API send it: what is
 * asked, and about which videos. Pure functions, any thread. */
#ifndef VDET_NET_CHAT_REQUEST_H
#define VDET_NET_CHAT_REQUEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
	CHAT_VIDEOS_MAX = 16, /* of a request, in its messages */
	CHAT_TURNS_MAX = 1000,
};

/* A video that came with the request. */
struct chat_video {
	char *url;   /* http or https; NULL: it is data */
	size_t data; /* number of the data, see chat-scan.h */
	char *name;  /* as the client calls it; "" = it does not */
};

struct chat_request {
	char *model;    /* as sent */
	char *about;    /* the model without "vdet/": a video or a case; "" = none */
	char *question; /* the text of the last message of the user */
	/* The last exchange before it: the question, and what the assistant said;
	 * "" = none. */
	char *asked, *said;
	struct chat_video *videos; /* each once */
	size_t n_videos;
	bool stream, usage;   /* as a stream, which ends with the usage */
	bool thorough, again; /* of our own member "vdet" */
	char *budget;         /* likewise; "" = none */
};
void chat_request_clear(struct chat_request *q);

/* `n_data`: how much data came with the request. ERR_ARG, ERR_LIMIT,
 * ERR_UNSUPPORTED; ERR_NOENT: no such model. Members that a question about
 * videos has no use for, such as "temperature", are ignored. */
int chat_request_read(const json_t *body, size_t n_data, struct chat_request *ret, struct err *err);

#endif
