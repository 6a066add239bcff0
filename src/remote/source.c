/* SPDX-License-Identifier: Apache-2.0 */
#include "remote/source.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cond.h"
#include "base/log.h"
#include "remote/fetch.h"

enum {
	RECENT = 8, /* blocks in memory, which are read in small pieces */
	AHEAD = 8,  /* most blocks of one request */
	TRIES = 2,  /* at a block that is wrong */
};

/* Between checks of a cancel while a thread waits for a block. */
static const int64_t look_every = CLOCK_SECOND / 20;

struct recent {
	size_t index;
	unsigned char *data; /* NULL: empty */
	uint64_t used;
};

/* A thread that waits for a block; on its stack. */
struct want {
	struct want *next;
	size_t index;
	unsigned char *data; /* of the size of a block */
	bool done;
	int result;
	struct err err;
};

struct remote_source {
	struct remote_options options;
	char sha256[HASH_HEX];
	int64_t size;
	struct hash_blocks blocks;
	bool *unasked; /* of each block: read ahead, and not asked for yet; guarded by the lock */
	struct remote_meter *meter, unread; /* the caller's, or else `unread` */
	struct decoder_feed feed;
	struct http *http;
	struct remote_fetch fetch; /* the fetching thread's, once it runs */
	int local;                 /* the path that both see; -1 = none */
	_Atomic bool local_off;    /* it has other bytes */
	struct cancel *stop;
	pthread_t thread;
	bool running;
	size_t expected, ahead; /* the fetching thread's: where a sequential reader goes on */
	bool told_full;         /* likewise */
	pthread_mutex_t lock;
	pthread_cond_t wanted, done;
	/* Guarded by the lock. */
	struct want *wants;
	struct recent recent[RECENT];
	uint64_t turn;
	struct err fault;
	bool has_fault, ending;
	struct remote_source_counts counts;
};

static size_t block_size(const struct remote_source *s, size_t i)
{
	int64_t left = s->size - (int64_t)i * HASH_BLOCK;
	return left < HASH_BLOCK ? (size_t)left : HASH_BLOCK;
}

static bool is_right(const struct remote_source *s, size_t i, const unsigned char *data)
{
	unsigned char real[HASH_MAX];
	hash_bytes(data, block_size(s, i), real);
	return memcmp(real, s->blocks.sums[i], HASH_MAX) == 0;
}

/* ---- the fetching thread */

/* A request for some blocks in a row. */
struct stream {
	struct remote_source *s;
	size_t index, end; /* the next block; after the last one */
	unsigned char *data;
	size_t have;
	bool wrong, enough;
};

static void stream_clear(struct stream *t)
{
	free(t->data);
}

static void deliver(struct remote_source *s, size_t i, const unsigned char *data)
{
	s->meter->misses++;
	s->meter->miss_bytes += (int64_t)block_size(s, i);
	pthread_mutex_lock(&s->lock);
	s->counts.fetched += (int64_t)block_size(s, i);
	s->unasked[i] = true;
	s->counts.direct += s->fetch.address.direct ? (int64_t)block_size(s, i) : 0;
	for (struct want *w = s->wants; w; w = w->next)
		if (w->index == i && !w->done) {
			memcpy(w->data, data, block_size(s, i));
			w->done = true;
			s->unasked[i] = false;
		}
	pthread_cond_broadcast(&s->done);
	pthread_mutex_unlock(&s->lock);
}

/* Without a cache only reading ahead is lost. */
static void keep(struct remote_source *s, size_t i, const unsigned char *data)
{
	struct err err;
	int r = remote_cache_put(s->options.cache, s->blocks.sums[i], data, block_size(s, i), &err);
	if (r < 0 && !s->told_full)
		log_warning("blocks of videos are not kept: %s", err.msg);
	s->told_full |= r < 0;
}

