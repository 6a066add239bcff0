/* SPDX-License-Identifier: Apache-2.0 */
/* The routes below /v1, for programs that speak OpenAI's API: a question about
 * videos is a chat completion, and each video is a model. docs/chat.md is for
 * users. call.ctx is a struct chat_service. */
#ifndef VDET_NET_CHAT_CHAT_H
#define VDET_NET_CHAT_CHAT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "board/board.h"
#include "net/http/route.h"

struct chat_service;

/* Empties the folder `dir`, which is on the file system of the board's data;
 * videos that a request brings are there while they arrive, at most
 * `upload_max` bytes. A reply that is not streamed is sent after `max_wait`
 * microseconds with what is known then. */
int chat_service_new(struct board *board, const char *dir, int64_t upload_max, int64_t max_wait,
                     struct chat_service **ret, struct err *err);
void chat_service_stop(struct chat_service *c); /* ends what is being answered; quick */
/* Stops, and waits until nothing is answered any more. */
void chat_service_free(struct chat_service *c);
DEFINE_FREEP(struct chat_service, chat_service)

extern const struct route chat_routes[];
extern const size_t n_chat_routes;

#endif
