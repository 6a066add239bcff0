/* SPDX-License-Identifier: Apache-2.0 */
/* How long a worker may have a unit with which it says that it gets on. Nothing
 * is stopped that may be honest: another worker gets the unit as well, and the
 * first result counts. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "fleet/head-internal.h"

#define DEFAULT_TIMEOUT (1800 * CLOCK_SECOND) /* of a unit that has none */

enum {
	KNOWN = 3,   /* units of a kind after which a worker's time for them is known */
	SLOWER = 10, /* times the longest time of the other worker */
	BUSY = 4,    /* times as long, if the other worker is not free now */
	DOUBLED = 8, /* how often, at most */
	FORGETS = 16,
};

int64_t unit_took(const struct unit *u, const struct letter *l)
{
	bool known = l->result.attempt == u->attempt && l->result.delivery == 1;

	/* A result may be looked at before the start is heard of. */
	return known ? clock_now() - (u->held ? u->held : u->put) : 0;
}

void worker_took(struct worker *w, const char *kind, int64_t took)
{
	struct pace *p = w->paces;
	const struct pace *end = w->paces + ARRAY_LEN(w->paces);

	while (p < end && *p->kind && strcmp(p->kind, kind) != 0)
		p++;
	if (p == end || !took)
		return;
	snprintf(p->kind, sizeof p->kind, "%s", kind);
	p->n++;
	/* One that took very long is forgotten slowly. */
	p->longest = took > p->longest ? took : p->longest - (p->longest - took) / FORGETS;
}

/* The longest time that it had such a unit lately; 0: not known. */
static int64_t longest(const struct worker *w, const char *kind)
{
	for (size_t i = 0; i < ARRAY_LEN(w->paces); i++)
		if (!strcmp(w->paces[i].kind, kind) && w->paces[i].n >= KNOWN)
			return w->paces[i].longest;
	return 0;
}

/* Twice as long for each other worker that was too slow: then it may be the
 * unit. Half as long for each time that this one was. */
static int64_t allowed(const struct fleet_head *h, const struct unit *u, int64_t other)
{
	int64_t timeout = u->view.timeout ? u->view.timeout : DEFAULT_TIMEOUT;
	int64_t most = SLOWER * other > timeout ? SLOWER * other : timeout, least = 2 * h->ack_wait;
	int doubled = 0;

	least = least < most ? least : most;
	for (size_t i = 0; i < u->n_reports; i++) {
		const struct report *r = &u->reports[i];
		if (r->kind != REPORT_SILENT)
			continue;
		if (strcmp(r->worker, u->last_worker) != 0)
			most *= doubled++ < DOUBLED ? 2 : 1;
		else
			for (int64_t n = 0; n < r->times && most / 2 >= least; n++)
				most /= 2;
	}
	return most;
}

/* Another worker that could have done it long ago. */
static const struct worker *quicker(const struct fleet_head *h, const struct unit *u, int64_t held,
                                    int64_t *ret_longest)
{
	for (const struct worker *w = h->workers; w; w = w->next) {
		int64_t other = longest(w, u->view.kind);
		bool could = other && worker_lives(w) && worker_serves(w, u->view.model) &&
		             !worker_has(w, u->id) && !unit_has_report(u, w->name) &&
		             strcmp(w->name, u->last_worker) != 0 &&
		             !(u->view.not_by && !strcmp(u->view.not_by, w->name));
		bool free = (int64_t)w->beat.n_units < w->beat.slots;
		if (could && held > allowed(h, u, other) * (free ? 1 : BUSY)) {
			*ret_longest = other;
			return w;
		}
	}
	return NULL;
}

/* Those that say that they have it, and never said that they began. */
static void report_holders(struct fleet_head *h, struct unit *u)
{
	for (const struct worker *w = h->workers; w && !u->last.attempt; w = w->next)
		if (worker_has(w, u->id)) {
			unit_report(u, REPORT_SILENT, w->name, 0, "did not end");
			head_count(h, w->name, END_SILENT);
		}
}

bool unit_is_late(struct fleet_head *h, struct unit *u, char *ret_why, size_t size)
{
	int64_t held = u->held ? clock_now() - u->held : 0, other = 0;
	char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX];
	const struct worker *w = held ? quicker(h, u, held, &other) : NULL;

	if (!w)
		return false;
	snprintf(ret_why, size, "is in progress for %s at worker %s, and worker %s does one in %s",
	         clock_short(held, a), u->last.attempt ? u->last_worker : "?", w->name,
	         clock_short(other, b));
	report_holders(h, u);
	return true;
}
