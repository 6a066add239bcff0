/* SPDX-License-Identifier: Apache-2.0 */
#include "net/fleet/routes.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "remote/blob.h"

enum { RELAY_MAX = 16 << 20, QUOTA = 512 << 20 };

static const int64_t valid_default = 600 * CLOCK_SECOND;

void fleet_files_init(struct fleet_files *f, const struct fleet_http_options *o)
{
	f->options = o;
	pthread_mutex_init(&f->lock, NULL);
	pthread_mutex_init(&f->making, NULL);
	randombytes_buf(f->key, sizeof f->key);
	quota_init(&f->quota, o->blobs, o->quota ? o->quota : QUOTA);
}

void fleet_files_clear(struct fleet_files *f)
{
	for (struct fleet_source *s = f->sources, *next; s; s = next) {
		next = s->next;
		free(s);
	}
	pthread_mutex_destroy(&f->lock);
	pthread_mutex_destroy(&f->making);
	quota_clear(&f->quota);
	sodium_memzero(f->key, sizeof f->key);
}

/* ---- addresses */

static void hash_list(const struct hash_blocks *b, char out[static HASH_HEX])
{
	AUTO(hash_freep) struct hash *h = hash_new();
	if (b->n)
		hash_add(h, b->sums, b->n * sizeof *b->sums);
	hash_end(h, out);
}

/* Opens a source, whose size must be that of its hashes. */
static int load(const struct fleet_files *f, const char *sha256, struct hash_blocks *ret,
                int64_t *ret_size, char **ret_path, struct err *err)
{
	struct stat st;
	AUTO(fd_closep) int fd = -1;
	const struct fleet_http_options *o = f->options;
	int r = o->open(o->ctx, sha256, &fd, ret_path, err);
	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "cannot examine the file of the source %.12s", sha256);
	*ret_size = st.st_size;
	r = o->blocks(o->ctx, sha256, fd, ret, err);
	return r < 0 || ret->n == hash_blocks_of(st.st_size)
	           ? r
	           : err_set(err, ERR_FORMAT, "the file of the source %.12s has changed", sha256);
}

static bool find(struct fleet_files *f, const char *sha256, struct fleet_source *ret)
{
	pthread_mutex_lock(&f->lock);
	const struct fleet_source *s = f->sources;
	while (s && strcmp(s->sha256, sha256) != 0)
		s = s->next;
	if (s)
		*ret = *s;
	pthread_mutex_unlock(&f->lock);
	return s;
}

static int learn(struct fleet_files *f, const char *sha256, struct fleet_source *ret,
                 char **ret_path, struct err *err)
{
	AUTO(hash_blocks_clear) struct hash_blocks blocks = {0};
	int64_t size = 0;
	int r = load(f, sha256, &blocks, &size, ret_path, err);
	if (r < 0)
		return r;
	struct fleet_source *s = mem_alloc(1, sizeof *s);
	s->size = size;
	snprintf(s->sha256, sizeof s->sha256, "%s", sha256);
	hash_list(&blocks, s->blocks_sha256);
	pthread_mutex_lock(&f->lock);
	s->next = f->sources;
	f->sources = s;
	*ret = *s;
	pthread_mutex_unlock(&f->lock);
	return 0;
}

/* What is known of a source; made when it is first asked for, by one thread. */
static int know(struct fleet_files *f, const char *sha256, struct fleet_source *ret,
                char **ret_path, struct err *err)
{
	*ret = (struct fleet_source){0};
	if (find(f, sha256, ret))
		return 0;
	pthread_mutex_lock(&f->making);
	int r = find(f, sha256, ret) ? 0 : learn(f, sha256, ret, ret_path, err);
	pthread_mutex_unlock(&f->making);
	return r;
}

static int64_t valid_for(const struct fleet_files *f)
{
	return f->options->valid ? f->options->valid : valid_default;
}

/* At least until the end of this second. */
static int64_t expires(const struct fleet_files *f)
{
	return (clock_wall() + valid_for(f)) / CLOCK_SECOND + 1;
}

static char *signed_url(const struct fleet_files *f, enum remote_kind kind, const char *name,
                        const char *sha256)
{
	char query[120];
	remote_sign(f->key, kind, sha256, expires(f), query);
	return mem_printf("%s/fleet/%s/%s?%s", f->url, name, sha256, query);
}

