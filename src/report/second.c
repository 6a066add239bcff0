/* SPDX-License-Identifier: Apache-2.0 */
#include "report/second.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "report/text.h"
#include "store/second.h"

/* Sets `now` of the chunks that were described twice. */
static void set_now(struct report *r)
{
	size_t n, i, k;
	const struct report_part **all = report_parts(r, &n);
	for (i = 0; i < n; i = k) {
		struct report_second *second = &r->chunks[all[i]->chunk].second;
		struct buf now = BUF(1 << 20);
		for (k = i; k < n && all[k]->chunk == all[i]->chunk; k++)
			if (second->earlier)
				buf_addf(&now, "%s%s", k > i ? " " : "", all[k]->what);
		if (second->earlier)
			second->now = buf_take(&now);
	}
	free(all);
}

int report_seconds_load(struct store *s, struct report *r, struct err *err)
{
	struct store_second *rows = NULL;
	size_t n = 0;
	int e = store_seconds_load(s, r->job, &rows, &n, err);
	for (size_t i = 0; i < n; i++) {
		struct store_second *row = &rows[i];
		if (row->chunk < 0 || (size_t)row->chunk >= r->n_chunks)
			continue;
		r->chunks[row->chunk].second =
			(struct report_second){.context = TAKE(row->context),
		                           .earlier = json_loads(row->earlier, 0, NULL),
		                           .reason = TAKE(row->reason)};
	}
	store_seconds_free(rows, n);
	if (n)
		set_now(r);
	return e;
}

void report_second_clear(struct report_second *s)
{
	free(s->context);
	free(s->now);
	free(s->reason);
	json_decref(s->earlier);
	*s = (struct report_second){0};
}

json_t *report_second_json(const struct report_second *s)
{
	if (!s->context)
		return NULL;
	return json_pack("{s:s, s:O?, s:s?}", "context", s->context, "earlier", s->earlier, "reason",
	                 *s->reason ? s->reason : NULL);
}

static void print_earlier(const struct report_second *s, struct buf *out)
{
	size_t i;
	json_t *event;
	json_array_foreach (json_object_get(s->earlier, "events"), i, event)
		buf_addf(out, "%s%s", i ? " " : "", json_text(event, "what"));
}

void report_second_text(const struct report_second *s, struct buf *out)
{
	if (!s->context)
		return;
	if (!s->earlier) {
		buf_addf(out, "It was to be described again%s%s", *s->reason ? ", which failed: " : "",
		         s->reason);
		return;
	}

	AUTO(buf_free) struct buf before = BUF(1 << 20);
	const char *now = s->now ? s->now : "";
	print_earlier(s, &before);
	buf_adds(out, "It was in doubt, and described twice. ");
	if (strcmp(buf_str(&before), now) == 0)
		buf_adds(out, "Both passes reported the same");
	else
		buf_addf(out, "The first pass reported: %s The second: %s",
		         before.len ? buf_str(&before) : "nothing.", *now ? now : "nothing.");
}

void report_second_sum(const struct report *r, struct buf *out)
{
	size_t chosen = 0, again = 0;
	for (size_t i = 0; i < r->n_chunks; i++) {
		chosen += r->chunks[i].second.context != NULL;
		again += r->chunks[i].second.earlier != NULL;
	}
	if (chosen)
		buf_addf(out, "%zu of %zu chunks were in doubt, %zu of these described again", chosen,
		         r->n_chunks, again);
	else if (r->second_pass)
		buf_adds(out, "no chunk was in doubt");
}
