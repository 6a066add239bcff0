/* SPDX-License-Identifier: Apache-2.0 */
/* Replies of chat completions, in the form of OpenAI's API: whole, or as a
 * stream of server-sent events. Pure functions, any thread. JSON values that
 * are returned belong to the caller. */
#ifndef VDET_NET_CHAT_REPLY_H
#define VDET_NET_CHAT_REPLY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "answer/answer.h"
#include "base/buf.h"

/* What all parts of a reply have in common; borrowed. */
struct chat_head {
	const char *id;    /* "chatcmpl-…" */
	const char *model; /* as it was asked for */
	int64_t created;   /* Unix time, seconds */
};

/* The address of our page at a moment of a video of the answer; the caller
 * frees. NULL: there is none. */
typedef char *chat_link_fn(void *ctx, const struct answer_source *source, int64_t time);

/* The answer as the text of a message: with [n], what each of them is below,
 * and what was looked at. */
void chat_reply_text(const struct answer *a, struct buf *out);
/* "url_citation" for each [n] in the answer's own part of such a text, which
 * has a link. Indices count characters (code points), the end is exclusive. */
json_t *chat_annotations(const struct answer *a, chat_link_fn *link, void *ctx);

json_t *chat_usage(const struct answer *a); /* NULL: nothing was spent */
/* What a message is; each member is stolen, and may be NULL. */
struct chat_end {
	json_t *annotations, *usage, *own; /* own: the member "vdet" */
	const char *reason;                /* why it ends: "stop", or "length" if it is not whole */
};
/* {"object": "chat.completion", …} */
json_t *chat_completion(const struct chat_head *h, const char *text, const struct chat_end *e);

/* Append events of a stream; JSON is stolen. */
void chat_add_event(struct buf *out, json_t *data);
void chat_add_delta(struct buf *out, const struct chat_head *h, json_t *delta);
/* A delta with one text: "content" or "reasoning_content". */
void chat_add_text(struct buf *out, const struct chat_head *h, const char *member,
                   const char *text);
/* The end of the message. `with_usage`: one more event has the usage. */
void chat_add_end(struct buf *out, const struct chat_head *h, const struct chat_end *e,
                  bool with_usage);
void chat_add_done(struct buf *out); /* "[DONE]" */

#endif
