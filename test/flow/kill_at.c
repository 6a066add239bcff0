/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded by test_kill.py: ends the process by SIGKILL before its KILL_AT-th
 * system call that changes the disk. Children do not inherit it. */
/* Both names of each call are wanted, not one as the alias of the other. */
#undef _FILE_OFFSET_BITS
#include <dlfcn.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_long left;

__attribute__((constructor)) static void begin(void)
{
	const char *at = getenv("KILL_AT");
	atomic_store(&left, at ? strtol(at, NULL, 10) : -1);
	unsetenv("KILL_AT");
	unsetenv("LD_PRELOAD");
}

static void step(void)
{
	if (atomic_load(&left) > 0 && atomic_fetch_sub(&left, 1) == 1)
		kill(getpid(), SIGKILL);
}

#define NEXT(name) __extension__((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t pwrite64(int fd, const void *data, size_t n, off64_t at)
{
	step();
	return NEXT(pwrite64)(fd, data, n, at);
}

ssize_t pwrite(int fd, const void *data, size_t n, off_t at)
{
	step();
	return NEXT(pwrite)(fd, data, n, at);
}

int fdatasync(int fd)
{
	step();
	return NEXT(fdatasync)(fd);
}

int fsync(int fd)
{
	step();
	return NEXT(fsync)(fd);
}

int ftruncate64(int fd, off64_t n)
{
	step();
	return NEXT(ftruncate64)(fd, n);
}

int unlink(const char *path)
{
	step();
	return NEXT(unlink)(path);
}

int rename(const char *from, const char *to)
{
	step();
	return NEXT(rename)(from, to);
}
