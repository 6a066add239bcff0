/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/placement.h"

#include <math.h>

#define LITTLE 1.25 /* expected times that differ by less count as equal */
#define SMOOTH 0.3  /* weight of the newest measurement */

/* ---- the breaker */

const char *breaker_name(enum breaker_state state)
{
	return state == BREAKER_CLOSED ? "closed" : state == BREAKER_OPEN ? "open" : "half-open";
}

void breaker_succeeded(struct breaker *b)
{
	*b = (struct breaker){.state = BREAKER_CLOSED};
}

void breaker_failed(struct breaker *b, int64_t now, int64_t asked, bool permanent)
{
	bool was_trial = b->state == BREAKER_HALF_OPEN;
	b->failures++;
	/* Requests that were sent before it opened say nothing new. */
	if (b->state == BREAKER_OPEN && !permanent && !asked)
		return;
	if (!was_trial && !permanent && !asked && b->failures < BREAKER_FAILURES)
		return;
	if (was_trial)
		b->trials++;
	if (permanent)
		b->trials = BREAKER_TRIALS;
	int64_t pause = BREAKER_PAUSE;
	for (int i = 0; i < b->trials && pause < BREAKER_PAUSE_MAX; i++)
		pause *= 2;
	if (permanent || pause > BREAKER_PAUSE_MAX)
		pause = BREAKER_PAUSE_MAX;
	b->state = BREAKER_OPEN;
	b->until = now + (asked > pause ? asked : pause);
}

bool breaker_allows(struct breaker *b, int64_t now)
{
	if (b->state == BREAKER_OPEN && now >= b->until)
		b->state = BREAKER_HALF_OPEN;
	return b->state != BREAKER_OPEN;
}

/* ---- placing */

void placement_measured(struct placement_backend *m, double seconds, double work)
{
	double unit = seconds / fmax(work, 1);
	m->unit = m->unit > 0 ? m->unit + SMOOTH * (unit - m->unit) : unit;
}

/* A backend that was not measured yet counts as fast as the others on average,
 * times its weight. */
static double unit_of(const struct placement_backend *all, size_t n,
                      const struct placement_backend *m)
{
	double sum = 0;
	size_t known = 0;
	for (size_t i = 0; i < n && m->unit <= 0; i++) {
		if (all[i].unit > 0) {
			sum += all[i].unit;
			known++;
		}
	}
	return (m->unit > 0 ? m->unit : known ? sum / (double)known : 1) / m->weight;
}

/* Seconds that this backend is expected to take for a request. One that has
 * been silent for longer is as slow as its silence shows, so that nothing waits
 * for one that hangs. */
static double service(const struct placement_backend *all, size_t n,
                      const struct placement_backend *m, double work)
{
	return fmax(unit_of(all, n, m) * work, m->silent);
}

int64_t placement_forecast(const struct placement_backend *m, size_t n, size_t queue, double work)
{
	double rate = 0;
	bool measured = false, any = false;
	for (size_t i = 0; i < n; i++) {
		if (m[i].cloud || m[i].gone || m[i].capped || m[i].slots <= 0 ||
		    m[i].breaker.state == BREAKER_OPEN)
			continue;
		any = true;
		measured |= m[i].unit > 0;
		rate += m[i].slots / (service(m, n, &m[i], work) * m[i].weight);
	}
	if (!any)
		return INT64_MAX;
	return measured ? (int64_t)((double)queue / rate * 1e6) : -1;
}

static bool has_room(const struct placement_backend *m)
{
	/* One trial at a time. */
	return m->ready && m->active < (m->breaker.state == BREAKER_HALF_OPEN ? 1 : m->slots);
}

/* Whether this backend may answer the request, now or later. */
static bool may_come(const struct placement_backend *m, const struct placement_request *w, size_t i)
{
	if (m->gone || m->capped || w->never >> i & 1 || (w->pictures && m->blind) || m->slots <= 0)
		return false;
	return m->breaker.state == BREAKER_CLOSED || m->breaker.trials < BREAKER_TRIALS ||
	       m->breaker.until <= w->now;
}

