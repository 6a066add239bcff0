/* SPDX-License-Identifier: Apache-2.0 */
/* The requests to the model that answer a question. The texts are files in
 * src/ask/prompt/, embedded; the demo model is trained on them, but to choose. */
#ifndef VDET_ASK_PROMPT_H
#define VDET_ASK_PROMPT_H

#include <stdbool.h>

#include "base/err.h"
#include "base/hash.h"
#include "job/prompt.h"
#include "openai/chat.h"

/* What a question asks for (ask/route.h). `before`: the questions and answers
 * that it follows, as text; "" = none. */
void prompt_route(struct chat *c, const char *question, const char *before);

/* The answer from n numbered findings, one per line: "1 [cam2.mp4 00:00:05 -
 * 00:00:09] A red car enters.\n". `language`: of the claims, "" = any; `fault`:
 * what was wrong with the last reply, NULL = it is the first. */
void prompt_compose(struct chat *c, const char *question, const char *findings, size_t n,
                    const char *language, const char *fault);

/* Which of the choices, one per line: "A: a dog\n", fits what was found. The
 * answer is a letter. */
void prompt_choose(struct chat *c, const char *question, const char *found, const char *choices);

/* SHA-256 over the texts and schemas of all requests, that of checks included:
 * part of the key of a question. */
void prompt_ask_hash(char out[static HASH_HEX]);

#endif
