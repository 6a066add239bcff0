/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/budget.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

#define HOUR (3600 * CLOCK_SECOND)
enum { CLIENTS_MAX = 4096, CLIENT_NAME_MAX = 64, CALLS_KEPT = 64, HASH_KEPT = 25 };

/* A full bucket holds the calls of an hour, and fills as time passes. */
struct client {
	char name[CLIENT_NAME_MAX];
	double left;
	int64_t at;                        /* when that was so */
	char calls[CALLS_KEPT][HASH_KEPT]; /* the last that were counted */
	size_t next;
};

struct budget {
	pthread_mutex_t lock;
	double calls;
	struct client *clients;
	size_t n, cap;
};

struct budget *budget_new(int64_t calls)
{
	struct budget *b = mem_alloc(1, sizeof *b);
	pthread_mutex_init(&b->lock, NULL);
	b->calls = (double)calls;
	return b;
}

void budget_free(struct budget *b)
{
	if (!b)
		return;
	pthread_mutex_destroy(&b->lock);
	free(b->clients);
	free(b);
}

/* Removes those that have not called for an hour: their buckets are full. */
static void drop_idle(struct budget *b, int64_t now)
{
	size_t n = 0;
	for (size_t i = 0; i < b->n; i++)
		if (now - b->clients[i].at < HOUR)
			b->clients[n++] = b->clients[i];
	b->n = n;
}

/* NULL: there are too many. */
static struct client *find(struct budget *b, const char *name, int64_t now)
{
	for (size_t i = 0; i < b->n; i++)
		if (strncmp(b->clients[i].name, name, CLIENT_NAME_MAX - 1) == 0)
			return &b->clients[i];
	if (b->n == CLIENTS_MAX)
		drop_idle(b, now);
	if (b->n == CLIENTS_MAX)
		return NULL;
	b->clients = mem_room(b->clients, b->n, &b->cap, sizeof *b->clients);
	struct client *c = &b->clients[b->n++];
	*c = (struct client){.left = b->calls, .at = now};
	snprintf(c->name, sizeof c->name, "%s", name);
	return c;
}

static bool is_known(const struct client *c, const char *what)
{
	for (size_t i = 0; i < CALLS_KEPT; i++)
		if (strncmp(c->calls[i], what, HASH_KEPT - 1) == 0)
			return true;
	return false;
}

/* Whether there is a call left; seconds until there is one. */
static bool take(struct budget *b, struct client *c, const char *what, int64_t now,
                 double *ret_wait)
{
	if (is_known(c, what))
		return true;
	c->left += (double)(now - c->at) / (double)HOUR * b->calls;
	c->left = c->left > b->calls ? b->calls : c->left;
	c->at = now;
	*ret_wait = (1 - c->left) / b->calls * 3600;
	if (c->left < 1)
		return false;
	c->left -= 1;
	snprintf(c->calls[c->next++ % CALLS_KEPT], HASH_KEPT, "%s", what);
	return true;
}

int budget_take(struct budget *b, const char *client, const char *what, int64_t now,
                struct err *err)
{
	if (b->calls < 1)
		return 0;
	double wait = 60;
	pthread_mutex_lock(&b->lock);
	struct client *c = find(b, client, now);
	bool ok = c && take(b, c, what, now, &wait);
	pthread_mutex_unlock(&b->lock);
	return ok ? 0
	          : err_set(
					err, ERR_LIMIT,
					"the limit of %.0f such calls an hour is reached; try again in %.0f seconds",
					b->calls, wait + 1);
}
