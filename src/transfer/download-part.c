/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/download-part.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/wakeup.h"

#define PIECE_MIN ((int64_t)256 << 10)
#define PIECE_MAX ((int64_t)32 << 20)
#define SPARE ((int64_t)64 << 20) /* left free on the disk */
#define NOTE_MAX ((size_t)4 << 20)
#define PIECES_MAX 200000
#define PROGRESS_EVERY 100000 /* microseconds between two reports of the progress of hashing */

int64_t download_part_length(const struct download_part *p, size_t i)
{
	int64_t left = p->size - (int64_t)i * p->piece;
	return left < p->piece ? left : p->piece;
}

int64_t download_part_total(const struct download_part *p)
{
	int64_t sum = 0;
	for (size_t i = 0; i < p->n; i++)
		sum += p->done[i];
	return sum;
}

void download_part_forget(struct download_part *p)
{
	unlink(p->note);
	memset(p->done, 0, p->n * sizeof *p->done);
	p->resumed = 0;
}

/* Reads the list of what is complete, if it is for this file. */
static void recall(struct download_part *p)
{
	AUTO(buf_free) struct buf b = BUF(NOTE_MAX);
	struct err ignored;
	struct stat st;
	json_auto_t *j =
		file_read(p->note, &b, &ignored) == 0 ? json_loadb(buf_str(&b), b.len, 0, NULL) : NULL;
	const json_t *done = json_object_get(j, "done");
	const char *hash = json_string_value(json_object_get(j, "sha256"));
	int64_t piece = json_integer_value(json_object_get(j, "piece"));
	if (!hash || strcmp(hash, p->hash) != 0 ||
	    json_integer_value(json_object_get(j, "size")) != p->size || piece < PIECE_MIN ||
	    piece > PIECE_MAX || fstat(p->fd, &st) < 0 || st.st_size != p->size)
		return;
	size_t n = (size_t)((p->size + piece - 1) / piece);
	if (json_array_size(done) != n)
		return;
	free(p->done);
	p->done = mem_alloc(n, sizeof *p->done);
	p->piece = piece;
	p->n = n;
	for (size_t i = 0; i < n; i++) {
		int64_t have = json_integer_value(json_array_get(done, i));
		p->done[i] = have >= 0 && have <= download_part_length(p, i) ? have : 0;
	}
	p->resumed = download_part_total(p);
}

static int check_space(const struct download_part *p, struct err *err)
{
	struct statvfs v;
	struct stat st;
	char need[TEXT_SIZE_MAX], have[TEXT_SIZE_MAX];
	if (fstatvfs(p->fd, &v) < 0 || fstat(p->fd, &st) < 0)
		return 0;
	int64_t room = (int64_t)(v.f_bavail * v.f_frsize), left = p->size - st.st_blocks * 512;
	if (left + SPARE <= room)
		return 0;
	return err_set(err, ERR_NOSPC,
	               "%s needs %s more, and only %s are free there; free some, or name another "
	               "folder with --data-dir",
	               file_base(p->path), text_size((double)left, need),
	               text_size((double)room, have));
}

/* Reserves space on disk for all of it, if the file system supports that. */
static int reserve(const struct download_part *p, struct err *err)
{
	if (fallocate(p->fd, 0, 0, p->size) == 0)
		return 0;
	if (errno == ENOSPC || errno == EFBIG || errno == EDQUOT || ftruncate(p->fd, p->size) < 0)
		return err_sys(err, errno, "cannot make room for %s", p->part);
	return 0;
}

