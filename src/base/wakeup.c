/* SPDX-License-Identifier: Apache-2.0 */
#include "base/wakeup.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

struct wakeup {
	int fd;
};

struct wakeup *wakeup_new(void)
{
	struct wakeup *w = mem_alloc(1, sizeof *w);
	w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->fd < 0) {
		perror("vdet: eventfd");
		abort();
	}
	return w;
}

void wakeup_free(struct wakeup *w)
{
	if (!w)
		return;
	close(w->fd);
	free(w);
}

void wakeup_signal(struct wakeup *w)
{
	const uint64_t one = 1;
	ssize_t n = write(w->fd, &one, sizeof one);
	(void)n; /* a full counter is readable all the same */
}

bool wakeup_take(struct wakeup *w)
{
	uint64_t count;
	return read(w->fd, &count, sizeof count) == sizeof count;
}

int wakeup_fd(const struct wakeup *w)
{
	return w->fd;
}

bool wakeup_wait(struct wakeup *w, const struct cancel *cancel, int64_t timeout)
{
	int64_t end = clock_now() + timeout;
	while (!cancel_fired(cancel)) {
		if (wakeup_take(w))
			return true;
		int64_t left = (end - clock_now() + 999) / 1000;
		if (timeout >= 0 && left <= 0)
			return false;
		struct pollfd p[] = {{.fd = w->fd, .events = POLLIN},
		                     {.fd = cancel_fd(cancel), .events = POLLIN}};
		poll(p, ARRAY_LEN(p), timeout < 0 ? -1 : left > 3600000 ? 3600000 : (int)left);
	}
	return false;
}
