/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cancel.h"

#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

struct cancel {
	atomic_bool fired;
	int fd;
};

struct cancel *cancel_new(void)
{
	struct cancel *c = mem_alloc(1, sizeof *c);
	c->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (c->fd < 0) {
		perror("vdet: eventfd");
		abort();
	}
	return c;
}

void cancel_free(struct cancel *c)
{
	if (!c)
		return;
	close(c->fd);
	free(c);
}

void cancel_fire(struct cancel *c)
{
	const uint64_t one = 1;
	atomic_store(&c->fired, true);
	ssize_t n = write(c->fd, &one, sizeof one);
	(void)n; /* a full counter is readable all the same */
}

bool cancel_fired(const struct cancel *c)
{
	return c && atomic_load(&c->fired);
}

int cancel_fd(const struct cancel *c)
{
	return c ? c->fd : -1;
}

bool cancel_wait_until(const struct cancel *a, const struct cancel *b, int64_t until)
{
	struct pollfd p[] = {{.fd = cancel_fd(a), .events = POLLIN},
	                     {.fd = cancel_fd(b), .events = POLLIN}};
	for (int64_t left; (left = until - clock_now()) > 0;) {
		int64_t ms = left / 1000 + 1;
		poll(p, ARRAY_LEN(p), ms < INT_MAX ? (int)ms : INT_MAX);
		if (cancel_fired(a) || cancel_fired(b))
			return true;
	}
	return false;
}