/* An address for data is of one worker, whose quota it uses. */
static void key_of(const struct fleet_files *f, const char *worker,
                   unsigned char out[static REMOTE_KEY_BYTES])
{
	crypto_generichash(out, REMOTE_KEY_BYTES, (const unsigned char *)worker, strlen(worker), f->key,
	                   sizeof f->key);
}

static char *blob_url(const struct fleet_files *f, const char *worker, const char *sha256)
{
	unsigned char key[REMOTE_KEY_BYTES];
	char query[120];
	key_of(f, worker, key);
	remote_sign(key, REMOTE_BLOB, sha256, expires(f), query);
	return mem_printf("%s/fleet/blob/%s?worker=%s&%s", f->url, sha256, worker, query);
}

static int source_address(struct fleet_files *f, const char *sha256, bool relayed,
                          struct remote_address *a, struct err *err)
{
	struct fleet_source known;
	int r = know(f, sha256, &known, &a->path, err);
	if (r < 0)
		return r;
	if (!a->path) { /* it was known */
		AUTO(fd_closep) int fd = -1;
		r = f->options->open(f->options->ctx, sha256, &fd, &a->path, err);
	}
	if (r < 0)
		return r;
	a->size = known.size;
	memcpy(a->blocks_sha256, known.blocks_sha256, HASH_HEX);
	a->blocks_url = signed_url(f, REMOTE_BLOCKS, remote_kind_name(REMOTE_BLOCKS), sha256);

	struct remote_address direct = {0};
	const struct fleet_http_options *o = f->options;
	bool elsewhere = o->direct && o->direct(o->ctx, sha256, valid_for(f), &direct);
	if (direct.url && !relayed) {
		a->url = direct.url;
		a->direct = true;
		a->marks = direct.marks;
		a->public_only = direct.public_only;
		a->stay = direct.stay;
		return 0;
	}
	remote_address_clear(&direct);
	a->url = signed_url(f, REMOTE_SOURCE, elsewhere ? "relay" : "source", sha256);
	return 0;
}

int fleet_files_address(struct fleet_files *f, const char *worker, enum remote_kind kind,
                        const char *sha256, bool relayed, char **ret, struct err *err)
{
	AUTO(remote_address_clear) struct remote_address a = {0};
	if (!hash_is_hex(sha256))
		return err_set(err, ERR_ARG, "not a SHA-256: %.70s", sha256);
	if (kind == REMOTE_BLOCKS)
		return err_set(err, ERR_ARG, "the address of hashes comes with that of their source");
	int r = kind == REMOTE_SOURCE ? source_address(f, sha256, relayed, &a, err) : 0;
	if (r < 0)
		return r;
	if (kind != REMOTE_SOURCE)
		a.url = blob_url(f, worker, sha256);
	*ret = remote_address_text(&a);
	return 0;
}

/* ---- routes */

/* False: the reply says why. */
static bool is_signed_with(struct call *c, const unsigned char *key, enum remote_kind kind)
{
	const char *sha256 = c->args.text[0];
	if (!hash_is_hex(sha256)) {
		call_problem(c, 404, "not-found", "the address has no SHA-256");
		return false;
	}
	switch (remote_verify(key, kind, sha256, call_query(c, "expires"), call_query(c, "signature"),
	                      clock_wall() / CLOCK_SECOND)) {
	case REMOTE_VALID: return true;
	case REMOTE_EXPIRED:
		call_problem(c, 403, "expired", "the address has expired; ask the head for a new one");
		return false;
	case REMOTE_FORGED: break;
	}
	call_problem(c, 403, "signature",
	             "the signature of the address is wrong, or of a head that was restarted; ask the "
	             "head for a new one");
	return false;
}

static bool is_signed(struct call *c, enum remote_kind kind)
{
	const struct fleet_files *f = c->ctx;
	return is_signed_with(c, f->key, kind);
}

static int handle_source(struct call *c, struct err *err)
{
	const struct fleet_files *f = c->ctx;
	AUTO(mem_freep) char *path = NULL;
	int fd = -1;
	if (!is_signed(c, REMOTE_SOURCE))
		return 0;
	int r = f->options->open(f->options->ctx, c->args.text[0], &fd, &path, err);
	return r < 0 ? r : call_file(c, fd, "application/octet-stream", NULL, err);
}

