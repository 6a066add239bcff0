/* SPDX-License-Identifier: Apache-2.0 */
/* What the kinds of units of work have in common: how one is written and read,
 * what it is called, and which workers can do it. Pure. A unit has everything
 * that its result depends on but the video, which is named by its hash. */
#ifndef VDET_JOB_UNIT_H
#define VDET_JOB_UNIT_H

#include <jansson.h>

#include "base/err.h"
#include "base/hash.h"
#include "engine/engine.h"
#include "job/describe.h"
#include "runner/runner.h"

/* Latest time of a video, either way, in microseconds. */
#define UNIT_TIME_MAX (INT64_C(1) << 52)
enum { UNIT_TOKENS_MAX = 1 << 20 };

/* ---- writing */

/* Sets the members of pictures that are the same for all kinds: frame_size and
 * quality, and of the decoder what says which pictures a file has: stream, rate
 * and gaps. Limits, devices and the sandbox are those of who does the work. */
void unit_set_pictures(json_t *j, const struct describe_options *o);

/* Of these the last three alone. */
void unit_set_video(json_t *j, const struct decoder_options *d);

/* The same object always gives the same text; takes `j`, which may be NULL. The
 * caller frees. `what`: "the chunk", of which a text is not valid (ERR_FORMAT)
 * or too long (ERR_LIMIT). */
int unit_text(json_t *j, const char *what, char **ret, struct err *err);

/* "OWNER.PASS.INDEX.HASH", of the first digits of the SHA-256 of the body: the
 * same work has the same id, and other work another one. */
void unit_id(const char *owner, const char *pass, int64_t index, const char *body,
             char out[static RUNNER_MAX_ID + 1]);

/* What an engine and this program must have in common with those that made the
 * unit, so that its result is the same: SHA-256 of the model, of how it is
 * asked, and of the prompts. The model is its hash, if that is known, and else
 * its name. */
void unit_model(const struct engine_info *e, char out[static HASH_HEX]);
/* Likewise with the name, also where the hash is known: for heads that only
 * know that. */
void unit_model_name(const struct engine_info *e, char out[static HASH_HEX]);

/* Whether other machines see the same pictures: not if they need another
 * file. */
bool unit_possible(const struct describe_options *o);

/* ---- reading; everything is checked, and wrong values are ERR_FORMAT */

/* The object of a unit's body, with no members but those in `keys`, whose last
 * one is NULL. Also ERR_LIMIT. The caller owns it. */
int unit_open(const char *body, const char *const *keys, json_t **ret, struct err *err);
int unit_bad(struct err *err, const char *key);
int unit_int(const json_t *j, const char *key, int64_t min, int64_t max, int64_t *ret,
             struct err *err);
/* What unit_set_pictures() has set; `gaps` points into `j`. */
int unit_get_pictures(const json_t *j, struct describe_options *o, struct err *err);
/* What unit_set_video() has set; likewise. */
int unit_get_video(const json_t *j, struct decoder_options *d, struct err *err);
/* A list of `least` to `most` ascending times, from `from` to before `to`. The
 * caller frees. */
int unit_times(const json_t *j, const char *key, size_t least, size_t most, int64_t from,
               int64_t to, int64_t **ret, size_t *ret_n, struct err *err);
/* ERR_UNSUPPORTED unless the member "prompts" is this hash: the requests of
 * another version would differ. */
int unit_prompts(const json_t *j, const char hash[static HASH_HEX], struct err *err);

#endif
