/* SPDX-License-Identifier: Apache-2.0 */
/* What a question asks for: its kind, and what to search for. By rules, or from
 * the reply of a model. Pure. */
#ifndef VDET_ASK_ROUTE_H
#define VDET_ASK_ROUTE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "answer/answer.h"

enum { ROUTE_QUERIES = 3, ROUTE_PARTS = 2 };

struct route_query {
	char *text; /* a few words */
	enum answer_sense sense;
};

struct route {
	enum answer_kind kind;
	bool negated;   /* it asks for the absence of something */
	char *question; /* in words that need no earlier question */
	/* A sentence that is true of frames which show what the question is about:
	 * "A red car is there."; "" = none is known. */
	char *statement;
	struct route_query queries[ROUTE_QUERIES];
	size_t n_queries; /* at least one */
	/* Of a question about two things by rules ("Which comes first, the car or
	 * the bus?"): both, each to be asked for alone. NULL = it is none. */
	char *parts[ROUTE_PARTS];
};
void route_clear(struct route *r);
/* "A car is there." and "When does the car appear?" of such a thing; the caller
 * frees them. */
char *route_statement(const char *thing);
char *route_part_question(const char *part);

/* For English questions; of others the kind is ASK_WHICH, and the query their
 * words. */
void route_by_rules(const char *question, struct route *ret);
/* The reply of a model to a question; only of one that follows another the
 * words may be changed. A statement that shares no word with it is left out.
 * ERR_FORMAT where it is not as its schema
 * says. */
int route_read(const json_t *reply, const char *question, bool follows, struct route *ret,
               struct err *err);

/* The part of a video that times in a question name, in microseconds: "between
 * 7:20 and 8:00", "from 0:10 to 0:20", "after 1:02:03", "before 5:00", "at
 * 9:45" (a quarter of a minute around it). False if there are none. */
bool route_range(const char *question, int64_t *ret_from, int64_t *ret_to);
/* The same with times of a clock, from midnight: "14:05" is a whole minute. */
bool route_clock_range(const char *question, int64_t *ret_from, int64_t *ret_to);

/* The first of these times, as a position in a video and as one of a clock. */
struct route_time {
	int64_t position, of_day;
	char text[12]; /* as it is in the question */
};
bool route_first_time(const char *question, struct route_time *ret);
/* The question without these times and the words before them; the caller frees
 * it. */
char *route_without_times(const char *question);

/* Whether an answer of this kind is found by examining frames one group after
 * the other: is, not, count, list. */
bool route_scans(enum answer_kind kind);
/* Whether everything that is found belongs to the answer, not only the first. */
bool route_wants_all(enum answer_kind kind);

#endif
