/* SPDX-License-Identifier: Apache-2.0 */
#include "job/wallclock-find.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "wallclock/parse.h"

enum {
	FRAMES = CLOCK_FRAMES,
	SIDEWAYS_FRAMES = 2, /* of the FRAMES */
	PLACES_MAX = 24,
	TRIED_MAX = 4,
	TRIED_FRAMES = 5,
	GOOD = 6,
	FULL = 10000
};

/* A place where times were read. */
struct found {
	struct clock_place place;
	size_t times, dates; /* frames in which it was a time, and in which a date is beside it */
};

struct finding {
	struct found list[PLACES_MAX];
	size_t n;
};

void clock_frames_clear(struct clock_frames *f)
{
	for (size_t i = 0; i < f->n; i++)
		frame_clear(&f->list[i]);
	f->n = 0;
}

static int keep_frame(void *ctx, size_t i, struct frame *f)
{
	struct clock_frames *s = ctx;
	(void)i;
	if (!f->jpeg || s->n == FRAMES || (s->n > 0 && s->list[s->n - 1].pts >= f->pts))
		return 0;
	s->list[s->n] = *f;
	s->list[s->n].jpeg = TAKE(f->jpeg);
	s->list[s->n].thumb = TAKE(f->thumb);
	s->list[s->n].decode_path = NULL;
	s->list[s->n].planes_sha256 = s->list[s->n].planes_format = NULL;
	s->list[s->n].gray = s->list[s->n].fault = NULL;
	s->n++;
	return 0;
}

int clock_frames_take(struct clock_view *v, struct clock_frames *ret, struct err *err)
{
	int64_t times[FRAMES], span = v->to - v->from;
	for (int i = 0; i < FRAMES; i++)
		times[i] = v->from + span * (2 * i + 1) / (2 * FRAMES);
	/* keyframes are cheaper, but in a short recording there are too few */
	bool near = span > FRAMES * 15 * CLOCK_SECOND;
	return clock_view_frames(v, times, FRAMES, near, keep_frame, ret, err);
}

/* ---- boxes ---- */

static struct text_region joined(const struct text_region *a, const struct text_region *b)
{
	int x1 = a->x + a->w > b->x + b->w ? a->x + a->w : b->x + b->w;
	int y1 = a->y + a->h > b->y + b->h ? a->y + a->h : b->y + b->h;
	struct text_region r = {
		.x = a->x < b->x ? a->x : b->x, .y = a->y < b->y ? a->y : b->y, .turn = a->turn};
	r.w = x1 - r.x;
	r.h = y1 - r.y;
	return r;
}

static int shared(int a, int a_len, int b, int b_len)
{
	int from = a > b ? a : b, to = a + a_len < b + b_len ? a + a_len : b + b_len;
	return to > from ? to - from : 0;
}

static int smaller(int a, int b)
{
	return a < b ? a : b;
}

static bool is_sideways(int turn)
{
	return turn == 90 || turn == 270;
}

/* Whether two boxes are on one line of text; below: or one above the other. */
static bool is_beside(const struct text_region *a, const struct text_region *b, bool below)
{
	int ax = a->x, aw = a->w, ay = a->y, ah = a->h, bx = b->x, bw = b->w, by = b->y, bh = b->h;
	if (is_sideways(a->turn)) {
		ax = a->y, aw = a->h, ay = a->x, ah = a->w;
		bx = b->y, bw = b->h, by = b->x, bh = b->w;
	}
	if (!below)
		return 2 * shared(ay, ah, by, bh) > smaller(ah, bh);
	int apart = ay < by ? by - ay - ah : ay - by - bh;
	return shared(ax, aw, bx, bw) > 0 && apart < ah && apart > -ah / 2;
}

static bool is_same(const struct text_region *a, const struct text_region *b)
{
	int64_t both = (int64_t)shared(a->x, a->w, b->x, b->w) * shared(a->y, a->h, b->y, b->h);
	int64_t less =
		(int64_t)a->w * a->h < (int64_t)b->w * b->h ? (int64_t)a->w * a->h : (int64_t)b->w * b->h;
	return a->turn == b->turn && 2 * both > less;
}

/* With some space around it: `percent` of its height. */
static struct text_region grown(const struct clock_view *v, const struct text_region *r,
                                int percent)
{
	int w = v->video.width, h = v->video.height, x, y;
	if (is_sideways(r->turn)) {
		x = r->w * percent / 100;
		y = (int)((int64_t)x * w / h);
	} else {
		y = r->h * percent / 100;
		x = (int)((int64_t)y * h / w);
	}
	int x0 = r->x > x ? r->x - x : 0, y0 = r->y > y ? r->y - y : 0;
	return (struct text_region){.x = x0,
	                            .y = y0,
	                            .w = smaller(r->x + r->w + x, FULL) - x0,
	                            .h = smaller(r->y + r->h + y, FULL) - y0,
	                            .turn = r->turn};
}

/* ---- lines ---- */

static void add_found(struct finding *s, const struct clock_place *p)
{
	size_t i = 0;
	while (i < s->n && !is_same(&s->list[i].place.time, &p->time))
		i++;
	if (i == PLACES_MAX)
		return;
	struct found *f = &s->list[i];
	if (i == s->n) {
		s->n++;
		*f = (struct found){.place = *p};
	}
	f->place.time = joined(&f->place.time, &p->time);
	if (p->date.w > 0) {
		f->place.date = f->dates ? joined(&f->place.date, &p->date) : p->date;
		f->dates++;
	}
	f->times++;
}

