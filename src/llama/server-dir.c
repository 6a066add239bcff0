/* SPDX-License-Identifier: Apache-2.0 */
#include "llama/server-dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

#define PREFIX "vdet-engine-"
#define SOCKET_PATH_MAX 107 /* sizeof sun_path - 1 */

static void remove_files(const char *dir)
{
	AUTO(mem_freep) char *socket = file_join(dir, "engine.sock");
	AUTO(mem_freep) char *lock = file_join(dir, "lock");
	AUTO(mem_freep) char *work = file_join(dir, "work");
	rmdir(work);
	unlink(socket);
	unlink(lock);
	rmdir(dir);
}

/* Opens the folder's lock file and takes the lock: -1 if another process has
 * it, or there is none. */
static int take_lock(const char *dir, int flags)
{
	AUTO(mem_freep) char *path = file_join(dir, "lock");
	AUTO(fd_closep) int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
	struct stat mine, there;
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -1;
	/* Before we had the lock, another process may have removed the folder as
	 * one of a dead process. */
	if (fstat(fd, &mine) < 0 || stat(path, &there) < 0 || mine.st_ino != there.st_ino)
		return -1;
	int taken = fd;
	fd = -1;
	return taken;
}

static void dir_closep(DIR **d)
{
	if (*d)
		closedir(*d);
}

static void remove_stale(const char *base)
{
	AUTO(dir_closep) DIR *d = opendir(base);
	for (const struct dirent *de; d && (de = readdir(d));) {
		if (strncmp(de->d_name, PREFIX, strlen(PREFIX)) != 0)
			continue;
		AUTO(mem_freep) char *path = file_join(base, de->d_name);
		struct stat st;
		if (lstat(path, &st) < 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid())
			continue;
		AUTO(fd_closep) int lock = take_lock(path, 0);
		if (lock >= 0)
			remove_files(path);
	}
}

static bool usable(const char *base)
{
	return base && *base == '/' &&
	       strlen(base) + strlen("/" PREFIX "XXXXXX/engine.sock") <= SOCKET_PATH_MAX &&
	       access(base, W_OK | X_OK) == 0;
}

int server_dir_make(struct server_dir *ret, struct err *err)
{
	const char *const bases[] = {getenv("XDG_RUNTIME_DIR"), getenv("TMPDIR"), "/tmp"};
	size_t i = 0;
	while (i + 1 < ARRAY_LEN(bases) && !usable(bases[i]))
		i++;
	remove_stale(bases[i]);
	AUTO(mem_freep) char *path = file_join(bases[i], PREFIX "XXXXXX");
	for (int tries = 0; tries < 5; tries++) {
		memcpy(path + strlen(path) - 6, "XXXXXX", 6);
		if (!mkdtemp(path))
			break;
		int lock = take_lock(path, O_CREAT);
		if (lock < 0)
			continue;
		*ret = (struct server_dir){.socket = file_join(path, "engine.sock"), .lock = lock};
		ret->path = TAKE(path);
		return 0;
	}
	return err_sys(err, errno, "cannot make a folder for the engine's socket in %s", bases[i]);
}

void server_dir_remove(struct server_dir *d)
{
	if (!d->path)
		return;
	remove_files(d->path);
	fd_closep(&d->lock);
	free(d->path);
	free(d->socket);
	*d = (struct server_dir){.lock = -1};
}
