/* SPDX-License-Identifier: Apache-2.0 */
#include "job/wallclock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "decoder/decoder-index.h"
#include "job/wallclock-find.h"
#include "job/wallclock-look.h"
#include "store/wall-clock.h"
#include "wallclock/judge.h"
#include "wallclock/local.h"

enum { FAULT_MAX = 500, SIDE = 8, PICTURES_MAX = 64, JUDGED_MAX = 200 };

_Static_assert((int)JUDGE_W == (int)SIGNATURE_W && (int)JUDGE_H == (int)SIGNATURE_H, "its cells");

static void add_fault(struct wallclock *w, const char *fault)
{
	AUTO(mem_freep)
	char *all = w->fault && *w->fault ? mem_printf("%s; %s", w->fault, fault) : mem_strdup(fault);
	free(w->fault);
	w->fault = text_line(all, FAULT_MAX);
}

/* ---- breaks ---- */

/* Where the clock of the file jumps, too, a part was never recorded. */
static bool judge_gap(const struct clock_view *v, struct wallclock_break *b)
{
	size_t i;
	json_t *g;
	json_array_foreach (v->video.gaps, i, g) {
		int64_t at = json_integer_value(json_object_get(g, "time_us"));
		if (at < b->before || at > b->after + v->frame)
			continue;
		free(b->why);
		b->verdict = WALLCLOCK_INTERRUPTED;
		b->why = mem_printf("the time stamps in the file jump here, too (%s)",
		                    json_string_value(json_object_get(g, "kind"))
		                        ? json_string_value(json_object_get(g, "kind"))
		                        : "gap");
		return true;
	}
	return false;
}

/* The frames around a break, several on either side. */
static int judge_break(struct clock_view *v, const struct wallclock_clock *c,
                       struct wallclock_break *b, struct err *err)
{
	AUTO(signatures_clear) struct signatures seen = {0};
	AUTO(grids_clear) struct grids grids = {0};
	int64_t from = b->before - SIDE * v->frame, to = b->after + SIDE * v->frame;
	if (judge_gap(v, b))
		return 0;
	from = from > v->from ? from : v->from;
	int r = decoder_stretch(v->decoder, from, to < v->to ? to : v->to, true, PICTURES_MAX, &seen,
	                        &grids, err);
	if (r == -ERR_CANCELED)
		return r;
	if (r < 0) {
		log_debug("frames around a break of the clock: %s", err->msg);
		decoder_free(TAKE(v->decoder));
		r = decoder_open(v->file->fd, &v->file->decoder, v->cancel, &v->decoder, err);
	}
	AUTO(mem_freep) struct judge_picture *p = mem_alloc(seen.n + 1, sizeof *p);
	for (size_t i = 0; i < seen.n; i++) {
		p[i].time = seen.items[i].pts;
		memcpy(p[i].cells, seen.items[i].luma, sizeof p[i].cells);
	}
	wallclock_judge(p, seen.n, c, b);
	return r;
}

/* ---- the clock in the picture ---- */

static void move_times(struct wallclock_clock *c, int64_t by)
{
	for (size_t i = 0; i < c->n_samples; i++)
		c->samples[i].time += by;
	for (size_t i = 0; i < c->n_breaks; i++) {
		c->breaks[i].before += by;
		c->breaks[i].after += by;
	}
	for (size_t k = 0; k < c->n_fits; k++)
		for (size_t i = 0; i < c->fits[k].n_pieces; i++) {
			c->fits[k].pieces[i].start += by;
			c->fits[k].pieces[i].end += by;
		}
}

static void set_place(const struct clock_view *v, struct wallclock_clock *c)
{
	const struct text_region *t = &v->place.time, *d = &v->place.date;
	int x0 = t->x, y0 = t->y, x1 = t->x + t->w, y1 = t->y + t->h;
	if (d->w > 0) {
		x0 = x0 < d->x ? x0 : d->x;
		y0 = y0 < d->y ? y0 : d->y;
		x1 = x1 > d->x + d->w ? x1 : d->x + d->w;
		y1 = y1 > d->y + d->h ? y1 : d->y + d->h;
	}
	c->box[0] = x0;
	c->box[1] = y0;
	c->box[2] = x1 - x0;
	c->box[3] = y1 - y0;
	c->turn = t->turn;
}

static int follow(struct clock_view *v, struct wallclock_clock *c, bool *found, struct err *err)
{
	const struct wallclock_follow f = {
		.duration = v->to - v->from, .frame = v->frame, .look = clock_view_look, .ctx = v};
	size_t reads;
	int r = wallclock_follow(&f, c, &reads, found, err);
	if (r == 0 && *found && wallclock_is_counter(c))
		*found = false;
	move_times(c, v->from);
	set_place(v, c);
	for (size_t i = 0; i < c->n_breaks && i < JUDGED_MAX && r == 0 && *found; i++)
		r = judge_break(v, c, &c->breaks[i], err);
	return r;
}

/* One that is read in the frames turned like this. */
static int read_turned(struct clock_view *v, const struct clock_frames *f, int turn,
                       struct wallclock *w, bool *found, struct err *err)
{
	struct wallclock_clock *c = &w->clocks[w->n_clocks];
	int r = clock_find(v, f, turn, found, err);
	if (r < 0 || !*found)
		return r;
	c->source = WALLCLOCK_PICTURE;
	c->name = mem_strdup("the clock in the picture");
	w->n_clocks++; /* so that it is freed */
	r = follow(v, c, found, err);
	if (r < 0 || !*found)
		wallclock_drop(w, w->n_clocks - 1);
	return r;
}

/* Upright, as from a camera that hangs from the ceiling, and sideways. What is
 * read upside down may be a time by chance. */