int download_part_open(const char *path, int64_t size, const char *hash, int64_t pieces,
                       struct download_part *ret, struct err *err)
{
	AUTO(download_part_close)
	struct download_part p = {.path = mem_strdup(path), .fd = -1, .size = size};
	p.part = mem_printf("%s.part", path);
	p.note = mem_printf("%s.part.json", path);
	memcpy(p.hash, hash, strlen(hash) + 1);
	p.fd = open(p.part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (p.fd < 0)
		return err_sys(err, errno, "cannot write %s", p.part);
	if (file_lock_now(p.fd) < 0)
		return err_set(err, ERR_BUSY, "%s is being downloaded by another process", file_base(path));

	p.piece = size / (pieces > 0 ? pieces : 1);
	p.piece = p.piece < PIECE_MIN ? PIECE_MIN : p.piece > PIECE_MAX ? PIECE_MAX : p.piece;
	if (size <= 0 || size / p.piece > PIECES_MAX)
		return err_set(err, ERR_LIMIT, "%s has an invalid size of %lld bytes", file_base(path),
		               (long long)size);
	p.n = (size_t)((size + p.piece - 1) / p.piece);
	p.done = mem_alloc(p.n, sizeof *p.done);
	recall(&p);

	int r = check_space(&p, err);
	if (r == 0 && !p.resumed) {
		download_part_forget(&p);
		r = ftruncate(p.fd, 0) < 0 ? err_sys(err, errno, "cannot write %s", p.part)
		                           : reserve(&p, err);
	}
	if (r < 0) {
		if (!p.resumed)
			unlink(p.part);
		return r;
	}

	*ret = p;
	p = (struct download_part){.fd = -1};
	return 0;
}

void download_part_close(struct download_part *p)
{
	if (p->fd >= 0)
		close(p->fd);
	free(p->path);
	free(p->part);
	free(p->note);
	free(p->done);
	*p = (struct download_part){.fd = -1};
}

int download_part_write(struct download_part *p, size_t i, const void *data, size_t len,
                        struct err *err)
{
	const char *from = data;
	if ((int64_t)len > download_part_length(p, i) - p->done[i])
		return err_set(err, ERR_PROTO, "the server sent more bytes than requested");
	while (len) {
		ssize_t n = pwrite(p->fd, from, len, (int64_t)i * p->piece + p->done[i]);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "cannot write %s", p->part);
		from += n;
		len -= (size_t)n;
		p->done[i] += n;
	}
	return 0;
}

int download_part_save(struct download_part *p, struct err *err)
{
	json_auto_t *j =
		json_pack("{s:i, s:I, s:s, s:I, s:[]}", "version", 1, "size", (json_int_t)p->size, "sha256",
	              p->hash, "piece", (json_int_t)p->piece, "done");
	for (size_t i = 0; i < p->n; i++)
		json_array_append_new(json_object_get(j, "done"), json_integer(p->done[i]));
	AUTO(mem_freep) char *text = json_dumps(j, JSON_COMPACT);
	if (fdatasync(p->fd) < 0)
		return err_sys(err, errno, "cannot write %s", p->part);
	return file_write(p->note, text, strlen(text), err);
}

/* ---- the end */

struct hashing {
	int fd;
	struct cancel *cancel;
	_Atomic int64_t done;
	char hash[HASH_HEX];
	struct err err;
	struct wakeup *over;
	int result;
};

static void *hash_thread(void *ctx)
{
	struct hashing *h = ctx;
	h->result = hash_fd(h->fd, h->cancel, &h->done, h->hash, &h->err);
	wakeup_signal(h->over);
	return NULL;
}

/* Hashes the file, reporting progress. */
static int hash_part(const struct download_part *p, const struct download_options *o,
                     char out[static HASH_HEX], struct err *err)
{
	struct hashing h = {.fd = p->fd, .cancel = o->cancel, .over = wakeup_new()};
	pthread_t thread;
	int e = pthread_create(&thread, NULL, hash_thread, &h);
	if (e) {
		wakeup_free(h.over);
		return err_sys(err, e, "cannot start a thread");
	}

	int64_t begin = clock_now();
	do {
		int64_t done = atomic_load(&h.done), spent = clock_now() - begin;
		double rate = spent > 0 ? (double)done * 1e6 / (double)spent : 0;
		if (o->progress)
			o->progress(
				o->ctx,
				&(struct download_progress){
					.phase = "checking",
					.done = done,
					.total = p->size,
					.rate = rate,
					.left = rate > 0 ? (int64_t)((double)(p->size - done) / rate * 1e6) : -1});
	} while (!wakeup_wait(h.over, NULL, PROGRESS_EVERY));

	pthread_join(thread, NULL);
	wakeup_free(h.over);
	if (h.result < 0)
		return err_set(err, h.err.code, "%s", h.err.msg);
	memcpy(out, h.hash, HASH_HEX);
	return 0;
}

static int sync_folder(const char *path)
{
	AUTO(mem_freep) char *dir = mem_printf("%.*s.", (int)(file_base(path) - path), path);
	AUTO(fd_closep) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? 0 : fsync(fd);
}

int download_part_finish(struct download_part *p, const struct download_options *o,
                         char ret_sha256[static HASH_HEX], struct err *err)
{
	char hash[HASH_HEX];
	int r = hash_part(p, o, hash, err);
	if (r < 0)
		return r;
	if (*p->hash && strcmp(p->hash, hash) != 0)
		return err_set(err, ERR_FORMAT,
		               "%s was downloaded, but its SHA-256 is %.12s… instead of %.12s…",
		               file_base(p->path), hash, p->hash);
	if (fsync(p->fd) < 0 || rename(p->part, p->path) < 0)
		return err_sys(err, errno, "cannot write %s", p->path);
	sync_folder(p->path);
	unlink(p->note);
	memcpy(ret_sha256, hash, HASH_HEX);
	return 0;
}
