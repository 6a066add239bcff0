/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cond.h"

#include <errno.h>
#include <time.h>

#include "base/clock.h"

void cond_init(pthread_cond_t *c)
{
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(c, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

bool cond_wait_until(pthread_cond_t *c, pthread_mutex_t *lock, int64_t until)
{
	const struct timespec t = {.tv_sec = (time_t)(until / CLOCK_SECOND),
	                           .tv_nsec = (long)(until % CLOCK_SECOND) * 1000};
	return pthread_cond_timedwait(c, lock, &t) != ETIMEDOUT;
}
