/* SPDX-License-Identifier: Apache-2.0 */
#include "net/upload/upload.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"

enum {
	FLUSH = 8 << 20, /* bytes after which the kernel starts to write to the disk */
	ID_BYTES = 16,
	WAIT = 5,          /* seconds for another request to release an upload */
	KEEP_DONE = 86400, /* seconds that a complete upload is remembered */
	JSON_MAX = 1 << 20,
	UPLOADS_MAX = 10000,
};

struct upload {
	struct uploads *all;
	struct upload *next;
	char id[40];
	json_t *facts; /* ID.json: length, metadata, name, request, created; video, job when done */
	int64_t length, offset, touched;
	bool done;
	bool held; /* by the call with this serial number, which alone uses what follows */
	uint64_t serial;
	int fd;
	int64_t begin, end; /* of the part */
	int64_t flushed;    /* end of what the kernel was told to write */
	struct hash *sum, *whole;
	int64_t hashed; /* bytes of the file that are in `whole`; -1: not from its start */
};

struct uploads {
	pthread_mutex_t lock;
	pthread_cond_t freed;
	char *dir;
	struct board *board;
	int64_t expiry;
	void (*cut)(void *ctx, uint64_t serial);
	void *ctx;
	struct upload *first;
	size_t n;
};

void upload_state_clear(struct upload_state *s)
{
	free(s->metadata);
	free(s->video);
	free(s->job);
	*s = (struct upload_state){0};
}

static char *path_of(const struct uploads *u, const char *id, const char *ending)
{
	return mem_printf("%s/%s.%s", u->dir, id, ending);
}

static void upload_free(struct upload *p)
{
	json_decref(p->facts);
	hash_free(p->sum);
	hash_free(p->whole);
	fd_closep(&p->fd);
	free(p);
}

static int save_facts(const struct upload *p, struct err *err)
{
	AUTO(mem_freep)
	char *path = path_of(p->all, p->id, "json"), *text = json_dumps(p->facts, JSON_INDENT(1));
	return text ? file_write_private(path, text, strlen(text), err)
	            : err_set(err, ERR_INTERNAL, "cannot save an upload");
}

static void unlink_all(const struct uploads *u, const char *id)
{
	static const char *const endings[] = {"part", "mark", "json"};
	for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
		AUTO(mem_freep) char *path = path_of(u, id, endings[i]);
		unlink(path);
	}
}

/* ---- uploads of an earlier run */

static int64_t number_in(const char *path)
{
	AUTO(buf_free) struct buf b = BUF(64);
	struct err err;
	return file_read(path, &b, &err) == 0 ? strtoll(buf_str(&b), NULL, 10) : -1;
}

static struct upload *load(struct uploads *u, const char *id)
{
	AUTO(mem_freep) char *json = path_of(u, id, "json"), *part = path_of(u, id, "part");
	AUTO(mem_freep) char *mark = path_of(u, id, "mark");
	AUTO(buf_free) struct buf text = BUF(JSON_MAX);
	struct err err;
	struct stat st;
	if (file_read(json, &text, &err) < 0 || stat(json, &st) < 0)
		return NULL;
	struct upload *p = mem_alloc(1, sizeof *p);
	p->all = u;
	p->fd = -1;
	p->hashed = -1;
	snprintf(p->id, sizeof p->id, "%s", id);
	p->facts = json_loadb(buf_str(&text), text.len, 0, NULL);
	p->length = json_integer_value(json_object_get(p->facts, "length"));
	p->done = json_object_get(p->facts, "video") != NULL;
	p->offset = p->length;
	if (!p->done && stat(part, &st) < 0) {
		upload_free(p);
		unlink_all(u, id);
		return NULL;
	}
	p->touched = st.st_mtim.tv_sec * CLOCK_SECOND;
	int64_t marked = number_in(mark);
	if (!p->done && marked >= 0 && marked < st.st_size && truncate(part, marked) == 0)
		st.st_size = marked;
	unlink(mark);
	if (!p->done)
		p->offset = st.st_size;
	return p;
}

static bool is_id(const char *s)
{
	return strlen(s) == 2 * ID_BYTES && strspn(s, "0123456789abcdef") == 2 * ID_BYTES;
}

