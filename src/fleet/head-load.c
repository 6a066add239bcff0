/* SPDX-License-Identifier: Apache-2.0 */
/* What waits, and what waited lately: for the same time as the figures of
 * workers, as advice is given by both. */
#include "base/clock.h"
#include "fleet/head-internal.h"

static const struct load *last_load(const struct fleet_head *h)
{
	return h->n_loads ? &h->loads[(h->n_loads - 1) % LOADS] : NULL;
}

struct head_units head_count_units(const struct fleet_head *h)
{
	struct head_units n = {0};

	for (const struct unit *u = h->units; u; u = u->next) {
		n.begun += u->running && u->last.attempt;
		n.waiting += u->running && !u->last.attempt;
		/* What no one asks for, as after a restart, waits for no one. */
		n.results += u->running ? (int64_t)u->n_letters : 0;
		n.unsettled += u->given.worker != NULL;
	}
	return n;
}

static void begin_work(struct fleet_head *h, int64_t now)
{
	h->work_since = now;
	for (struct worker *w = h->workers; w; w = w->next)
		history_restart(&w->history);
}

void head_note_load(struct fleet_head *h)
{
	int64_t now = clock_now();

	pthread_mutex_lock(&h->lock);
	const struct load *last = last_load(h);
	if (!last || now - last->at >= LOAD_EVERY * CLOCK_SECOND) {
		struct head_units n = head_count_units(h);
		h->loads[h->n_loads++ % LOADS] = (struct load){now, n.waiting, n.results + n.unsettled};
		if (n.waiting + n.begun + n.results + n.unsettled) {
			if (!h->work_since || now - h->work_last > LOAD_GAP * CLOCK_SECOND)
				begin_work(h, now);
			h->work_last = now;
		}
	}
	pthread_mutex_unlock(&h->lock);
}

json_t *head_load_json(const struct fleet_head *h)
{
	int64_t now = clock_now(), waited = 0, waiting = 0, results = 0, n = 0;
	uint64_t first = h->n_loads > LOADS ? h->n_loads - LOADS : 0;

	for (uint64_t i = first; i < h->n_loads; i++) {
		const struct load *l = &h->loads[i % LOADS];
		if (l->at < h->work_since)
			continue;
		n++;
		waited += l->waiting > 0;
		waiting += l->waiting;
		results += l->results;
	}
	double all = n ? (double)n : 1;
	bool works = h->work_since && now - h->work_last <= LOAD_GAP * CLOCK_SECOND;
	return json_pack("{s:b, s:f, s:f, s:f}", "works", (int)works, "waited", (double)waited / all,
	                 "waiting", (double)waiting / all, "results", (double)results / all);
}