static int read_picture(struct clock_view *v, const struct wallclock_options *o,
                        struct wallclock *w, struct err *err)
{
	static const int turns[] = {0, 180, 90, 270};
	AUTO(clock_frames_clear) struct clock_frames f = {0};
	const struct text_reader_options with = {.sandbox = o->sandbox, .background = o->background};
	bool found = false;
	int r = text_reader_open(&with, v->cancel, &v->reader, err);
	if (r == 0)
		r = clock_frames_take(v, &f, err);
	for (size_t i = 0; i < ARRAY_LEN(turns) && r == 0 && !found; i++)
		r = read_turned(v, &f, turns[i], w, &found, err);
	w->reads = v->reads;
	return r;
}

/* ---- the file ---- */

/* A clock that the file states for its beginning. */
static void add_stated(const struct clock_view *v, struct wallclock *w,
                       enum wallclock_source source, const char *name, bool dated, int64_t at)
{
	struct wallclock_clock *c = &w->clocks[w->n_clocks++];
	*c = (struct wallclock_clock){.source = source,
	                              .name = mem_strdup(name),
	                              .format = mem_strdup(""),
	                              .dated = dated,
	                              .period = dated ? 0 : 86400 * CLOCK_SECOND,
	                              .unit = CLOCK_SECOND,
	                              .fits = mem_alloc(1, sizeof *c->fits),
	                              .n_fits = 1};
	c->fits[0] = (struct wallclock_fit){
		.order = mem_strdup(""), .pieces = mem_alloc(1, sizeof *c->fits[0].pieces), .n_pieces = 1};
	c->fits[0].pieces[0] = (struct wallclock_piece){
		.start = 0, .end = v->video.duration, .at = at, .speed = 1, .offset = WALLCLOCK_NO_OFFSET};
}

/* Many programs count from a whole hour: that is not the time of day. */
static void add_timecode(const struct clock_view *v, struct wallclock *w)
{
	struct wallclock_reading r;
	if (wallclock_parse(v->video.timecode, &r) && r.timed && r.of_day % (3600 * CLOCK_SECOND) != 0)
		add_stated(v, w, WALLCLOCK_TIMECODE, "the timecode in the file", false, r.of_day);
}

int wallclock_examine(const struct wallclock_file *file, const struct wallclock_options *o,
                      struct cancel *cancel, struct wallclock **ret, struct err *err)
{
	AUTO(wallclock_freep) struct wallclock *w = mem_alloc(1, sizeof *w);
	AUTO(wallclock_zone_freep) struct wallclock_zone *zone = NULL;
	AUTO(clock_view_clear) struct clock_view v = {0};
	int r = o->zone && *o->zone ? wallclock_zone_open(o->zone, &zone, err) : 0;
	if (r == 0)
		r = clock_view_open(file, cancel, &v, err);
	if (r < 0)
		return r;
	w->clocks = mem_alloc(WALLCLOCK_SOURCES, sizeof *w->clocks);
	w->fault = mem_strdup("");
	r = read_picture(&v, o, w, err);
	if (r == -ERR_CANCELED)
		return r;
	if (r < 0)
		add_fault(w, err->msg);
	if (v.unread > 0) {
		AUTO(mem_freep)
		char *lost = mem_printf("%zu frames could not be read: %s", v.unread, v.fault);
		add_fault(w, lost);
	}
	if (v.video.recorded > 0)
		add_stated(&v, w, WALLCLOCK_CREATED, "the creation time in the file", true,
		           v.video.recorded);
	add_timecode(&v, w);
	wallclock_localize(w, zone, o->zone);
	*ret = TAKE(w);
	return 0;
}

/* ---- the journal ---- */

static int save(const struct run_context *run, const struct wallclock *w, const char *job,
                struct err *err)
{
	AUTO(mem_freep) char *text = wallclock_write(w);
	return store_wall_clock_save(run->store, job, text, err);
}

/* What is in the journal, with the zone that is stated now. */
static int apply_zone(const struct run_context *run, const char *text,
                      const struct wallclock_options *o, const char *job, bool *ret_known,
                      struct err *err)
{
	AUTO(wallclock_freep) struct wallclock *w = NULL;
	AUTO(wallclock_zone_freep) struct wallclock_zone *zone = NULL;
	const char *name = o->zone ? o->zone : "";
	struct err own;
	*ret_known = wallclock_read(text, &w, &own) == 0;
	if (!*ret_known || strcmp(w->zone, name) == 0)
		return 0;
	int r = *name ? wallclock_zone_open(name, &zone, err) : 0;
	if (r < 0)
		return r;
	wallclock_localize(w, zone, name);
	return save(run, w, job, err);
}

int wallclock_run(const struct run_context *run, const struct wallclock_file *file,
                  const struct wallclock_options *o, const char *job, struct err *err)
{
	AUTO(wallclock_freep) struct wallclock *w = NULL;
	AUTO(mem_freep) char *text = NULL;
	char now[FILE_STAMP_MAX];
	bool known = o->mode && strcmp(o->mode, "off") == 0;
	if (known)
		return 0;
	int r = store_wall_clock_load(run->store, job, &text, err);
	if (r == 0 && text)
		r = apply_zone(run, text, o, job, &known, err);
	if (r < 0 || known)
		return r;
	r = wallclock_examine(file, o, run->cancel, &w, err);
	if (r == -ERR_CANCELED)
		return r;
	if (r < 0) {
		log_warning("[job %s] the clock of the recording was not read: %s", job, err->msg);
		w = mem_alloc(1, sizeof *w);
		w->zone = mem_strdup("");
		w->fault = text_line(err->msg, FAULT_MAX);
	}
	file_stamp_all(file->fd, now);
	if (strcmp(now, file->stamp) != 0)
		return 0; /* check_source() decides */
	return save(run, w, job, err);
}
