/* SPDX-License-Identifier: Apache-2.0 */
/* A clock as JSON, written and read. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "wallclock/wallclock.h"

enum { VERSION = 1, LISTS_MAX = 100000, TEXT_BYTES = 500 };

/* more than 3000 years */
#define TIME_MAX INT64_C(100000000000000000)

/* ---- writing ---- */

static json_t *fit_json(const struct wallclock_fit *f)
{
	json_t *pieces = json_array();
	for (size_t i = 0; i < f->n_pieces; i++) {
		const struct wallclock_piece *p = &f->pieces[i];
		json_array_append_new(
			pieces,
			json_pack("{s:I, s:I, s:I, s:f, s:I, s:I, s:o}", "start_us", (json_int_t)p->start,
		              "end_us", (json_int_t)p->end, "at_us", (json_int_t)p->at, "speed", p->speed,
		              "residual_us", (json_int_t)p->residual, "readings", (json_int_t)p->readings,
		              "utc_offset_s",
		              p->offset == WALLCLOCK_NO_OFFSET ? json_null() : json_integer(p->offset)));
	}
	return json_pack("{s:s, s:o}", "order", f->order, "pieces", pieces);
}

static json_t *break_json(const struct wallclock_clock *c, const struct wallclock_break *b)
{
	AUTO(mem_freep) char *text = wallclock_break_text(c, b);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:s, s:b, s:s, s:s}", "before_us",
	                 (json_int_t)b->before, "after_us", (json_int_t)b->after, "clock_before_us",
	                 (json_int_t)b->clock_before, "clock_after_us", (json_int_t)b->clock_after,
	                 "jump_us", (json_int_t)b->jump, "verdict", wallclock_verdict_name[b->verdict],
	                 "daylight", b->daylight, "why", b->why, "text", text);
}

static json_t *clock_json(const struct wallclock_clock *c)
{
	json_t *fits = json_array(), *breaks = json_array(), *samples = json_array();
	for (size_t i = 0; i < c->n_fits; i++)
		json_array_append_new(fits, fit_json(&c->fits[i]));
	for (size_t i = 0; i < c->n_breaks; i++)
		json_array_append_new(breaks, break_json(c, &c->breaks[i]));
	for (size_t i = 0; i < c->n_samples; i++)
		json_array_append_new(samples, json_pack("[I, s, b]", (json_int_t)c->samples[i].time,
		                                         c->samples[i].text, c->samples[i].used));
	return json_pack("{s:s, s:s, s:[i, i, i, i], s:i, s:s, s:b, s:I, s:I, s:o, s:o, s:o}", "source",
	                 wallclock_source_name[c->source], "name", c->name, "box", c->box[0], c->box[1],
	                 c->box[2], c->box[3], "turn", c->turn, "format", c->format, "dated", c->dated,
	                 "unit_us", (json_int_t)c->unit, "period_us", (json_int_t)c->period, "fits",
	                 fits, "breaks", breaks, "samples", samples);
}

json_t *wallclock_json(const struct wallclock *w)
{
	json_t *clocks = json_array();
	for (size_t i = 0; i < w->n_clocks; i++)
		json_array_append_new(clocks, clock_json(&w->clocks[i]));
	return json_pack("{s:i, s:s, s:s, s:I, s:o}", "version", VERSION, "timezone",
	                 w->zone ? w->zone : "", "fault", w->fault ? w->fault : "", "reads",
	                 (json_int_t)w->reads, "clocks", clocks);
}

char *wallclock_write(const struct wallclock *w)
{
	json_auto_t *all = wallclock_json(w);
	return all ? json_dumps(all, JSON_COMPACT) : mem_strdup("");
}

/* ---- reading ---- */

static bool read_int(const json_t *o, const char *key, int64_t least, int64_t most, int64_t *ret)
{
	const json_t *v = json_object_get(o, key);
	*ret = json_integer_value(v);
	return json_is_integer(v) && *ret >= least && *ret <= most;
}

static bool read_text(const json_t *o, const char *key, char **ret)
{
	const json_t *v = json_object_get(o, key);
	*ret = text_line(json_is_string(v) ? json_string_value(v) : "", TEXT_BYTES);
	return json_is_string(v);
}

static bool read_name(const json_t *o, const char *key, const char *const *names, int n, int *ret)
{
	for (int i = 0; i < n; i++)
		if (strcmp(json_text(o, key), names[i]) == 0) {
			*ret = i;
			return true;
		}
	return false;
}

static void *read_list(const json_t *o, const char *key, size_t size, size_t *ret_n)
{
	const json_t *list = json_object_get(o, key);
	size_t n = json_array_size(list);
	*ret_n = json_is_array(list) && n <= LISTS_MAX ? n : 0;
	return mem_alloc(*ret_n + 1, size);
}

static bool read_piece(const json_t *o, struct wallclock_piece *p)
{
	int64_t readings, offset;
	const json_t *zone = json_object_get(o, "utc_offset_s");
	p->speed = json_number_value(json_object_get(o, "speed"));
	bool ok = read_int(o, "start_us", -TIME_MAX, TIME_MAX, &p->start) &&
	          read_int(o, "end_us", p->start, TIME_MAX, &p->end) &&
	          read_int(o, "at_us", -TIME_MAX, TIME_MAX, &p->at) &&
	          read_int(o, "residual_us", 0, TIME_MAX, &p->residual) &&
	          read_int(o, "readings", 0, TIME_MAX, &readings) && isfinite(p->speed) &&
	          fabs(p->speed) <= 1e6;
	p->readings = ok ? (size_t)readings : 0;
	p->offset = WALLCLOCK_NO_OFFSET;
	if (!ok || json_is_null(zone))
		return ok;
	ok = read_int(o, "utc_offset_s", -86400, 86400, &offset);
	p->offset = ok ? (int)offset : WALLCLOCK_NO_OFFSET;
	return ok;
}

