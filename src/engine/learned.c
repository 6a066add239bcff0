/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/learned.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"

#define FILE_BYTES_MAX ((size_t)4 << 20)
#define FILE_VERSION 1

static char *key_text(const struct learned_key *k)
{
	return mem_printf("%s %s", k->url, k->model);
}

/* The whole file: an object whose "endpoints" is an object. A file that is
 * missing or invalid counts as empty, and is replaced. */
static json_t *load(const char *path)
{
	AUTO(buf_free) struct buf b = BUF(FILE_BYTES_MAX);
	struct err ignored;
	json_t *j = file_exists(path) && file_read(path, &b, &ignored) == 0
	                ? json_loadb(buf_str(&b), b.len, 0, NULL)
	                : NULL;
	if (json_integer_value(json_object_get(j, "version")) == FILE_VERSION &&
	    json_is_object(json_object_get(j, "endpoints")))
		return j;
	json_decref(j);
	return json_pack("{s:i, s:{}}", "version", FILE_VERSION, "endpoints");
}

static int save(const char *path, const json_t *all, struct err *err)
{
	AUTO(mem_freep) char *text = json_dumps(all, JSON_INDENT(1) | JSON_SORT_KEYS);
	if (!text)
		return err_set(err, ERR_INTERNAL, "cannot write %s as JSON", path);
	return file_write_private(path, text, strlen(text), err);
}

/* Held while the file is read and written again. */
static int lock_file(const char *path, int *ret_fd, struct err *err)
{
	AUTO(mem_freep)
	char *dir = mem_printf("%.*s", (int)(file_base(path) - path), path);
	AUTO(mem_freep) char *lock = mem_printf("%s.lock", path);
	int r = *dir ? file_mkdirs(dir, true, err) : 0;
	if (r < 0)
		return r;
	AUTO(fd_closep) int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || file_lock(fd) < 0)
		return err_sys(err, errno, "cannot lock %s", lock);
	*ret_fd = fd;
	fd = -1;
	return 0;
}

bool learned_load(const char *path, const struct learned_key *key, struct dialect *ret)
{
	json_auto_t *all = load(path);
	AUTO(mem_freep) char *name = key_text(key);
	const json_t *e = json_object_get(json_object_get(all, "endpoints"), name);
	const char *version = json_string_value(json_object_get(e, "server"));
	/* A time that has not come yet is of a clock that was wrong. */
	int64_t learned = json_integer_value(json_object_get(e, "learned")),
			now = clock_wall() / CLOCK_SECOND;
	if (!version || strcmp(version, key->version) != 0 || learned > now ||
	    learned < now - LEARNED_DAYS * INT64_C(86400))
		return false;
	dialect_read(json_object_get(e, "dialect"), ret);
	return true;
}

int learned_save(const char *path, const struct learned_key *key, const struct dialect *d,
                 struct err *err)
{
	int fd;
	int r = lock_file(path, &fd, err);
	if (r < 0)
		return r;
	json_auto_t *all = load(path);
	AUTO(mem_freep) char *name = key_text(key);
	json_object_set_new(json_object_get(all, "endpoints"), name,
	                    json_pack("{s:s, s:I, s:o}", "server", key->version, "learned",
	                              (json_int_t)(clock_wall() / CLOCK_SECOND), "dialect",
	                              dialect_json(d)));
	r = save(path, all, err);
	close(fd);
	return r;
}

int learned_forget(const char *path, const char *url, size_t *ret_n, struct err *err)
{
	int fd;
	*ret_n = 0;
	if (!file_exists(path))
		return 0;
	int r = lock_file(path, &fd, err);
	if (r < 0)
		return r;
	json_auto_t *all = load(path);
	json_t *endpoints = json_object_get(all, "endpoints");
	size_t len = strlen(url);
	const char *name;
	json_t *value;
	void *next;
	json_object_foreach_safe(endpoints, next, name, value)
	{
		if (len && (strncmp(name, url, len) != 0 || name[len] != ' '))
			continue;
		json_object_del(endpoints, name);
		++*ret_n;
	}
	r = *ret_n ? save(path, all, err) : 0;
	close(fd);
	return r;
}
