/* SPDX-License-Identifier: Apache-2.0 */
#include "work/ticker.h"

#include <poll.h>

enum { TICK_MS = 1000 };

static void *tick(void *arg)
{
	const struct ticker *t = arg;
	struct pollfd fds[] = {{.fd = cancel_fd(t->lane->cancel), .events = POLLIN},
	                       {.fd = cancel_fd(t->over), .events = POLLIN}};
	while (!cancel_fired(t->over) && !cancel_fired(t->lane->cancel))
		if (poll(fds, 2, TICK_MS) == 0)
			work_lane_moved(t->lane);
	if (t->silence && cancel_fired(t->lane->cancel))
		cancel_fire(t->silence);
	return NULL;
}

void ticker_start(struct ticker *t, struct work_lane *l, struct cancel *silence)
{
	*t = (struct ticker){.lane = l, .over = cancel_new(), .silence = silence};
	t->started = pthread_create(&t->thread, NULL, tick, t) == 0;
}

void ticker_end(struct ticker *t)
{
	cancel_fire(t->over);
	if (t->started)
		pthread_join(t->thread, NULL);
	cancel_free(t->over);
}
