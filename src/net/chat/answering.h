/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of a chat completion, in their order. Each returns 0, an error, or
 * 1 if the time of a reply that is not streamed is over. On the thread of the
 * call; they wait for the board. */
#ifndef VDET_NET_CHAT_ANSWERING_H
#define VDET_NET_CHAT_ANSWERING_H

#include "net/chat/session.h"

/* Adds the videos of the request to the board, and finds what "model" names:
 * s->scope. */
int answering_scope(struct session *s, struct err *err);
/* Waits until its videos are here and analyzed; those that are not yet are
 * analyzed now. */
int answering_analyze(struct session *s, struct err *err);
/* Asks, and waits for the answer: *ret is the question with its answer, as of
 * board_ask(). The caller owns it. */
int answering_ask(struct session *s, json_t **ret, struct err *err);

#endif
