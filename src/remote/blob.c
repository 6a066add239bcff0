/* SPDX-License-Identifier: Apache-2.0 */
#include "remote/blob.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "remote/fetch.h"

#define FOLDER "from-" /* what the name of a worker's folder begins with */

enum { DISK_BLOCK = 4096, WORKER_MAX = 64 };

static void name_of(const void *data, size_t len, char out[static HASH_HEX])
{
	AUTO(hash_freep) struct hash *h = hash_new();
	if (len)
		hash_add(h, data, len);
	hash_end(h, out);
}

int remote_blob_put(const struct remote_options *o, const void *data, size_t len,
                    struct cancel *cancel, char ret_sha256[static HASH_HEX], struct err *err)
{
	if (!len || len > REMOTE_BLOB_MAX)
		return err_set(err, ERR_LIMIT, "data of %zu bytes cannot be sent to the head: 1 to %d", len,
		               REMOTE_BLOB_MAX);
	name_of(data, len, ret_sha256);
	AUTO(http_freep) struct http *http = http_new();
	AUTO(remote_fetch_clear)
	struct remote_fetch f = {.options = o,
	                         .http = http,
	                         .sha256 = ret_sha256,
	                         .cancel = {cancel, NULL},
	                         .kind = REMOTE_BLOB};
	return remote_fetch_put(&f, data, len, err);
}

/* NULL if the name could not be one of a worker. */
static char *folder_of(const char *dir, const char *worker, struct err *err)
{
	size_t n = strspn(worker, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");
	if (n && !worker[n] && n <= WORKER_MAX)
		return mem_printf("%s/" FOLDER "%s", dir, worker);
	err_set(err, ERR_ARG, "not the name of a worker: %.70s", worker);
	return NULL;
}

/* NULL if the name could not be one of a blob. `worker` may be NULL. */
static char *path_of(const char *dir, const char *worker, const char *sha256, struct err *err)
{
	if (!hash_is_hex(sha256)) {
		err_set(err, ERR_ARG, "not the name of a blob: %.70s", sha256);
		return NULL;
	}
	AUTO(mem_freep) char *folder = worker ? folder_of(dir, worker, err) : mem_strdup(dir);
	return folder ? file_join(folder, sha256) : NULL;
}

int remote_blob_store(const char *dir, const char *worker, const char *sha256, const void *data,
                      size_t len, struct err *err)
{
	char real[HASH_HEX];
	AUTO(mem_freep) char *path = path_of(dir, worker, sha256, err);
	AUTO(mem_freep) char *folder = path ? folder_of(dir, worker, err) : NULL;
	if (!folder)
		return -ERR_ARG;
	name_of(data, len, real);
	if (strcmp(real, sha256) != 0)
		return err_set(err, ERR_FORMAT, "the data have the SHA-256 %.12s, not %.12s", real, sha256);
	int r = file_mkdirs(folder, true, err);
	return r < 0 ? r : file_write_private(path, data, len, err);
}

int remote_blob_load(const char *dir, const char *worker, const char *sha256, unsigned char **ret,
                     size_t *ret_len, struct err *err)
{
	char real[HASH_HEX];
	AUTO(mem_freep) char *path = path_of(dir, worker, sha256, err);
	AUTO(mem_freep) char *settled = path_of(dir, NULL, sha256, err);
	if (!path || !settled)
		return -ERR_ARG;
	AUTO(buf_free) struct buf data = BUF(REMOTE_BLOB_MAX);
	int r = file_read(path, &data, err);
	if (r == -ERR_NOENT)
		r = file_read(settled, &data, err);
	if (r < 0)
		return r;
	name_of(data.data, data.len, real);
	if (strcmp(real, sha256) != 0)
		return err_set(err, ERR_FORMAT, "%s: the data are damaged", path);
	*ret_len = data.len;
	*ret = (unsigned char *)buf_take(&data);
	return 0;
}

void remote_blob_settle(const char *dir, const char *worker, const char *sha256)
{
	AUTO(mem_freep) char *from = path_of(dir, worker, sha256, NULL);
	AUTO(mem_freep) char *to = path_of(dir, NULL, sha256, NULL);
	if (from && to)
		rename(from, to);
}

void remote_blob_remove(const char *dir, const char *sha256)
{
	AUTO(mem_freep) char *path = path_of(dir, NULL, sha256, NULL);
	if (path)
		unlink(path);
}

/* Also what a process left there that was killed while it wrote one. */
static void expire_files(const char *dir, int64_t age)
{
	int64_t before = (clock_wall() - age) / CLOCK_SECOND;
	struct stat st;
	DIR *d = opendir(dir);
	if (!d)
		return;
	for (const struct dirent *e; (e = readdir(d));)
		if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
		    st.st_mtime < before)
			unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
}

void remote_blob_expire(const char *dir, const char *worker, int64_t age)
{
	AUTO(mem_freep) char *one = worker ? folder_of(dir, worker, NULL) : NULL;
	if (one)
		expire_files(one, age);
	if (worker)
		return;
	expire_files(dir, age);
	DIR *d = opendir(dir);
	if (!d)
		return;
	for (const struct dirent *e; (e = readdir(d));) {
		AUTO(mem_freep) char *folder = file_join(dir, e->d_name);
		if (strncmp(e->d_name, FOLDER, strlen(FOLDER)) == 0)
			expire_files(folder, age);
	}
	closedir(d);
}

int64_t remote_blob_size(int64_t len)
{
	return (len + DISK_BLOCK) / DISK_BLOCK * DISK_BLOCK;
}

int64_t remote_blob_used(const char *dir, const char *worker)
{
	AUTO(mem_freep) char *folder = folder_of(dir, worker, NULL);
	DIR *d = folder ? opendir(folder) : NULL;
	struct stat st;
	int64_t all = 0;
	if (!d)
		return 0;
	for (const struct dirent *e; (e = readdir(d));)
		if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
			all += remote_blob_size(st.st_size);
	closedir(d);
	return all;
}
