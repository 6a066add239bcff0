/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded by test_serve.py: while the file exists that FULL_DISK names, no
 * regular file grows, and the disk has no free space. Children do not inherit
 * it. */
/* Both names of each call are wanted, not one as the alias of the other. */
#undef _FILE_OFFSET_BITS
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static char *flag;

__attribute__((constructor)) static void begin(void)
{
	flag = getenv("FULL_DISK");
	unsetenv("LD_PRELOAD");
}

static int is_full(void)
{
	return flag && access(flag, F_OK) == 0;
}

/* Standard streams may be files, too. */
static int refuses(int fd)
{
	struct stat st;

	if (fd <= 2 || !is_full() || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	errno = ENOSPC;
	return 1;
}

#define NEXT(name) __extension__((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *data, size_t n)
{
	return refuses(fd) ? -1 : NEXT(write)(fd, data, n);
}

ssize_t pwrite64(int fd, const void *data, size_t n, off64_t at)
{
	return refuses(fd) ? -1 : NEXT(pwrite64)(fd, data, n, at);
}

ssize_t pwrite(int fd, const void *data, size_t n, off_t at)
{
	return refuses(fd) ? -1 : NEXT(pwrite)(fd, data, n, at);
}

int statvfs64(const char *path, struct statvfs64 *fs)
{
	int r = NEXT(statvfs64)(path, fs);

	if (r == 0 && is_full())
		fs->f_bavail = 0;
	return r;
}

int statvfs(const char *path, struct statvfs *fs)
{
	int r = NEXT(statvfs)(path, fs);

	if (r == 0 && is_full())
		fs->f_bavail = 0;
	return r;
}
