/* SPDX-License-Identifier: Apache-2.0 */
/* Passages: the texts that can be found, ranked by how well they fit some
 * words. As store.h: thread-safe; calls block for the disk. Times: microseconds
 * of the video. */
#ifndef VDET_STORE_PASSAGE_H
#define VDET_STORE_PASSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "store/store.h"

/* How a word is compared with a text; case and accents do not count. */
enum store_match {
	STORE_MATCH_WORDS,  /* with whole words */
	STORE_MATCH_PIECES, /* with any part of the text, from two characters on */
};

/* A word in all its forms, at least one: "box", "boxes". */
struct store_word {
	char **forms;
	size_t n;
};

/* What is searched. */
struct store_scope {
	const char *const *jobs; /* ids of runs */
	size_t n_jobs;
	int64_t from, to; /* what overlaps this part of the video; to 0 = its end */
};

/* In how many passages each word occurs, up to `most`, and about how many
 * passages there are: of the jobs of the scope if these are few, else of the
 * whole journal. */
int store_passages_count(struct store *s, const struct store_scope *scope, enum store_match match,
                         const struct store_word *words, size_t n, size_t most, size_t *ret,
                         size_t *ret_all, struct err *err);

struct store_passage {
	int64_t id;
	char *job; /* id of the run */
	/* event -1: the summary of the chunk; both -1: a segment of the
	 * transcript */
	int64_t chunk, event;
	int64_t sample; /* of the chunk, whose thumbnail shows it; -1 = none */
	char *text;
	int64_t start, end; /* of the event's frames, or of the chunk */
	bool written;       /* of a segment: it was read from the picture */
	/* A check of this statement, or for a summary of one of its chunk, was
	 * answered with B: it may be withdrawn. */
	bool doubted;
};

struct store_ranking {
	const struct store_scope *scope;
	enum store_match match;
	const struct store_word *words; /* of which at least one occurs */
	size_t n;
	const struct store_word *more; /* which count, too, where one of these occurs */
	size_t n_more;
	size_t most;
};
/* Those that fit best by BM25, best first. To be freed with
 * store_passages_free(). */
int store_passages_rank(struct store *s, const struct store_ranking *q, struct store_passage **ret,
                        size_t *ret_n, struct err *err);
/* Those of these ids that are still there, in this order; likewise. */
int store_passages_get(struct store *s, const int64_t *ids, size_t n, struct store_passage **ret,
                       size_t *ret_n, struct err *err);
void store_passages_free(struct store_passage *p, size_t n); /* NULL is fine */

/* From the start of the first chunk of a run to the end of the last one; 0 if
 * there is none. */
int store_run_span(struct store *s, const char *job, int64_t *ret_from, int64_t *ret_to,
                   struct err *err);

/* A number that grows with each change of what can be found of a source: what a
 * run said, what a check found of it, names of subjects. 0: never anything. */
int store_generation(struct store *s, const struct store_source *source, int64_t *ret,
                     struct err *err);

/* The runs that ended, newest first: those of one source follow each other only
 * by chance. fn must not call the store. */
struct store_run {
	const char *id, *sha256, *name, *dir; /* of the source; of the video; of the report, absolute */
	int stream;                           /* -1 = the default one */
};
int store_runs_each(struct store *s, void (*fn)(void *ctx, const struct store_run *run), void *ctx,
                    struct err *err);

#endif
