/* SPDX-License-Identifier: Apache-2.0 */
/* The report of a case, as plain data: built from the journal by
 * case_report_load(), written by the writers of writers.h, which are pure
 * functions of it. Strings are valid UTF-8 and owned by it; what models and
 * files say is data, never markup. Times within a video are microseconds from
 * its start, others Unix time in microseconds. */
#ifndef VDET_CASES_DATA_H
#define VDET_CASES_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "report/report.h"
#include "store/case.h"
#include "story/sum-up.h"

struct case_event {
	int64_t start, end;
	char *subject, *what; /* subject "" if the model did not say */
	char *name;           /* of its subject, that a person gave; NULL or "" = none */
	int64_t number;       /* of its subject in the video; 0 = of none */
	/* Where its first frame is in the video's own report; from 0. */
	size_t chunk, sample;
	int64_t pts; /* of that frame */
	/* Static texts, "" for none: report_event_verdict(); of what is withdrawn,
	 * what the second look showed. */
	const char *verdict, *says;
};

/* What the index found wrong with the recording; see struct report_anomaly. */
struct case_anomaly {
	char *kind, *text;
	int64_t start, end;
};

struct case_hole {
	int64_t start, end;
	size_t chunk;
	char *reason;
};

/* Another file with the same content. */
struct case_name {
	char *name;
	bool missing, replaced; /* as of a video */
};

struct case_video {
	char *name;
	char *label;   /* for people: the name, and what else differs from others */
	bool missing;  /* no file with this content is there now */
	bool replaced; /* its file has another content now */
	/* Its result is of a run with other options, or another model, than those
	 * of the last run of the case. */
	bool other_options;
	struct case_name *same;
	size_t n_same;
	char *sha256;   /* "" = not known */
	int64_t stream; /* index in the file, -1 = the default one */
	char *job;      /* its run; "" = it was not analyzed */
	/* Folder of its own report, relative to that of the case, as a URL; "" =
	 * none. `page`: report.html is in it. */
	char *link;
	bool page;
	char *fault; /* why its last analysis failed; "" if it did not */
	int64_t start;
	enum store_clock clock;
	int64_t duration;
	bool complete;                   /* as its own report is, and its last analysis did not fail */
	int64_t described, lost;         /* microseconds of chunks that are done, that are holes */
	int64_t from, to;                /* the part that was to be analyzed */
	struct report_stretch *left_out; /* by a given plan, in that part */
	size_t n_left_out;
	char *left_out_text; /* "Not looked at: …"; "" if nothing is */
	char *summary;
	bool summary_by_model;
	/* Its sentences, each with its events; none if the summary has no evidence. */
	struct story_sentence *sentences;
	size_t n_sentences;
	struct case_event *events; /* in order of start */
	size_t n_events, n_states;
	struct case_event *withdrawn; /* statements that a check contradicts, likewise */
	size_t n_withdrawn;
	struct case_anomaly *anomalies;
	size_t n_anomalies;
	char *warning; /* "" or what is wrong with the file */
	struct case_hole *holes;
	size_t n_holes;
};

struct case_file {
	char *name, *reason;
};

struct case_files {
	struct case_file *items;
	size_t n;
};

/* One event of all videos. */
struct case_moment {
	size_t video, event;
};

enum { CASE_OTHERS_NAMED = 20 };

struct case_report {
	char *id, *title, *vdet_version;
	int64_t created;           /* when it was written */
	bool demo_model;           /* at least one video was analyzed with it */
	struct case_video *videos; /* in order of start */
	size_t n_videos;
	struct case_moment *moments; /* all events in order of time */
	size_t n_moments;
	struct case_files faults;  /* damaged videos, and what cannot be opened */
	struct case_files skipped; /* what was still changing */
	struct case_files others;  /* files that are not videos: the first ones */
	size_t n_others, n_links;  /* all of them; links that were not followed */
	char *summary;             /* the sentences as text; else the list of the videos */
	bool summary_by_model;
	char *summary_fallback; /* "" or why the model wrote none */
	/* By the model; their entries are indices into `moments`. */
	struct story_sentence *sentences;
	size_t n_sentences;
};
void case_report_free(struct case_report *r);
DEFINE_FREEP(struct case_report, case_report)

