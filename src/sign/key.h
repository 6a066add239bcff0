/* SPDX-License-Identifier: Apache-2.0 */
/* The signing key of an installation (Ed25519), and public keys of others.
 * Files are PEM, which OpenSSL reads, too: PKCS #8 and SubjectPublicKeyInfo
 * (RFC 8410). Blocking; thread-safe. */
#ifndef VDET_SIGN_KEY_H
#define VDET_SIGN_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"

enum { SIGN_PUBLIC = 32, SIGN_SECRET = 64, SIGN_BYTES = 64, SIGN_KEYS_MAX = 64 };

struct sign_key {
	unsigned char secret[SIGN_SECRET], public[SIGN_PUBLIC];
	char made[CLOCK_TEXT_MAX]; /* "2026-11-22T10:00:00Z", "" if the file does not say */
};
void sign_key_clear(struct sign_key *k); /* overwrites the secret */

/* Public keys that are known. */
struct sign_keys {
	unsigned char keys[SIGN_KEYS_MAX][SIGN_PUBLIC];
	size_t n;
};

/* Reads the key of the installation whose data folder this is; the caller
 * clears it. `make`: makes it, and the folder, if there is none, and of several
 * processes at once all get the same; otherwise ERR_NOENT. */
int sign_key_load(const char *data_dir, bool make, struct sign_key *ret, struct err *err);
/* Path of that key; the caller frees. */
char *sign_key_path(const char *data_dir);

/* Appends the public key as a file for others. */
void sign_public_write(const struct sign_key *k, struct buf *out);
/* Adds all public keys of such a file, of at most 64 kB. ERR_FORMAT if there is
 * none, or a secret key. */
int sign_public_read(const char *path, struct sign_keys *keys, struct err *err);
/* The same of its text; `name` is for messages. */
int sign_public_parse(const char *text, const char *name, struct sign_keys *keys, struct err *err);
/* SHA-256 of the public key's 32 bytes. */
void sign_fingerprint(const unsigned char public[static SIGN_PUBLIC], char out[static HASH_HEX]);

#endif
