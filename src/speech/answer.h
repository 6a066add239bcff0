/* SPDX-License-Identifier: Apache-2.0 */
/* What a server answered to a transcription: OpenAI's verbose_json, in the
 * forms that whisper.cpp, faster-whisper and OpenAI's own API give it; JSON
 * with the text alone; or the text. The server is not trusted: times that are
 * negative, reversed, overlapping, beyond the sound or not numbers are set
 * right where that is possible, counted, and said in `note`. Pure. */
#ifndef VDET_SPEECH_ANSWER_H
#define VDET_SPEECH_ANSWER_H

#include "speech/speech.h"

#define SPEECH_TEXT_MAX ((size_t)64 << 10) /* bytes of the text of one segment */

/* `plain`: the text alone was asked for; otherwise an answer that is not JSON
 * is none. `length`: microseconds of the sound that was sent, more than 0;
 * times are from its beginning. ERR_PROTO: it is not a transcription;
 * ERR_ENGINE: it is an error of the server. The caller clears `ret`. */
int speech_answer_read(const char *body, size_t len, bool plain, int64_t length,
                       struct speech_result *ret, struct err *err);

/* "german" or "DE" as "de"; other names as they are, at most 20 bytes; the
 * caller frees. */
char *speech_language_code(const char *name);

/* Whether Whisper knows a language of this code. */
bool speech_language_known(const char *code);

#endif
