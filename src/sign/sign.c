/* SPDX-License-Identifier: Apache-2.0 */
#include "sign/sign.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "sign/canonical.h"

#define ALGORITHM "ed25519"
/* So that what is signed here cannot be taken for something else. */
#define PREFIX "vdet-signature/1\n"
#define NO_LINK "0000000000000000000000000000000000000000000000000000000000000000"

enum { DIGITS = 15, CANONICAL_MAX = 1 << 29 };

static void encode(const unsigned char *data, size_t len, char *out, size_t size)
{
	sodium_bin2base64(out, size, data, len, sodium_base64_VARIANT_ORIGINAL);
}

static bool decode(const char *text, unsigned char *out, size_t len)
{
	size_t got = 0;
	return sodium_base642bin(out, len, text, strlen(text), NULL, &got, NULL,
	                         sodium_base64_VARIANT_ORIGINAL) == 0 &&
	       got == len;
}

/* To what is left of the numbers when they are written. */
static int round_numbers(json_t *json, int depth, struct err *err)
{
	char text[32];
	const char *key;
	json_t *value;
	size_t i;
	int r = 0;
	if (depth > CANONICAL_DEPTH)
		return err_set(err, ERR_FORMAT, "values are nested more than %d deep", CANONICAL_DEPTH);
	if (json_is_real(json)) {
		snprintf(text, sizeof text, "%.*g", DIGITS, json_real_value(json));
		json_real_set(json, strtod(text, NULL));
	}
	json_array_foreach (json, i, value)
		if (r == 0)
			r = round_numbers(value, depth + 1, err);
	if (json_is_object(json))
		json_object_foreach (json, key, value)
			if (r == 0)
				r = round_numbers(value, depth + 1, err);
	return r;
}

/* The hash of a step and of the one before. */
static int make_link(const char *before, const json_t *step, char out[static HASH_HEX],
                     struct err *err)
{
	AUTO(buf_free) struct buf text = BUF(CANONICAL_MAX);
	buf_addf(&text, "%s\n", before);
	int r = canonical_add(step, &text, err);
	if (r < 0)
		return r;
	AUTO(hash_freep) struct hash *h = hash_new();
	hash_add(h, text.data, text.len);
	hash_end(h, out);
	return 0;
}

static int make_chain(const json_t *object, json_t **ret, struct err *err)
{
	const json_t *steps = json_object_get(object, "steps");
	json_auto_t *chain = json_array();
	char link[HASH_HEX] = NO_LINK;
	for (size_t i = 0; i < json_array_size(steps); i++) {
		char next[HASH_HEX];
		int r = make_link(link, json_array_get(steps, i), next, err);
		if (r < 0)
			return r;
		memcpy(link, next, sizeof link);
		json_array_append_new(chain, json_string(link));
	}
	*ret = TAKE(chain);
	return 0;
}

/* What is signed: the object without the signature itself. */
static int make_message(const json_t *object, const json_t *signature, struct buf *out,
                        struct err *err)
{
	json_auto_t *copy = json_copy((json_t *)object);
	json_t *head = json_copy((json_t *)signature);
	json_object_del(head, "signature");
	json_object_set_new(copy, "signature", head);
	buf_adds(out, PREFIX);
	return canonical_add(copy, out, err);
}

int sign_json(json_t *object, const struct sign_key *key, struct err *err)
{
	AUTO(buf_free) struct buf message = BUF(CANONICAL_MAX);
	json_t *chain = NULL;
	unsigned char bytes[SIGN_BYTES];
	char public[64], text[128];
	if (!json_is_object(object))
		return err_set(err, ERR_FORMAT, "only a JSON object can be signed");
	if (sodium_init() < 0)
		return err_set(err, ERR_INTERNAL, "libsodium does not start");
	int r = round_numbers(object, 0, err);
	if (r == 0)
		r = make_chain(object, &chain, err);
	if (r < 0)
		return r;
	encode(key->public, SIGN_PUBLIC, public, sizeof public);
	json_auto_t *signature =
		json_pack("{s:s, s:s, s:o}", "algorithm", ALGORITHM, "key", public, "chain", chain);
	r = make_message(object, signature, &message, err);
	if (r < 0)
		return r;
	crypto_sign_detached(bytes, NULL, (unsigned char *)message.data, message.len, key->secret);
	encode(bytes, sizeof bytes, text, sizeof text);
	json_object_set_new(signature, "signature", json_string(text));
	json_object_set(object, "signature", signature);
	return 0;
}