static void load_all(struct uploads *u)
{
	DIR *d = opendir(u->dir);
	for (struct dirent *e; d && (e = readdir(d));) {
		AUTO(mem_freep) char *id = file_stem(e->d_name);
		size_t n = strlen(e->d_name);
		if (!is_id(id) || n < 5 || strcmp(e->d_name + n - 5, ".json") != 0)
			continue;
		struct upload *p = load(u, id);
		if (!p)
			continue;
		p->next = u->first;
		u->first = p;
		u->n++;
	}
	if (d)
		closedir(d);
}

int uploads_open(const char *dir, struct board *board, int64_t expiry,
                 void (*cut)(void *ctx, uint64_t serial), void *ctx, struct uploads **ret,
                 struct err *err)
{
	int r = file_mkdirs(dir, true, err);
	if (r < 0)
		return r;
	struct uploads *u = mem_alloc(1, sizeof *u);
	pthread_mutex_init(&u->lock, NULL);
	pthread_cond_init(&u->freed, NULL);
	u->dir = mem_strdup(dir);
	u->board = board;
	u->expiry = expiry;
	u->cut = cut;
	u->ctx = ctx;
	load_all(u);
	uploads_sweep(u);
	*ret = u;
	return 0;
}

void uploads_free(struct uploads *u)
{
	if (!u)
		return;
	for (struct upload *p = u->first, *next; p; p = next) {
		next = p->next;
		upload_free(p);
	}
	pthread_cond_destroy(&u->freed);
	pthread_mutex_destroy(&u->lock);
	free(u->dir);
	free(u);
}

static int64_t expires(const struct upload *p)
{
	return p->touched + (p->done ? KEEP_DONE * CLOCK_SECOND : p->all->expiry);
}

void uploads_sweep(struct uploads *u)
{
	int64_t now = clock_wall();
	pthread_mutex_lock(&u->lock);
	for (struct upload **at = &u->first; *at;) {
		struct upload *p = *at;
		if (p->held || expires(p) > now) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		u->n--;
		unlink_all(u, p->id);
		upload_free(p);
	}
	pthread_mutex_unlock(&u->lock);
}

size_t uploads_count(struct uploads *u)
{
	size_t n = 0;
	pthread_mutex_lock(&u->lock);
	for (const struct upload *p = u->first; p; p = p->next)
		n += !p->done;
	pthread_mutex_unlock(&u->lock);
	return n;
}

/* ---- one upload; with the lock */

static struct upload *find(struct uploads *u, const char *id)
{
	for (struct upload *p = u->first; p; p = p->next)
		if (strcmp(p->id, id) == 0)
			return p;
	return NULL;
}

/* Closes the connection that holds the upload, and waits until it is free. */
static int find_free(struct uploads *u, const char *id, struct upload **ret, struct err *err)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT;
	for (bool cut = false;; cut = true) {
		struct upload *p = find(u, id);
		if (!p)
			return err_set(err, ERR_NOENT, "no such upload; it may have expired or been deleted");
		*ret = p;
		if (!p->held)
			return 0;
		if (!cut)
			u->cut(u->ctx, p->serial);
		if (pthread_cond_timedwait(&u->freed, &u->lock, &until) == ETIMEDOUT)
			return err_set(err, ERR_BUSY, "another request is writing to this upload; try again");
	}
}

static char *fact(const struct upload *p, const char *name)
{
	const char *s = json_string_value(json_object_get(p->facts, name));
	return s ? mem_strdup(s) : NULL;
}

static void read_state(const struct upload *p, struct upload_state *ret)
{
	*ret = (struct upload_state){
		.offset = p->offset,
		.length = p->length,
		.expires = expires(p),
		.metadata = fact(p, "metadata"),
		.video = fact(p, "video"),
		.job = fact(p, "job"),
	};
	snprintf(ret->id, sizeof ret->id, "%s", p->id);
}

int upload_state(struct uploads *u, const char *id, struct upload_state *ret, struct err *err)
{
	struct upload *p;
	pthread_mutex_lock(&u->lock);
	int r = find_free(u, id, &p, err);
	if (r == 0)
		read_state(p, ret);
	pthread_mutex_unlock(&u->lock);
	return r;
}

int upload_remove(struct uploads *u, const char *id, struct err *err)
{
	struct upload *p;
	pthread_mutex_lock(&u->lock);
	int r = find_free(u, id, &p, err);
	if (r == 0) {
		struct upload **at = &u->first;
		while (*at != p)
			at = &(*at)->next;
		*at = p->next;
		u->n--;
		unlink_all(u, id);
		upload_free(p);
	}
	pthread_mutex_unlock(&u->lock);
	return r;
}

