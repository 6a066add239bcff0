/* SPDX-License-Identifier: Apache-2.0 */
/* Units of the kinds "text" and "speech": what is written in frames, and what
 * is said in a part of the sound. Which of them this machine does, and how many
 * at the same time. Times: microseconds. */
#ifndef VDET_WORK_TEXTS_H
#define VDET_WORK_TEXTS_H

#include "job/screentext.h"
#include "job/speech-unit.h"
#include "job/text-unit.h"
#include "speech/speech.h"
#include "work/lane.h"

struct work_texts;

struct work_texts_setup {           /* everything is borrowed */
	struct screentext_options text; /* mode "off": none */
	const struct speech_options *speech;
	const struct speech_places *places;
};

/* Starts the reader once, to see what it is; the engine for speech is started
 * by the first unit. What is not there is not done, which is logged. Blocks. */
struct work_texts *work_texts_new(const struct work_texts_setup *setup, struct cancel *cancel);
void work_texts_free(struct work_texts *t); /* no unit may be in progress; NULL is fine */

enum { WORK_TEXTS_MODELS = 2 };
/* The models of the units that it does; returns how many. Owned by `t`. */
size_t work_texts_models(const struct work_texts *t, const char *ret[static WORK_TEXTS_MODELS]);
/* Whether another unit of the model can be begun now; true for those of other
 * kinds. Any thread. */
bool work_texts_takes(struct work_texts *t, const char *model);

/* `unit`: a struct text_unit, or a struct speech_unit. ERR_UNSUPPORTED: this
 * machine cannot do it. */
int work_text_run(struct work_lane *l, const struct runner_unit *u, void *unit,
                  struct runner_result *ret, struct err *err);
int work_speech_run(struct work_lane *l, const struct runner_unit *u, void *unit,
                    struct runner_result *ret, struct err *err);

#endif
