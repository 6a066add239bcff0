/* SPDX-License-Identifier: Apache-2.0 */
/* An answer as it comes in, event by event, from a
 * stream of chat.completion.chunk objects or as one chat.completion object.
 * Pure; belongs to one thread. */
#ifndef VDET_OPENAI_COMPLETION_H
#define VDET_OPENAI_COMPLETION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "openai/chat.h"

#define COMPLETION_TEXT_MAX ((size_t)1 << 20) /* bytes of an answer's text */
/* bytes of one event, or of an answer that is not streamed */
#define COMPLETION_EVENT_MAX ((size_t)4 << 20)

struct completion {
	struct buf text, reasoning, refusal;
	char *finish_reason, *model;
	char *tool;      /* name of the tool that was called; NULL = none */
	bool done;       /* [DONE] came, or the answer in one piece */
	bool surrogates; /* half characters came, see completion.c */
	bool usage;      /* token counts are the engine's own */
	int64_t prompt_tokens, prompt_done, cached_tokens, output_tokens;
	double prefill_rate, decode_rate; /* 0 unless the engine sent them */
	int64_t first, last; /* clock_now() of the first and last piece of output; 0 = none yet */
};

void completion_init(struct completion *a);
void completion_clear(struct completion *a);
/* One event's data: a JSON object or [DONE]. ERR_PROTO for rubbish; ERR_ENGINE
 * with the engine's words when the event reports an error; ERR_LIMIT. */
int completion_event(struct completion *a, const char *data, size_t len, struct err *err);
/* The stream ended: ERR_PROTO unless the answer is whole. Then fills the fields
 * of `ret` that it knows; `sent` is clock_now() of when the request was
 * sent. */
int completion_end(struct completion *a, int64_t sent, struct chat_result *ret, struct err *err);

/* What an error reply says, in one bounded line: error.message, error, message,
 * detail of a JSON object, or the text itself. *ret_limit: it says that the
 * prompt exceeds the context. The caller frees. */
char *completion_error_words(const char *body, size_t len, bool *ret_limit);

#endif