static int64_t expected(struct uploads *u)
{
	int64_t sum = 0;
	pthread_mutex_lock(&u->lock);
	for (const struct upload *p = u->first; p; p = p->next)
		sum += p->length - p->offset;
	pthread_mutex_unlock(&u->lock);
	return sum;
}

int upload_create(struct uploads *u, int64_t length, const char *metadata, const char *name,
                  const json_t *request, char ret_id[static 40], struct err *err)
{
	unsigned char random[ID_BYTES];
	pthread_mutex_lock(&u->lock);
	bool full = u->n >= UPLOADS_MAX;
	pthread_mutex_unlock(&u->lock);
	if (full)
		return err_set(err, ERR_LIMIT, "too many uploads (%d); finish or delete some", UPLOADS_MAX);
	int r = board_room(u->board, length, expected(u), err);
	if (r < 0)
		return r;
	if (getrandom(random, sizeof random, 0) != sizeof random)
		return err_sys(err, errno, "cannot get random numbers");
	struct upload *p = mem_alloc(1, sizeof *p);
	p->all = u;
	p->length = length;
	p->touched = clock_wall();
	p->fd = -1;
	for (size_t i = 0; i < ID_BYTES; i++)
		snprintf(p->id + 2 * i, 3, "%02x", random[i]);
	p->facts =
		json_pack("{s:I, s:s, s:s, s:O, s:f}", "length", (json_int_t)length, "metadata", metadata,
	              "name", name, "request", request, "created", (double)p->touched / 1e6);
	AUTO(mem_freep) char *part = path_of(u, p->id, "part");
	AUTO(fd_closep) int fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	r = fd < 0 ? err_sys(err, errno, "cannot create an upload in %s", u->dir) : save_facts(p, err);
	if (r < 0) {
		unlink_all(u, p->id);
		upload_free(p);
		return r;
	}
	snprintf(ret_id, 40, "%s", p->id);
	pthread_mutex_lock(&u->lock);
	p->next = u->first;
	u->first = p;
	u->n++;
	pthread_mutex_unlock(&u->lock);
	return 0;
}

/* ---- one part */

static int write_mark(struct upload *p, struct err *err)
{
	char text[32];
	AUTO(mem_freep) char *mark = path_of(p->all, p->id, "mark");
	int n = snprintf(text, sizeof text, "%lld\n", (long long)p->begin);
	return file_write_private(mark, text, (size_t)n, err);
}

static int open_part(struct upload *p, enum upload_sum sum, struct err *err)
{
	AUTO(mem_freep) char *part = path_of(p->all, p->id, "part");
	if (sum != UPLOAD_NO_SUM) {
		int r = write_mark(p, err);
		if (r < 0)
			return r;
	}
	p->fd = open(part, O_WRONLY | O_CLOEXEC);
	if (p->fd < 0)
		return err_sys(err, errno, "cannot open an upload");
	p->sum = sum == UPLOAD_SHA1 ? hash_new_sha1() : sum == UPLOAD_SHA256 ? hash_new() : NULL;
	if (!p->begin) {
		hash_free(p->whole);
		p->whole = hash_new();
		p->hashed = 0;
	}
	return 0;
}

/* Releases the upload, and wakes the requests that wait for it. */
static void release(struct upload *p)
{
	AUTO(mem_freep) char *mark = path_of(p->all, p->id, "mark");
	if (p->sum)
		unlink(mark);
	hash_free(TAKE(p->sum));
	fd_closep(&p->fd);
	p->fd = -1;
	pthread_mutex_lock(&p->all->lock);
	p->touched = clock_wall();
	p->held = false;
	pthread_cond_broadcast(&p->all->freed);
	pthread_mutex_unlock(&p->all->lock);
}

int upload_begin(struct uploads *u, const char *id, uint64_t serial, int64_t offset, int64_t length,
                 enum upload_sum sum, struct upload **ret, struct err *err)
{
	struct upload *p;
	pthread_mutex_lock(&u->lock);
	int r = find_free(u, id, &p, err);
	if (r == 0 && p->done && offset != p->length)
		r = err_set(err, ERR_BUSY, "the upload is complete");
	else if (r == 0 && offset != p->offset)
		r = err_set(err, ERR_BUSY, "the offset of the upload is %lld, not %lld",
		            (long long)p->offset, (long long)offset);
	else if (r == 0 && length > p->length - p->offset)
		r = err_set(err, ERR_ARG, "the part ends after the upload length of %lld bytes",
		            (long long)p->length);
	if (r == 0) {
		p->held = true;
		p->serial = serial;
		p->begin = p->end = p->flushed = p->offset;
	}
	pthread_mutex_unlock(&u->lock);
	if (r < 0)
		return r;
	r = p->done ? 0 : open_part(p, sum, err);
	if (r < 0)
		release(p);
	else
		*ret = p;
	return r;
}

