/* SPDX-License-Identifier: Apache-2.0 */
#include "remote/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"

enum { LEAST_BLOCKS = 8, BUCKETS_MIN = 64, BUCKETS_MAX = 1 << 18 };

/* Between two updates of a file's time, by which a later process knows when it
 * was used. */
static const int64_t touch_every = 60 * CLOCK_SECOND;

struct entry {
	struct entry *next;          /* in its bucket */
	struct entry *newer, *older; /* in order of use */
	unsigned char sha256[HASH_MAX];
	int64_t size, touched;
};

struct remote_cache {
	char *dir;
	int lock_fd;
	int64_t limit, leave;
	pthread_mutex_t lock;
	struct entry **buckets;
	size_t n_buckets; /* a power of two */
	struct entry *newest, *oldest;
	uint64_t serial; /* of temporary files */
	struct remote_cache_counts counts;
	int64_t reserved; /* bytes of blocks that are being written */
};

/* "DIR/ab/cdef…": few entries in each folder. */
static char *path_of(const struct remote_cache *c, const unsigned char *sha256)
{
	char hex[HASH_HEX];
	for (size_t i = 0; i < HASH_MAX; i++)
		snprintf(hex + 2 * i, 3, "%02x", sha256[i]);
	return mem_printf("%s/%.2s/%s", c->dir, hex, hex + 2);
}

/* ---- the index; with the lock */

static struct entry **place_of(struct remote_cache *c, const unsigned char *sha256)
{
	size_t h = (size_t)sha256[0] | (size_t)sha256[1] << 8 | (size_t)sha256[2] << 16;
	struct entry **at = &c->buckets[h & (c->n_buckets - 1)];
	while (*at && memcmp((*at)->sha256, sha256, HASH_MAX) != 0)
		at = &(*at)->next;
	return at;
}

static void unlink_use(struct remote_cache *c, struct entry *e)
{
	*(e->newer ? &e->newer->older : &c->newest) = e->older;
	*(e->older ? &e->older->newer : &c->oldest) = e->newer;
	e->newer = e->older = NULL;
}

static void link_newest(struct remote_cache *c, struct entry *e)
{
	e->older = c->newest;
	*(e->older ? &e->older->newer : &c->oldest) = e;
	c->newest = e;
}

static struct entry *insert(struct remote_cache *c, const unsigned char *sha256, int64_t size)
{
	struct entry **at = place_of(c, sha256);
	if (*at)
		return NULL;
	struct entry *e = mem_alloc(1, sizeof *e);
	memcpy(e->sha256, sha256, HASH_MAX);
	e->size = size;
	*at = e;
	link_newest(c, e);
	c->counts.blocks++;
	c->counts.bytes += size;
	return e;
}

/* Removes the file, too. */
static void remove_entry(struct remote_cache *c, struct entry **at)
{
	struct entry *e = *at;
	AUTO(mem_freep) char *path = path_of(c, e->sha256);
	unlink(path);
	*at = e->next;
	unlink_use(c, e);
	c->counts.blocks--;
	c->counts.bytes -= e->size;
	free(e);
}

/* Makes room for so many bytes more. */
static void evict(struct remote_cache *c, int64_t more)
{
	while (c->oldest && c->counts.bytes + c->reserved + more > c->limit) {
		remove_entry(c, place_of(c, c->oldest->sha256));
		c->counts.evicted++;
	}
}

/* ---- what is on the disk */

struct found {
	unsigned char sha256[HASH_MAX];
	int64_t size, used;
};

struct scan {
	struct found *items;
	size_t n, cap;
};

static int by_use(const void *a, const void *b)
{
	const struct found *x = a, *y = b;
	return (x->used > y->used) - (x->used < y->used);
}

static bool read_hex(const char *hex, size_t n, unsigned char *out)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < n; i++) {
		const char *high = hex[2 * i] ? strchr(digits, hex[2 * i]) : NULL;
		const char *low = high && hex[2 * i + 1] ? strchr(digits, hex[2 * i + 1]) : NULL;
		if (!low)
			return false;
		out[i] = (unsigned char)((high - digits) << 4 | (low - digits));
	}
	return true;
}

