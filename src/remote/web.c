/* SPDX-License-Identifier: Apache-2.0 */
#include "remote/web.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "remote/fetch.h"
#include "store/ask.h"
#include "store/block.h"

enum { CACHES = 16 };

/* For how many seconds a signed address is valid; then another one is made. */
static const int64_t signed_for = 600;

struct remote_video {
	struct remote_video *next;
	struct remote_web *web;
	char *address, *name; /* as it was given; for people */
	char *bucket;         /* of S3, else NULL */
	const char *key;      /* likewise, a part of the address */
	bool secret;          /* the address has a password */
	int64_t size;
	struct remote_marks marks;
	char stamp[FILE_STAMP_MAX], sha256[HASH_HEX];
	struct hash_blocks blocks;
	int fd;
	struct remote_options options;
	struct remote_source *source;
	struct decoder_feed feed;
	/* Guarded by the lock of all. */
	int users;
	bool has_fault;
	struct err fault;
};

struct remote_web {
	struct remote_web_options options;
	char *dir; /* of the cache */
	struct http *http;
	pthread_mutex_t lock;
	pthread_cond_t left; /* somebody does not use a video any more */
	struct remote_cache *cache;
	struct remote_video *videos; /* those that are open */
};

/* ---- addresses */

static int parse_address(struct remote_video *v, const char *address, struct err *err)
{
	if (strncasecmp(address, "s3://", 5) == 0) {
		int r = remote_s3_parse(address, &v->bucket, &v->key, err);
		if (r < 0)
			return r;
		v->key = v->address + (v->key - address);
		v->name = remote_address_name(v->address);
		return *file_base(v->key) ? 0 : err_set(err, ERR_ARG, "%s names no file", v->name);
	}
	v->address[strcspn(v->address, "#")] = '\0';
	const char *host = strstr(address, "://") + 3, *at = strchr(host, '@');
	v->secret = at && at < host + strcspn(host, "/?#");
	v->name = remote_address_name(v->address);
	return remote_address_check(v->address, err);
}

static int url_of(const struct remote_video *v, int64_t valid, char **ret, struct err *err)
{
	if (!v->bucket) {
		*ret = mem_strdup(v->address);
		return 0;
	}
	return remote_s3_url(&v->web->options.s3, v->bucket, v->key, clock_wall() / CLOCK_SECOND, valid,
	                     ret, err);
}

/* What holds for each request, also of workers. */
static void restrict_to(const struct remote_video *v, struct remote_address *a)
{
	const struct remote_web_options *o = &v->web->options;
	a->public_only = o->clients && !o->private && !v->bucket;
	a->stay = o->clients && v->bucket;
}

/* For struct remote_provider. */
static int ask(void *ctx, enum remote_kind kind, const char *sha256, bool relayed,
               struct cancel *cancel, char **ret, struct err *err)
{
	const struct remote_video *v = ctx;
	AUTO(remote_address_clear)
	struct remote_address a = {.direct = true, .marks = v->marks, .size = v->size};
	(void)kind, (void)sha256, (void)relayed, (void)cancel;
	restrict_to(v, &a);
	int r = url_of(v, signed_for, &a.url, err);
	if (r == 0)
		*ret = remote_address_text(&a);
	return r;
}

/* ---- the first reading */

struct pass {
	struct remote_video *v;
	const struct remote_video_options *o;
	struct hash *hash;
	unsigned char *block;
	size_t have, index;
	struct hash_blocks blocks;
	bool full; /* no more is kept */
};

static void pass_clear(struct pass *p)
{
	hash_free(p->hash);
	free(p->block);
	hash_blocks_clear(&p->blocks);
}

static void end_block(struct pass *p)
{
	struct remote_video *v = p->v;
	unsigned char *sum = p->blocks.sums[p->index++];
	int64_t pos = (int64_t)p->index * HASH_BLOCK;
	hash_bytes(p->block, p->have, sum);
	/* What is beyond the limit would only drive out the beginning, which is
	 * read first. */
	p->full |= pos > v->web->options.cache_limit ||
	           remote_cache_put(v->web->cache, sum, p->block, p->have, NULL) < 0;
	p->have = 0;
	if (p->o->progress)
		p->o->progress(p->o->ctx, pos < v->size ? pos : v->size, v->size);
}

static int take(void *ctx, int64_t pos, const char *data, size_t len, struct err *err)
{
	struct pass *p = ctx;
	(void)pos;
	if (p->o->until && clock_now() > p->o->until)
		return err_set(err, ERR_TIMEOUT, "it was not read within the time that is allowed");
	hash_add(p->hash, data, len);
	while (len) {
		size_t n = HASH_BLOCK - p->have < len ? HASH_BLOCK - p->have : len;
		memcpy(p->block + p->have, data, n);
		p->have += n;
		data += n;
		len -= n;
		if (p->have == HASH_BLOCK)
			end_block(p);
	}
	return 0;
}

