/* SPDX-License-Identifier: Apache-2.0 */
#include "report/second.h"

#include <stdlib.h>

#include "report/text.h"
#include "store/second.h"

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
	return e;
}

void report_second_clear(struct report_second *s)
{
	free(s->context);
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

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));
	return text ? text : "";
}

void report_second_text(const struct report_second *s, struct buf *out)
{
	size_t i;
	json_t *event;
	if (!s->context)
		return;
	if (!s->earlier) {
		buf_addf(out, "It was to be described again%s%s", *s->reason ? ", which failed: " : "",
		         s->reason);
		return;
	}
	buf_addf(out, "Described twice. The first pass said: %s", text_of(s->earlier, "summary"));
	json_array_foreach (json_object_get(s->earlier, "events"), i, event)
		buf_addf(out, " %s", text_of(event, "what"));
}
