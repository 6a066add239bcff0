/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "fleet/head-internal.h"

void letter_clear(struct letter *l)
{
	wire_result_clear(&l->result);
	free(l->worker);
	free(l->reply);
	*l = (struct letter){0};
}

static struct unit **bucket(struct fleet_head *h, const char *id)
{
	uint32_t n = 2166136261; /* FNV-1a */

	for (const char *p = id; *p; p++)
		n = (n ^ (unsigned char)*p) * 16777619;
	return &h->buckets[n & (HEAD_BUCKETS - 1)];
}

struct unit *unit_find(struct fleet_head *h, const char *id)
{
	struct unit *u = *bucket(h, id);

	while (u && strcmp(u->id, id) != 0)
		u = u->chain;
	return u;
}

static void add(struct fleet_head *h, struct unit *u)
{
	struct unit **place = bucket(h, u->id);

	u->chain = *place;
	*place = u;
	u->next = h->units;
	u->at = &h->units;
	if (u->next)
		u->next->at = &u->next;
	h->units = u;
	h->n_units++;
}

struct unit *unit_find_or_add(struct fleet_head *h, const char *id)
{
	struct unit *u = unit_find(h, id);

	if (!u && h->n_units < HEAD_UNITS) {
		u = mem_alloc(1, sizeof *u);
		snprintf(u->id, sizeof u->id, "%s", id);
		add(h, u);
	}
	if (u)
		u->since = clock_now();
	return u;
}

void unit_remove(struct fleet_head *h, struct unit *u)
{
	struct unit **chain = bucket(h, u->id);

	while (*chain != u)
		chain = &(*chain)->chain;
	*chain = u->chain;
	*u->at = u->next;
	if (u->next)
		u->next->at = u->at;
	h->n_units--;
	for (size_t i = 0; i < u->n_letters; i++)
		letter_clear(&u->letters[i]);
	letter_clear(&u->given);
	wakeup_free(u->wake);
	free(u);
}

void unit_report(struct unit *u, enum report_kind kind, const char *worker, int64_t attempt,
                 const char *text)
{
	struct report *r = NULL;

	for (size_t i = 0; i < u->n_reports && !r; i++)
		if (u->reports[i].kind == kind && !strcmp(u->reports[i].worker, worker))
			r = &u->reports[i];
	if (!r) {
		/* More than that fail for good, unless they only refuse. */
		if (u->n_reports == HEAD_REPORTS)
			memmove(u->reports, u->reports + 1, sizeof *u->reports * --u->n_reports);
		r = &u->reports[u->n_reports++];
		*r = (struct report){.kind = kind};
		snprintf(r->worker, sizeof r->worker, "%s", worker);
	}
	r->attempt = attempt > r->attempt ? attempt : r->attempt;
	r->times++;
	snprintf(r->text, sizeof r->text, "%s", text);
}

bool unit_was_reported(const struct unit *u, const char *worker, int64_t attempt)
{
	for (size_t i = 0; i < u->n_reports; i++)
		if (!strcmp(u->reports[i].worker, worker) && attempt <= u->reports[i].attempt)
			return true;
	return false;
}

void unit_end_silent(struct fleet_head *h, struct unit *u)
{
	if (u->last.attempt) {
		unit_report(u, REPORT_SILENT, u->last_worker, 0, "ended without a word");
		head_count(h, u->last_worker, END_SILENT);
	}
	u->last = (struct wire_start){0};
}

void unit_start(struct fleet_head *h, struct unit *u, const struct wire_start *s,
                const char *worker)
{
	if (s->attempt < u->last.attempt ||
	    (s->attempt == u->last.attempt && s->delivery <= u->last.delivery))
		return;
	unit_end_silent(h, u);
	/* Another attempt was counted when it was published. Deliveries before the
	 * first start were to workers that are not to do it. */
	h->counts.redelivered += u->starts && s->delivery > 1;
	u->last = *s;
	u->last_at = clock_now();
	u->held = u->held ? u->held : u->last_at;
	u->lonely = 0;
	snprintf(u->last_worker, sizeof u->last_worker, "%s", worker);
	u->starts++;
}

struct worker *worker_find(struct fleet_head *h, const char *name)
{
	struct worker *w = h->workers;

	while (w && strcmp(w->name, name) != 0)
		w = w->next;
	return w;
}

void head_count(struct fleet_head *h, const char *worker, enum delivery_end end)
{
	struct head_counts *c = &h->counts;
	struct worker *w = worker_find(h, worker);

	int64_t *const of_all[] = {&c->done, &c->failed, &c->refused, &c->silent};
	++*of_all[end];
	if (w) {
		int64_t *const of_worker[] = {&w->done, &w->failed, &w->refused, &w->silent};
		++*of_worker[end];
	}
}

static void count(const struct unit *u, enum report_kind kind, int64_t *ret_workers,
                  int64_t *ret_times)
{
	*ret_workers = *ret_times = 0;
	for (size_t i = 0; i < u->n_reports; i++)
		if (u->reports[i].kind == kind) {
			++*ret_workers;
			*ret_times += u->reports[i].times;
		}
}

