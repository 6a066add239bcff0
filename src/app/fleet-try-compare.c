/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/fleet-try.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

enum { REPORT_MAX = 256 << 20, SHOWN = 20, DIFFERENCES_MAX = 1 << 16 };

static int load(const char *dir, json_t **ret, struct err *err)
{
	AUTO(mem_freep) char *path = file_join(dir, "report.json");
	AUTO(buf_free) struct buf text = BUF(REPORT_MAX);
	json_error_t why;
	int r = file_read(path, &text, err);
	if (r < 0)
		return r;
	*ret = json_loadb(buf_str(&text), text.len, 0, &why);
	return *ret ? 0 : err_set(err, ERR_FORMAT, "%s: %s", path, why.text);
}

static void add_event(struct buf *out, const char *who, const json_t *event)
{
	char start[CLOCK_TEXT_MAX], end[CLOCK_TEXT_MAX];
	AUTO(mem_freep) char *what = text_line(json_text(event, "what"), 200);
	clock_short(llround(json_number_value(json_object_get(event, "start")) * 1e6), start);
	clock_short(llround(json_number_value(json_object_get(event, "end")) * 1e6), end);
	buf_addf(out, "%s: %s-%s %s\n", who, start, end, what);
}

static bool has(const json_t *events, const json_t *event)
{
	size_t i;
	json_t *e;
	json_array_foreach (events, i, e)
		if (json_equal(e, event))
			return true;
	return false;
}

/* Events of one list that are not in the other. */
static void add_missing(struct buf *out, const char *who, const json_t *events, const json_t *other)
{
	size_t i, n = 0;
	json_t *e;
	json_array_foreach (events, i, e) {
		if (has(other, e))
			continue;
		if (n++ < SHOWN)
			add_event(out, who, e);
	}
	if (n > SHOWN)
		buf_addf(out, "%s: %zu more\n", who, n - SHOWN);
}

int try_compare(const char *fleet, const char *alone, struct try_comparison *ret, struct err *err)
{
	json_auto_t *a = NULL, *b = NULL;
	int r = load(fleet, &a, err);
	if (r == 0)
		r = load(alone, &b, err);
	if (r < 0)
		return r;
	const json_t *ours = json_object_get(a, "events"), *theirs = json_object_get(b, "events");
	*ret = (struct try_comparison){.chunks = json_array_size(json_object_get(a, "chunks")),
	                               .events = json_array_size(ours),
	                               .same = json_is_array(ours) && json_equal(ours, theirs),
	                               .differences = BUF(DIFFERENCES_MAX)};
	add_missing(&ret->differences, "only with the fleet", ours, theirs);
	add_missing(&ret->differences, "only without it", theirs, ours);
	return 0;
}