/* Copies both. */
void case_files_add(struct case_files *f, const char *name, const char *reason);
void case_files_clear(struct case_files *f);

struct case_sums {
	size_t analyzed, complete, missing, replaced;
	size_t failed_again; /* analyzed, but the last attempt failed */
	size_t events, states, holes, same, withdrawn, anomalies;
	size_t warned; /* whose files have errors, or were not used as a whole */
	size_t other_options;
	size_t partial;  /* analyzed, but not from its start to its end */
	size_t left_out; /* stretches that given plans leave out */
	int64_t duration, described, lost;
	int64_t analyzed_time;          /* of all videos that was to be analyzed */
	int64_t partial_time, whole_of; /* of the partial ones; their whole lengths */
	int64_t left_out_time;
};
void case_sum(const struct case_report *r, struct case_sums *ret);

enum { CASE_COUNTS_MAX = 10, CASE_LACKS_MAX = 8 };
struct case_count {
	const char *title, *one; /* "Failed files", "failed file"; NULL: irregular */
	size_t n;
};
/* "2 failed files". */
void case_count_text(const struct case_count *c, struct buf *out);
/* What there is to count, for the top of a report; returns how many. */
size_t case_counts(const struct case_report *r, const struct case_sums *s,
                   struct case_count out[static CASE_COUNTS_MAX]);
/* Why a case is not complete: "2 files failed". */
struct case_lack {
	size_t n;
	const char *one, *what; /* "file", " failed"; one NULL: `what` is all of it */
	const char *section;    /* of the page, that has more */
};
/* Returns how many; none: it is complete. */
size_t case_lacks(const struct case_report *r, const struct case_sums *s,
                  struct case_lack out[static CASE_LACKS_MAX]);
/* In one line; nothing if it is complete. */
void case_lacks_text(const struct case_report *r, struct buf *out);

bool case_is_partial(const struct case_video *v);
/* What was not looked at on purpose, and which results are of other options, of
 * all videos, of one: "only 0:10 of 1:30 was analyzed, …"; or nothing. */
void case_limits_text(const struct case_sums *s, struct buf *out);
void case_video_limits_text(const struct case_video *v, struct buf *out);
/* "missing now", "replaced: …"; "" if its file is there. */
const char *case_presence(bool missing, bool replaced);
/* Unix time of something in a video. */
int64_t case_time(const struct case_video *v, int64_t at);
/* "2026-11-03 14:00:05": UTC, cut to seconds. Returns out. */
const char *case_clock(int64_t unix_us, char out[static CLOCK_TEXT_MAX]);
/* A sentence with the times of its events, of many the first ones: "A red car
 * comes and goes. [2026-11-03 14:00:05, 2026-11-03 14:03:10 and 4 more]" */
void case_sentence_text(const struct case_report *r, const struct story_sentence *s,
                        struct buf *out);
/* "2026-11-03T14:00:05.250000Z". Returns out. */
const char *case_iso(int64_t unix_us, char out[static CLOCK_TEXT_MAX]);

/* What a person gave the same name in each video, or what models described as
 * the same (subjects/look.h), which may or may not be the same, unless all of
 * it has one name. */
struct case_subject {
	char *text; /* the name, or the words as they occur first */
	bool named;
	struct case_sight {
		size_t video, events, first; /* first: index of its first event there */
	} * sights;                      /* in order of the videos */
	size_t n_sights, events;
};
/* All subjects: those with a name, then the others; each kind by how many
 * videos they are in, the most first. The caller frees with
 * case_subjects_free(). Pure. */
struct case_subject *case_subjects(const struct case_report *r, size_t *ret_n);
/* How many of them a report for people lists: all with a name, which come
 * first, and then those of the others that are in several videos. */
void case_subjects_listed(const struct case_subject *s, size_t n, size_t *ret_named,
                          size_t *ret_alike);
void case_subjects_free(struct case_subject *s, size_t n);

#endif
