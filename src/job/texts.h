/* SPDX-License-Identifier: Apache-2.0 */
/* What is said and written in a video, read by threads beside the chunks, and
 * given to requests about them where the user wants that (--with-texts).
 *
 * One object for a run. texts_begin() and texts_end() come from the thread of
 * the run, texts_context() from any. */
#ifndef VDET_JOB_TEXTS_H
#define VDET_JOB_TEXTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/mem.h"
#include "decoder/decoder.h"
#include "job/options.h"
#include "job/prompt.h"
#include "job/run.h"
#include "speech/speech.h"

struct texts;

/* Who reads; pointers are borrowed until texts_free(). */
struct texts_setup {
	const struct analyze_options *options;
	const struct speech_options *speech; /* NULL: nothing is transcribed */
	const struct speech_places *speech_places;
	const struct cancel *drain; /* once fired, no further part is begun; may be NULL */
	int64_t deadline;           /* clock_now() from which none is begun; 0 = none */
};

/* What is read; likewise. */
struct texts_source {
	int fd;
	const char *stamp;  /* of the file when it was opened */
	const char *sha256; /* of the file */
	const struct video_info *video;
};

/* `run` is borrowed. Starts nothing. */
struct texts *texts_new(const struct run_context *run, const struct texts_setup *setup);
/* What the requests of a job with --with-texts depend on beside its options:
 * the engine for speech with its model and settings, the languages of what
 * is written. NULL without --with-texts. The caller owns *ret. Fails if
 * there is no such engine; without --with-texts only if its options are
 * wrong. */
int texts_key(const struct texts_setup *setup, struct cancel *cancel, json_t **ret,
              struct err *err);

/* Stops what runs, and lets no texts_context() wait any more. Blocks. */
void texts_stop(struct texts *t);
void texts_free(struct texts *t);
DEFINE_FREEP(struct texts, texts)

/* The run is in the journal, and so is the index of its source: reading begins.
 * `job` is borrowed until texts_free(). */
void texts_begin(struct texts *t, const struct texts_source *src, const char *job);

/* Waits until everything is in the journal that can be read. Fails if the
 * journal did, or with ERR_CANCELED, also if `drain` fires. What could not be
 * read is named in the journal, and does not fail it. */
int texts_end(struct texts *t, struct err *err);

/* The texts that are shown to the model with a part of the video, as --with-
 * texts wants: in order of time. `ctx` is the object. Waits until they are
 * in the journal. ERR_NOENT with the reason if some of that part could not
 * be recognized. *ret is freed with prompt_texts_free(). */
int texts_context(void *ctx, int64_t from, int64_t to, struct prompt_text **ret, size_t *ret_n,
                  struct err *err);

#endif
