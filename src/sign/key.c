/* SPDX-License-Identifier: Apache-2.0 */
#include "sign/key.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

#define SECRET_BEGIN "-----BEGIN PRIVATE KEY-----"
#define SECRET_END "-----END PRIVATE KEY-----"
#define PUBLIC_BEGIN "-----BEGIN PUBLIC KEY-----"
#define PUBLIC_END "-----END PUBLIC KEY-----"
#define MADE "Made: "

enum { FILE_MAX = 64 << 10, DER_MAX = 80 };

/* What is before the 32 bytes of a key of Ed25519 (RFC 8410). */
static const unsigned char secret_der[] = {0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06,
                                           0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20};
static const unsigned char public_der[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                           0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};

void sign_key_clear(struct sign_key *k)
{
	sodium_memzero(k, sizeof *k);
}

char *sign_key_path(const char *data_dir)
{
	return file_join(data_dir, "signing-key.pem");
}

void sign_fingerprint(const unsigned char public[static SIGN_PUBLIC], char out[static HASH_HEX])
{
	AUTO(hash_freep) struct hash *h = hash_new();
	hash_add(h, public, SIGN_PUBLIC);
	hash_end(h, out);
}

/* Appends a block of PEM. */
static void add_block(struct buf *out, const char *begin, const char *end, const unsigned char *der,
                      size_t der_len, const unsigned char *key)
{
	unsigned char bytes[DER_MAX];
	char text[2 * DER_MAX];
	memcpy(bytes, der, der_len);
	memcpy(bytes + der_len, key, SIGN_PUBLIC);
	sodium_bin2base64(text, sizeof text, bytes, der_len + SIGN_PUBLIC,
	                  sodium_base64_VARIANT_ORIGINAL);
	buf_addf(out, "%s\n%s\n%s\n", begin, text, end);
	sodium_memzero(bytes, sizeof bytes);
	sodium_memzero(text, sizeof text);
}

/* Reads the first block in *at, and moves *at behind it; false if there is
 * none, or it has no such key. */
static bool read_block(const char **at, const char *begin, const char *end,
                       const unsigned char *der, size_t der_len,
                       unsigned char key[static SIGN_PUBLIC])
{
	unsigned char bytes[DER_MAX];
	size_t len = 0;
	const char *from = strstr(*at, begin), *to = from ? strstr(from, end) : NULL, *used = NULL;
	if (!to)
		return false;
	from += strlen(begin);
	int r = sodium_base642bin(bytes, sizeof bytes, from, (size_t)(to - from), "\r\n", &len, &used,
	                          sodium_base64_VARIANT_ORIGINAL);
	bool good =
		r == 0 && used == to && len == der_len + SIGN_PUBLIC && !memcmp(bytes, der, der_len);
	if (good)
		memcpy(key, bytes + der_len, SIGN_PUBLIC);
	sodium_memzero(bytes, sizeof bytes);
	*at = to + strlen(end);
	return good;
}

static void read_made(const char *text, char out[static CLOCK_TEXT_MAX])
{
	const char *made = strstr(text, MADE);
	size_t len = made ? strspn(made + strlen(MADE), "0123456789-:TZ") : 0;
	snprintf(out, CLOCK_TEXT_MAX, "%.*s", (int)len, made ? made + strlen(MADE) : "");
}

static int parse_key(const char *text, const char *path, struct sign_key *ret, struct err *err)
{
	unsigned char seed[crypto_sign_SEEDBYTES];
	const char *at = text;
	if (!read_block(&at, SECRET_BEGIN, SECRET_END, secret_der, sizeof secret_der, seed))
		return err_set(err, ERR_FORMAT,
		               "%s holds no Ed25519 key; restore it from a backup, or move it away to get "
		               "a new key",
		               path);
	crypto_sign_seed_keypair(ret->public, ret->secret, seed);
	sodium_memzero(seed, sizeof seed);
	read_made(text, ret->made);
	return 0;
}

