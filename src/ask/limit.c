/* SPDX-License-Identifier: Apache-2.0 */
#include "ask/limit.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/wakeup.h"

struct limit {
	const struct cancel *canceled;
	int64_t deadline;
	struct cancel *cancel;
	struct wakeup *end; /* signalled by limit_free() */
	pthread_t thread;
};

static void *wait_for_it(void *arg)
{
	struct limit *l = arg;
	int64_t left = l->deadline - clock_now();
	if (!wakeup_wait(l->end, l->canceled, left > 0 ? left : 0))
		cancel_fire(l->cancel);
	return NULL;
}

struct limit *limit_new(const struct cancel *canceled, int64_t deadline)
{
	struct limit *l = mem_alloc(1, sizeof *l);
	*l = (struct limit){canceled, deadline, cancel_new(), wakeup_new(), 0};
	if (pthread_create(&l->thread, NULL, wait_for_it, l) == 0)
		return l;
	cancel_free(l->cancel);
	wakeup_free(l->end);
	free(l);
	return NULL;
}

void limit_free(struct limit *l)
{
	if (!l)
		return;
	wakeup_signal(l->end);
	pthread_join(l->thread, NULL);
	wakeup_free(l->end);
	cancel_free(l->cancel);
	free(l);
}

struct cancel *limit_cancel(struct limit *l)
{
	return l->cancel;
}
