/* SPDX-License-Identifier: Apache-2.0 */
/* Extracts the answer from the text of a model, for every kind of request.
 * Models and engines put other things around it: reasoning in tags, prose
 * before and after, Markdown fences. If the answer is not unambiguous, the
 * error says what was sent instead. Pure. */
#ifndef VDET_OPENAI_ANSWER_TEXT_H
#define VDET_OPENAI_ANSWER_TEXT_H

#include <jansson.h>

#include "base/err.h"
#include "openai/chat.h"

/* Returns `text` without reasoning in <think>, [THINK] and other such tags,
 * with or without the opening one. *ret_reasoning is what was removed, "" if
 * nothing. The caller frees both. */
char *answer_text_split(const char *text, char **ret_reasoning);

/* The JSON object with the member `key`: the whole text, or the only such
 * object in it. If the text is empty, the reasoning is searched, because some
 * engines return everything as reasoning. ERR_FORMAT with a message for the
 * model: no such object, several, cut off, a refusal, a tool call, all tokens
 * used by reasoning. The caller owns *ret. */
int answer_text_object(const struct chat_result *r, const char *key, json_t **ret, struct err *err);

/* The prose of an answer, without a fence around all of it; if it is a JSON
 * object, the text in its member `key`. An answer that was cut off at its limit
 * ends in " […]". ERR_FORMAT as above. The caller frees. */
int answer_text_prose(const struct chat_result *r, const char *key, char **ret, struct err *err);

#endif
