/* SPDX-License-Identifier: Apache-2.0 */
/* The sentences of the summary: in the journal, in a report, and as text. Pure. */
#ifndef VDET_REPORT_SUMMARY_H
#define VDET_REPORT_SUMMARY_H

#include "report/report.h"

/* For the journal: a JSON object with the sentences of `s`, whose entries are
 * indices into the events of `r`. They are kept as the statements of the model
 * that the events consist of, since an event has no number of its own: what is
 * one event may change. `language`: in which it was asked for, "" = none. The
 * caller frees. */
char *report_summary_pack(const struct report *r, const struct story_summary *s,
                          const char *language);
/* The language of such a text; "" for any other text. The caller frees. */
char *report_summary_language(const char *packed);

/* Whether such a text was written about other statements than those that the
 * chunks of `r` have now. */
bool report_summary_is_old(const struct report *r, const char *packed);

/* Sets the sentences of `r`, which has its events, from the journal's text, ""
 * if it has none. A sentence is left out if its events are all gone, or if one
 * of its statements is withdrawn. `without`: the key of what was withdrawn when
 * the summary was written; a text that may repeat what was withdrawn since is
 * replaced by the events. A statement that says something else now is gone. */
void report_summary_set(struct report *r, const char *packed, const char *without);

/* In the facts of a job: the key of what was withdrawn when its summary was
 * written. */
#define REPORT_SUMMARY_WITHOUT "summary_without"
/* Which statements are withdrawn: " CHUNK:INDEX " each, "" for none. The caller
 * frees. */
char *report_withdrawn_key(const struct report *r);
/* What is left of a chunk of which something is withdrawn: its other
 * statements. The caller frees. */
char *report_chunk_rest(const struct report *r, size_t chunk);

/* Appends a sentence with the times of its events, of many the first ones: "A
 * red car comes and goes. [00:01:05, 00:03:10, 00:07:00 and 4 more]" */
void report_sentence_text(const struct report *r, const struct story_sentence *s, struct buf *out);
/* The sentences of a section, one after another. The caller frees. */
char *report_section_text(const struct report *r, const struct story_section *s);

#endif