/* Of a video that the head reads from another server. Workers ask for a few
 * blocks at a time, which pass through memory. */
static int handle_relay(struct call *c, struct err *err)
{
	const struct fleet_files *f = c->ctx;
	int r = handle_source(c, err);
	if (r < 0 || c->reply.fd < 0 || !f->options->fill)
		return r;
	bool large = c->reply.size > RELAY_MAX;
	if (!large)
		r = f->options->fill(f->options->ctx, c->args.text[0], c->reply.fd, c->reply.from,
		                     c->reply.size, err);
	if (!large && r == 0)
		return 0;
	fd_closep(&c->reply.fd);
	c->reply.fd = -1;
	if (large)
		call_problem(c, 413, "too-large", "ask for at most %d bytes of this video", RELAY_MAX);
	return r;
}

static int handle_blocks(struct call *c, struct err *err)
{
	AUTO(hash_blocks_clear) struct hash_blocks blocks = {0};
	AUTO(mem_freep) char *path = NULL;
	int64_t size;
	if (!is_signed(c, REMOTE_BLOCKS))
		return 0;
	int r = load(c->ctx, c->args.text[0], &blocks, &size, &path, err);
	if (r < 0)
		return r;
	call_text(c, 200, "application/octet-stream", "");
	if (blocks.n)
		buf_add(&c->reply.body, blocks.sums, blocks.n * sizeof *blocks.sums);
	return 0;
}

/* Data while they arrive. */
struct coming {
	struct buf data;
	char *worker; /* owned */
	int64_t size; /* that was reserved */
};

static int handle_blob(struct call *c, struct err *err)
{
	struct fleet_files *f = c->ctx;
	unsigned char key[REMOTE_KEY_BYTES];
	const char *worker = call_query(c, "worker");
	worker = worker ? worker : "";
	key_of(f, worker, key);
	if (!is_signed_with(c, key, REMOTE_BLOB))
		return 0;
	if (c->length > REMOTE_BLOB_MAX) {
		call_problem(c, 413, "too-large", "a blob has at most %d bytes", REMOTE_BLOB_MAX);
		return 0;
	}
	int64_t size = c->length < 0 ? REMOTE_BLOB_MAX : c->length;
	int r = quota_reserve(&f->quota, worker, size, err);
	if (r < 0)
		return r;
	struct coming *in = mem_alloc(1, sizeof *in);
	*in = (struct coming){BUF(REMOTE_BLOB_MAX), mem_strdup(worker), size};
	c->sink = in;
	return 0;
}

static int write_blob(struct call *c, const void *data, size_t len, struct err *err)
{
	struct coming *in = c->sink;
	return buf_add(&in->data, data, len) < 0
	           ? err_set(err, ERR_LIMIT, "a blob has at most %d bytes", REMOTE_BLOB_MAX)
	           : 0;
}

static void end_blob(struct call *c, bool stored)
{
	struct fleet_files *f = c->ctx;
	struct coming *in = c->sink;
	c->sink = NULL;
	if (!in)
		return;
	quota_release(&f->quota, in->worker, in->size, stored);
	buf_free(&in->data);
	free(in->worker);
	free(in);
}

static void abort_blob(struct call *c)
{
	end_blob(c, false);
}

static int finish_blob(struct call *c, struct err *err)
{
	const struct fleet_files *f = c->ctx;
	const struct coming *in = c->sink;
	int r = remote_blob_store(f->options->blobs, in->worker, c->args.text[0], in->data.data,
	                          in->data.len, err);
	end_blob(c, r == 0);
	if (r == 0)
		call_empty(c, 201);
	return r;
}

static const struct body_sink sink = {write_blob, finish_blob, abort_blob};

const struct route fleet_routes[] = {
	{METHOD_GET, "/fleet/source/{sha256}", ROLE_NONE, 0, .fn = handle_source},
	{METHOD_GET, "/fleet/relay/{sha256}", ROLE_NONE, ROUTE_SLOW, .fn = handle_relay},
	{METHOD_GET, "/fleet/blocks/{sha256}", ROLE_NONE, ROUTE_SLOW, .fn = handle_blocks},
	{METHOD_PUT, "/fleet/blob/{sha256}", ROLE_NONE, 0, .fn = handle_blob, .sink = &sink},
};
const size_t n_fleet_routes = ARRAY_LEN(fleet_routes);
