/* SPDX-License-Identifier: Apache-2.0 */
/* Checks: what a second look at one statement says of it, and whether the model
 * that looks can be believed. check-plan.h chooses what is looked at. Pure. */
#ifndef VDET_STORY_CHECK_H
#define VDET_STORY_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The letters of an answer, in the order of probabilities: they show it, they
 * show that it is otherwise, that cannot be decided. */
#define CHECK_LETTERS "ABC"

enum check_verdict {
	VERDICT_NONE,      /* there was nothing to check */
	VERDICT_UNCHECKED, /* it should have been checked, but was not, or in vain */
	VERDICT_SHOWN,
	VERDICT_UNSURE,
	VERDICT_WITHDRAWN,
};
/* "", "unchecked", "shown", "unsure", "withdrawn" */
const char *check_verdict_name(enum check_verdict v);

/* From which probability of A a statement counts as shown, and from which of B
 * it is withdrawn. */
#define CHECK_SHOWN 0.8
#define CHECK_WITHDRAWN 0.8

/* `letter`: that was answered, 0 or '-' = none; `p`: probabilities of A, B and
 * C, all 0 = not known, then the letter alone counts. Else its own must be high
 * enough. */
enum check_verdict check_judge(char letter, const double p[static 3]);

/* ---- controls */

/* How many of each direction are made before verdicts count, and up to how many
 * where these do not decide. */
enum { CHECK_CONTROLS = 20, CHECK_CONTROLS_MOST = 60 };
/* One of so many checks has a control with it afterwards. */
enum { CHECK_CONTROL_EVERY = 20 };
/* A model whose share of wrong answers may be larger than this, by the upper
 * bound of its interval, in either direction, cannot check. */
#define CHECK_ERROR_MOST 0.2

/* The 95 % interval of a share of which `k` of `n` were counted, after E. B.
 * Wilson, "Probable Inference, the Law of Succession, and Statistical
 * Inference", Journal of the American Statistical Association 22 (1927), pp.
 * 209-212, without correction for continuity. 0 to 1 where n is 0. */
void check_interval(size_t k, size_t n, double *ret_low, double *ret_high);

/* How many controls of one direction there should be if `wrong` were answered
 * wrongly: CHECK_CONTROLS, or more if these cannot decide. */
size_t check_controls_needed(size_t wrong);

/* Wrong answers in controls, and how many of these there were. */
struct check_controls {
	size_t false_yes, no; /* statements that are false, of them said to be shown */
	size_t false_no, yes; /* statements that are true, of them said to be otherwise */
	size_t silent;        /* of all of these, answered with none of the letters */
};
enum check_ability {
	CHECK_UNKNOWN, /* too few controls */
	CHECK_ABLE,
	CHECK_UNABLE,
};
/* Without a letter to half of the controls a model is unable, too. */
enum check_ability check_ability(const struct check_controls *c);

/* ---- pictures */

enum { CHECK_PICTURES = 8, CHECK_CITED = 4 };

/* The times that are shown to check a statement: of the n frames that it cites,
 * at most CHECK_CITED, the first, the last and some evenly between; and for
 * each, as long as there is room for `most` in all, two that the model was not
 * shown: a third of the way to the sampled frame before it, and to the one
 * after it. `seen` are the sampled frames of the whole video, `from` and `to`
 * its ends. All ascending, in microseconds; returns how many were written, each
 * once. */
size_t check_times(const int64_t *cited, size_t n, const int64_t *seen, size_t n_seen, int64_t from,
                   int64_t to, size_t most, int64_t out[static CHECK_PICTURES]);
/* Whether `time` is one of the n ascending ones. */
bool check_is_among(int64_t time, const int64_t *times, size_t n);

#endif
