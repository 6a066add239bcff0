/* SPDX-License-Identifier: Apache-2.0 */
/* What is said in a video, in the forms of the report. Pure. */
#ifndef VDET_REPORT_SAID_H
#define VDET_REPORT_SAID_H

#include <jansson.h>
#include <stdbool.h>

#include "store/transcript.h"

/* In a page or Markdown so many segments are listed. */
enum { SAID_ALL = -1, SAID_SHOWN = 2000 };

/* Whether there is something to say of it: segments, or why there are none. */
bool said_is_listed(const struct store_transcript *t);

/* The lists `said` and `said_sources` of the JSON; the caller owns them. Of one
 * track, or SAID_ALL; null: nothing was read. */
json_t *report_said_json(const struct store_transcript *t, int track);
json_t *report_said_sources_json(const struct store_transcript *t);

/* "track 2, subrip, eng, \"Commentary\"" of a source, or what kind of sources
 * it stands for; the caller frees. */
char *report_said_source(const struct store_text_source *s);

#endif
