/* SPDX-License-Identifier: Apache-2.0 */
/* Collects an answer, event by event, from a stream of chat.completion.chunk
 * objects or from one chat.completion object. No I/O; one thread at a time. */
#ifndef VDET_OPENAI_COMPLETION_H
#define VDET_OPENAI_COMPLETION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"
#include "openai/chat.h"

#define COMPLETION_TEXT_MAX ((size_t)1 << 20) /* bytes of an answer's text */
/* bytes of one event, or of an answer that is not streamed */
#define COMPLETION_EVENT_MAX ((size_t)4 << 20)

struct completion {
	struct buf text, reasoning, refusal;
	json_t *logprobs;    /* of the first tokens; NULL = none were sent */
	size_t logprobs_len; /* bytes of the events that they were in */
	char *finish_reason, *model;
	char *tool;      /* name of the tool that was called; NULL = none */
	bool done;       /* [DONE] or a complete answer was received */
	bool surrogates; /* single surrogates were received, see completion.c */
	bool usage;      /* token counts are the engine's, not estimated */
	int64_t prompt_tokens, prompt_done, cached_tokens, output_tokens;
	double prefill_rate, decode_rate; /* tokens/s; 0 unless the engine sent them */
	int64_t first, last; /* clock_now() of the first and last piece of output; 0 = none yet */
};

void completion_init(struct completion *a);
void completion_clear(struct completion *a);
/* Takes the data of one event: a JSON object or [DONE]. ERR_PROTO if it is
 * neither; ERR_ENGINE with the engine's message if it reports an error;
 * ERR_LIMIT. */
int completion_event(struct completion *a, const char *data, size_t len, struct err *err);
/* To be called at the end of the stream: ERR_PROTO unless the answer is
 * complete. Fills the fields of `ret` that it knows; `sent` is clock_now() when
 * the request was sent. */
int completion_end(struct completion *a, int64_t sent, struct chat_result *ret, struct err *err);

/* The message of an error reply as one line of limited length: error.message,
 * error, message or detail of a JSON object, or the text itself. *ret_limit: it
 * says that the prompt exceeds the context. The caller frees. */
char *completion_error_words(const char *body, size_t len, bool *ret_limit);

#endif