static int read_once(struct remote_video *v, const struct remote_video_options *o, struct err *err)
{
	AUTO(pass_clear) struct pass p = {.v = v, .o = o};
	size_t n = hash_blocks_of(v->size);
	p.blocks.sums = malloc(n * HASH_MAX);
	if (!p.blocks.sums)
		return err_set(err, ERR_LIMIT, "no memory for the hashes of %zu blocks", n);
	p.blocks.n = n;
	p.hash = hash_new();
	p.block = mem_alloc(HASH_BLOCK, 1);

	AUTO(remote_fetch_clear)
	struct remote_fetch f = {.options = &v->options,
	                         .http = v->web->http,
	                         .sha256 = "",
	                         .cancel = {o->cancel, NULL},
	                         .kind = REMOTE_SOURCE,
	                         .looking = true};
	int r = remote_fetch_range(&f, 0, v->size, take, &p, err);
	if (r < 0)
		return r;
	if (p.have)
		end_block(&p);
	hash_end(p.hash, v->sha256);
	v->blocks = p.blocks;
	p.blocks = (struct hash_blocks){0};
	return 0;
}

/* What the journal has of this version, or of the SHA-256 that the user names. */
static int recall(struct remote_video *v, const char *expected, struct err *err)
{
	struct store *s = v->web->options.store;
	AUTO(mem_freep) char *known = NULL;
	AUTO(hash_blocks_clear) struct hash_blocks b = {0};
	if (*expected)
		known = mem_strdup(expected);
	else if (!*v->stamp || store_place_find(s, v->name, v->stamp, &known, NULL) < 0)
		return 0;
	int r = store_blocks_load(s, known, &b, err);
	if (r == 0 && *expected && b.n && b.n != hash_blocks_of(v->size))
		return err_set(err, ERR_FORMAT,
		               "it has another size: this is not the video that was expected");
	if (r < 0 || b.n != hash_blocks_of(v->size))
		return r;
	snprintf(v->sha256, sizeof v->sha256, "%s", known);
	v->blocks = b;
	b = (struct hash_blocks){0};
	return 0;
}

int remote_video_keep(struct remote_video *v, struct err *err)
{
	struct store *s = v->web->options.store;
	int r = store_blocks_save(s, v->sha256, &v->blocks, err);
	return r == 0 && *v->stamp ? store_place_set(s, v->name, v->stamp, v->sha256, err) : r;
}

static int learn(struct remote_video *v, const struct remote_video_options *o, struct err *err)
{
	const char *expected = o->expected ? o->expected : "";
	int r = recall(v, expected, err);
	if (r == 0 && !*v->sha256 && o->known)
		return err_set(err, ERR_NOENT,
		               "the journal has no hashes of its blocks any more; analyze it again");
	if (r == 0 && !*v->sha256)
		r = read_once(v, o, err);
	if (r == 0 && *expected && strcmp(v->sha256, expected) != 0)
		return err_set(err, ERR_FORMAT,
		               "its SHA-256 is %s: this is not the video that was expected", v->sha256);
	return r < 0 ? r : remote_video_keep(v, err);
}

/* ---- opening */

/* Of which version the journal is to know the SHA-256; nothing where the server
 * names none. */
static void set_stamp(struct remote_video *v)
{
	char size[24], hash[HASH_HEX];
	const struct remote_marks *m = &v->marks;
	snprintf(size, sizeof size, "%" PRId64, v->size);
	const char *query = strchr(v->address, '?');
	const char *const texts[] = {v->name, query && !v->bucket ? query : "", size, m->etag,
	                             m->modified};
	hash_texts(texts, ARRAY_LEN(texts), hash);
	if (*m->etag || *m->modified)
		snprintf(v->stamp, sizeof v->stamp, "web %s", hash);
}

static int look(struct remote_video *v, struct cancel *cancel, struct err *err)
{
	struct remote_options once = v->options;
	once.patience = 1; /* a wrong address is to fail at once */
	AUTO(remote_fetch_clear)
	struct remote_fetch f = {.options = &once,
	                         .http = v->web->http,
	                         .sha256 = "",
	                         .cancel = {cancel, NULL},
	                         .kind = REMOTE_SOURCE};
	return remote_fetch_look(&f, &v->size, &v->marks, err);
}

