/* SPDX-License-Identifier: Apache-2.0 */
#include "report/clocks.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "report/chunk-json.h"
#include "store/wall-clock.h"

/* Boxes have 10000 units on each side. */
#define BOX_UNITS 10000.0

int report_clock_load(struct store *s, struct report *r, struct err *err)
{
	AUTO(mem_freep) char *text = NULL;
	struct err damage;
	int e = store_wall_clock_load(s, r->job, &text, err);
	if (e < 0 || !text)
		return e;
	if (wallclock_read(text, &r->clock, &damage) < 0) {
		r->clock = mem_alloc(1, sizeof *r->clock);
		r->clock->zone = mem_strdup("");
		r->clock->fault =
			mem_printf("what the journal has of the clock cannot be read: %s", damage.msg);
	}
	return 0;
}

static bool find_time(const struct report *r, int64_t time, struct wallclock_time *ret)
{
	return r->clock && wallclock_at(r->clock, time, ret);
}

const char *report_clock_at(const struct report *r, int64_t time,
                            char out[static WALLCLOCK_TEXT_MAX])
{
	struct wallclock_time t;
	out[0] = '\0';
	return find_time(r, time, &t) ? wallclock_text(&t, out) : out;
}

json_t *report_clock_at_json(const struct report *r, int64_t time)
{
	char text[WALLCLOCK_TEXT_MAX];
	report_clock_at(r, time, text);
	return *text ? json_string(text) : json_null();
}

bool report_clock_is_listed(const struct report *r)
{
	return r->clock && (r->clock->n_clocks || (r->clock->fault && *r->clock->fault));
}

size_t report_clock_breaks(const struct report *r)
{
	size_t n = 0;
	for (size_t i = 0; r->clock && i < r->clock->n_clocks; i++)
		n += r->clock->clocks[i].n_breaks;
	return n;
}

/* ---- JSON */

static json_t *fit_json(const struct wallclock_fit *f)
{
	json_t *pieces = json_array();
	for (size_t i = 0; i < f->n_pieces; i++) {
		const struct wallclock_piece *p = &f->pieces[i];
		json_t *offset = p->offset == WALLCLOCK_NO_OFFSET ? json_null() : json_integer(p->offset);
		json_array_append_new(pieces,
		                      json_pack("{s:f, s:f, s:f, s:f, s:f, s:I, s:o}", "start",
		                                result_seconds(p->start), "end", result_seconds(p->end),
		                                "at", result_seconds(p->at), "speed", p->speed, "residual",
		                                result_seconds(p->residual), "readings",
		                                (json_int_t)p->readings, "utc_offset", offset));
	}
	return json_pack("{s:s?, s:o}", "order", *f->order ? f->order : NULL, "pieces", pieces);
}

static json_t *break_json(const struct wallclock_clock *c, const struct wallclock_break *b)
{
	AUTO(mem_freep) char *text = wallclock_break_text(c, b);
	return json_pack("{s:f, s:f, s:f, s:f, s:f, s:s, s:b, s:s, s:s}", "before",
	                 result_seconds(b->before), "after", result_seconds(b->after), "clock_before",
	                 result_seconds(b->clock_before), "clock_after", result_seconds(b->clock_after),
	                 "jump", result_seconds(b->jump), "verdict", wallclock_verdict_name[b->verdict],
	                 "daylight", (int)b->daylight, "why", b->why, "text", text);
}

static json_t *box_json(const int *box)
{
	if (box[2] <= 0 || box[3] <= 0)
		return json_null();
	return json_pack("{s:f, s:f, s:f, s:f}", "x", box[0] / BOX_UNITS, "y", box[1] / BOX_UNITS,
	                 "width", box[2] / BOX_UNITS, "height", box[3] / BOX_UNITS);
}

static json_t *clock_json(const struct wallclock_clock *c)
{
	json_t *readings = json_array(), *breaks = json_array();
	for (size_t i = 0; i < c->n_fits; i++)
		json_array_append_new(readings, fit_json(&c->fits[i]));
	for (size_t i = 0; i < c->n_breaks; i++)
		json_array_append_new(breaks, break_json(c, &c->breaks[i]));
	return json_pack("{s:s, s:s, s:s?, s:b, s:f, s:f, s:o, s:i, s:o, s:o}", "source",
	                 wallclock_source_name[c->source], "name", c->name, "format",
	                 *c->format ? c->format : NULL, "dated", (int)c->dated, "unit",
	                 result_seconds(c->unit), "period", result_seconds(c->period), "box",
	                 box_json(c->box), "turn", c->turn, "readings", readings, "breaks", breaks);
}

json_t *report_clock_json(const struct report *r)
{
	const struct wallclock *w = r->clock;
	json_t *clocks = json_array();
	if (!w) {
		json_decref(clocks);
		return json_null();
	}
	for (size_t i = 0; i < w->n_clocks; i++)
		json_array_append_new(clocks, clock_json(&w->clocks[i]));
	return json_pack("{s:s?, s:s?, s:o}", "timezone", w->zone && *w->zone ? w->zone : NULL, "fault",
	                 w->fault && *w->fault ? w->fault : NULL, "clocks", clocks);
}

/* ---- for people */

/* At a time of the video by this clock, whichever counts. */
static void add_time(const struct wallclock_clock *c, int64_t time, struct buf *out)
{
	char text[WALLCLOCK_TEXT_MAX], at[CLOCK_TEXT_MAX];
	const struct wallclock one = {.clocks = (struct wallclock_clock *)c, .n_clocks = 1};
	struct wallclock_time t;
	if (wallclock_at(&one, time, &t))
		buf_addf(out, "%s at %s", wallclock_text(&t, text), clock_text(time, at));
}

void report_clock_text(const struct wallclock_clock *c, struct buf *out)
{
	const struct wallclock_fit *f = c->n_fits ? &c->fits[0] : NULL;
	size_t readings = 0;
	buf_adds(out, c->name);
	if (!f || !f->n_pieces)
		return;
	const struct wallclock_piece *last = &f->pieces[f->n_pieces - 1];
	buf_adds(out, ": ");
	add_time(c, f->pieces[0].start, out);
	if (last->end > f->pieces[0].start) {
		buf_adds(out, ", ");
		add_time(c, last->end, out);
	}
	for (size_t i = 0; i < f->n_pieces; i++)
		readings += f->pieces[i].readings;
	if (readings > 1)
		buf_addf(out, "; %zu readings", readings);
	if (c->n_fits > 1)
		buf_addf(out, "; the date can be read in %zu ways", c->n_fits);
	if (c->source == WALLCLOCK_PICTURE && !c->n_breaks)
		buf_adds(out, "; no jumps were found");
}

void report_break_text(const struct wallclock_clock *c, const struct wallclock_break *b,
                       struct buf *out)
{
	AUTO(mem_freep) char *text = wallclock_break_text(c, b);
	buf_addf(out, "%s: %s", text, wallclock_verdict_name[b->verdict]);
	if (*b->why)
		buf_addf(out, " (%s)", b->why);
}
