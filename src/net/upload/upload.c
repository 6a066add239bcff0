/* SPDX-License-Identifier: Apache-2.0 */
/* All uploads: loading, creating, concatenating, removing them. */
#include "net/upload/upload.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "net/upload/upload-internal.h"

enum { ID_BYTES = 16, JSON_MAX = 1 << 20, UPLOADS_MAX = 10000 };

/* ---- uploads of an earlier run */

static int64_t read_mark(const char *path)
{
	AUTO(buf_free) struct buf b = BUF(64);
	struct err err;
	return file_read(path, &b, &err) == 0 ? strtoll(buf_str(&b), NULL, 10) : -1;
}

/* The bytes of a finished upload that a killed server did not remove, unless
 * they are a video that the board could not move. */
static void remove_unused(const struct uploads *u, const char *part)
{
	if (!board_has_file(u->board, part))
		unlink(part);
}

/* Sets what the board and the file say. False if there is neither. */
static bool load_progress(struct upload *p)
{
	AUTO(mem_freep) char *part = upload_path(p->all, p->id, "part");
	AUTO(mem_freep) char *mark = upload_path(p->all, p->id, "mark");
	int64_t video, job;
	struct stat st = {0};
	p->done = board_upload_find(p->all->board, p->id, &video, &job);
	if (p->done) {
		AUTO(mem_freep) char *v = mem_printf("%lld", (long long)video);
		AUTO(mem_freep) char *j = mem_printf("%lld", (long long)job);
		json_object_set_new(p->facts, "video", json_string(v));
		if (job)
			json_object_set_new(p->facts, "job", json_string(j));
	}
	if (p->done || json_object_get(p->facts, "final")) {
		p->offset = p->length;
		remove_unused(p->all, part);
		return true;
	}

	if (stat(part, &st) < 0)
		return false;
	int64_t marked = read_mark(mark);
	if (marked >= 0 && marked < st.st_size && truncate(part, marked) == 0)
		st.st_size = marked;
	unlink(mark);
	p->offset = st.st_size;
	p->touched = st.st_mtim.tv_sec * CLOCK_SECOND;
	return true;
}

static struct upload *load(struct uploads *u, const char *id)
{
	AUTO(mem_freep) char *json = upload_path(u, id, "json");
	AUTO(buf_free) struct buf text = BUF(JSON_MAX);
	struct err err;
	struct stat st;
	if (file_read(json, &text, &err) < 0 || stat(json, &st) < 0)
		return NULL;

	struct upload *p = upload_new(u, id);
	p->facts = json_loadb(buf_str(&text), text.len, 0, NULL);
	const json_t *length = json_object_get(p->facts, "length");
	p->length = length ? json_integer_value(length) : -1;
	p->partial = json_is_true(json_object_get(p->facts, "partial"));
	p->touched = st.st_mtim.tv_sec * CLOCK_SECOND;
	if (!load_progress(p)) {
		upload_free(p);
		upload_unlink(u, id);
		return NULL;
	}
	if (upload_is_full(p) && upload_complete(p, &err) < 0)
		log_warning("upload %s: %s; trying again later", id, err.msg);
	return p;
}

static bool is_id(const char *s)
{
	return strlen(s) == 2 * ID_BYTES && strspn(s, "0123456789abcdef") == 2 * ID_BYTES;
}

/* A file that a killed server left. One without its description is of an upload
 * that was not acknowledged. */
static void remove_stray(struct uploads *u, const char *id, const char *ending)
{
	AUTO(mem_freep) char *json = upload_path(u, id, "json"), *path = upload_path(u, id, ending);
	bool temporary = strcmp(ending, "json.tmp") == 0 || strcmp(ending, "mark.tmp") == 0;
	bool bytes = strcmp(ending, "part") == 0 && !file_exists(json);

	if (temporary)
		unlink(path);
	else if (bytes)
		remove_unused(u, path);
}

