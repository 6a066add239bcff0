/* SPDX-License-Identifier: Apache-2.0 */
/* The summary of a list of entries, each sentence with the entries that it is
 * about.
 *
 * A model writes the sentences and names the entries by their numbers; what it
 * names is checked here, so that times and frames come from the entries. A list
 * that is too long for one request is divided into sections, and the summary of
 * the whole is made from their sentences, in as many levels as it takes. Where
 * the model fails, only the section concerned lists its entries instead. Pure
 * but for the requests; times are microseconds. */
#ifndef VDET_STORY_SUM_UP_H
#define VDET_STORY_SUM_UP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"

struct story_entry {
	int64_t start, end;
	const char *text; /* UTF-8 */
};

struct story_list {
	const struct story_entry *entries; /* in order of time */
	size_t n;
	/* How a time is written; NULL = HH:MM:SS of a video. */
	const char *(*stamp)(int64_t us, char out[static CLOCK_TEXT_MAX]);
	/* Entries of one request, for a model that sums up short lists only, and
	 * as many sentences as it needs; 0 = STORY_ENTRIES_MAX. */
	size_t most;
};

struct story_sentence {
	char *text;
	size_t *entries; /* indices of the entries that it is about, ascending; at least one */
	size_t n_entries;
};

void story_sentences_free(struct story_sentence *s, size_t n);

struct story_section {
	int64_t start, end; /* of its entries */
	struct story_sentence *sentences;
	size_t n;
	char *fallback; /* why the sentences are the entries themselves; "" = the model wrote them */
};

struct story_summary {
	/* Without sentences where the model failed and there are sections: what is
	 * known is in these. */
	struct story_section whole;
	struct story_section *sections; /* in order of time; none if one request was enough */
	size_t n_sections;
};
void story_summary_clear(struct story_summary *s);

enum {
	STORY_ENTRIES_MAX = 40,   /* of one request */
	STORY_SENTENCES_MAX = 12, /* of one answer; the prompt says it, too */
};

/* One request. */
struct story_request {
	char *list;     /* "1 [00:00:05 - 00:00:09] A red car enters.\n…" */
	size_t n, most; /* lines of it, numbered from 1; sentences of an answer */
	bool done;      /* not to be asked for */
	/* What was wrong with the last answer; "" = it is the first try. */
	struct err fault;
	/* Set by story_ask: an object with "sentences", owned by the request;
	 * else NULL and `why`. */
	json_t *answer;
	struct err why;
};

/* Asks for the answer of each request that is not done, in any order. An
 * ERR_FORMAT of one is tried once more; after any other error nothing more is
 * asked. Returns 0 or ERR_CANCELED. */
typedef int story_ask(void *ctx, struct story_request *requests, size_t n, struct err *err);

/* Sums up the entries; `max` bounds the bytes of a request's list. A single
 * entry is its own summary. Fails only with ERR_CANCELED; ERR_NOENT without
 * entries. */
int story_sum_up(const struct story_list *list, size_t max, story_ask *ask, void *ctx,
                 struct story_summary *ret, struct err *err);

/* What summing up `entries` entries takes, of which one request is about at
 * most `most`, if they are short, all answers can be used, and the model writes
 * a sentence about two lines. */
struct story_requests {
	size_t requests;
	size_t lines, sentences; /* of all of them */
};
struct story_requests story_count_requests(size_t entries, size_t most);

#endif
