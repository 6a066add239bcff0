/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

struct hash {
	EVP_MD_CTX *ctx;
};

static void must(int ok)
{
	if (!ok) {
		fputs("vdet: libcrypto's hash failed\n", stderr);
		abort();
	}
}

static struct hash *new_of(const EVP_MD *kind)
{
	struct hash *h = mem_alloc(1, sizeof *h);
	h->ctx = EVP_MD_CTX_new();
	must(h->ctx && EVP_DigestInit_ex(h->ctx, kind, NULL));
	return h;
}

struct hash *hash_new(void)
{
	return new_of(EVP_sha256());
}

struct hash *hash_new_sha1(void)
{
	return new_of(EVP_sha1());
}

void hash_free(struct hash *h)
{
	if (!h)
		return;
	EVP_MD_CTX_free(h->ctx);
	free(h);
}

void hash_freep(struct hash **h)
{
	hash_free(*h);
}

void hash_add(struct hash *h, const void *data, size_t len)
{
	must(EVP_DigestUpdate(h->ctx, data, len));
}

void hash_adds(struct hash *h, const char *s)
{
	hash_add(h, s, strlen(s) + 1);
}

size_t hash_end_bytes(struct hash *h, unsigned char out[static HASH_MAX])
{
	unsigned n = 0;
	must(EVP_DigestFinal_ex(h->ctx, out, &n));
	return n;
}

void hash_end(struct hash *h, char out[static HASH_HEX])
{
	unsigned char md[HASH_MAX];
	size_t n = hash_end_bytes(h, md);
	for (size_t i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", md[i]);
}

bool hash_is_hex(const char *s)
{
	return strlen(s) == HASH_HEX - 1 && strspn(s, "0123456789abcdef") == HASH_HEX - 1;
}

void hash_texts(const char *const *texts, size_t n, char out[static HASH_HEX])
{
	AUTO(hash_freep) struct hash *h = hash_new();
	for (size_t i = 0; i < n; i++)
		hash_adds(h, texts[i]);
	hash_end(h, out);
}

void hash_bytes(const void *data, size_t len, unsigned char out[static HASH_MAX])
{
	must(EVP_Digest(data, len, out, NULL, EVP_sha256(), NULL));
}

void hash_blocks_clear(struct hash_blocks *b)
{
	free(b->sums);
	*b = (struct hash_blocks){0};
}

size_t hash_blocks_of(int64_t size)
{
	return (size_t)((size + HASH_BLOCK - 1) / HASH_BLOCK);
}

static void add_block(struct hash_blocks *b, size_t *room, const void *data, size_t len)
{
	b->sums = mem_room(b->sums, b->n, room, sizeof *b->sums);
	hash_bytes(data, len, b->sums[b->n++]);
}

/* Reads up to HASH_BLOCK bytes; fewer only at the end of the file. */
static int read_block(int fd, int64_t pos, unsigned char *data, size_t *ret_len, struct err *err)
{
	size_t len = 0;
	while (len < HASH_BLOCK) {
		ssize_t n = pread(fd, data + len, HASH_BLOCK - len, pos + (int64_t)len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "cannot read at byte %lld", (long long)pos);
		if (!n)
			break;
		len += (size_t)n;
	}
	*ret_len = len;
	return 0;
}

/* `blocks` may be NULL. */
static int hash_file(int fd, struct cancel *cancel, _Atomic int64_t *done, struct hash *h,
                     struct hash_blocks *blocks, struct err *err)
{
	AUTO(mem_freep) unsigned char *data = mem_alloc(1, HASH_BLOCK);
	size_t len = HASH_BLOCK, room = 0;
	for (int64_t pos = 0; len == HASH_BLOCK; pos += (int64_t)len) {
		if (cancel_fired(cancel))
			return err_set(err, ERR_CANCELED, "interrupted");
		int r = read_block(fd, pos, data, &len, err);
		if (r < 0)
			return r;
		if (!len)
			break;
		hash_add(h, data, len);
		if (blocks)
			add_block(blocks, &room, data, len);
		if (done)
			atomic_store(done, pos + (int64_t)len);
	}
	return 0;
}

int hash_fd(int fd, struct cancel *cancel, _Atomic int64_t *done, char out[static HASH_HEX],
            struct err *err)
{
	AUTO(hash_freep) struct hash *h = hash_new();
	int r = hash_file(fd, cancel, done, h, NULL, err);
	if (r == 0)
		hash_end(h, out);
	return r;
}

int hash_fd_blocks(int fd, struct cancel *cancel, _Atomic int64_t *done, char out[static HASH_HEX],
                   struct hash_blocks *ret, struct err *err)
{
	AUTO(hash_freep) struct hash *h = hash_new();
	AUTO(hash_blocks_clear) struct hash_blocks blocks = {0};
	int r = hash_file(fd, cancel, done, h, &blocks, err);
	if (r < 0)
		return r;
	hash_end(h, out);
	*ret = blocks;
	blocks = (struct hash_blocks){0};
	return 0;
}
