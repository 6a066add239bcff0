/* SPDX-License-Identifier: Apache-2.0 */
/* Proving an answer or a report: its signature, its sources, the frames that it
 * cites, and if wanted its claims. Blocks. Nothing in the file is opened, and
 * nothing of it is sent but the texts of citations, to `engine`. */
#ifndef VDET_PROVE_PROVE_H
#define VDET_PROVE_PROVE_H

#include "base/cancel.h"
#include "engine/engine.h"
#include "job/describe.h"
#include "prove/proof.h"
#include "sign/key.h"

enum { PROVE_BYTES_MAX = 64 << 20 };

struct prove_options {
	const char *const *videos; /* paths */
	size_t n_videos;
	const struct sign_keys *keys; /* known ones */
	bool keys_given;              /* a signature has to be of one of these */
	struct describe_options describe;
	struct engine *engine; /* started; NULL: claims are not checked again */
	struct cancel *cancel;
};

/* Reads an answer or a report of at most PROVE_BYTES_MAX; the caller owns
 * it. */
int prove_load(const char *path, json_t **ret, struct err *err);
/* Adds what the file says and what was found to `ret`, which is empty. Fails
 * where the file cannot be understood, a video cannot be opened, or with
 * ERR_CANCELED. */
int prove_run(const json_t *json, const struct prove_options *o, struct proof *ret,
              struct err *err);
/* Signs an answer or a report. The one video of `o`, if any, adds to a report
 * the member `identities`: those of the frames that it cites. ERR_ARG if it is
 * another video, or the file has a signature that is not by this key. */
int prove_sign(json_t *json, const struct sign_key *key, const struct prove_options *o,
               struct err *err);

#endif