/* Whether somebody waits for a block that this request does not get. */
static bool is_wanted_elsewhere(const struct stream *t)
{
	bool elsewhere = false;
	pthread_mutex_lock(&t->s->lock);
	for (const struct want *w = t->s->wants; w; w = w->next)
		elsewhere |= !w->done && (w->index < t->index || w->index >= t->end);
	pthread_mutex_unlock(&t->s->lock);
	return elsewhere;
}

static int finish_block(struct stream *t, struct err *err)
{
	struct remote_source *s = t->s;
	if (!is_right(s, t->index, t->data)) {
		pthread_mutex_lock(&s->lock);
		s->counts.wrong++;
		pthread_mutex_unlock(&s->lock);
		t->wrong = true;
		return err_set(err, ERR_FORMAT,
		               "block %zu of the source %.12s, as the %s sent it, does not have the hash "
		               "that belongs to it: the video has changed there, or something on the way "
		               "changes it",
		               t->index, s->sha256, s->fetch.address.direct ? "server" : "head");
	}
	deliver(s, t->index, t->data);
	keep(s, t->index, t->data);
	t->index++;
	t->have = 0;
	t->enough = t->index < t->end && is_wanted_elsewhere(t);
	return t->enough ? err_set(err, ERR_BUSY, "another block is waited for") : 0;
}

static int take(void *ctx, int64_t pos, const char *data, size_t len, struct err *err)
{
	struct stream *t = ctx;
	(void)pos;
	int r = 0;
	while (len && r == 0) {
		size_t size = block_size(t->s, t->index), n = size - t->have;
		n = n < len ? n : len;
		memcpy(t->data + t->have, data, n);
		t->have += n;
		data += n;
		len -= n;
		if (t->have == size)
			r = finish_block(t, err);
	}
	return r;
}

/* How many blocks are asked for: one, and more while somebody reads on. */
static size_t choose_ahead(struct remote_source *s, size_t i)
{
	size_t most = i == s->expected && s->ahead ? 2 * s->ahead : 1, n = 1;
	most = most < AHEAD ? most : AHEAD;
	while (n < most && i + n < s->blocks.n && !s->told_full &&
	       !remote_cache_has(s->options.cache, s->blocks.sums[i + n]))
		n++;
	s->ahead = most;
	s->expected = i + n;
	return n;
}

/* Those who wait for block i, or for any, get an error. */
static void fail(struct remote_source *s, size_t i, bool all, int r, const struct err *err)
{
	pthread_mutex_lock(&s->lock);
	for (struct want *w = s->wants; w; w = w->next)
		if ((all || w->index == i) && !w->done) {
			w->done = true;
			w->result = r;
			w->err = *err;
		}
	pthread_cond_broadcast(&s->done);
	pthread_mutex_unlock(&s->lock);
}

static void get_blocks(struct remote_source *s, size_t i)
{
	AUTO(stream_clear)
	struct stream t = {.s = s, .index = i, .end = i + choose_ahead(s, i)};
	struct err err;
	t.data = mem_alloc(HASH_BLOCK, 1);
	for (int tries = 0;;) {
		t.have = 0;
		t.wrong = false;
		int64_t from = (int64_t)t.index * HASH_BLOCK, to = (int64_t)t.end * HASH_BLOCK;
		to = to < s->size ? to : s->size;
		int r = remote_fetch_range(&s->fetch, from, to - from, take, &t, &err);
		/* A failure after block i is one only if somebody waits for that block. */
		if (r == 0 || t.enough || t.index > i)
			return;
		if (t.wrong && ++tries < TRIES) {
			/* The head knows what to do about it. */
			if (s->fetch.address.direct && !s->options.blocks)
				s->fetch.relayed = s->fetch.stale = true;
			continue;
		}
		fail(s, i, !t.wrong, r, &err);
		return;
	}
}

