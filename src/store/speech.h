/* SPDX-License-Identifier: Apache-2.0 */
/* Speech of a run, which is recognized part by part. The texts are segments of
 * store/transcript.h. As store.h: thread-safe, data is on disk when a call
 * returns. Times: microseconds of the video. */
#ifndef VDET_STORE_SPEECH_H
#define VDET_STORE_SPEECH_H

#include "store/transcript.h"

struct store_speech_part {
	int track;     /* index of the stream in the file */
	int64_t index; /* from 0, in order of time */
	int64_t start, end;
	char *engine; /* engine, model and settings that recognized it */
	bool done;    /* else it failed, with this reason */
	/* "" = it did not; of one that is done: what of its sound could not be
	 * decoded */
	char *fault;
};
void store_speech_parts_free(struct store_speech_part *p, size_t n); /* NULL is fine */

/* Replaces where speech comes from: sources of the kind STORE_SPEECH, and one
 * with track -1 for all of them, with `fault`. Parts of other engines are
 * removed with their texts; engine NULL: nothing is removed. ERR_NOENT if the
 * job was removed. */
int store_speech_begin(struct store *s, const char *job, const char *engine,
                       const struct store_text_source *sources, size_t n, const char *fault,
                       struct err *err);
/* Replaces what the journal has of a part, in one transaction: the segments and
 * dropped texts that begin in it, and its state. Those of `t` are of the kind
 * STORE_SPEECH, and begin in it. */
int store_speech_part_save(struct store *s, const char *job, const struct store_speech_part *part,
                           const struct store_transcript *t, struct err *err);
/* In order of track, then index; to be freed with store_speech_parts_free(). */
int store_speech_parts_load(struct store *s, const char *job, struct store_speech_part **ret,
                            size_t *ret_n, struct err *err);

#endif