static void history(const struct unit *u, enum report_kind kind, struct buf *out)
{
	for (size_t i = 0; i < u->n_reports; i++) {
		const struct report *r = &u->reports[i];
		if (r->kind != kind)
			continue;
		buf_addf(out, "%s%s", out->len ? "; " : "", r->worker);
		if (r->times > 1)
			buf_addf(out, " (%lld times)", (long long)r->times);
		if (kind != REPORT_SILENT)
			buf_addf(out, ": %.*s", 200, r->text);
	}
}

bool worker_lives(const struct worker *w)
{
	return !w->beat.draining && w->heard + WORKER_LOST * CLOCK_SECOND > clock_now();
}

bool worker_has(const struct worker *w, const char *id)
{
	for (size_t i = 0; i < w->beat.n_units; i++)
		if (!strcmp(w->beat.units[i], id))
			return true;
	return false;
}

bool worker_serves(const struct worker *w, const char *model)
{
	for (size_t i = 0; i < w->beat.n_models; i++)
		if (!strcmp(w->beat.models[i], model))
			return true;
	return !*model;
}

/* Sets of what is reported. */
#define KIND(kind) (1u << (kind))
#define ANY (~0u)

static bool reported(const struct unit *u, const char *worker, unsigned kinds)
{
	for (size_t i = 0; i < u->n_reports; i++)
		if (!strcmp(u->reports[i].worker, worker) && KIND(u->reports[i].kind) & kinds)
			return true;
	return false;
}

bool unit_has_report(const struct unit *u, const char *worker)
{
	return reported(u, worker, ANY);
}

/* Whether a worker is there that can do it, and of which none of this is
 * known. */
static bool has_others(const struct fleet_head *h, const struct unit *u, unsigned kinds)
{
	for (const struct worker *w = h->workers; w; w = w->next)
		if (worker_lives(w) && worker_serves(w, u->view.model) && !reported(u, w->name, kinds))
			return true;
	return false;
}

bool unit_is_lonely(const struct fleet_head *h, const struct unit *u)
{
	bool idle = false;

	for (const struct worker *w = h->workers; w; w = w->next) {
		if (!worker_lives(w) || !worker_serves(w, u->view.model))
			continue;
		if (worker_has(w, u->id))
			return false;
		idle = idle || ((int64_t)w->beat.n_units < w->beat.slots && !reported(u, w->name, ANY));
	}
	return idle;
}

/* One worker alone may be the reason, as long as another one can try. */
static bool is_reported(const struct fleet_head *h, const struct unit *u)
{
	int64_t workers, times;

	count(u, REPORT_FAILED, &workers, &times);
	return workers >= FAIL_WORKERS ||
	       (times >= FAIL_REPORTS && !has_others(h, u, KIND(REPORT_REFUSED) | KIND(REPORT_FAILED)));
}

bool unit_has_failed(const struct fleet_head *h, const struct unit *u, struct err *err)
{
	AUTO(buf_free) struct buf text = BUF(4096);
	int64_t workers, times;

	if (is_reported(h, u)) {
		history(u, REPORT_FAILED, &text);
		err_set(err, ERR_ENGINE, "workers reported failures: %s", buf_str(&text));
		return true;
	}
	count(u, REPORT_SILENT, &workers, &times);
	if ((workers >= SILENT_WORKERS && times >= SILENT) ||
	    (times >= SILENT_STOP && !has_others(h, u, KIND(REPORT_REFUSED) | KIND(REPORT_SILENT)))) {
		history(u, REPORT_SILENT, &text);
		err_set(err, ERR_DIED, "%lld times a worker began and was not heard of again: %s",
		        (long long)times, buf_str(&text));
		return true;
	}
	if (u->back_since && u->back_since + BACK_MOST * CLOCK_SECOND < clock_now()) {
		history(u, REPORT_BACK, &text);
		err_set(err, ERR_IO, "for an hour workers gave it back: %s", buf_str(&text));
		return true;
	}
	return false;
}

bool unit_has_worker(const struct fleet_head *h, const struct unit *u)
{
	int64_t now = clock_now();

	if (h->started + HELLO * CLOCK_SECOND > now)
		return true;
	for (const struct worker *w = h->workers; w; w = w->next) {
		bool has = u->last.attempt && !strcmp(u->last_worker, w->name) &&
		           w->heard + WORKER_LOST * CLOCK_SECOND > now &&
		           !reported(u, w->name, KIND(REPORT_SILENT));
		if (has ||
		    (worker_lives(w) && worker_serves(w, u->view.model) && !reported(u, w->name, ANY)))
			return true;
	}
	return false;
}

void unit_avoid(const struct fleet_head *h, const struct unit *u,
                const char *ret[static WIRE_MAX_AVOID + 1])
{
	bool others = has_others(h, u, ANY);
	size_t n = 0;

	if (u->view.not_by)
		ret[n++] = u->view.not_by;
	for (size_t i = 0; i < u->n_reports && n < WIRE_MAX_AVOID; i++)
		if (others || u->reports[i].kind == REPORT_REFUSED)
			ret[n++] = u->reports[i].worker;
	ret[n] = NULL;
}

bool unit_has_other(const struct fleet_head *h, const struct unit *u)
{
	for (const struct worker *w = h->workers; w; w = w->next)
		if (strcmp(w->name, u->view.not_by) != 0 && worker_lives(w) &&
		    worker_serves(w, u->view.model))
			return true;
	return false;
}
