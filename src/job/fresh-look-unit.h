/* SPDX-License-Identifier: Apache-2.0 */
/* A look at fresh frames (job/fresh-look.h) as a unit of work for another
 * machine, and its result. Pure. */
#ifndef VDET_JOB_FRESH_LOOK_UNIT_H
#define VDET_JOB_FRESH_LOOK_UNIT_H

#include "job/fresh-look.h"
#include "job/unit.h"

#define FRESH_LOOK_UNIT_KIND "look"
enum { FRESH_LOOK_UNIT_SCHEMA = 1 };

struct fresh_look_unit {
	struct fresh_look look;           /* what is asked */
	struct describe_options describe; /* see unit_set_pictures() */
	json_t
		*root; /* of a unit that was read: owns the question and, with it, the times; else NULL */
};
void fresh_look_unit_clear(struct fresh_look_unit *u); /* of one that was read */

/* The caller frees the text. ERR_LIMIT, ERR_FORMAT. */
int fresh_look_unit_write(const struct fresh_look_unit *u, char **ret, struct err *err);
/* Checks everything: the text comes from another machine. ERR_FORMAT,
 * ERR_LIMIT; ERR_UNSUPPORTED: other prompts. */
int fresh_look_unit_read(const char *body, struct fresh_look_unit *ret, struct err *err);

/* What the look that was done, `l`, has found; `found` is borrowed. */
int fresh_look_result_write(const struct fresh_look *l, const json_t *found,
                            struct runner_result *ret, struct err *err);
/* The result of the unit of `l`, which gets what the look took, and how long a
 * letter may be. The caller owns *ret, as of fresh_look_run(). ERR_PROTO: the
 * worker broke the rules. */
int fresh_look_result_read(struct fresh_look *l, const struct runner_result *result, json_t **ret,
                           struct err *err);

#endif
