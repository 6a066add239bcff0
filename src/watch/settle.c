/* SPDX-License-Identifier: Apache-2.0 */
#include "watch/settle.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

/* Some programs open, append and close again and again. Where it is not known
 * whether somebody writes, only a longer pause says something. */
#define QUIET (CLOCK_SECOND / 2)
#define QUIET_UNKNOWN (10 * CLOCK_SECOND)
/* A look at what is still written. Its end is an event, too, which not every
 * file system has. */
#define AGAIN CLOCK_SECOND

/* A lease for reading is granted only while no one has the file open for
 * writing. A process that opens it in this moment waits until it is given back;
 * the signal of that is SIGURG, which is ignored. */
static enum writer writer_of(int fd)
{
	fcntl(fd, F_SETSIG, SIGURG);
	if (fcntl(fd, F_SETLEASE, F_RDLCK) < 0)
		return errno == EAGAIN ? WRITER_OPEN : WRITER_UNKNOWN;
	fcntl(fd, F_SETLEASE, F_UNLCK);
	return WRITER_NONE;
}

struct stamp settle_stamp(const struct stat *st)
{
	return (struct stamp){.device = st->st_dev,
	                      .number = st->st_ino,
	                      .size = st->st_size,
	                      .changed =
	                          st->st_mtim.tv_sec * INT64_C(1000000000) + st->st_mtim.tv_nsec};
}

bool settle_is_same(const struct stamp *a, const struct stamp *b)
{
	return a->device == b->device && a->number == b->number && a->size == b->size &&
	       a->changed == b->changed;
}

void settle_look(const char *path, struct settle *ret)
{
	struct stat st;
	AUTO(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	*ret = (struct settle){.stamp.size = -1};
	if (fd < 0 && errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
		ret->fault = errno;
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	ret->stamp = settle_stamp(&st);
	ret->age = clock_wall() - ret->stamp.changed / 1000;
	ret->writer = writer_of(fd);
}

int64_t settle_wait(const struct settle *s, int64_t unchanged)
{
	int64_t quiet = s->writer == WRITER_UNKNOWN ? QUIET_UNKNOWN : QUIET;
	/* A clock of a file server, or a copied time, may be ahead. */
	int64_t known = s->age > unchanged ? s->age : unchanged;
	if (s->stamp.size <= 0 || s->writer == WRITER_OPEN)
		return AGAIN;
	return known >= quiet ? 0 : quiet - known;
}