/* Times of one frame, each with the date on its line, or above or below it. */
static void take_lines(const struct text_lines *lines, struct finding *s)
{
	for (size_t i = 0; i < lines->n; i++) {
		struct wallclock_reading r, other;
		struct clock_place p = {.time = lines->lines[i].box};
		if (!wallclock_parse(lines->lines[i].text, &r) || !r.timed)
			continue;
		for (size_t k = 0; k < lines->n && !r.dated; k++) {
			const struct text_region *box = &lines->lines[k].box;
			if (k == i || !wallclock_parse(lines->lines[k].text, &other) || !other.dated)
				continue;
			if (is_beside(&p.time, box, false))
				p.time = joined(&p.time, box);
			else if (is_beside(&p.time, box, true))
				p.date = *box;
		}
		add_found(s, &p);
	}
}

static void set_turn(struct text_lines *lines, int turn)
{
	for (size_t k = 0; k < lines->n; k++)
		lines->lines[k].box.turn = turn;
}

static int read_pages(struct clock_view *v, const struct clock_frames *f, size_t most, int turn,
                      struct finding *s, struct err *err)
{
	int r = 0;
	size_t step = f->n > most ? f->n / most : 1;
	for (size_t i = 0, n = 0; i < f->n && n < most && r == 0; i += step, n++) {
		AUTO(text_lines_clear) struct text_lines lines = {0};
		const struct text_region all = {.w = FULL, .h = FULL, .turn = turn};
		r = clock_view_read(v, &f->list[i], &all, TEXT_PAGE, &lines, err);
		set_turn(&lines, turn);
		take_lines(&lines, s);
	}
	return r;
}

/* Where pages show nothing: the upper and the lower edge, in halves. */
static int read_edges(struct clock_view *v, const struct clock_frames *f, int turn,
                      struct finding *s, struct err *err)
{
	int r = 0;
	for (size_t i = 0; i < f->n && r == 0; i += f->n > 2 ? f->n / 2 : 1)
		for (int k = 0; k < 4 && r == 0; k++) {
			AUTO(text_lines_clear) struct text_lines lines = {0};
			const struct text_region edge = {.x = k % 2 * FULL / 2,
			                                 .y = k / 2 * (FULL - FULL / 8),
			                                 .w = FULL / 2,
			                                 .h = FULL / 8,
			                                 .turn = turn};
			r = clock_view_read(v, &f->list[i], &edge, TEXT_LINE, &lines, err);
			set_turn(&lines, turn);
			take_lines(&lines, s);
		}
	return r;
}

/* ---- which of them is a clock ---- */

/* A clock goes on from frame to frame; a time on a sign does not. *ret: how
 * well it can be read, in points of 3 for each frame; 0 = no clock. */
static int try_place(struct clock_view *v, const struct clock_frames *f,
                     const struct clock_place *p, size_t *ret, struct err *err)
{
	struct wallclock_reading last = {0}, now;
	size_t timed = 0, dated = 0, moved = 0;
	int r = 0;
	for (size_t i = 0; i < f->n && r == 0; i += f->n > TRIED_FRAMES ? 2 : 1) {
		AUTO(mem_freep) char *text = NULL;
		r = clock_view_text(v, &f->list[i], p, &text, err);
		if (r < 0 || !text || !wallclock_parse(text, &now) || !now.timed)
			continue;
		moved += timed > 0 && now.of_day != last.of_day;
		dated += now.dated;
		last = now;
		timed++;
	}
	*ret = timed >= 2 && moved > 0 ? 2 * timed + dated : 0;
	return r;
}

/* The space around a place with which it is read best, and second best. */
static int try_margins(struct clock_view *v, const struct clock_frames *f,
                       const struct found *found, size_t *best, struct err *err)
{
	static const int margins[] = {12, 60, 30, 120};
	size_t frames = f->n > TRIED_FRAMES ? (f->n + 1) / 2 : f->n;
	bool has_date = found->dates > 0 && found->dates * 2 >= found->times;
	int r = 0;
	for (size_t i = 0; i < ARRAY_LEN(margins) && r == 0 && *best < 3 * frames; i++) {
		struct clock_place p = {.time = grown(v, &found->place.time, margins[i])};
		size_t n = 0;
		if (has_date)
			p.date = grown(v, &found->place.date, margins[i]);
		r = try_place(v, f, &p, &n, err);
		if (n > *best) {
			v->second = *best > 0 ? v->place : p;
			v->place = p;
			*best = n;
		} else if (n > 0) {
			v->second = p;
		}
	}
	return r;
}

static int compare(const void *a, const void *b)
{
	const struct found *x = a, *y = b;
	return (x->times < y->times) - (x->times > y->times);
}

static int choose(struct clock_view *v, const struct clock_frames *f, struct finding *s,
                  bool *ret_found, struct err *err)
{
	size_t best = 0;
	int r = 0;
	if (s->n > 0)
		qsort(s->list, s->n, sizeof *s->list, compare);
	for (size_t i = 0; i < s->n && i < TRIED_MAX && r == 0 && best < GOOD; i++)
		r = try_margins(v, f, &s->list[i], &best, err);
	*ret_found = best > 0;
	return r;
}

int clock_find(struct clock_view *v, const struct clock_frames *f, int turn, bool *ret_found,
               struct err *err)
{
	struct finding s = {0};
	*ret_found = false;
	v->points = 0;
	int r = read_pages(v, f, is_sideways(turn) ? SIDEWAYS_FRAMES : FRAMES, turn, &s, err);
	if (r == 0)
		r = choose(v, f, &s, ret_found, err);
	if (r < 0 || *ret_found || is_sideways(turn))
		return r;
	s.n = 0;
	r = read_edges(v, f, turn, &s, err);
	return r < 0 ? r : choose(v, f, &s, ret_found, err);
}
