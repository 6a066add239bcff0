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

struct unit *unit_find(struct fleet_head *h, const char *id)
{
	struct unit *u = h->units;

	while (u && strcmp(u->id, id) != 0)
		u = u->next;
	return u;
}

struct unit *unit_find_or_add(struct fleet_head *h, const char *id)
{
	struct unit *u = unit_find(h, id);

	if (!u && h->n_units < HEAD_UNITS) {
		u = mem_alloc(1, sizeof *u);
		snprintf(u->id, sizeof u->id, "%s", id);
		u->next = h->units;
		h->units = u;
		h->n_units++;
	}
	if (u)
		u->since = clock_now();
	return u;
}

void unit_remove(struct fleet_head *h, struct unit *u)
{
	struct unit **at = &h->units;

	while (*at != u)
		at = &(*at)->next;
	*at = u->next;
	h->n_units--;
	for (size_t i = 0; i < u->n_letters; i++)
		letter_clear(&u->letters[i]);
	letter_clear(&u->given);
	wakeup_free(u->wake);
	free(u);
}

void unit_report(struct unit *u, enum report_kind kind, const char *worker, const char *text)
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
	r->times++;
	snprintf(r->text, sizeof r->text, "%s", text);
}

void unit_end_silent(struct unit *u)
{
	if (u->last.attempt)
		unit_report(u, REPORT_SILENT, u->last_worker, "ended without a word");
	u->last = (struct wire_start){0};
}

void unit_start(struct unit *u, const struct wire_start *s, const char *worker)
{
	if (s->attempt < u->last.attempt ||
	    (s->attempt == u->last.attempt && s->delivery <= u->last.delivery))
		return;
	unit_end_silent(u);
	u->last = *s;
	u->last_at = clock_now();
	snprintf(u->last_worker, sizeof u->last_worker, "%s", worker);
	u->starts++;
}

void head_count(struct fleet_head *h, const char *worker, enum delivery_end end)
{
	struct head_counts *c = &h->counts;
	struct worker *w = h->workers;

	while (w && strcmp(w->name, worker) != 0)
		w = w->next;
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

bool unit_has_failed(const struct unit *u, struct err *err)
{
	AUTO(buf_free) struct buf text = BUF(4096);
	int64_t workers, times;

	count(u, REPORT_FAILED, &workers, &times);
	if (workers >= FAIL_WORKERS || times >= FAIL_REPORTS) {
		history(u, REPORT_FAILED, &text);
		err_set(err, ERR_ENGINE, "workers reported failures: %s", buf_str(&text));
		return true;
	}
	count(u, REPORT_SILENT, &workers, &times);
	if ((workers >= SILENT_WORKERS && times >= SILENT) || times >= SILENT_STOP) {
		history(u, REPORT_SILENT, &text);
		err_set(err, ERR_DIED, "%lld times a worker began and was not heard of again: %s",
		        (long long)times, buf_str(&text));
		return true;
	}
	return false;
}

bool worker_lives(const struct worker *w)
{
	return !w->beat.draining && w->heard + WORKER_LOST * CLOCK_SECOND > clock_now();
}

bool worker_serves(const struct worker *w, const char *model)
{
	for (size_t i = 0; i < w->beat.n_models; i++)
		if (!strcmp(w->beat.models[i], model))
			return true;
	return !*model;
}

static bool reported(const struct unit *u, const char *worker, bool any)
{
	for (size_t i = 0; i < u->n_reports; i++)
		if (!strcmp(u->reports[i].worker, worker) && (any || u->reports[i].kind == REPORT_REFUSED))
			return true;
	return false;
}

bool unit_has_worker(const struct fleet_head *h, const struct unit *u)
{
	int64_t now = clock_now();

	if (h->started + HELLO * CLOCK_SECOND > now)
		return true;
	for (const struct worker *w = h->workers; w; w = w->next) {
		bool has = u->last.attempt && !strcmp(u->last_worker, w->name) &&
		           w->heard + WORKER_LOST * CLOCK_SECOND > now;
		if (has ||
		    (worker_lives(w) && worker_serves(w, u->view.model) && !reported(u, w->name, false)))
			return true;
	}
	return false;
}

void unit_avoid(const struct fleet_head *h, const struct unit *u,
                const char *ret[static WIRE_MAX_AVOID + 1])
{
	bool others = false;
	size_t n = 0;

	for (const struct worker *w = h->workers; w; w = w->next)
		others = others || (worker_lives(w) && worker_serves(w, u->view.model) &&
		                    !reported(u, w->name, true));
	for (size_t i = 0; i < u->n_reports && n < WIRE_MAX_AVOID; i++)
		if (others || u->reports[i].kind == REPORT_REFUSED)
			ret[n++] = u->reports[i].worker;
	ret[n] = NULL;
}
