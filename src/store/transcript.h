/* SPDX-License-Identifier: Apache-2.0 */
/* What is said and written in a video: segments, each with where it comes
 * from. They are passages of a run, so that a search finds them, and go with
 * it. As store.h:
 * thread-safe, data is on disk when a call returns. Times: microseconds of the
 * video. */
#ifndef VDET_STORE_TRANSCRIPT_H
#define VDET_STORE_TRANSCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "store/store.h"

/* Kinds of sources of segments: subtitles in the file, speech that an engine
 * recognized, text that was read in the picture. */
#define STORE_SUBTITLE "subtitle"
#define STORE_SPEECH "speech"
#define STORE_WRITTEN "written"

/* In 1/10000 of width and height of the picture as it is shown; w 0: none. */
struct store_box {
	int x, y, w, h;
};

struct store_segment {
	int64_t start, end;
	char *kind;           /* of its source */
	int track;            /* index of the stream in the file */
	char *text;           /* one line, not "" */
	char *who;            /* who speaks; "" = not known */
	char *lang;           /* as the file names it; "" = not known */
	double conf;          /* 0 to 1; < 0 = it has none */
	struct store_box box; /* of written text */
	/* Of speech: a JSON array of [start, end, word, confidence]; NULL or "" =
	 * not known. */
	char *words;
};

/* What was recognized, but is not shown, as it is probably wrong. */
struct store_dropped {
	int64_t start, end;
	char *kind;
	int track;
	char *text, *reason;
};

/* Where segments come from, or would. */
struct store_text_source {
	char *kind;
	int track;                   /* -1: all of this kind; then the next three are "" */
	char *format, *lang, *title; /* "" = not known */
	char *fault;                 /* why it was not read, or not all of it; "" = it was */
	/* set by store_transcript_load(): of its segments; and what recognized
	 * them, "" or NULL = nothing did, or it is not known */
	size_t n;
	char *engine;
};

struct store_transcript {
	struct store_text_source *sources; /* in order of kind, then track */
	size_t n_sources;
	struct store_segment *segments; /* in order of start */
	size_t n_segments;
	struct store_dropped *dropped; /* likewise */
	size_t n_dropped;
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
