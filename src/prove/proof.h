/* SPDX-License-Identifier: Apache-2.0 */
/* What was found: what the file says, and lines, each of which holds, does not,
 * or could not be checked. Pure functions. */
#ifndef VDET_PROVE_PROOF_H
#define VDET_PROVE_PROOF_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"

enum proof_state { PROOF_HOLDS, PROOF_FAILS, PROOF_UNCHECKED, PROOF_STATES };
/* "holds", "fails", "unchecked" */
const char *proof_state_name(enum proof_state s);

enum proof_about {
	PROOF_SIGNATURE,
	PROOF_STEPS,
	PROOF_SOURCE,
	PROOF_FRAMES,
	PROOF_QUOTE,
	PROOF_CLAIM,
	PROOF_ABOUTS
};

struct proof_line {
	enum proof_state state;
	enum proof_about about;
	size_t number; /* of the source or of the citation, from 1; 0 = none */
	char *text;    /* one line of valid UTF-8 */
};

/* Of the file, whether it holds or not. Bounded lines of valid UTF-8 without
 * control characters; NULL until the file was read. */
struct proof_file {
	bool is_report;
	char *question; /* "" of a report */
	char *text;     /* of the answer, or the summary of the report */
	char **videos;  /* their names */
	size_t n_videos;
};

struct proof {
	struct proof_file file;
	struct proof_line *lines;
	size_t n, cap;
	size_t counts[PROOF_STATES];
};
void proof_clear(struct proof *p);
/* The text is made valid UTF-8, in one line. */
void proof_add(struct proof *p, enum proof_state s, enum proof_about about, size_t number,
               const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* Of all lines: fails if one does, else unchecked if one is. */
enum proof_state proof_result(const struct proof *p);
/* The object vdet-proof/1; the caller owns it. */
json_t *proof_json(const struct proof *p);

#endif
