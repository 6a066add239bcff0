/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the parts of videos that a question may be about: its words are
 * searched one by one in what models said, ranked, and what is found near each
 * other becomes a window. Blocks for the disk; safe to call from any thread.
 * Times: microseconds of the video. */
#ifndef VDET_SEARCH_FIND_H
#define VDET_SEARCH_FIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "store/store.h"
#include "store/vector.h"

/* How long a window may be, and how far from each other what is in it. */
enum { FIND_WINDOW_MAX = 60 * 1000 * 1000, FIND_NEAR = 10 * 1000 * 1000 };

/* What a query is about: what is to be seen, said, or written. */
enum find_sense { FIND_SEEN, FIND_SAID, FIND_WRITTEN };
struct find_query {
	const char *text; /* a question, or words */
	enum find_sense sense;
};
/* Vectors of the queries, by which is found what means the same in other
 * words. */
struct find_vectors {
	struct store_space space; /* of texts; that of pictures has the same model */
	const float *of;          /* space.dim numbers for each query */
	const char *fault;        /* or why there are none; NULL = there are */
};
struct find_request {
	const char *const *jobs; /* ids of runs */
	size_t n_jobs;
	const struct find_query *queries; /* words of each are OR-ed and ranked */
	size_t n_queries;
	const struct find_vectors *vectors; /* NULL = none are wanted */
	int64_t from, to;                   /* of the videos; to 0 = end */
	size_t most;                        /* windows */
	/* With one job: up to a sixth of the windows are bursts of activity that
	 * have no frame, so that no description can mention them. */
	bool bursts;
};

/* Instead of an event: a picture was found, without a text. */
enum { FIND_PICTURE = -2 };
struct find_passage {
	/* event -1: the summary of the chunk; both -1: a segment of the
	 * transcript */
	int64_t chunk, event;
	int64_t sample; /* of the chunk, whose thumbnail shows it; -1 = none */
	char *text;
	int64_t start, end;
	bool written; /* of a segment: it was read from the picture */
	double score; /* comparable within one result */
};
struct find_window {
	size_t job; /* index into jobs */
	int64_t start, end;
	double score;                  /* comparable within one result */
	struct find_passage *passages; /* in order of start */
	size_t n_passages;             /* 0: a burst of activity; its score is 0 */
};
struct find_result {
	struct find_window *windows; /* best first */
	size_t n;
	char **failed; /* providers that failed, with why: "words: the disk is full" */
	size_t n_failed;
};

/* With one job, at least one window of each quarter of the range in which
 * something is found; with several, one of each job: as long as there is room.
 * Names that people gave subjects are found as whole words. Statements that a
 * check contradicts, and summaries of their chunks, are not found. Where
 * nothing is found the result is empty. A provider that fails is listed in the
 * result; an error is returned only if all of them do, or if the journal cannot
 * be read otherwise. */
int find_windows(struct store *s, const struct find_request *q, struct find_result *ret,
                 struct err *err);
void find_result_clear(struct find_result *r);

#endif
