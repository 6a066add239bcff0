/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/flood.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

struct flood_sender {
	struct flood_sender *next;
	char *name;
	int64_t left;   /* microseconds that may still be used: 1/FLOOD_RATE of a second each */
	int64_t at;     /* of the last message */
	int64_t warned; /* 0: never */
};

static const int64_t price = CLOCK_SECOND / FLOOD_RATE;

static void sender_free(struct flood_sender *s)
{
	free(s->name);
	free(s);
}

void flood_clear(struct flood *f)
{
	for (struct flood_sender *s = f->senders, *next; s; s = next) {
		next = s->next;
		sender_free(s);
	}
	*f = (struct flood){0};
}

/* Who was heard last comes first: one that sends very much is found at once. */
static struct flood_sender *find(struct flood *f, const char *name, int64_t now)
{
	struct flood_sender **at = &f->senders, *s;

	for (; *at && strcmp((*at)->name, name) != 0; at = &(*at)->next)
		if (!(*at)->next && f->n == FLOOD_SENDERS) {
			sender_free(*at);
			*at = NULL;
			f->n--;
			break;
		}
	s = *at;
	if (s) {
		*at = s->next;
	} else {
		s = mem_alloc(1, sizeof *s);
		*s =
			(struct flood_sender){.name = mem_strdup(name), .left = FLOOD_BURST * price, .at = now};
		f->n++;
	}
	s->next = f->senders;
	f->senders = s;
	return s;
}

enum flood_verdict flood_take(struct flood *f, const char *sender, size_t len, int64_t now)
{
	struct flood_sender *s = find(f, sender, now);
	int64_t cost = (int64_t)(1 + len / 1024) * price;

	s->left += now > s->at ? now - s->at : 0;
	s->left = s->left < FLOOD_BURST * price ? s->left : FLOOD_BURST * price;
	s->at = now;
	if (s->left >= cost) {
		s->left -= cost;
		return FLOOD_TAKE;
	}
	if (s->warned && now - s->warned < FLOOD_NEWS * CLOCK_SECOND)
		return FLOOD_DROP;
	s->warned = now;
	return FLOOD_WARN;
}
