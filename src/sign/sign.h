/* SPDX-License-Identifier: Apache-2.0 */
/* Signed JSON: answers and reports. docs/prove.md describes the form exactly.
 *
 * The member `signature` of the object is {algorithm, key, chain, signature}.
 * `chain` has a hash for each of the object's `steps`, each over the hash
 * before it and the step. The signature covers everything else in the object,
 * and the other members of `signature`. Pure functions, any thread. */
#ifndef VDET_SIGN_SIGN_H
#define VDET_SIGN_SIGN_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"
#include "sign/key.h"

/* Adds the member `signature`, in the place of one that is there. Rounds all
 * numbers of the object to 15 digits first, so that it may be written with 15
 * digits or more. ERR_FORMAT if it is not an object, or nested too deeply. */
int sign_json(json_t *object, const struct sign_key *key, struct err *err);

/* The same for JSON as text, with the key of the installation whose data folder
 * this is. The caller frees the result. */
int sign_text(const char *text, const char *data_dir, char **ret, struct err *err);
/* JSON as it is written to files: a member on each line, numbers with 15
 * digits. The caller frees it; NULL if it cannot be written. */
char *sign_dump(const json_t *json);

struct sign_result {
	bool is_signed; /* the object has a signature, be it valid or not */
	/* The hashes fit the steps; otherwise the number of the first step that
	 * does not, from 1. */
	bool chain_holds;
	size_t steps, broken_at;
	bool signature_holds;       /* it was made with that key for this content */
	bool known;                 /* the key is one of the known ones */
	char fingerprint[HASH_HEX]; /* of the key; "" if there is none */
	const char *fault;          /* what is malformed; NULL if nothing is; a literal */
};
/* Checks an object that may be hostile. Fails only if it cannot be examined:
 * ERR_FORMAT, ERR_LIMIT. */
int sign_check(const json_t *object, const struct sign_keys *known, struct sign_result *ret,
               struct err *err);

#endif