/* When a request that starts to wait now would end on a busy backend: its slots
 * are assumed to become free evenly over time. */
static double finish(const struct placement_backend *all, size_t n,
                     const struct placement_backend *m, double work)
{
	double t = service(all, n, m, work);
	return m->active < m->slots ? t : t * (1 + 1.0 / m->slots);
}

/* Whether the faster, busy backends will finish everything that waits before
 * `m` would finish this request. */
static bool better_idle(const struct placement_backend *all, size_t n, uint32_t allowed, size_t m,
                        const struct placement_request *w)
{
	double mine = service(all, n, &all[m], w->work), rate = 0;
	for (size_t i = 0; i < n; i++)
		if (i != m && allowed >> i & 1 && all[i].active > 0 && !has_room(&all[i]) && all[i].ready &&
		    all[i].slots > 0 && all[i].unit > 0 && finish(all, n, &all[i], w->work) < mine)
			rate += all[i].slots / service(all, n, &all[i], w->work);
	return rate > 0 && all[m].unit > 0 && (double)(w->queue + 1) / rate + 1 / rate < mine;
}

static int best_of(const struct placement_backend *m, size_t n, uint32_t allowed,
                   const struct placement_request *w)
{
	int best = PLACEMENT_WAIT;
	for (size_t i = 0; i < n; i++) {
		if (!(allowed >> i & 1) || !has_room(&m[i]))
			continue;
		double t = finish(m, n, &m[i], w->work),
			   b = best < 0 ? INFINITY : finish(m, n, &m[best], w->work);
		bool alike = t < b * LITTLE && b < t * LITTLE;
		/* Of equal ones the cheaper, then the one with more free slots. */
		bool better = alike ? m[i].cost < m[best].cost ||
		                          (m[i].cost == m[best].cost &&
		                           m[i].slots - m[i].active > m[best].slots - m[best].active)
		                    : t < b;
		if (better)
			best = (int)i;
	}
	return best >= 0 && better_idle(m, n, allowed, (size_t)best, w) ? PLACEMENT_WAIT : best;
}

int placement_pick(struct placement_backend *m, size_t n, const struct placement_request *w)
{
	uint32_t local = 0, cloud = 0, come = 0;
	bool only_cloud = true;
	for (size_t i = 0; i < n; i++) {
		only_cloud &= m[i].cloud;
		/* A single backend is retried as often as the user allows, because no
		 * other could answer. */
		bool open = n > 1 && !breaker_allows(&m[i].breaker, w->now);
		if (!may_come(&m[i], w, i))
			continue;
		come |= (uint32_t)1 << i;
		if (!open)
			*(m[i].cloud ? &cloud : &local) |= (uint32_t)1 << i;
	}

	if (only_cloud) {
		local = cloud;
		cloud = 0;
	}
	bool ask_cloud = only_cloud ||
	                 (cloud && w->cloud_after > 0 &&
	                  (!local || placement_forecast(m, n, w->queue + 1, w->work) > w->cloud_after));
	uint32_t allowed = ask_cloud ? local | cloud : local;

	uint32_t first = allowed & ~w->later, ready = 0;
	int best = best_of(m, n, first, w);
	for (size_t i = 0; i < n; i++)
		ready |= (uint32_t)m[i].ready << i;
	/* No other can answer now: the one that failed is used again. */
	if (best == PLACEMENT_WAIT && !(first & ready))
		best = best_of(m, n, allowed, w);
	if (best >= 0)
		return best;

	for (size_t i = 0; i < n; i++)
		if (m[i].cloud && !only_cloud && w->cloud_after <= 0)
			come &= ~((uint32_t)1 << i);
	return come ? PLACEMENT_WAIT : PLACEMENT_NONE;
}
