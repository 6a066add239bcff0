/* SPDX-License-Identifier: Apache-2.0 */
/* One part of an upload: the bytes of a request. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "net/upload/upload-internal.h"

enum { FLUSH = 8 << 20 }; /* bytes after which the kernel starts to write to the disk */

static int write_mark(struct upload *p, struct err *err)
{
	char text[32];
	AUTO(mem_freep) char *mark = upload_path(p->all, p->id, "mark");
	int n = snprintf(text, sizeof text, "%lld\n", (long long)p->begin);
	return file_write_private(mark, text, (size_t)n, err);
}

static int open_part(struct upload *p, enum upload_sum sum, struct err *err)
{
	AUTO(mem_freep) char *part = upload_path(p->all, p->id, "part");
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

static void close_part(struct upload *p)
{
	AUTO(mem_freep) char *mark = upload_path(p->all, p->id, "mark");
	if (p->sum)
		unlink(mark);
	hash_free(TAKE(p->sum));
	fd_closep(&p->fd);
	p->fd = -1;
	upload_release(p);
}

/* Whether a part may begin; with the lock. `total`: the length of the file as
 * the client now says it, or -1. */
static int check_part(const struct upload *p, const struct upload_part *q, struct err *err)
{
	int64_t length = p->length < 0 ? q->total : p->length, offset = upload_shown_offset(p);
	const char *concat = json_string_value(json_object_get(p->facts, "concat"));
	if (concat && strncmp(concat, "final", 5) == 0)
		return err_set(err, ERR_PERM, "a final upload takes no bytes");
	if (q->total >= 0 && q->total != length)
		return err_set(err, ERR_ARG, "the length of the upload is %lld bytes", (long long)length);
	if (p->done && q->offset != p->length)
		return err_set(err, ERR_OFFSET, "the upload is complete");
	if (q->offset != offset)
		return err_set(err, ERR_OFFSET, "the offset of the upload is %lld, not %lld",
		               (long long)offset, (long long)q->offset);
	if (length == 0)
		return err_set(err, ERR_ARG, "the file is empty");
	if (length >= 0 && (offset > length || q->length > length - offset))
		return err_set(err, ERR_ARG, "the part ends after the upload length of %lld bytes",
		               (long long)length);
	return 0;
}

static int set_length(struct upload *p, int64_t length, struct err *err)
{
	int r = board_room(p->all->board, length, -p->offset, err);
	if (r < 0)
		return r;
	pthread_mutex_lock(&p->all->lock);
	json_object_set_new(p->facts, "length", json_integer(length));
	p->length = length;
	pthread_mutex_unlock(&p->all->lock);
	return upload_save(p, err);
}

int upload_begin(struct uploads *u, const char *id, uint64_t serial, const struct upload_part *q,
                 struct upload **ret, struct err *err)
{
	struct upload *p;
	pthread_mutex_lock(&u->lock);
	int r = upload_acquire(u, id, &p, err);
	if (r == 0)
		r = check_part(p, q, err);
	if (r == 0) {
		upload_hold(p, serial);
		if (upload_shown_offset(p) != p->offset) { /* its last byte is sent again */
			p->hashed = -1;
			p->offset = upload_shown_offset(p);
		}
		p->begin = p->end = p->flushed = p->offset;
	}
	pthread_mutex_unlock(&u->lock);
	if (r < 0)
		return r;

	if (p->length < 0 && q->total >= 0)
		r = set_length(p, q->total, err);
	if (r == 0 && !p->done)
		r = open_part(p, q->sum, err);
	if (r < 0)
		close_part(p);
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
	if (p->done || (p->length >= 0 && (int64_t)len > p->length - p->end))
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
	if (p->end - p->flushed < FLUSH)
		return 0;
	sync_file_range(p->fd, p->flushed, p->end - p->flushed, SYNC_FILE_RANGE_WRITE);
	p->flushed = p->end;
	return p->length < 0 ? board_room(p->all->board, p->end, -p->end, err) : 0;
}

/* Removes the part from the file. */
static void drop_part(struct upload *p)
{
	if (p->fd >= 0 && ftruncate(p->fd, p->begin) < 0)
		log_warning("cannot truncate an upload in %s", p->all->dir);
	p->end = p->begin;
	p->hashed = -1;
}

static void keep_part(struct upload *p)
{
	pthread_mutex_lock(&p->all->lock);
	p->offset = p->end;
	pthread_mutex_unlock(&p->all->lock);
}

/* Keeps the part, which is synced; the board gets the file if it is full. On
 * error the part is dropped: its client sends it again. */
static int add_part(struct upload *p, struct err *err)
{
	keep_part(p);
	int r = upload_is_full(p) ? upload_complete(p, err) : 0;
	if (r < 0) {
		drop_part(p);
		keep_part(p);
	}
	return r;
}

void upload_break(struct upload *p)
{
	struct stat st;
	struct err err;
	if (p->sum || (p->fd >= 0 && fdatasync(p->fd) < 0)) {
		drop_part(p);
	} else if (p->fd >= 0 && fstat(p->fd, &st) == 0 && st.st_size != p->end) {
		/* on a full disk a block may be written in part */
		p->end = st.st_size;
		p->hashed = -1;
	}
	if (!p->done && add_part(p, &err) < 0)
		log_warning("upload of %s: %s", json_string_value(json_object_get(p->facts, "name")),
		            err.msg);
	close_part(p);
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
	if (!p->done && wanted && !right_sum(p, wanted))
		r = err_set(err, ERR_FORMAT, "the checksum does not match; send the part again");
	else if (!p->done && fdatasync(p->fd) < 0)
		r = err_sys(err, errno, "cannot write the upload");
	if (r < 0)
		drop_part(p);
	else if (!p->done)
		r = add_part(p, err);
	if (!p->done)
		keep_part(p);

	pthread_mutex_lock(&p->all->lock);
	upload_read_state(p, ret);
	pthread_mutex_unlock(&p->all->lock);
	close_part(p);
	return r;
}
