/* SPDX-License-Identifier: Apache-2.0 */
#include "net/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum { SLOTS = 1024 };

/* A bucket of tokens, as full as it was at `time`. */
struct bucket {
	double level;
	int64_t time;
};

struct peer {
	struct peer *next;
	char address[PEER_ADDRESS_MAX];
	int64_t connections;
	struct bucket asks, logins;
};

struct peers {
	int64_t per_address, rate;
	struct peer *slots[SLOTS];
};

struct peers *peers_new(int64_t per_address, int64_t rate)
{
	struct peers *p = mem_alloc(1, sizeof *p);
	p->per_address = per_address;
	p->rate = rate;
	return p;
}

void peers_free(struct peers *p)
{
	for (size_t i = 0; p && i < SLOTS; i++)
		for (struct peer *a = p->slots[i], *next; a; a = next) {
			next = a->next;
			free(a);
		}
	free(p);
}

/* Drops from one slot who has neither connections nor anything to remember. */
static void forget(struct peer **at, int64_t now)
{
	while (*at) {
		struct peer *a = *at;
		int64_t last = a->asks.time > a->logins.time ? a->asks.time : a->logins.time;
		if (!a->connections && now - last > 300 * CLOCK_SECOND) {
			*at = a->next;
			free(a);
		} else {
			at = &a->next;
		}
	}
}

static struct peer *find(struct peers *p, const char *address)
{
	uint32_t hash = 2166136261u; /* FNV-1a */
	for (const char *s = address; *s; s++)
		hash = (hash ^ (unsigned char)*s) * 16777619u;
	struct peer **slot = &p->slots[hash % SLOTS];
	for (struct peer *a = *slot; a; a = a->next)
		if (strcmp(a->address, address) == 0)
			return a;
	forget(slot, clock_now());
	struct peer *a = mem_alloc(1, sizeof *a);
	snprintf(a->address, sizeof a->address, "%s", address);
	a->next = *slot;
	*slot = a;
	return a;
}

bool peers_enter(struct peers *p, const char *address)
{
	struct peer *a = find(p, address);
	if (a->connections >= p->per_address)
		return false;
	a->connections++;
	return true;
}

void peers_leave(struct peers *p, const char *address)
{
	struct peer *a = find(p, address);
	if (a->connections)
		a->connections--;
}

static bool take(struct bucket *b, double rate, double most, int64_t now, double *ret_wait)
{
	b->level = b->time ? b->level + (double)(now - b->time) / 1e6 * rate : most;
	if (b->level > most)
		b->level = most;
	b->time = now;
	if (b->level < 1) {
		*ret_wait = (1 - b->level) / rate;
		return false;
	}
	b->level--;
	return true;
}

bool peers_ask(struct peers *p, const char *address, int64_t now, double *ret_wait)
{
	return !p->rate ||
	       take(&find(p, address)->asks, (double)p->rate, 5 * (double)p->rate, now, ret_wait);
}

bool peers_login(struct peers *p, const char *address, int64_t now, double *ret_wait)
{
	return take(&find(p, address)->logins, 0.1, 10, now, ret_wait);
}
