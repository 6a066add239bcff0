/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of the connection of a worker. */
#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "fleet/worker-internal.h"

enum { HEAD_PATIENCE = 6 /* seconds in which each head is heard of */ };

static void say(struct serving *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void say(struct serving *w, const char *fmt, ...)
{
	char text[LINK_ADDRESS + 200];
	va_list args;

	if (!w->o->say || serving_ends(w))
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	w->o->say(w->o->ctx, text);
}

/* With a new connection each head is named again. */
static void begin(struct serving *w, uint64_t connects)
{
	w->connects = connects;
	w->connected = clock_now();
	w->lost = w->alone = false;
}

static bool has_head(struct serving *w)
{
	bool any = false;

	pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < w->n_heads; i++)
		any = any || w->heads[i].shown == w->connects;
	pthread_mutex_unlock(&w->lock);
	return any;
}

void serving_say_link(struct serving *w)
{
	char address[LINK_ADDRESS];
	uint64_t connects = link_connects(w->link);

	if (!link_up(w->link)) {
		if (!w->lost)
			say(w, "the connection to the NATS server is lost; trying again");
		w->lost = true;
		return;
	}
	if (connects != w->connects)
		begin(w, connects);
	if (w->alone || has_head(w) || clock_now() - w->connected < HEAD_PATIENCE * CLOCK_SECOND)
		return;
	w->alone = true;
	link_address(w->link, address);
	say(w, "connected to %s, where no head is heard of; waiting for a vdet with --fleet", address);
}

void serving_say_head(struct serving *w, const char *head)
{
	char address[LINK_ADDRESS];
	int busy = 0;

	/* What was sent has arrived at the server. */
	if (natsConnection_FlushTimeout(w->link->nc, 1000))
		return;
	pthread_mutex_lock(&w->lock);
	for (int i = 0; i < w->o->slots; i++)
		busy += w->tokens[i] != NULL;
	pthread_mutex_unlock(&w->lock);
	link_address(w->link, address);
	if (busy)
		say(w, "connected to %s%s, head %s, units in progress: %d", address,
		    w->connects > 1 ? " again" : "", head, busy);
	else
		say(w, "connected to %s%s, head %s, waiting for work", address,
		    w->connects > 1 ? " again" : "", head);
}
