/* SPDX-License-Identifier: Apache-2.0 */
/* What is said in a video: segments, each with where it comes from. They are
 * passages of a run, so that a search finds them, and go with it. As store.h:
 * thread-safe, data is on disk when a call returns. Times: microseconds of the
 * video. */
#ifndef VDET_STORE_TRANSCRIPT_H
#define VDET_STORE_TRANSCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "store/store.h"

/* Kinds of sources of segments: subtitles in the file. */
#define STORE_SUBTITLE "subtitle"

struct store_segment {
	int64_t start, end;
	char *kind;  /* of its source */
	int track;   /* index of the stream in the file */
	char *text;  /* one line, not "" */
	char *who;   /* who speaks; "" = not known */
	char *lang;  /* as the file names it; "" = not known */
	double conf; /* 0 to 1; < 0 = it has none */
};

/* Where segments come from, or would. */
struct store_text_source {
	char *kind;
	int track;                   /* -1: all of this kind; then the next three are "" */
	char *format, *lang, *title; /* "" = not known */
	char *fault;                 /* why it was not read, or not all of it; "" = it was */
	size_t n;                    /* of its segments; counted by store_transcript_load() */
};

struct store_transcript {
	struct store_text_source *sources; /* in order of kind, then track */
	size_t n_sources;
	struct store_segment *segments; /* in order of start */
	size_t n_segments;
};
void store_transcript_clear(struct store_transcript *t);

/* Replaces everything that a run has of sources of this kind, in one
 * transaction. Adds the source with track -1, with `fault`. ERR_NOENT if the
 * job was removed. */
int store_transcript_save(struct store *s, const char *job, const char *kind, const char *fault,
                          const struct store_transcript *t, struct err *err);
/* Whether sources of this kind were read for a run. */
int store_transcript_known(struct store *s, const char *job, const char *kind, bool *ret,
                           struct err *err);
/* Everything of a run; the caller clears *ret. */
int store_transcript_load(struct store *s, const char *job, struct store_transcript *ret,
                          struct err *err);

#endif