/* A file of this size without content, which takes no memory. */
static int make_empty(int64_t size, int *ret, struct err *err)
{
	AUTO(fd_closep) int fd = memfd_create("vdet-video", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, size) < 0)
		return err_sys(err, errno, "cannot make a file in memory");
	*ret = fd;
	fd = -1;
	return 0;
}

/* Reading it fails, instead of giving zeros. */
static int make_stand_in(struct remote_video *v, struct err *err)
{
	char path[40];
	AUTO(fd_closep) int fd = -1;
	int r = make_empty(v->size, &fd, err);
	if (r < 0)
		return r;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	v->fd = open(path, O_WRONLY | O_CLOEXEC);
	return v->fd < 0 ? err_sys(err, errno, "cannot open %s", path) : 0;
}

static int read_feed(void *ctx, int64_t pos, void *data, size_t len, struct cancel *cancel,
                     struct err *err)
{
	struct remote_video *v = ctx;
	if (remote_video_fault(v, err))
		return -(int)v->fault.code;
	struct err own = {0};
	int r = remote_source_read(v->source, pos, data, len, cancel, &own);
	if (r < 0 && err)
		*err = own;
	if (r == 0 || r == -ERR_CANCELED)
		return r;
	pthread_mutex_lock(&v->web->lock);
	if (!v->has_fault)
		v->fault = own;
	v->has_fault = true;
	pthread_mutex_unlock(&v->web->lock);
	return r;
}

/* Another process may use the first folder. */
static int open_cache(struct remote_web *w, struct err *err)
{
	int r = 0;
	pthread_mutex_lock(&w->lock);
	for (int i = 1; !w->cache && i <= CACHES; i++) {
		AUTO(mem_freep)
		char *dir = i == 1 ? mem_strdup(w->dir) : mem_printf("%s-%d", w->dir, i);
		r = remote_cache_open(dir, w->options.cache_limit, &w->cache, err);
		if (r == 0)
			remote_cache_leave(w->cache, w->options.leave);
		if (r < 0 && r != -ERR_BUSY)
			break;
	}
	pthread_mutex_unlock(&w->lock);
	return w->cache ? 0 : r;
}

static int open_source(struct remote_video *v, struct cancel *cancel, struct err *err)
{
	v->options.blocks = &v->blocks;
	v->options.size = v->size;
	int r = remote_source_open(&v->options, v->sha256, cancel, &v->source, err);
	if (r < 0)
		return r;
	v->feed = (struct decoder_feed){.size = v->size, .id = v->sha256, .read = read_feed, .ctx = v};
	pthread_mutex_lock(&v->web->lock);
	v->next = v->web->videos;
	v->web->videos = v;
	pthread_mutex_unlock(&v->web->lock);
	return 0;
}

static int begin(struct remote_video *v, const struct remote_video_options *o, struct err *err)
{
	int r = look(v, o->cancel, err);
	if (r < 0)
		return r;
	if (o->max && v->size > o->max)
		return err_set(err, ERR_LIMIT,
		               "it has %" PRId64 " bytes, more than the %" PRId64 " that are allowed",
		               v->size, o->max);
	set_stamp(v);
	r = make_stand_in(v, err);
	if (r == 0)
		r = learn(v, o, err);
	return r < 0 ? r : open_source(v, o->cancel, err);
}

int remote_video_open(struct remote_web *w, const struct remote_video_options *o,
                      struct remote_video **ret, struct err *err)
{
	AUTO(remote_video_freep) struct remote_video *v = mem_alloc(1, sizeof *v);
	v->web = w;
	v->fd = -1;
	v->address = mem_strdup(o->address);
	int r = parse_address(v, o->address, err);
	if (r == 0)
		r = open_cache(w, err);
	v->options =
		(struct remote_options){.provider = {ask, v},
	                            .cache = w->cache,
	                            .block_within = o->block_within,
	                            .patience = o->patience ? o->patience : w->options.patience};
	if (r < 0)
		return r;
	r = begin(v, o, err);
	if (r < 0)
		return r == -ERR_CANCELED ? r : err_wrap(err, "%s", v->name);
	*ret = TAKE(v);
	return 0;
}

void remote_video_free(struct remote_video *v)
{
	if (!v)
		return;
	struct remote_web *w = v->web;
	pthread_mutex_lock(&w->lock);
	for (struct remote_video **at = &w->videos; *at; at = &(*at)->next)
		if (*at == v) {
			*at = v->next;
			break;
		}
	while (v->users)
		pthread_cond_wait(&w->left, &w->lock);
	pthread_mutex_unlock(&w->lock);
	remote_source_free(v->source);
	hash_blocks_clear(&v->blocks);
	fd_closep(&v->fd);
	free(v->bucket);
	free(v->address);
	free(v->name);
	free(v);
}