static int read_key(const char *path, struct sign_key *ret, struct err *err)
{
	AUTO(buf_free) struct buf text = BUF(FILE_MAX);
	struct stat st;
	int r = file_read(path, &text, err);
	if (r < 0)
		return r;
	if (stat(path, &st) == 0 && st.st_mode & (S_IRWXG | S_IRWXO))
		log_warning("%s can be read by others: chmod 600", path);
	r = parse_key(buf_str(&text), path, ret, err);
	sodium_memzero(text.data, text.len);
	return r;
}

static int write_key(const char *path, struct err *err)
{
	AUTO(buf_free) struct buf text = BUF(FILE_MAX);
	unsigned char seed[crypto_sign_SEEDBYTES];
	char made[CLOCK_TEXT_MAX];
	randombytes_buf(seed, sizeof seed);
	buf_addf(&text, "Signing key of this installation of vdet. Keep it secret.\n" MADE "%s\n",
	         clock_iso(clock_wall(), made));
	add_block(&text, SECRET_BEGIN, SECRET_END, secret_der, sizeof secret_der, seed);
	int r = file_write_private(path, text.data, text.len, err);
	sodium_memzero(seed, sizeof seed);
	sodium_memzero(text.data, text.len);
	return r;
}

/* The folder is locked, so that another process that makes the key at the same
 * time finds this one. */
static int make_key(const char *data_dir, const char *path, struct err *err)
{
	int r = file_mkdirs(data_dir, true, err);
	if (r < 0)
		return r;
	AUTO(fd_closep) int folder = open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0 || file_lock(folder) < 0)
		return err_sys(err, errno, "cannot lock the folder %s", data_dir);
	return file_exists(path) ? 0 : write_key(path, err);
}

int sign_key_load(const char *data_dir, bool make, struct sign_key *ret, struct err *err)
{
	AUTO(mem_freep) char *path = sign_key_path(data_dir);
	if (sodium_init() < 0)
		return err_set(err, ERR_INTERNAL, "libsodium does not start");
	if (!file_exists(path) && !make)
		return err_set(err, ERR_NOENT, "this installation has no signing key yet");
	int r = file_exists(path) ? 0 : make_key(data_dir, path, err);
	return r < 0 ? r : read_key(path, ret, err);
}

void sign_public_write(const struct sign_key *k, struct buf *out)
{
	char fingerprint[HASH_HEX];
	sign_fingerprint(k->public, fingerprint);
	buf_addf(out, "Public key of an installation of vdet.\nFingerprint: %s\n", fingerprint);
	if (k->made[0])
		buf_addf(out, MADE "%s\n", k->made);
	add_block(out, PUBLIC_BEGIN, PUBLIC_END, public_der, sizeof public_der, k->public);
}

int sign_public_parse(const char *text, const char *name, struct sign_keys *keys, struct err *err)
{
	if (sodium_init() < 0)
		return err_set(err, ERR_INTERNAL, "libsodium does not start");
	if (strstr(text, "PRIVATE KEY"))
		return err_set(err, ERR_FORMAT,
		               "%s is a secret key, which no one else may have; vdet key export writes the "
		               "public one",
		               name);
	size_t before = keys->n;
	for (const char *at = text; strstr(at, PUBLIC_BEGIN);) {
		if (keys->n == SIGN_KEYS_MAX)
			return err_set(err, ERR_LIMIT, "%s has more than %d keys", name, SIGN_KEYS_MAX);
		if (!read_block(&at, PUBLIC_BEGIN, PUBLIC_END, public_der, sizeof public_der,
		                keys->keys[keys->n]))
			return err_set(err, ERR_FORMAT, "%s has a public key that is not of Ed25519", name);
		keys->n++;
	}
	return keys->n > before ? 0
	                        : err_set(err, ERR_FORMAT,
	                                  "%s holds no public key; vdet key export writes one", name);
}

int sign_public_read(const char *path, struct sign_keys *keys, struct err *err)
{
	AUTO(buf_free) struct buf text = BUF(FILE_MAX);
	int r = file_read(path, &text, err);
	return r < 0 ? r : sign_public_parse(buf_str(&text), path, keys, err);
}