/* The blocks of the folder `name`; files that are none stay where they are. */
static void scan_folder(const struct remote_cache *c, const char *name, struct scan *s)
{
	struct stat st;
	struct found f = {0};
	if (strlen(name) != 2 || !read_hex(name, 1, f.sha256))
		return;
	AUTO(mem_freep) char *path = file_join(c->dir, name);
	DIR *dir = opendir(path);
	for (const struct dirent *d; dir && (d = readdir(dir));) {
		if (strlen(d->d_name) != 2 * (HASH_MAX - 1) ||
		    !read_hex(d->d_name, HASH_MAX - 1, f.sha256 + 1) ||
		    fstatat(dirfd(dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
			continue;
		f.size = st.st_size;
		f.used = st.st_mtim.tv_sec * CLOCK_SECOND + st.st_mtim.tv_nsec / 1000;
		s->items = mem_room(s->items, s->n, &s->cap, sizeof *s->items);
		s->items[s->n++] = f;
	}
	if (dir)
		closedir(dir);
}

static int scan_all(struct remote_cache *c, struct err *err)
{
	struct scan s = {0};
	DIR *dir = opendir(c->dir);
	if (!dir)
		return err_sys(err, errno, "cannot read %s", c->dir);
	for (const struct dirent *d; (d = readdir(dir));) {
		if (strncmp(d->d_name, "new.", 4) == 0) /* of a process that was killed */
			unlinkat(dirfd(dir), d->d_name, 0);
		else
			scan_folder(c, d->d_name, &s);
	}
	closedir(dir);
	if (s.n)
		qsort(s.items, s.n, sizeof *s.items, by_use);
	for (size_t i = 0; i < s.n; i++)
		insert(c, s.items[i].sha256, s.items[i].size);
	free(s.items);
	evict(c, 0);
	c->counts.evicted = 0;
	return 0;
}

static int lock_folder(struct remote_cache *c, struct err *err)
{
	AUTO(mem_freep) char *path = file_join(c->dir, "lock");
	c->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (c->lock_fd < 0)
		return err_sys(err, errno, "cannot open %s", path);
	if (file_lock_now(c->lock_fd) < 0)
		return err_set(err, ERR_BUSY,
		               "the cache %s is used by another process; give each worker a folder of its "
		               "own",
		               c->dir);
	return 0;
}

int remote_cache_open(const char *dir, int64_t limit, struct remote_cache **ret, struct err *err)
{
	if (limit < (int64_t)LEAST_BLOCKS * HASH_BLOCK)
		return err_set(err, ERR_ARG, "a cache needs at least %d MiB", LEAST_BLOCKS);
	AUTO(remote_cache_freep) struct remote_cache *c = mem_alloc(1, sizeof *c);
	pthread_mutex_init(&c->lock, NULL);
	c->lock_fd = -1;
	c->limit = limit;
	c->dir = mem_strdup(dir);
	c->n_buckets = BUCKETS_MIN;
	while (c->n_buckets < BUCKETS_MAX && (int64_t)c->n_buckets < limit / HASH_BLOCK)
		c->n_buckets *= 2;
	c->buckets = mem_alloc(c->n_buckets, sizeof(struct entry *));
	int r = file_mkdirs(dir, true, err);
	if (r == 0)
		r = lock_folder(c, err);
	if (r == 0)
		r = scan_all(c, err);
	if (r == 0)
		*ret = TAKE(c);
	return r;
}

void remote_cache_free(struct remote_cache *c)
{
	if (!c)
		return;
	for (struct entry *e = c->newest, *older; e; e = older) {
		older = e->older;
		free(e);
	}
	fd_closep(&c->lock_fd);
	pthread_mutex_destroy(&c->lock);
	free(c->buckets);
	free(c->dir);
	free(c);
}

/* ---- use */

static bool read_block(const char *path, const unsigned char *sha256, unsigned char *data,
                       size_t len, bool touch)
{
	struct stat st;
	unsigned char real[HASH_MAX];
	AUTO(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size != (int64_t)len)
		return false;
	for (size_t done = 0; done < len;) {
		ssize_t n = pread(fd, data + done, len - done, (off_t)done);
		if (n <= 0 && !(n < 0 && errno == EINTR))
			return false;
		done += n > 0 ? (size_t)n : 0;
	}
	hash_bytes(data, len, real);
	if (memcmp(real, sha256, HASH_MAX) != 0)
		return false;
	if (touch)
		futimens(fd, NULL);
	return true;
}

/* Notes the use of a block. False: it is not there. */
static bool use(struct remote_cache *c, const unsigned char *sha256, bool *ret_touch)
{
	int64_t now = clock_now();
	pthread_mutex_lock(&c->lock);
	struct entry *e = *place_of(c, sha256);
	if (e) {
		unlink_use(c, e);
		link_newest(c, e);
		*ret_touch = !e->touched || now - e->touched > touch_every;
		e->touched = *ret_touch ? now : e->touched;
	} else {
		c->counts.misses++;
	}
	pthread_mutex_unlock(&c->lock);
	return e;
}

bool remote_cache_get(struct remote_cache *c, const unsigned char sha256[static HASH_MAX],
                      void *data, size_t len)
{
	bool touch;
	if (!use(c, sha256, &touch))
		return false;
	AUTO(mem_freep) char *path = path_of(c, sha256);
	bool good = read_block(path, sha256, data, len, touch);
	pthread_mutex_lock(&c->lock);
	struct entry **at = place_of(c, sha256);
	if (good) {
		c->counts.hits++;
	} else {
		c->counts.misses++;
		c->counts.damaged += !!*at; /* else it was removed meanwhile */
		if (*at)
			remove_entry(c, at);
	}
	pthread_mutex_unlock(&c->lock);
	return good;
}

bool remote_cache_has(struct remote_cache *c, const unsigned char sha256[static HASH_MAX])
{
	pthread_mutex_lock(&c->lock);
	bool has = *place_of(c, sha256);
	pthread_mutex_unlock(&c->lock);
	return has;
}

static int write_whole(const char *path, const void *data, size_t len, struct err *err)
{
	AUTO(fd_closep) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(err, errno, "cannot create %s", path);
	for (size_t done = 0; done < len;) {
		ssize_t n = write(fd, (const char *)data + done, len - done);
		if (n < 0 && errno != EINTR)
			return err_sys(err, errno, "cannot write %s", path);
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* Not synced: what a crash leaves is compared with its name. */
static int write_block(const struct remote_cache *c, uint64_t serial, const unsigned char *sha256,
                       const void *data, size_t len, struct err *err)
{
	AUTO(mem_freep) char *path = path_of(c, sha256);
	AUTO(mem_freep) char *tmp = mem_printf("%s/new.%llu", c->dir, (unsigned long long)serial);
	AUTO(mem_freep) char *folder = mem_printf("%.*s", (int)(strlen(c->dir) + 3), path);
	int r = file_mkdirs(folder, true, err);
	if (r == 0)
		r = write_whole(tmp, data, len, err);
	if (r == 0 && rename(tmp, path) < 0)
		r = err_sys(err, errno, "cannot rename %s", tmp);
	if (r < 0)
		unlink(tmp);
	return r;
}

void remote_cache_leave(struct remote_cache *c, int64_t bytes)
{
	c->leave = bytes;
}

/* What the disk has belongs to others first. */
static int make_room(struct remote_cache *c, size_t len, struct err *err)
{
	struct statvfs disk;
	if (!c->leave || statvfs(c->dir, &disk) < 0)
		return 0;
	int64_t lacks = c->leave + (int64_t)len - (int64_t)(disk.f_bavail * disk.f_frsize);
	pthread_mutex_lock(&c->lock);
	while (lacks > 0 && c->oldest) {
		lacks -= c->oldest->size;
		remove_entry(c, place_of(c, c->oldest->sha256));
		c->counts.evicted++;
	}
	pthread_mutex_unlock(&c->lock);
	return lacks > 0 ? err_set(err, ERR_NOSPC, "the disk of %s has no space", c->dir) : 0;
}

int remote_cache_put(struct remote_cache *c, const unsigned char sha256[static HASH_MAX],
                     const void *data, size_t len, struct err *err)
{
	pthread_mutex_lock(&c->lock);
	bool has = *place_of(c, sha256);
	uint64_t serial = ++c->serial;
	if (!has) {
		evict(c, (int64_t)len);
		c->reserved += (int64_t)len;
	}
	pthread_mutex_unlock(&c->lock);
	if (has)
		return 0;

	int r = make_room(c, len, err);
	if (r == 0)
		r = write_block(c, serial, sha256, data, len, err);
	pthread_mutex_lock(&c->lock);
	c->reserved -= (int64_t)len;
	if (r == 0)
		insert(c, sha256, (int64_t)len);
	pthread_mutex_unlock(&c->lock);
	return r;
}

void remote_cache_drop(struct remote_cache *c, const struct hash_blocks *blocks)
{
	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; i < blocks->n; i++) {
		struct entry **at = place_of(c, blocks->sums[i]);
		if (*at)
			remove_entry(c, at);
	}
	pthread_mutex_unlock(&c->lock);
}

void remote_cache_clear(struct remote_cache *c)
{
	pthread_mutex_lock(&c->lock);
	while (c->oldest)
		remove_entry(c, place_of(c, c->oldest->sha256));
	pthread_mutex_unlock(&c->lock);
}

struct remote_cache_counts remote_cache_count(struct remote_cache *c)
{
	pthread_mutex_lock(&c->lock);
	struct remote_cache_counts counts = c->counts;
	pthread_mutex_unlock(&c->lock);
	return counts;
}
