/* SPDX-License-Identifier: Apache-2.0 */
/* What is said and written in a video, in the forms of the report. What is said
 * has the kinds of sources "subtitle" and "speech", what is written "written".
 * Pure. */
#ifndef VDET_REPORT_SAID_H
#define VDET_REPORT_SAID_H

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"
#include "store/transcript.h"

/* In a page or Markdown so many segments of each list are listed. */
enum { SAID_ALL = -1, SAID_SHOWN = 2000 };

/* Above the lists. */
#define SAID_NOTE                                                                           \
	"Subtitles are as the file has them. Speech was recognized by an engine, and may have " \
	"errors. No model checked them."
#define WRITTEN_NOTE \
	"Text in the picture, as an engine read it; it may have errors. No model checked it."

/* What is chosen of a transcript: a kind of source, or several. */
#define SAID_KINDS "said|written|subtitle|speech|all"
struct said_choice {
	const char *kinds; /* one of SAID_KINDS */
	int track;         /* of this stream of the file, or SAID_ALL */
};
bool said_is_choice(const char *kinds);
/* Whether a kind of source is chosen. */
bool said_has_kind(const struct said_choice *c, const char *kind);
bool said_has(const struct said_choice *c, const struct store_segment *s);
/* Whether a kind of source has errors of an engine that recognized it. */
bool said_is_recognized(const char *kind);

/* Whether it was looked for sources of this kind, and at least one of them was
 * read as a whole, or there is none. */
bool said_is_known(const struct store_transcript *t, const char *kind);
/* Whether it is known that the file has no sound. */
bool said_is_silent(const struct store_transcript *t);

/* Whether there is something to say of these kinds: segments, texts that were
 * left out, or why there are none. */
bool said_is_listed(const struct store_transcript *t, const char *kinds);
size_t said_count(const struct store_transcript *t, const char *kinds);

/* The lists `said`, `said_sources`, `written` and `written_sources` of the
 * JSON; the caller owns them. Sources are null where such sources were not
 * looked for. */
json_t *report_said_json(const struct store_transcript *t, const struct said_choice *c);
json_t *report_said_sources_json(const struct store_transcript *t, const struct said_choice *c);
json_t *report_written_json(const struct store_transcript *t, const struct said_choice *c);
json_t *report_written_sources_json(const struct store_transcript *t, const struct said_choice *c);
/* `dropped`: how many texts were recognized and are not shown, and with `list`
 * which. */
json_t *report_dropped_json(const struct store_transcript *t, const struct said_choice *c,
                            bool list);

/* "subtitle, track 2, subrip, eng, \"Commentary\"" of a source, or what kind of
 * sources it stands for; the caller frees. */
char *report_said_source(const struct store_text_source *s);
/* Whether a source is worth a line: one that stands for all of its kind only
 * if something is missing. */
bool report_said_source_counts(const struct store_text_source *s);
/* Whether source i is worth a line of a list for people: one that stands for
 * all of its kind is not where one of them gives the same reason. */
bool report_said_source_shown(const struct store_transcript *t, size_t i);
/* "3 texts were recognized and left out: repeated (2), over silence (1)", of
 * these kinds; nothing if there are none. */
void report_dropped_text(const struct store_transcript *t, const char *kinds, struct buf *out);
/* Sentences that say of each of these kinds whether it was looked for, by what,
 * and what is missing. */
void report_said_coverage(const struct store_transcript *t, const char *kinds, struct buf *out);

#endif
