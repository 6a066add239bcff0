/* SPDX-License-Identifier: Apache-2.0 */
#include "net/access/rate-limit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum { SLOTS = 1024, FORGET_AFTER = 300, BURST = 5, LOGIN_BURST = 10 };
#define LOGIN_RATE 0.1

struct bucket {
	double level; /* at `time` */
	int64_t time; /* 0: never used */
};

struct client {
	struct client *next;
	char address[CLIENT_ADDRESS_MAX];
	int64_t connections;
	struct bucket requests, logins;
};

struct rate_limiter {
	int64_t connections, rate;
	struct client *slots[SLOTS];
};

struct rate_limiter *rate_limiter_new(int64_t connections, int64_t rate)
{
	struct rate_limiter *l = mem_alloc(1, sizeof *l);
	l->connections = connections;
	l->rate = rate;
	return l;
}

void rate_limiter_free(struct rate_limiter *l)
{
	for (size_t i = 0; l && i < SLOTS; i++)
		for (struct client *c = l->slots[i], *next; c; c = next) {
			next = c->next;
			free(c);
		}
	free(l);
}

/* Drops the clients of a slot that have no connection and no recent request. */
static void expire(struct client **at, int64_t now)
{
	while (*at) {
		struct client *c = *at;
		int64_t last = c->requests.time > c->logins.time ? c->requests.time : c->logins.time;
		if (!c->connections && now - last > FORGET_AFTER * CLOCK_SECOND) {
			*at = c->next;
			free(c);
		} else {
			at = &c->next;
		}
	}
}

static struct client *find(struct rate_limiter *l, const char *address)
{
	uint32_t hash = 2166136261u; /* FNV-1a */
	for (const char *s = address; *s; s++)
		hash = (hash ^ (unsigned char)*s) * 16777619u;

	struct client **slot = &l->slots[hash % SLOTS];
	for (struct client *c = *slot; c; c = c->next)
		if (strcmp(c->address, address) == 0)
			return c;

	expire(slot, clock_now());
	struct client *c = mem_alloc(1, sizeof *c);
	snprintf(c->address, sizeof c->address, "%s", address);
	c->next = *slot;
	*slot = c;
	return c;
}

bool rate_limiter_connect(struct rate_limiter *l, const char *address)
{
	struct client *c = find(l, address);
	if (c->connections >= l->connections)
		return false;
	c->connections++;
	return true;
}

void rate_limiter_disconnect(struct rate_limiter *l, const char *address)
{
	struct client *c = find(l, address);
	if (c->connections)
		c->connections--;
}

static bool take(struct bucket *b, double rate, double size, int64_t now, double *ret_wait)
{
	b->level = b->time ? b->level + (double)(now - b->time) / 1e6 * rate : size;
	if (b->level > size)
		b->level = size;
	b->time = now;

	if (b->level < 1) {
		*ret_wait = (1 - b->level) / rate;
		return false;
	}
	b->level--;
	return true;
}

bool rate_limiter_request(struct rate_limiter *l, const char *address, int64_t now,
                          double *ret_wait)
{
	double rate = (double)l->rate;
	return !l->rate || take(&find(l, address)->requests, rate, BURST * rate, now, ret_wait);
}

bool rate_limiter_login(struct rate_limiter *l, const char *address, int64_t now, double *ret_wait)
{
	return take(&find(l, address)->logins, LOGIN_RATE, LOGIN_BURST, now, ret_wait);
}
