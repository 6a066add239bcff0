/* SPDX-License-Identifier: Apache-2.0 */
/* What the results of units have in common. Pure. A worker is not trusted more
 * than an engine: everything is checked. */
#ifndef VDET_JOB_UNIT_RESULT_H
#define VDET_JOB_UNIT_RESULT_H

#include <jansson.h>

#include "base/err.h"
#include "runner/runner.h"
#include "store/chunk-state.h"

enum { RESULT_FAULT_MAX = 1000 };
/* Microseconds, tokens, tokens per second. */
#define RESULT_TIME_MAX (INT64_C(86400) * 1000000) /* microseconds */
#define RESULT_COUNT_MAX (INT64_C(1) << 50)
#define RESULT_RATE_MAX 1e9
/* Timestamp of a frame, either way. */
#define RESULT_PTS_MAX (INT64_C(1) << 52)

/* ---- writing */

/* Sets the body; takes `j`, which may be NULL. One that is too large for a
 * message becomes a blob, which the message names. ERR_FORMAT: a text in it is
 * not valid. */
int unit_result_write(json_t *j, struct runner_result *ret, struct err *err);

/* ---- reading; wrong values are ERR_PROTO */

/* The object of the body, with no members but those in `keys`, whose last one
 * is NULL. The caller owns it. */
int unit_result_open(const struct runner_result *result, const char *const *keys, json_t **ret,
                     struct err *err);
int unit_result_bad(struct err *err, const char *key);
int unit_result_int(const json_t *j, const char *key, int64_t min, int64_t max, int64_t *ret,
                    struct err *err);
/* One line that vdet could have written itself; the caller frees. */
int unit_result_line(const json_t *j, const char *key, size_t max, char **ret, struct err *err);
/* 1 to `most` ascending timestamps of frames. The caller frees. */
int unit_result_pts(const json_t *j, const char *key, size_t most, int64_t **ret, size_t *ret_n,
                    struct err *err);
/* A letter of an answer: 'A', 'B' or 'C', or '-' = there was none; and how
 * likely each of them was, all 0 = not known. */
int unit_result_letter(const json_t *j, char *ret, double ret_p[static 3], struct err *err);

/* ---- failures */

/* A hole is a failure of its unit, and not a result: its cause and reason as an
 * error, and both from the error of run(), which may have several of them. The
 * caller frees the reason. */
int unit_failure(enum hole_code code, const char *reason, struct err *err);
enum hole_code unit_failure_read(const struct err *failure, char **ret_reason);

/* Likewise for a look at frames, of which ERR_FORMAT says that only this one
 * cannot be had; the first changes `err`. ERR_CANCELED stays. */
int unit_failure_of(struct err *err);
int unit_failure_error(const struct err *failure, struct err *err);

#endif
