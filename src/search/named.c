/* SPDX-License-Identifier: Apache-2.0 */
#include "search/named.h"

#include "base/log.h"
#include "base/mem.h"

struct naming {
	const struct store_query *query;
	bool (*fn)(void *ctx, const char *job, const struct report_event *e, const char *text);
	void *ctx;
	bool end;
};

static bool is_in_range(const struct store_query *q, const struct report_event *e)
{
	return e->end >= q->from && (!q->to || e->start <= q->to);
}

static void call_each(struct naming *n, const struct report *r, const struct report_event *events,
                      size_t n_events)
{
	for (size_t i = 0; i < n_events && !n->end; i++) {
		const struct report_event *e = &events[i];
		if (!e->subject || !*e->subject->name || !is_in_range(n->query, e))
			continue;
		AUTO(mem_freep) char *text = mem_printf("%s: %s", e->subject->name, e->what);
		n->end = !n->fn(n->ctx, r->job, e, text);
	}
}

/* Of one run. One that was removed meanwhile, or whose journal is damaged, does
 * not keep the others from being found. */
static int each_of(struct naming *n, struct store *s, const char *job, struct err *err)
{
	AUTO(report_freep) struct report *report = NULL;
	int r = report_load_text(s, job, REPORT_NORMAL, &report, err);
	if (r == -ERR_FORMAT)
		log_warning("%s", err->msg);
	if (r == -ERR_NOENT || r == -ERR_FORMAT)
		return 0;
	if (r == 0) {
		call_each(n, report, report->events, report->n_events);
		call_each(n, report, report->states, report->n_states);
	}
	return r;
}

int named_each(struct store *s, const struct store_query *q, size_t most,
               bool (*fn)(void *, const char *, const struct report_event *, const char *),
               void *ctx, bool *ret_cut, struct err *err)
{
	struct naming naming = {.query = q, .fn = fn, .ctx = ctx};
	char **jobs = NULL;
	size_t n = 0;
	int r = store_search_names(s, q, &jobs, &n, err);
	for (size_t i = 0; i < n && i < most && r == 0 && !naming.end; i++)
		r = each_of(&naming, s, jobs[i], err);
	*ret_cut = n > most || n == STORE_NAMED_MAX;
	store_ids_free(jobs, n);
	return r;
}