const char *remote_video_name(const struct remote_video *v)
{
	return v->name;
}
const char *remote_video_sha256(const struct remote_video *v)
{
	return v->sha256;
}
int remote_video_fd(const struct remote_video *v)
{
	return v->fd;
}
const struct decoder_feed *remote_video_feed(struct remote_video *v)
{
	return &v->feed;
}

int remote_video_copy(struct remote_video *v, int fd, int64_t from, int64_t len, struct err *err)
{
	AUTO(mem_freep) char *data = mem_alloc(HASH_BLOCK, 1);
	for (int64_t done = 0; done < len;) {
		size_t n = len - done < HASH_BLOCK ? (size_t)(len - done) : HASH_BLOCK;
		int r = read_feed(v, from + done, data, n, NULL, err);
		if (r < 0)
			return r;
		if (pwrite(fd, data, n, from + done) != (ssize_t)n)
			return err_sys(err, errno, "cannot keep a part of the video");
		done += (int64_t)n;
	}
	return 0;
}

bool remote_video_fault(struct remote_video *v, struct err *ret)
{
	pthread_mutex_lock(&v->web->lock);
	bool has = v->has_fault;
	if (has && ret)
		*ret = v->fault;
	pthread_mutex_unlock(&v->web->lock);
	return has;
}

/* ---- all of them */

struct remote_web *remote_web_new(const struct remote_web_options *o)
{
	struct remote_web *w = mem_alloc(1, sizeof *w);
	w->options = *o;
	w->dir = mem_strdup(o->cache_dir);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->left, NULL);
	w->http = http_new();
	return w;
}

void remote_web_free(struct remote_web *w)
{
	if (!w)
		return;
	remote_cache_free(w->cache);
	http_free(w->http);
	pthread_cond_destroy(&w->left);
	pthread_mutex_destroy(&w->lock);
	free(w->dir);
	free(w);
}

/* The caller gives it back by put(). */
static struct remote_video *get(struct remote_web *w, const char *sha256)
{
	pthread_mutex_lock(&w->lock);
	struct remote_video *v = w->videos;
	while (v && (strcmp(v->sha256, sha256) != 0 || v->has_fault))
		v = v->next;
	if (v)
		v->users++;
	pthread_mutex_unlock(&w->lock);
	return v;
}

static void put(struct remote_video *v)
{
	struct remote_web *w = v->web;
	pthread_mutex_lock(&w->lock);
	v->users--;
	pthread_cond_broadcast(&w->left);
	pthread_mutex_unlock(&w->lock);
}

static int missing(struct err *err)
{
	return err_set(err, ERR_NOENT, "the head does not read this video any more");
}

int remote_web_open(struct remote_web *w, const char *sha256, int *ret_fd, char **ret_name,
                    struct err *err)
{
	struct remote_video *v = get(w, sha256);
	if (!v)
		return missing(err);
	int r = make_empty(v->size, ret_fd, err);
	if (r == 0)
		*ret_name = mem_strdup(v->name);
	put(v);
	return r;
}

int remote_web_blocks(struct remote_web *w, const char *sha256, struct hash_blocks *ret,
                      struct err *err)
{
	struct remote_video *v = get(w, sha256);
	if (!v)
		return missing(err);
	size_t len = v->blocks.n * HASH_MAX;
	ret->n = v->blocks.n;
	ret->sums = mem_alloc(ret->n, HASH_MAX);
	memcpy(ret->sums, v->blocks.sums, len);
	put(v);
	return 0;
}

int remote_web_fill(struct remote_web *w, const char *sha256, int fd, int64_t from, int64_t len,
                    struct err *err)
{
	struct remote_video *v = get(w, sha256);
	if (!v)
		return missing(err);
	struct err why = {0};
	int r = remote_video_copy(v, fd, from, len, &why);
	put(v);
	return r < 0 ? err_set(err, ERR_NOENT, "%s", why.msg) : 0;
}

void remote_web_forget(struct remote_web *w, const struct hash_blocks *blocks)
{
	if (blocks->n && open_cache(w, NULL) == 0)
		remote_cache_drop(w->cache, blocks);
}

bool remote_web_direct(struct remote_web *w, const char *sha256, int64_t valid,
                       struct remote_address *ret)
{
	struct remote_video *v = get(w, sha256);
	if (!v)
		return false;
	if (!v->secret && url_of(v, valid / CLOCK_SECOND, &ret->url, NULL) == 0) {
		ret->direct = true;
		ret->marks = v->marks;
		restrict_to(v, ret);
	}
	put(v);
	return true;
}
