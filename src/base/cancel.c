/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cancel.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

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