static int write_at(int fd, const char *data, size_t len, int64_t at, struct err *err)
{
	while (len) {
		ssize_t n = pwrite(fd, data, len, at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "cannot write the upload");
		data += n;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

int upload_write(struct upload *p, const void *data, size_t len, struct err *err)
{
	if ((int64_t)len > p->length - p->end)
		return err_set(err, ERR_ARG, "more bytes than announced");
	int r = write_at(p->fd, data, len, p->end, err);
	if (r < 0)
		return r;
	if (p->sum)
		hash_add(p->sum, data, len);
	if (p->hashed == p->end) {
		hash_add(p->whole, data, len);
		p->hashed += (int64_t)len;
	}
	p->end += (int64_t)len;
	/* Writing starts early, so that little is left for fdatasync() at the end. */
	if (p->end - p->flushed >= FLUSH) {
		sync_file_range(p->fd, p->flushed, p->end - p->flushed, SYNC_FILE_RANGE_WRITE);
		p->flushed = p->end;
	}
	return 0;
}

/* Removes the part from the file. */
static void drop_part(struct upload *p)
{
	if (p->fd >= 0 && ftruncate(p->fd, p->begin) < 0)
		log_warning("cannot truncate an upload in %s", p->all->dir);
	p->end = p->begin;
	p->hashed = p->begin ? -1 : 0;
}

static void keep_part(struct upload *p)
{
	pthread_mutex_lock(&p->all->lock);
	p->offset = p->end;
	pthread_mutex_unlock(&p->all->lock);
}

void upload_break(struct upload *p)
{
	struct stat st;
	if (p->sum) {
		drop_part(p);
	} else if (p->fd >= 0) {
		fdatasync(p->fd);
		/* on a full disk a block may be written in part */
		if (fstat(p->fd, &st) == 0 && st.st_size != p->end) {
			p->end = st.st_size;
			p->hashed = -1;
		}
	}
	keep_part(p);
	release(p);
}

/* The file is complete: passes it to the board. */
static int pass_to_board(struct upload *p, struct err *err)
{
	char sha[HASH_HEX];
	json_t *video = NULL, *job = NULL;
	bool hashed = p->hashed == p->length;
	if (hashed)
		hash_end(p->whole, sha);
	hash_free(TAKE(p->whole));
	p->hashed = -1;
	AUTO(mem_freep) char *part = path_of(p->all, p->id, "part"), *name = fact(p, "name");
	int r = board_upload(p->all->board, part, name, hashed ? sha : NULL,
	                     json_object_get(p->facts, "request"), &video, &job, err);
	if (r < 0)
		return r;
	pthread_mutex_lock(&p->all->lock);
	json_object_set(p->facts, "video", json_object_get(video, "id"));
	if (job)
		json_object_set(p->facts, "job", json_object_get(job, "id"));
	p->done = true;
	pthread_mutex_unlock(&p->all->lock);
	json_decref(video);
	json_decref(job);

	struct err ignored;
	/* the board has it; only a client that lost this reply needs the file */
	save_facts(p, &ignored);
	return 0;
}

static bool right_sum(struct upload *p, const unsigned char *wanted)
{
	unsigned char have[HASH_MAX];
	size_t n = hash_end_bytes(p->sum, have);
	return memcmp(have, wanted, n) == 0;
}

int upload_end(struct upload *p, const unsigned char *wanted, struct upload_state *ret,
               struct err *err)
{
	int r = 0;
	if (!p->done) {
		if (wanted && !right_sum(p, wanted)) {
			drop_part(p);
			r = err_set(err, ERR_FORMAT, "the checksum does not match; send the part again");
		} else if (fdatasync(p->fd) < 0) {
			r = err_sys(err, errno, "cannot write the upload");
			drop_part(p);
		}
		keep_part(p);
		if (r == 0 && p->offset == p->length)
			r = pass_to_board(p, err);
	}
	pthread_mutex_lock(&p->all->lock);
	read_state(p, ret);
	pthread_mutex_unlock(&p->all->lock);
	release(p);
	return r;
}