static void load_file(struct uploads *u, const char *name)
{
	size_t n = strcspn(name, ".");
	AUTO(mem_freep) char *id = mem_printf("%.*s", (int)n, name);
	const char *ending = name + n + (name[n] == '.');
	struct upload *p = NULL;

	if (!is_id(id))
		return;
	if (strcmp(ending, "json") == 0)
		p = load(u, id);
	else
		remove_stray(u, id, ending);
	if (p)
		upload_insert(p);
}

/* Of a final upload: a killed server may not have noted that its parts went
 * into it. */
static void mark_parts_of(struct uploads *u, const struct upload *final)
{
	size_t i;
	json_t *id;
	json_array_foreach (json_object_get(final->facts, "parts"), i, id) {
		const char *name = json_string_value(id);
		struct upload *p = name ? upload_find(u, name) : NULL;
		if (p && !json_object_get(p->facts, "final"))
			upload_mark_part(p, final->id);
	}
}

static void load_all(struct uploads *u)
{
	DIR *d = opendir(u->dir);
	for (struct dirent *e; d && (e = readdir(d));)
		load_file(u, e->d_name);
	if (d)
		closedir(d);
	for (const struct upload *p = u->first; p; p = p->next)
		if (p->done)
			mark_parts_of(u, p);
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

/* ---- removing */

/* With the lock held: the upload is forgotten. The file of a complete one
 * belongs to the board. */
static void forget(struct upload **at)
{
	struct upload *p = *at;
	AUTO(mem_freep) char *json = upload_path(p->all, p->id, "json");
	*at = p->next;
	p->all->n--;
	if (p->done)
		unlink(json);
	else
		upload_unlink(p->all, p->id);
	upload_free(p);
}

void uploads_sweep(struct uploads *u)
{
	int64_t now = clock_wall();
	pthread_mutex_lock(&u->lock);
	for (struct upload **at = &u->first; *at;) {
		if ((*at)->held || upload_expires(*at) > now)
			at = &(*at)->next;
		else
			forget(at);
	}
	pthread_mutex_unlock(&u->lock);
}

int upload_remove(struct uploads *u, const char *id, struct err *err)
{
	struct upload *p;
	pthread_mutex_lock(&u->lock);
	int r = upload_acquire(u, id, &p, err);
	if (r == 0) {
		struct upload **at = &u->first;
		while (*at != p)
			at = &(*at)->next;
		forget(at);
	}
	pthread_mutex_unlock(&u->lock);
	return r;
}

/* ---- looking */

size_t uploads_count(struct uploads *u)
{
	size_t n = 0;
	pthread_mutex_lock(&u->lock);
	for (const struct upload *p = u->first; p; p = p->next)
		n += !p->done && p->offset != p->length;
	pthread_mutex_unlock(&u->lock);
	return n;
}

/* Bytes that other uploads still have to send. */
static int64_t expected(struct uploads *u)
{
	int64_t sum = 0;
	pthread_mutex_lock(&u->lock);
	for (const struct upload *p = u->first; p; p = p->next)
		sum += p->length > p->offset ? p->length - p->offset : 0;
	pthread_mutex_unlock(&u->lock);
	return sum;
}

int upload_state(struct uploads *u, const char *id, uint64_t serial, struct upload_state *ret,
                 struct err *err)
{
	struct upload *p;
	struct err ignored;
	pthread_mutex_lock(&u->lock);
	int r = upload_acquire(u, id, &p, err);
	if (r == 0 && upload_is_full(p)) { /* the board could not take it before */
		upload_hold(p, serial);
		pthread_mutex_unlock(&u->lock);
		upload_complete(p, &ignored);
		upload_release(p);
		pthread_mutex_lock(&u->lock);
		r = upload_acquire(u, id, &p, err);
	}
	if (r == 0)
		upload_read_state(p, ret);
	pthread_mutex_unlock(&u->lock);
	return r;
}

/* ---- creating */

int upload_check(struct uploads *u, const json_t *request, struct err *err)
{
	int r = board_check_upload(u->board, request, err);
	return r < 0 ? err_wrap(err, "Upload-Metadata") : 0;
}

static int make(struct uploads *u, const struct upload_request *q, struct upload **ret,
                struct err *err)
{
	unsigned char random[ID_BYTES];
	char id[2 * ID_BYTES + 1];
	pthread_mutex_lock(&u->lock);
	bool full = u->n >= UPLOADS_MAX;
	pthread_mutex_unlock(&u->lock);
	if (full)
		return err_set(err, ERR_LIMIT, "too many uploads (%d); finish or delete some", UPLOADS_MAX);
	int r = board_room(u->board, q->length < 0 ? 0 : q->length, expected(u), err);
	if (r < 0)
		return r;
	if (getrandom(random, sizeof random, 0) != sizeof random)
		return err_sys(err, errno, "cannot get random numbers");

	for (size_t i = 0; i < ID_BYTES; i++)
		snprintf(id + 2 * i, 3, "%02x", random[i]);
	struct upload *p = upload_new(u, id);
	p->length = q->length;
	p->partial = q->partial;
	p->touched = clock_wall();
	p->facts =
		json_pack("{s:s, s:s, s:O, s:f, s:b}", "metadata", q->metadata, "name", q->name, "request",
	              q->request, "created", (double)p->touched / 1e6, "partial", (int)q->partial);
	if (q->length >= 0)
		json_object_set_new(p->facts, "length", json_integer(q->length));
	if (q->concat)
		json_object_set_new(p->facts, "concat", json_string(q->concat));
	for (size_t i = 0; i < q->n_parts; i++) {
		if (i == 0)
			json_object_set_new(p->facts, "parts", json_array());
		json_array_append_new(json_object_get(p->facts, "parts"), json_string(q->parts[i]));
	}
	*ret = p;
	return 0;
}

static int open_file(const struct upload *p, int *ret_fd, struct err *err)
{
	AUTO(mem_freep) char *part = upload_path(p->all, p->id, "part");
	*ret_fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return *ret_fd < 0 ? err_sys(err, errno, "cannot create an upload in %s", p->all->dir) : 0;
}

/* The names of new files survive a power failure. */
static void sync_names(const struct uploads *u)
{
	AUTO(fd_closep) int fd = open(u->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		fsync(fd);
}

int upload_create(struct uploads *u, const struct upload_request *q, char ret_id[static 40],
                  struct err *err)
{
	struct upload *p;
	AUTO(fd_closep) int fd = -1;
	int r = make(u, q, &p, err);
	if (r < 0)
		return r;
	r = open_file(p, &fd, err);
	if (r == 0)
		r = upload_save(p, err);
	if (r < 0) {
		upload_unlink(u, p->id);
		upload_free(p);
		return r;
	}
	sync_names(u);
	snprintf(ret_id, 40, "%s", p->id);
	pthread_mutex_lock(&u->lock);
	upload_insert(p);
	pthread_mutex_unlock(&u->lock);
	return 0;
}

/* ---- concatenation */

/* The partial uploads of a final one. */
struct parts {
	struct upload *all[UPLOAD_PARTS_MAX];
	size_t n;
	int64_t length;
	char final[40]; /* into which all of them went already; else "" */
};

static void release_parts(struct parts *parts)
{
	for (size_t i = 0; i < parts->n; i++)
		upload_release(parts->all[i]);
}

static int check_parts(struct parts *parts, struct err *err)
{
	size_t used = 0;
	for (size_t i = 0; i < parts->n; i++) {
		const struct upload *p = parts->all[i];
		const char *final = json_string_value(json_object_get(p->facts, "final"));
		if (!p->partial)
			return err_set(err, ERR_ARG, "%s is not a partial upload", p->id);
		if (p->length < 0 || p->offset != p->length)
			return err_set(err, ERR_BUSY, "the partial upload %s is not complete", p->id);
		parts->length += p->length;
		if (final && (!used || strcmp(final, parts->final) == 0)) {
			snprintf(parts->final, sizeof parts->final, "%s", final);
			used++;
		}
		if (used && used != i + 1)
			return err_set(err, ERR_BUSY, "the partial upload %s was used before", p->id);
	}
	return 0;
}

/* Holds all of them: none is removed or changed meanwhile. */
static int hold_parts(struct uploads *u, const struct upload_request *q, uint64_t serial,
                      struct parts *parts, struct err *err)
{
	int r = 0;
	pthread_mutex_lock(&u->lock);
	for (size_t i = 0; r == 0 && i < q->n_parts; i++) {
		struct upload *p = upload_find(u, q->parts[i]);
		for (size_t k = 0; p && k < parts->n; k++)
			if (parts->all[k] == p)
				r = err_set(err, ERR_ARG, "Upload-Concat names %s twice", p->id);
		if (r == 0)
			r = upload_acquire(u, q->parts[i], &p, err);
		if (r == 0) {
			upload_hold(p, serial);
			parts->all[parts->n++] = p;
		}
	}
	pthread_mutex_unlock(&u->lock);
	return r < 0 ? r : check_parts(parts, err);
}

static int copy_part(struct upload *p, const struct upload *from, struct err *err)
{
	enum { BLOCK = 1 << 20 };
	AUTO(mem_freep) char *path = upload_path(from->all, from->id, "part");
	AUTO(mem_freep) char *data = mem_alloc(1, BLOCK);
	AUTO(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, errno, "cannot open the partial upload %s", from->id);

	for (int64_t at = 0; at < from->length;) {
		ssize_t n = read(fd, data, BLOCK);
		if (n <= 0)
			return err_sys(err, n < 0 ? errno : EIO, "cannot read the partial upload %s", from->id);
		for (ssize_t done = 0, w; done < n; done += w)
			if ((w = write(p->fd, data + done, (size_t)(n - done))) < 0)
				return err_sys(err, errno, "cannot write the upload");
		hash_add(p->whole, data, (size_t)n);
		at += n;
	}
	return 0;
}

static int join_parts(struct upload *p, const struct parts *parts, struct err *err)
{
	int r = open_file(p, &p->fd, err);
	p->whole = hash_new();
	for (size_t i = 0; r == 0 && i < parts->n; i++)
		r = copy_part(p, parts->all[i], err);
	p->hashed = p->offset = p->length;
	if (r == 0 && fdatasync(p->fd) < 0)
		r = err_sys(err, errno, "cannot write the upload");
	fd_closep(&p->fd);
	p->fd = -1;
	if (r == 0)
		r = upload_save(p, err);
	if (r == 0) {
		sync_names(p->all);
		r = upload_complete(p, err);
	}
	return r;
}

static int concat(struct uploads *u, struct upload_request *q, const struct parts *parts,
                  char ret_id[static 40], struct err *err)
{
	struct upload *p;
	q->length = parts->length;
	if (*parts->final) {
		snprintf(ret_id, 40, "%s", parts->final);
		return 0;
	}
	int r = make(u, q, &p, err);
	if (r < 0)
		return r;
	r = join_parts(p, parts, err);
	if (r < 0) {
		upload_unlink(u, p->id);
		upload_free(p);
		return r;
	}
	for (size_t i = 0; i < parts->n; i++)
		upload_mark_part(parts->all[i], p->id);
	snprintf(ret_id, 40, "%s", p->id);
	pthread_mutex_lock(&u->lock);
	upload_insert(p);
	pthread_mutex_unlock(&u->lock);
	return 0;
}

int upload_concat(struct uploads *u, struct upload_request *q, uint64_t serial,
                  char ret_id[static 40], struct err *err)
{
	struct parts parts = {0};
	int r = hold_parts(u, q, serial, &parts, err);
	if (r == 0)
		r = concat(u, q, &parts, ret_id, err);
	release_parts(&parts);
	return r;
}
