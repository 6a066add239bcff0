/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded: the clock of the process is so many seconds ahead as the eight
 * bytes of the file say that SET_CLOCK names; writing them sets it while the
 * process runs. Children inherit it. What waits until a time of day waits as
 * long as this clock says. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum {
	EPOCH = 1000000000,   /* a time of day is later than this, one since boot is not */
	SLICE = 200 * 1000000 /* nanoseconds until the clock is looked at again */
};

typedef int (*gettime_function)(clockid_t id, struct timespec *t);
typedef int (*wait_function)(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *until);

static gettime_function real_gettime;
static wait_function real_wait;
static volatile const int64_t *ahead;

/* The sandbox comes later. */
__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("SET_CLOCK");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	real_gettime = (gettime_function)dlsym(RTLD_NEXT, "clock_gettime");
	real_wait = (wait_function)dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
	if (!real_wait)
		real_wait = (wait_function)dlsym(RTLD_NEXT, "pthread_cond_timedwait");
	if (fd < 0)
		return;
	void *at = mmap(NULL, sizeof *ahead, PROT_READ, MAP_SHARED, fd, 0);
	if (at != MAP_FAILED)
		ahead = at;
	close(fd);
}

static int64_t shift(void)
{
	return ahead ? *ahead : 0;
}

int clock_gettime(clockid_t id, struct timespec *t)
{
	if (!real_gettime) /* before begin() */
		real_gettime = (gettime_function)dlsym(RTLD_NEXT, "clock_gettime");
	int r = real_gettime(id, t);
	if (!r && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		t->tv_sec += shift();
	return r;
}

int gettimeofday(struct timeval *restrict t, void *restrict zone)
{
	struct timespec now;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &now);
	t->tv_sec = now.tv_sec;
	t->tv_usec = now.tv_nsec / 1000;
	return 0;
}

time_t time(time_t *ret)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (ret)
		*ret = now.tv_sec;
	return now.tv_sec;
}

static int is_before(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

/* In slices: the clock may be set meanwhile, as that of the kernel. */
int pthread_cond_timedwait(pthread_cond_t *restrict c, pthread_mutex_t *restrict m,
                           const struct timespec *restrict until)
{
	if (until->tv_sec < EPOCH)
		return real_wait(c, m, until);
	for (;;) {
		struct timespec end = *until, slice;
		end.tv_sec -= shift();
		real_gettime(CLOCK_REALTIME, &slice);
		slice.tv_nsec += SLICE;
		slice.tv_sec += slice.tv_nsec / 1000000000;
		slice.tv_nsec %= 1000000000;
		int last = !is_before(&slice, &end);
		int r = real_wait(c, m, last ? &end : &slice);
		if (r != ETIMEDOUT || last)
			return r;
	}
}
