/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"

enum { TRIES_MAX = 1000 };

int file_read(const char *path, struct buf *out, struct err *err)
{
	AUTO(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, errno, "cannot open %s", path);
	char data[16384];
	ssize_t n;
	while ((n = read(fd, data, sizeof data)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "cannot read %s", path);
		if (buf_add(out, data, (size_t)n) < 0)
			break;
	}
	return buf_check(out, path, err);
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static int lock(int fd, int how)
{
	int r;
	do
		r = flock(fd, how);
	while (r < 0 && errno == EINTR);
	return r == 0 || errno == ENOLCK || errno == EOPNOTSUPP || errno == ENOSYS ? 0 : -1;
}

int file_lock(int fd)
{
	return lock(fd, LOCK_EX);
}

int file_lock_now(int fd)
{
	const struct timespec pause = {.tv_nsec = 5000000};
	int64_t until = clock_now() + 3 * CLOCK_SECOND;
	int r;
	while ((r = lock(fd, LOCK_EX | LOCK_NB)) < 0 && errno == EWOULDBLOCK && clock_now() < until)
		nanosleep(&pause, NULL);
	return r;
}

/* Removes what cannot be opened in the place of a temporary file: a link, a
 * pipe, a file of another user. */
static bool remove_foreign(const char *tmp)
{
	int e = errno;
	bool foreign = e == ELOOP || e == ENXIO || e == EACCES || e == EPERM;
	bool removed = foreign && unlink(tmp) == 0;
	errno = e;
	return removed;
}

/* Opens the temporary file that becomes another one, empty. Its name is always
 * the same, so that the next write replaces what a killed process left; the
 * lock keeps two that write the same file apart. */
static int open_temporary(const char *tmp)
{
	for (int i = 0; i < TRIES_MAX; i++) {
		struct stat mine, there;
		AUTO(fd_closep)
		int fd = open(tmp, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
		if (fd < 0 && remove_foreign(tmp))
			continue;
		if (fd < 0 || file_lock(fd) < 0 || fstat(fd, &mine) < 0)
			return -1;

		/* The process that had the lock may have renamed it meanwhile. */
		bool same =
			stat(tmp, &there) == 0 && mine.st_dev == there.st_dev && mine.st_ino == there.st_ino;
		if (!same)
			continue;
		if (!S_ISREG(mine.st_mode) || mine.st_nlink > 1) { /* not to be emptied */
			unlink(tmp);
			continue;
		}
		if (ftruncate(fd, 0) < 0)
			return -1;
		int opened = fd;
		fd = -1;
		return opened;
	}
	errno = EBUSY;
	return -1;
}

static int write_with_mode(const char *path, const void *data, size_t len, mode_t mode,
                           struct err *err)
{
	AUTO(mem_freep) char *tmp = mem_printf("%s.tmp", path);
	AUTO(fd_closep) int fd = open_temporary(tmp);
	if (fd < 0) {
		int e = errno; /* the temporary file is named if that is what is wrong */
		return err_sys(err, e, "cannot write %s", file_exists(tmp) ? tmp : path);
	}
	if (write_all(fd, data, len) < 0 || fchmod(fd, mode) < 0 || fsync(fd) < 0 ||
	    rename(tmp, path) < 0) {
		int r = err_sys(err, errno, "cannot write %s", path);
		unlink(tmp);
		return r;
	}
	return 0;
}

static mode_t mask;

static void read_mask(void)
{
	mask = umask(0);
	umask(mask);
}

/* Of a new file: 0666 less umask. Reading the mask changes it for a moment, and
 * two threads that do so at once could leave it changed: only the first one
 * reads it. */
static mode_t usual_mode(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, read_mask);
	return 0666 & ~mask;
}

int file_write(const char *path, const void *data, size_t len, struct err *err)
{
	return write_with_mode(path, data, len, usual_mode(), err);
}

int file_write_private(const char *path, const void *data, size_t len, struct err *err)
{
	return write_with_mode(path, data, len, 0600, err);
}

int file_mkdirs(const char *path, bool private, struct err *err)
{
	AUTO(mem_freep) char *p = mem_strdup(path);
	mode_t mode = private ? 0700 : 0777;
	for (char *s = p + 1;; s++) {
		if (*s && *s != '/')
			continue;
		char c = *s;
		*s = '\0';
		if (mkdir(p, mode) < 0 && errno != EEXIST && !(c && errno == EROFS))
			return err_sys(err, errno, "cannot create folder %s", p);
		if (!c)
			break;
		*s = c;
	}
	return file_is_dir(path) ? 0 : err_set(err, ERR_ARG, "%s is not a folder", path);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

int file_remove_tree(const char *path, struct err *err)
{
	if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT)
		return 0;
	return err_sys(err, errno, "cannot remove %s", path);
}

bool file_exists(const char *path)
{
	return access(path, F_OK) == 0;
}

bool file_is_dir(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool file_in_path(const char *name)
{
	const char *path = getenv("PATH");
	while (path && *path) {
		size_t n = strcspn(path, ":");
		AUTO(mem_freep) char *at = mem_printf("%.*s/%s", (int)n, path, name);
		if (n && !file_is_dir(at) && access(at, X_OK) == 0)
			return true;
		path += n + (path[n] == ':');
	}
	return false;
}

bool file_can_run(const char *program)
{
	return strchr(program, '/') ? access(program, X_OK) == 0 && !file_is_dir(program)
	                            : file_in_path(program);
}

char *file_find_program(const char *name, const char *dir)
{
	AUTO(mem_freep) char *inside = dir ? file_join(dir, name) : NULL;
	if (file_in_path(name))
		return mem_strdup(name);
	return inside && access(inside, X_OK) == 0 ? TAKE(inside) : NULL;
}

bool file_dir_has_only(const char *dir, const char *beginning)
{
	DIR *d = opendir(dir);
	bool only = d;
	for (struct dirent *e; d && (e = readdir(d));)
		only &= !strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") ||
		        !strncmp(e->d_name, beginning, strlen(beginning));
	if (d)
		closedir(d);
	return only;
}

bool file_is_below(const char *path, const char *folder)
{
	size_t n = strlen(folder);
	if (strcmp(folder, "/") == 0)
		return true;
	return strncmp(path, folder, n) == 0 && path[n] == '/';
}

/* What people name that is not a file. */
static int explain_missing(const char *path, struct err *err)
{
	if (!strncmp(path, "file://", 7))
		return err_set(err, ERR_ARG, "%s is an address; give the path of the file alone", path);
	if (strstr(path, "://"))
		return err_set(err, ERR_ARG,
		               "this is an address, not a file: download the video first, or add the "
		               "address on the page of vdet serve; of the commands, only vdet analyze "
		               "reads http, https and s3 addresses");
	return err_sys(err, ENOENT, "cannot open %s", path);
}

int file_open_input(const char *path, int *ret_fd, struct err *err)
{
	struct stat st;
	if (!strcmp(path, "-"))
		return err_set(err, ERR_ARG,
		               "a video cannot be read from standard input, because it is read at any "
		               "place and more than once; save it to a file first");
	/* Non-blocking, so that a FIFO without a writer does not hang. */
	AUTO(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && errno == ENOENT)
		return explain_missing(path, err);
	if (fd < 0)
		return err_sys(err, errno, "cannot open %s", path);
	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "cannot examine %s", path);
	if (S_ISDIR(st.st_mode))
		return err_set(err, ERR_ARG, "%s is a folder; name the video files in it", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_ARG, "%s is not a regular file; save the recording to a file first",
		               path);
	if (!st.st_size)
		return err_set(err, ERR_FORMAT, "%s is empty (0 bytes); copy it again from its source",
		               path);
	*ret_fd = fd;
	fd = -1;
	return 0;
}

static void print_stamp(int fd, bool all, char out[static FILE_STAMP_MAX])
{
	struct stat st;
	out[0] = '\0';
	if (fstat(fd, &st) < 0)
		return;
	snprintf(out, FILE_STAMP_MAX, "%lld %lld.%09ld %llu %llu", (long long)st.st_size,
	         (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, (unsigned long long)st.st_dev,
	         (unsigned long long)st.st_ino);
	size_t n = strlen(out);
	if (all)
		snprintf(out + n, FILE_STAMP_MAX - n, " %lld.%09ld", (long long)st.st_ctim.tv_sec,
		         st.st_ctim.tv_nsec);
}

void file_stamp(int fd, char out[static FILE_STAMP_MAX])
{
	print_stamp(fd, false, out);
}

void file_stamp_all(int fd, char out[static FILE_STAMP_MAX])
{
	print_stamp(fd, true, out);
}

int file_open_nameless(const char *dir, int *ret_fd, struct err *err)
{
	*ret_fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (*ret_fd >= 0)
		return 0;
	if (errno != EOPNOTSUPP && errno != EISDIR)
		return err_sys(err, errno, "cannot write to the folder %s", dir);

	/* File systems that have none. */
	AUTO(mem_freep) char *name = mem_printf("%s/.vdet-XXXXXX", dir);
	*ret_fd = mkostemp(name, O_CLOEXEC);
	if (*ret_fd < 0)
		return err_sys(err, errno, "cannot write to the folder %s", dir);
	unlink(name);
	return 0;
}

/* Where a file without a name cannot get one, its bytes are copied. */
static int copy_to(int fd, const char *path)
{
	AUTO(fd_closep) int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, usual_mode());
	off_t at = 0;
	ssize_t n = to < 0 ? -1 : 1;
	while (n > 0)
		n = sendfile(to, fd, &at, (size_t)1 << 30);
	if (n < 0 || fsync(to) < 0) {
		int e = errno;
		if (to >= 0)
			unlink(path);
		errno = e;
		return -1;
	}
	return 0;
}

int file_give_name(int fd, const char *path, struct err *err)
{
	AUTO(mem_freep) char *own = mem_printf("/proc/self/fd/%d", fd);
	if (fchmod(fd, usual_mode()) < 0 || fsync(fd) < 0)
		return err_sys(err, errno, "cannot write %s", path);
	if (linkat(AT_FDCWD, own, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	if (errno != EEXIST && copy_to(fd, path) == 0)
		return 0;
	if (errno == EEXIST)
		return err_set(err, ERR_ARG, "%s exists already; choose another name", path);
	return err_sys(err, errno, "cannot write %s", path);
}

bool file_is_at(int fd, const char *path)
{
	struct stat mine, other;
	return fstat(fd, &mine) == 0 && stat(path, &other) == 0 && mine.st_dev == other.st_dev &&
	       mine.st_ino == other.st_ino;
}

char *file_join(const char *dir, const char *name)
{
	size_t n = strlen(dir);
	return mem_printf("%s%s%s", dir, n && dir[n - 1] == '/' ? "" : "/", name);
}

const char *file_base(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

char *file_stem(const char *path)
{
	char *stem = mem_strdup(file_base(path));
	char *dot = strrchr(stem, '.');
	if (dot && dot != stem)
		*dot = '\0';
	return stem;
}

char *file_short_name(const char *name, size_t max)
{
	enum { DIGITS = 8 };
	char hex[HASH_HEX];
	if (strlen(name) <= max)
		return mem_strdup(name);
	AUTO(hash_freep) struct hash *h = hash_new();
	hash_add(h, name, strlen(name));
	hash_end(h, hex);
	size_t len = max - DIGITS - 1;
	while (len && ((unsigned char)name[len] & 0xc0) == 0x80)
		len--; /* whole characters */
	return mem_printf("%.*s-%.*s", (int)len, name, DIGITS, hex);
}

/* The XDG base directory specification: a relative or empty value counts as
 * unset. */
static char *xdg_dir(const char *variable, const char *under_home)
{
	const char *base = getenv(variable), *home = getenv("HOME");
	if (base && base[0] == '/')
		return file_join(base, "vdet");
	return mem_printf("%s/%s/vdet", home && home[0] == '/' ? home : "/var/lib", under_home);
}

char *file_data_dir(void)
{
	return xdg_dir("XDG_DATA_HOME", ".local/share");
}
char *file_config_dir(void)
{
	return xdg_dir("XDG_CONFIG_HOME", ".config");
}