char *sign_dump(const json_t *json)
{
	return json_dumps(json, JSON_INDENT(1) | JSON_REAL_PRECISION(DIGITS));
}

int sign_text(const char *text, const char *data_dir, char **ret, struct err *err)
{
	AUTO(sign_key_clear) struct sign_key key = {0};
	json_t *json = NULL;
	int r = json_read_foreign(text, strlen(text), &json, err);
	if (r == 0)
		r = sign_key_load(data_dir, true, &key, err);
	if (r == 0)
		r = sign_json(json, &key, err);
	if (r == 0)
		*ret = sign_dump(json);
	json_decref(json);
	return r == 0 && !*ret ? err_set(err, ERR_INTERNAL, "cannot write JSON") : r;
}

/* Compares the chain with the steps. */
static int check_chain(const json_t *object, const json_t *chain, struct sign_result *ret,
                       struct err *err)
{
	const json_t *steps = json_object_get(object, "steps");
	const char *before = NO_LINK;
	ret->steps = json_array_size(steps);
	for (size_t i = 0; i < ret->steps && !ret->broken_at; i++) {
		const char *stated = json_string_value(json_array_get(chain, i));
		char link[HASH_HEX];
		int r = make_link(before, json_array_get(steps, i), link, err);
		if (r < 0)
			return r;
		if (!stated || strcmp(stated, link) != 0)
			ret->broken_at = i + 1;
		before = stated;
	}
	ret->chain_holds = !ret->broken_at && json_array_size(chain) == ret->steps;
	if (!ret->chain_holds && !ret->broken_at)
		ret->fault = "the chain has more hashes than there are steps";
	return 0;
}

static bool is_known(const struct sign_keys *known, const unsigned char *key)
{
	for (size_t i = 0; i < known->n; i++)
		if (!memcmp(known->keys[i], key, SIGN_PUBLIC))
			return true;
	return false;
}

static const char *find_fault(const json_t *object, const json_t *signature)
{
	const json_t *steps = json_object_get(object, "steps");
	if (!json_is_object(signature))
		return "the signature is not an object";
	if (strcmp(json_text(signature, "algorithm"), ALGORITHM) != 0)
		return "the signature's algorithm is not " ALGORITHM;
	if (!json_is_array(json_object_get(signature, "chain")) || (steps && !json_is_array(steps)))
		return "the steps or their hashes are not a list";
	return NULL;
}

int sign_check(const json_t *object, const struct sign_keys *known, struct sign_result *ret,
               struct err *err)
{
	AUTO(buf_free) struct buf message = BUF(CANONICAL_MAX);
	unsigned char key[SIGN_PUBLIC], bytes[SIGN_BYTES];
	const json_t *signature = json_object_get(object, "signature");
	*ret = (struct sign_result){.is_signed = signature};
	if (sodium_init() < 0)
		return err_set(err, ERR_INTERNAL, "libsodium does not start");
	if (!signature)
		return 0;
	ret->fault = find_fault(object, signature);
	if (ret->fault)
		return 0;
	if (!decode(json_text(signature, "key"), key, sizeof key) ||
	    !decode(json_text(signature, "signature"), bytes, sizeof bytes)) {
		ret->fault = "the key or the signature is malformed";
		return 0;
	}
	sign_fingerprint(key, ret->fingerprint);
	ret->known = is_known(known, key);
	int r = check_chain(object, json_object_get(signature, "chain"), ret, err);
	if (r == 0)
		r = make_message(object, signature, &message, err);
	if (r < 0)
		return r;
	ret->signature_holds =
		crypto_sign_verify_detached(bytes, (unsigned char *)message.data, message.len, key) == 0;
	return 0;
}