static void *run(void *arg)
{
	struct remote_source *s = arg;
	pthread_mutex_lock(&s->lock);
	while (!s->ending) {
		const struct want *w = s->wants;
		while (w && w->done)
			w = w->next;
		if (!w) {
			pthread_cond_wait(&s->wanted, &s->lock);
			continue;
		}
		size_t i = w->index;
		pthread_mutex_unlock(&s->lock);
		get_blocks(s, i);
		pthread_mutex_lock(&s->lock);
		s->counts.asked = s->fetch.asked;
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* ---- opening */

struct list {
	unsigned char (*sums)[HASH_MAX];
};

static int take_list(void *ctx, int64_t pos, const char *data, size_t len, struct err *err)
{
	struct list *l = ctx;
	(void)err;
	memcpy((char *)l->sums + pos, data, len);
	return 0;
}

static int get_list(struct remote_source *s, struct err *err)
{
	unsigned char real[HASH_MAX];
	char hex[HASH_HEX];
	const struct hash_blocks *given = s->options.blocks;
	size_t n = hash_blocks_of(s->size), len = n * HASH_MAX;
	if (given && given->n != n)
		return err_set(err, ERR_FORMAT, "the hashes of the source %.12s are of another size",
		               s->sha256);
	s->blocks.sums = malloc(len);
	if (!s->blocks.sums)
		return err_set(err, ERR_LIMIT, "no memory for the hashes of %zu blocks", n);
	s->blocks.n = n;
	s->unasked = mem_alloc(n + 1, sizeof *s->unasked);
	if (given) {
		memcpy(s->blocks.sums, given->sums, len);
		return 0;
	}
	struct list l = {s->blocks.sums};
	int r = remote_fetch_list(&s->fetch, (int64_t)len, take_list, &l, err);
	if (r < 0)
		return r;
	hash_bytes(s->blocks.sums, len, real);
	for (size_t i = 0; i < HASH_MAX; i++)
		snprintf(hex + 2 * i, 3, "%02x", real[i]);
	return strcmp(hex, s->fetch.address.blocks_sha256) == 0
	           ? 0
	           : err_set(err, ERR_FORMAT,
	                     "the hashes of the blocks of the source %.12s are not those that the head "
	                     "names: something on the way changes them",
	                     s->sha256);
}

/* The file at a path that both see; without it, the head is read. */
static void open_local(struct remote_source *s)
{
	struct stat st;
	AUTO(mem_freep) char *path = NULL;
	const char *map = s->options.path_map, *theirs = s->fetch.address.path;
	if (!map || !*map || !theirs || !remote_path_map(map, theirs, &path))
		return;
	AUTO(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0) {
		log_warning("%s (--path-map): %s; reading the video from the head", path, strerror(errno));
		return;
	}
	if (!S_ISREG(st.st_mode) || st.st_size != s->size) {
		log_warning("%s (--path-map): not the file that the head has; reading the video from the "
		            "head",
		            path);
		return;
	}
	s->local = fd;
	fd = -1;
}

static int read_feed(void *ctx, int64_t pos, void *data, size_t len, struct cancel *cancel,
                     struct err *err)
{
	return remote_source_read(ctx, pos, data, len, cancel, err);
}

static struct remote_source *source_new(const struct remote_options *o, const char *sha256)
{
	struct remote_source *s = mem_alloc(1, sizeof *s);
	s->options = *o;
	s->meter = o->meter ? o->meter : &s->unread;
	s->local = -1;
	snprintf(s->sha256, sizeof s->sha256, "%s", sha256);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->wanted, NULL);
	cond_init(&s->done);
	s->stop = cancel_new();
	s->http = http_new();
	s->fetch = (struct remote_fetch){
		.options = &s->options, .http = s->http, .sha256 = s->sha256, .kind = REMOTE_SOURCE};
	return s;
}

int remote_source_open(const struct remote_options *o, const char *sha256, struct cancel *cancel,
                       struct remote_source **ret, struct err *err)
{
	if (!hash_is_hex(sha256))
		return err_set(err, ERR_ARG, "not the SHA-256 of a source: %.70s", sha256);
	AUTO(remote_source_freep) struct remote_source *s = source_new(o, sha256);
	s->fetch.cancel[0] = cancel;
	int r = remote_fetch_ask(&s->fetch, err);
	if (r < 0)
		return r;
	s->size = s->fetch.address.size;
	s->feed = (struct decoder_feed){.size = s->size, .id = s->sha256, .read = read_feed, .ctx = s};
	r = get_list(s, err);
	if (r < 0)
		return r;
	open_local(s);
	s->counts.asked = s->fetch.asked;
	s->fetch.cancel[0] = s->stop;
	if (pthread_create(&s->thread, NULL, run, s) != 0)
		return err_set(err, ERR_LIMIT, "cannot start a thread");
	s->running = true;
	*ret = TAKE(s);
	return 0;
}

void remote_source_free(struct remote_source *s)
{
	if (!s)
		return;
	cancel_fire(s->stop);
	pthread_mutex_lock(&s->lock);
	s->ending = true;
	pthread_cond_broadcast(&s->wanted);
	pthread_mutex_unlock(&s->lock);
	if (s->running)
		pthread_join(s->thread, NULL);
	remote_fetch_clear(&s->fetch);
	http_free(s->http);
	fd_closep(&s->local);
	hash_blocks_clear(&s->blocks);
	free(s->unasked);
	for (size_t i = 0; i < RECENT; i++)
		free(s->recent[i].data);
	cancel_free(s->stop);
	pthread_cond_destroy(&s->wanted);
	pthread_cond_destroy(&s->done);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* ---- reading */

/* Bytes of a block that is in memory. */
static bool copy_recent(struct remote_source *s, size_t i, size_t skip, void *data, size_t len)
{
	bool found = false;
	pthread_mutex_lock(&s->lock);
	for (size_t k = 0; k < RECENT && !found; k++) {
		struct recent *b = &s->recent[k];
		found = b->data && b->index == i;
		if (!found)
			continue;
		b->used = ++s->turn;
		memcpy(data, b->data + skip, len);
	}
	pthread_mutex_unlock(&s->lock);
	return found;
}

/* Takes the block. */
static void put_recent(struct remote_source *s, size_t i, unsigned char *data)
{
	pthread_mutex_lock(&s->lock);
	struct recent *b = s->recent;
	for (size_t k = 1; k < RECENT; k++)
		if (s->recent[k].used < b->used)
			b = &s->recent[k];
	unsigned char *old = b->data;
	*b = (struct recent){.index = i, .data = data, .used = ++s->turn};
	pthread_mutex_unlock(&s->lock);
	free(old);
}

static bool read_local(struct remote_source *s, size_t i, unsigned char *data)
{
	size_t size = block_size(s, i), done = 0;
	if (s->local < 0 || atomic_load(&s->local_off))
		return false;
	while (done < size) {
		ssize_t n = pread(s->local, data + done, size - done, (off_t)i * HASH_BLOCK + (off_t)done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	if (done == size && is_right(s, i, data)) {
		pthread_mutex_lock(&s->lock);
		s->counts.local += (int64_t)size;
		pthread_mutex_unlock(&s->lock);
		return true;
	}
	if (!atomic_exchange(&s->local_off, true))
		log_warning("%.12s: the file that is named by --path-map has other bytes than that of the "
		            "head (block %zu); reading the video from the head",
		            s->sha256, i);
	return false;
}

static bool read_cache(struct remote_source *s, size_t i, unsigned char *data)
{
	if (!remote_cache_get(s->options.cache, s->blocks.sums[i], data, block_size(s, i)))
		return false;
	pthread_mutex_lock(&s->lock);
	bool ahead = s->unasked[i];
	s->unasked[i] = false;
	pthread_mutex_unlock(&s->lock);
	s->meter->hits += !ahead;
	s->meter->hit_bytes += ahead ? 0 : (int64_t)block_size(s, i);
	return true;
}

/* Waits until the fetching thread has the block. */
static int wait_for(struct remote_source *s, size_t i, unsigned char *data, struct cancel *cancel,
                    struct err *err)
{
	struct want w = {.index = i, .data = data};
	pthread_mutex_lock(&s->lock);
	struct want **at = &s->wants;
	while (*at)
		at = &(*at)->next;
	*at = &w;
	pthread_cond_signal(&s->wanted);
	while (!w.done && !cancel_fired(cancel))
		cond_wait_until(&s->done, &s->lock, clock_now() + look_every);
	for (at = &s->wants; *at != &w;)
		at = &(*at)->next;
	*at = w.next;
	pthread_mutex_unlock(&s->lock);
	if (!w.done)
		return err_set(err, ERR_CANCELED, "interrupted");
	if (w.result < 0 && err)
		*err = w.err;
	return w.result;
}

static int read_block(struct remote_source *s, size_t i, size_t skip, void *data, size_t len,
                      struct cancel *cancel, struct err *err)
{
	if (copy_recent(s, i, skip, data, len))
		return 0;
	size_t size = block_size(s, i);
	AUTO(mem_freep) unsigned char *block = mem_alloc(size, 1);
	int64_t began = clock_now();
	int r =
		read_local(s, i, block) || read_cache(s, i, block) ? 0 : wait_for(s, i, block, cancel, err);
	s->meter->wait += clock_now() - began;
	if (r < 0)
		return r;
	memcpy(data, block + skip, len);
	put_recent(s, i, TAKE(block));
	return 0;
}

static void note_fault(struct remote_source *s, const struct err *err)
{
	pthread_mutex_lock(&s->lock);
	s->fault = *err;
	s->has_fault = true;
	pthread_mutex_unlock(&s->lock);
}

int remote_source_read(struct remote_source *s, int64_t pos, void *data, size_t len,
                       struct cancel *cancel, struct err *err)
{
	struct err own;
	err = err ? err : &own;
	if (pos < 0 || pos > s->size || (int64_t)len > s->size - pos)
		return err_set(err, ERR_ARG, "bytes outside of the source");
	for (size_t done = 0; done < len;) {
		size_t i = (size_t)((pos + (int64_t)done) / HASH_BLOCK);
		size_t skip = (size_t)((pos + (int64_t)done) % HASH_BLOCK), n = block_size(s, i) - skip;
		n = n < len - done ? n : len - done;
		int r = read_block(s, i, skip, (char *)data + done, n, cancel, err);
		if (r < 0 && r != -ERR_CANCELED)
			note_fault(s, err);
		if (r < 0)
			return r;
		done += n;
	}
	pthread_mutex_lock(&s->lock);
	s->counts.given += (int64_t)len;
	pthread_mutex_unlock(&s->lock);
	return 0;
}

bool remote_source_fault(struct remote_source *s, struct err *ret)
{
	pthread_mutex_lock(&s->lock);
	bool has = s->has_fault;
	if (has && ret)
		*ret = s->fault;
	pthread_mutex_unlock(&s->lock);
	return has;
}

const struct decoder_feed *remote_source_feed(struct remote_source *s)
{
	return &s->feed;
}
const char *remote_source_sha256(const struct remote_source *s)
{
	return s->sha256;
}
int64_t remote_source_size(const struct remote_source *s)
{
	return s->size;
}

void remote_source_forget(struct remote_source *s)
{
	remote_cache_drop(s->options.cache, &s->blocks);
}

struct remote_source_counts remote_source_count(struct remote_source *s)
{
	pthread_mutex_lock(&s->lock);
	struct remote_source_counts counts = s->counts;
	pthread_mutex_unlock(&s->lock);
	return counts;
}
