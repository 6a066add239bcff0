/* SPDX-License-Identifier: Apache-2.0 */
/* One upload: its files, who holds it, its completion. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "net/upload/upload-internal.h"

enum { WAIT = 5 }; /* seconds for another request to release an upload */

void upload_state_clear(struct upload_state *s)
{
	free(s->metadata);
	free(s->video);
	free(s->job);
	free(s->fault);
	free(s->concat);
	*s = (struct upload_state){0};
}

char *upload_path(const struct uploads *u, const char *id, const char *ending)
{
	return mem_printf("%s/%s.%s", u->dir, id, ending);
}

struct upload *upload_new(struct uploads *u, const char *id)
{
	struct upload *p = mem_alloc(1, sizeof *p);
	p->all = u;
	p->fd = -1;
	p->length = p->hashed = -1;
	snprintf(p->id, sizeof p->id, "%s", id);
	return p;
}

void upload_free(struct upload *p)
{
	json_decref(p->facts);
	hash_free(p->sum);
	hash_free(p->whole);
	fd_closep(&p->fd);
	free(p);
}

int upload_save(const struct upload *p, struct err *err)
{
	AUTO(mem_freep) char *path = upload_path(p->all, p->id, "json");
	AUTO(mem_freep) char *text = json_dumps(p->facts, JSON_INDENT(1));
	return text ? file_write_private(path, text, strlen(text), err)
	            : err_set(err, ERR_INTERNAL, "cannot save an upload");
}

void upload_unlink(const struct uploads *u, const char *id)
{
	static const char *const endings[] = {"part", "mark", "json"};
	for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
		AUTO(mem_freep) char *path = upload_path(u, id, endings[i]);
		unlink(path);
	}
}

void upload_mark_part(struct upload *p, const char *final)
{
	struct err err;
	AUTO(mem_freep) char *path = upload_path(p->all, p->id, "part");

	json_object_set_new(p->facts, "final", json_string(final));
	if (upload_save(p, &err) == 0)
		unlink(path);
}

char *upload_fact(const struct upload *p, const char *name)
{
	const char *s = json_string_value(json_object_get(p->facts, name));
	return s ? mem_strdup(s) : NULL;
}

int64_t upload_expires(const struct upload *p)
{
	return p->touched + (p->done ? UPLOAD_KEEP_DONE * CLOCK_SECOND : p->all->expiry);
}

bool upload_is_full(const struct upload *p)
{
	return !p->done && !p->partial && p->length > 0 && p->offset == p->length;
}

int64_t upload_shown_offset(const struct upload *p)
{
	return upload_is_full(p) ? p->length - 1 : p->offset;
}

/* ---- with the lock */

struct upload *upload_find(struct uploads *u, const char *id)
{
	for (struct upload *p = u->first; p; p = p->next)
		if (strcmp(p->id, id) == 0)
			return p;
	return NULL;
}

int upload_acquire(struct uploads *u, const char *id, struct upload **ret, struct err *err)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT;
	for (bool cut = false;; cut = true) {
		struct upload *p = upload_find(u, id);
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

void upload_hold(struct upload *p, uint64_t serial)
{
	p->held = true;
	p->serial = serial;
}

void upload_insert(struct upload *p)
{
	p->next = p->all->first;
	p->all->first = p;
	p->all->n++;
}

void upload_read_state(const struct upload *p, struct upload_state *ret)
{
	*ret = (struct upload_state){
		.offset = upload_shown_offset(p),
		.length = p->length,
		.expires = upload_expires(p),
		.metadata = upload_fact(p, "metadata"),
		.video = upload_fact(p, "video"),
		.job = upload_fact(p, "job"),
		.fault = upload_fact(p, "fault"),
		.concat = upload_fact(p, "concat"),
	};
	snprintf(ret->id, sizeof ret->id, "%s", p->id);
}

/* ---- by the holder */

void upload_release(struct upload *p)
{
	pthread_mutex_lock(&p->all->lock);
	p->touched = clock_wall();
	p->held = false;
	pthread_cond_broadcast(&p->all->freed);
	pthread_mutex_unlock(&p->all->lock);
}

/* The SHA-256 of the file: mostly known, as it was computed while the bytes
 * arrived. */
static int hash_file(struct upload *p, const char *path, char out[static HASH_HEX], struct err *err)
{
	AUTO(hash_freep) struct hash *whole = TAKE(p->whole);
	bool known = p->hashed == p->length;
	p->hashed = -1;
	if (known) {
		hash_end(whole, out);
		return 0;
	}

	AUTO(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, errno, "cannot open an upload");
	return hash_fd(fd, NULL, NULL, out, err);
}

int upload_complete(struct upload *p, struct err *err)
{
	char sha256[HASH_HEX];
	AUTO(board_arrival_clear) struct board_arrival done = {0};
	AUTO(mem_freep) char *path = upload_path(p->all, p->id, "part");
	AUTO(mem_freep) char *name = upload_fact(p, "name");
	int r = hash_file(p, path, sha256, err);
	if (r == 0)
		r = board_upload(p->all->board, p->id, path, name, sha256,
		                 json_object_get(p->facts, "request"), &done, err);
	if (r < 0)
		return r;

	pthread_mutex_lock(&p->all->lock);
	json_object_set(p->facts, "video", json_object_get(done.video, "id"));
	if (done.job)
		json_object_set(p->facts, "job", json_object_get(done.job, "id"));
	if (done.fault)
		json_object_set_new(p->facts, "fault", json_string(done.fault));
	p->done = true;
	pthread_mutex_unlock(&p->all->lock);
	if (done.fault && upload_save(p, err) < 0)
		log_warning("upload %s: %s", p->id, err->msg);
	return 0;
}