static bool read_fit(const json_t *o, struct wallclock_fit *f)
{
	const json_t *list = json_object_get(o, "pieces");
	bool ok = read_text(o, "order", &f->order);
	f->pieces = read_list(o, "pieces", sizeof *f->pieces, &f->n_pieces);
	for (size_t i = 0; i < f->n_pieces; i++) {
		ok &= read_piece(json_array_get(list, i), &f->pieces[i]);
		ok &= i == 0 || f->pieces[i].start >= f->pieces[i - 1].start;
	}
	return ok;
}

static bool read_break(const json_t *o, struct wallclock_break *b)
{
	int verdict = 0;
	bool ok = read_int(o, "before_us", -TIME_MAX, TIME_MAX, &b->before) &&
	          read_int(o, "after_us", b->before, TIME_MAX, &b->after) &&
	          read_int(o, "clock_before_us", -TIME_MAX, TIME_MAX, &b->clock_before) &&
	          read_int(o, "clock_after_us", -TIME_MAX, TIME_MAX, &b->clock_after) &&
	          read_int(o, "jump_us", -TIME_MAX, TIME_MAX, &b->jump) &&
	          read_name(o, "verdict", wallclock_verdict_name, WALLCLOCK_VERDICTS, &verdict);
	b->verdict = (enum wallclock_verdict)verdict;
	b->daylight = json_is_true(json_object_get(o, "daylight"));
	return read_text(o, "why", &b->why) && ok;
}

static bool read_sample(const json_t *o, struct wallclock_sample *s)
{
	const json_t *text = json_array_get(o, 1);
	s->time = json_integer_value(json_array_get(o, 0));
	s->text = text_line(json_is_string(text) ? json_string_value(text) : "", TEXT_BYTES);
	s->used = json_is_true(json_array_get(o, 2));
	return json_is_string(text) && json_is_integer(json_array_get(o, 0));
}

static bool read_clock(const json_t *o, struct wallclock_clock *c)
{
	int source = 0;
	int64_t turn = 0;
	bool ok = read_name(o, "source", wallclock_source_name, WALLCLOCK_SOURCES, &source);
	c->source = (enum wallclock_source)source;
	ok &= read_text(o, "name", &c->name);
	ok &= read_text(o, "format", &c->format);
	for (size_t i = 0; i < 4; i++) {
		json_int_t v = json_integer_value(json_array_get(json_object_get(o, "box"), i));
		ok &= v >= 0 && v <= 10000;
		c->box[i] = ok ? (int)v : 0;
	}
	c->dated = json_is_true(json_object_get(o, "dated"));
	ok &= read_int(o, "turn", 0, 270, &turn);
	c->turn = ok ? (int)turn : 0;
	ok &= read_int(o, "unit_us", 0, TIME_MAX, &c->unit);
	ok &= read_int(o, "period_us", 0, TIME_MAX, &c->period);
	c->fits = read_list(o, "fits", sizeof *c->fits, &c->n_fits);
	for (size_t i = 0; i < c->n_fits; i++)
		ok &= read_fit(json_array_get(json_object_get(o, "fits"), i), &c->fits[i]);
	c->breaks = read_list(o, "breaks", sizeof *c->breaks, &c->n_breaks);
	for (size_t i = 0; i < c->n_breaks; i++)
		ok &= read_break(json_array_get(json_object_get(o, "breaks"), i), &c->breaks[i]);
	c->samples = read_list(o, "samples", sizeof *c->samples, &c->n_samples);
	for (size_t i = 0; i < c->n_samples; i++)
		ok &= read_sample(json_array_get(json_object_get(o, "samples"), i), &c->samples[i]);
	return ok;
}

int wallclock_read(const char *text, struct wallclock **ret, struct err *err)
{
	AUTO(wallclock_freep) struct wallclock *w = mem_alloc(1, sizeof *w);
	json_auto_t *all = NULL;
	int64_t version, reads;
	if (!text || !*text) {
		w->zone = mem_strdup("");
		w->fault = mem_strdup("");
		*ret = TAKE(w);
		return 0;
	}
	int r = json_read_foreign(text, strlen(text), &all, err);
	if (r < 0)
		return err_wrap(err, "the clock of a run in the journal is damaged");
	bool ok = read_int(all, "version", VERSION, VERSION, &version) &&
	          read_int(all, "reads", 0, TIME_MAX, &reads);
	w->reads = ok ? (size_t)reads : 0;
	ok &= read_text(all, "timezone", &w->zone);
	ok &= read_text(all, "fault", &w->fault);
	w->clocks = read_list(all, "clocks", sizeof *w->clocks, &w->n_clocks);
	for (size_t i = 0; i < w->n_clocks; i++)
		ok &= read_clock(json_array_get(json_object_get(all, "clocks"), i), &w->clocks[i]);
	if (!ok)
		return err_set(
			err, ERR_FORMAT,
			"the clock of a run in the journal is damaged, or of another version of vdet");
	*ret = TAKE(w);
	return 0;
}
