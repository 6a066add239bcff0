/* SPDX-License-Identifier: Apache-2.0 */
/* A second look (job/look.h) at one set of frames, for one or several
 * statements, as a unit of work for another machine, and its result. Pure. */
#ifndef VDET_JOB_CHECK_UNIT_H
#define VDET_JOB_CHECK_UNIT_H

#include "job/look.h"
#include "job/unit.h"

#define CHECK_UNIT_KIND "check"
enum { CHECK_UNIT_SCHEMA = 1, CHECK_UNIT_STATEMENTS = 32 };

struct check_unit {
	struct describe_options describe; /* see unit_set_pictures() */
	const int64_t *cited;             /* as those of struct look */
	size_t n_cited;
	const int64_t *seen;
	size_t n_seen;
	int64_t from, to;
	const char *what[CHECK_UNIT_STATEMENTS]; /* the statements */
	size_t n;
	int max_tokens; /* of struct looking, as it begins */
	size_t most;
	json_t *root; /* of a unit that was read: owns the texts and, with it, the times; else NULL */
};
void check_unit_clear(struct check_unit *u); /* of one that was read */

/* Of the frames that were seen, those that the look depends on are in the text.
 * The caller frees it. ERR_LIMIT, ERR_FORMAT. */
int check_unit_write(const struct check_unit *u, char **ret, struct err *err);
/* Checks everything: the text comes from another machine. ERR_FORMAT,
 * ERR_LIMIT; ERR_UNSUPPORTED: other prompts. */
int check_unit_read(const char *body, struct check_unit *ret, struct err *err);

/* The answer to one statement. */
struct check_reply {
	struct store_answer answer;
	char *reason; /* of one without a letter; else NULL */
	int64_t pts[CHECK_PICTURES];
	size_t n; /* pictures that were shown */
};
struct check_result {
	struct check_reply replies[CHECK_UNIT_STATEMENTS];
	size_t n;
	int max_tokens; /* of struct looking, as it ended */
	int64_t requests, prompt_tokens, output_tokens;
};
void check_result_clear(struct check_result *r);

int check_result_write(const struct check_result *r, struct runner_result *ret, struct err *err);
/* The result of the unit `u`. The caller clears `ret`. ERR_PROTO: the worker
 * broke the rules. */
int check_result_read(const struct check_unit *u, const struct runner_result *result,
                      struct check_result *ret, struct err *err);

#endif
