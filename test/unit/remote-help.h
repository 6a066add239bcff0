/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of src/remote/: a head with its server, and a worker with its
 * cache, in one process and a temporary folder. */
#ifndef VDET_TEST_REMOTE_HELP_H
#define VDET_TEST_REMOTE_HELP_H

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "net/fleet/fleet-http.h"
#include "remote/source.h"

enum { MB = 1 << 20 };

static char dir[64];

/* A head: what it says of its sources, and what it then sends. */
struct head {
	struct fleet_http *http;
	char sha256[HASH_HEX];
	char *said, *sent;        /* files */
	struct hash_blocks *list; /* instead of the true one */
	char *cert, *key;         /* of TLS; NULL = none */
	const char *worker;       /* who asks; NULL = "w" */
	int64_t quota;
	const struct remote_address *direct; /* another server has it; NULL = none has */
	int refuse;                          /* so many addresses are useless */
	const char *replace[2];              /* in each answer */
	_Atomic int asked;
};

static int head_open(void *ctx, const char *sha256, int *ret_fd, char **ret_path, struct err *err)
{
	struct head *h = ctx;
	if (strcmp(sha256, h->sha256) != 0)
		return err_set(err, ERR_NOENT, "no such source");
	*ret_fd = open(h->sent, O_RDONLY | O_CLOEXEC);
	*ret_path = mem_strdup(h->sent);
	return *ret_fd < 0 ? err_set(err, ERR_NOENT, "the file is gone") : 0;
}

static int head_blocks(void *ctx, const char *sha256, int fd, struct hash_blocks *ret,
                       struct err *err)
{
	struct head *h = ctx;
	char real[HASH_HEX];
	(void)sha256;
	(void)fd;
	AUTO(fd_closep) int said = open(h->said, O_RDONLY | O_CLOEXEC);
	return hash_fd_blocks(said, NULL, NULL, real, ret, err);
}

static bool head_direct(void *ctx, const char *sha256, int64_t valid, struct remote_address *ret)
{
	const struct head *h = ctx;
	(void)sha256;
	(void)valid;
	if (h->direct) {
		*ret = *h->direct;
		ret->url = mem_strdup(h->direct->url);
	}
	return h->direct != NULL;
}

static void head_start(struct head *h, const char *listen)
{
	AUTO(mem_freep) char *blobs = file_join(dir, "blobs");
	static char kept[100];
	snprintf(kept, sizeof kept, "%s", blobs);
	const struct fleet_http_options o = {.listen = listen,
	                                     .tls_cert = h->cert,
	                                     .tls_key = h->key,
	                                     .blobs = kept,
	                                     .quota = h->quota,
	                                     .open = head_open,
	                                     .blocks = head_blocks,
	                                     .direct = head_direct,
	                                     .ctx = h};
	struct err err = {0};
	if (fleet_http_start(&o, &h->http, &err) < 0)
		fail_msg("%s", err.msg);
}

static void head_begin(struct head *h, const char *path)
{
	struct err err = {0};
	h->said = mem_strdup(path);
	h->sent = mem_strdup(path);
	AUTO(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_ok(hash_fd(fd, NULL, NULL, h->sha256, &err));
	head_start(h, "127.0.0.1:0");
}

static void head_end(struct head *h)
{
	fleet_http_free(h->http);
	free(h->cert);
	free(h->key);
	free(h->said);
	free(h->sent);
}

static char *replaced(char *text, const char *from, const char *to)
{
	AUTO(mem_freep) char *old = text;
	char *at = strstr(old, from);
	assert_non_null(at);
	return mem_printf("%.*s%s%s", (int)(at - old), old, to, at + strlen(from));
}

static int ask(void *ctx, enum remote_kind kind, const char *sha256, bool relayed,
               struct cancel *cancel, char **ret, struct err *err)
{
	struct head *h = ctx;
	(void)cancel;
	if (!h->http)
		return err_set(err, ERR_IO, "the head is not there");
	int r =
		fleet_http_address(h->http, h->worker ? h->worker : "w", kind, sha256, relayed, ret, err);
	if (r == 0 && h->asked++ < h->refuse)
		*ret = replaced(*ret, "expires=1", "expires=2");
	if (r == 0 && h->replace[0])
		*ret = replaced(*ret, h->replace[0], h->replace[1]);
	return r;
}

/* A worker with a cache of so many MiB. */
struct worker {
	struct remote_options options;
	struct remote_cache *cache;
};

static inline void worker_begin(struct worker *w, struct head *h, const char *name, int size)
{
	struct err err = {0};
	AUTO(mem_freep) char *path = file_join(dir, name);
	assert_ok(remote_cache_open(path, (int64_t)size * MB, &w->cache, &err));
	w->options =
		(struct remote_options){.provider = {ask, h}, .cache = w->cache, .patience = CLOCK_SECOND};
}

static inline void worker_end(struct worker *w)
{
	remote_cache_free(w->cache);
}

/* A file of `size` bytes that are nowhere the same. */
static char *make_file(const char *name, size_t size, unsigned seed)
{
	char *path = file_join(dir, name);
	AUTO(mem_freep) uint32_t *data = mem_alloc(size / 4 + 1, 4);
	uint32_t x = seed * 2654435761u + 1;
	for (size_t i = 0; i <= size / 4; i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		data[i] = x;
	}
	assert_ok(file_write(path, data, size, NULL));
	return path;
}

static int make_dir(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	snprintf(dir, sizeof dir, "/tmp/vdet-remote-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	return file_remove_tree(dir, NULL);
}

#endif
