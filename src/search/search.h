/* SPDX-License-Identifier: Apache-2.0 */
/* Search in what models said of videos: events, summaries of chunks; in what is
 * said and what is written in them; in the names that people gave subjects, and
 * file names. Blocks for the disk; safe to call from any thread. Times:
 * microseconds of the video. */
#ifndef VDET_SEARCH_SEARCH_H
#define VDET_SEARCH_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "store/store.h"
#include "story/check.h"

enum { SEARCH_LIMIT_MAX = 10000 };

enum search_kind {
	SEARCH_ANY,
	SEARCH_EVENTS,
	SEARCH_SUMMARIES,
	SEARCH_VIDEOS,
	SEARCH_SAID,    /* subtitles and recognized speech */
	SEARCH_WRITTEN, /* text that was read from the picture */
};
/* names of enum search_kind, in order */
#define SEARCH_KINDS "any|event|summary|video|said|written"
const char *search_kind_name(enum search_kind kind);
/* -1 if there is none of this name. */
int search_kind_of_name(const char *name);

enum search_scope {
	SEARCH_QUEUE,  /* the runs that entries of the server's queue have */
	SEARCH_LATEST, /* of each video the newest run that ended */
};

struct search_query {
	/* As they were typed; all have to occur, or with OR between groups of them
	 * all of one group. */
	const char *words;
	enum search_scope scope;
	const char *video; /* SEARCH_LATEST: only of videos in whose name this occurs, or whose
	                    * SHA-256 begins so; "" = of all */
	const char *jobs;  /* SEARCH_QUEUE: JSON array, only in these runs; NULL = in all */
	enum search_kind kind;
	int64_t from, to; /* what overlaps this part of a video; to 0 = its end */
	size_t skip, limit;
};

struct search_hit {
	char *job;             /* id of the run; "" of a video that is not analyzed */
	enum search_kind kind; /* not SEARCH_ANY */
	bool recognized;       /* by an engine, so that it may have errors */
	/* event -1: the summary of the chunk, or what is said or written in it;
	 * both -1: the video */
	int64_t chunk, event;
	int64_t sample;             /* of the chunk, whose thumbnail shows it; -1 = none */
	char *text;                 /* "NAME: what" where a name was found */
	int64_t start, end;         /* of its frames, or of the chunk; 0 of a video */
	enum check_verdict verdict; /* of a second look */
	char *name, *dir;           /* SEARCH_LATEST: of the video; of the report, absolute */
};

struct search_result {
	struct search_hit *hits;
	size_t n;
	bool more; /* there are, or may be, more after these */
};
void search_result_clear(struct search_result *r);

/* Hits in names of subjects come first, then videos by their file names, then
 * the others: newest runs first, then in order of time. How words match:
 * store_search(). ERR_ARG without a word, with more than 16, or with too long
 * ones. */
int search_run(struct store *s, const struct search_query *q, struct search_result *ret,
               struct err *err);

#endif
