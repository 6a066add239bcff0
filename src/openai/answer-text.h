/* SPDX-License-Identifier: Apache-2.0 */
/* The one reader of what models answer, for every kind of request. Models and
 * engines put things around an answer that do not belong to it: reasoning in
 * tags, prose before and after, Markdown fences. What is certain is taken; else
 * the error says what was sent instead of an answer. Pure. */
#ifndef VDET_OPENAI_ANSWER_TEXT_H
#define VDET_OPENAI_ANSWER_TEXT_H

#include <jansson.h>

#include "base/err.h"
#include "openai/chat.h"

/* `text` without reasoning in <think>, [THINK] and other such tags, with or
 * without the opening one. What was removed is in *ret_reasoning, "" if
 * nothing. The caller frees both. */
char *answer_text_split(const char *text, char **ret_reasoning);

/* The JSON object of an answer that has the member `key`: the whole text, or
 * the one such object in it. If the text is empty, that of the reasoning: some
 * engines return everything as reasoning. ERR_FORMAT with a message for the
 * model: no such object, several, cut off, a refusal, a tool call, all tokens
 * used up by reasoning. The caller owns *ret. */
int answer_text_object(const struct chat_result *r, const char *key, json_t **ret, struct err *err);

/* The prose of an answer, without a fence around all of it; of a JSON object
 * the text in its member `key`. An answer that was cut off at its limit ends in
 * " […]". ERR_FORMAT as above. The caller frees. */
int answer_text_prose(const struct chat_result *r, const char *key, char **ret, struct err *err);

#endif
