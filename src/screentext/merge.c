/* SPDX-License-Identifier: Apache-2.0 */
#include "screentext/merge.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "screentext/alike.h"

enum {
	VARIANTS = 6,      /* of one text, by errors of reading */
	MISSED_MAX = 2,    /* frames without a text after which it has ended */
	COUNTS_VALUES = 4, /* so many texts that differ in digits only are a counter */
	MOVES = 2500,      /* 1/10000 of the picture that a text may move from frame to frame */
	TRACKS_MAX = 1000,
};

#define ALIKE 0.75 /* two readings of one text, at least */

/* A text that was missed in one frame goes on if it is back after this. */
static const int64_t bridge = 10 * CLOCK_SECOND;

/* A way in which a text was read. */
struct variant {
	char *text; /* owned */
	double conf;
	struct text_region box;
	int votes;
};

/* A text of a track. */
struct value {
	struct variant variants[VARIANTS];
	size_t n, best;           /* best: number of the one that is shown */
	int64_t start, end, last; /* last: time of the last frame */
	int readings;
};

/* What is at one place over time: a text, or texts that differ in digits. */
struct track {
	struct text_region place;
	struct value *values; /* in order of start */
	size_t n, cap;
	int readings, missed;
	bool matched; /* in the current frame */
	bool sure;    /* one of its readings is to be shown */
};

struct text_merge {
	struct track *tracks; /* open ones */
	size_t n, cap;
	struct text_passages done;
	bool wants_more;
};

static void value_clear(struct value *v)
{
	for (size_t i = 0; i < v->n; i++)
		free(v->variants[i].text);
	v->n = 0;
}

static void track_clear(struct track *t)
{
	for (size_t i = 0; i < t->n; i++)
		value_clear(&t->values[i]);
	free(t->values);
	*t = (struct track){0};
}

void text_passages_clear(struct text_passages *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->items[i].text);
	free(p->items);
	*p = (struct text_passages){0};
}

struct text_merge *text_merge_new(void)
{
	return mem_alloc(1, sizeof(struct text_merge));
}

void text_merge_free(struct text_merge *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->n; i++)
		track_clear(&m->tracks[i]);
	free(m->tracks);
	text_passages_clear(&m->done);
	free(m);
}

bool text_is_plausible(const struct text_line *l)
{
	struct text_letters n = text_count_letters(l->text);
	/* Textures give small letters: "if", "re". */
	bool large = n.letters == 2 && l->conf >= 0.9 && n.capitals + n.digits == 2;
	return (n.letters >= 3 || large) && n.letters * 2 > n.marks * 3;
}

static bool is_sure(const struct text_line *l)
{
	return l->conf >= TEXT_CONF_LEAST && text_is_plausible(l);
}

static int least(int a, int b)
{
	return a < b ? a : b;
}

static int most(int a, int b)
{
	return a > b ? a : b;
}

/* About the same place and size. */
static bool same_place(const struct text_region *a, const struct text_region *b)
{
	int dy = abs((a->y + a->h / 2) - (b->y + b->h / 2)), high = most(a->h, b->h);
	int both = least(a->x + a->w, b->x + b->w) - most(a->x, b->x);
	return 10 * dy <= 6 * high && 10 * high <= 25 * least(a->h, b->h) &&
	       2 * both >= least(a->w, b->w);
}

/* Of a text that moves, or of a camera that does. */
static bool near_place(const struct text_region *a, const struct text_region *b)
{
	return abs((a->x + a->w / 2) - (b->x + b->w / 2)) <= MOVES &&
	       abs((a->y + a->h / 2) - (b->y + b->h / 2)) <= MOVES &&
	       most(a->h, b->h) <= 2 * least(a->h, b->h);
}

/* How many frames agree with this reading, or have a part of it. */
static double support(const struct value *v, const struct variant *of)
{
	double sum = of->votes * 0.5;
	for (size_t i = 0; i < v->n; i++) {
		const char *text = v->variants[i].text;
		bool part = strlen(text) <= strlen(of->text) && text_is_part(text, of->text);
		if (part || text_alike(text, of->text) >= ALIKE)
			sum += v->variants[i].votes;
	}
	return sum * of->conf;
}

static size_t choose_best(const struct value *v)
{
	size_t best = 0;
	double most_support = v->n > 1 ? support(v, &v->variants[0]) : 0;
	for (size_t i = 1; i < v->n; i++) {
		double s = support(v, &v->variants[i]);
		if (s > most_support) {
			most_support = s;
			best = i;
		}
	}
	return best;
}

static const struct variant *best_variant(const struct value *v)
{
	return &v->variants[v->best];
}

static const char *text_of(const struct value *v)
{
	return best_variant(v)->text;
}

static bool same_value(const char *a, const char *b)
{
	return (text_same_digits(a, b) && text_alike(a, b) >= ALIKE) || text_is_part(a, b);
}

/* Both have digits, and else are the same. */
static bool same_but_digits(const char *a, const char *b)
{
	return text_count_letters(a).digits && text_count_letters(b).digits &&
	       text_alike_but_digits(a, b) >= 0.8;
}

/* How well a line continues a track; 0 = not. */
static double fits(const struct track *t, const struct text_line *l)
{
	const char *text = text_of(&t->values[t->n - 1]);
	if (same_place(&t->place, &l->box))
		return same_value(text, l->text)        ? 2 + text_alike(text, l->text)
		       : same_but_digits(text, l->text) ? 1 + text_alike(text, l->text)
		                                        : 0;
	if (strlen(l->text) < 4 || !near_place(&t->place, &l->box) || !text_same_digits(text, l->text))
		return 0;
	double alike = text_alike(text, l->text);
	return alike >= 0.9 ? alike : 0;
}

static struct track *find_track(struct text_merge *m, const struct text_line *l)
{
	struct track *best = NULL;
	double most_fit = 0;
	for (size_t i = 0; i < m->n; i++) {
		double fit = m->tracks[i].matched ? 0 : fits(&m->tracks[i], l);
		if (fit > most_fit) {
			most_fit = fit;
			best = &m->tracks[i];
		}
	}
	return best;
}

static void vote(struct value *v, const struct text_line *l)
{
	size_t i = 0;
	while (i < v->n && strcmp(v->variants[i].text, l->text) != 0)
		i++;
	if (i == VARIANTS)
		return;
	struct variant *at = &v->variants[i];
	if (i == v->n) {
		*at = (struct variant){.text = mem_strdup(l->text)};
		v->n++;
	}
	at->votes++;
	if (l->conf >= at->conf) {
		at->conf = l->conf;
		at->box = l->box;
	}
	v->best = choose_best(v);
}

/* The text of the track that a line continues. One wrong reading in between
 * does not end it. */
static struct value *find_value(struct track *t, const char *text)
{
	for (size_t back = 1; back <= 2 && back <= t->n; back++) {
		struct value *v = &t->values[t->n - back];
		if (same_value(text_of(v), text))
			return v;
		if (v->readings > 1)
			return NULL;
	}
	return NULL;
}

static void add_to_track(struct track *t, const struct text_line *l, const struct text_reading *r)
{
	struct value *v = t->n ? find_value(t, l->text) : NULL;
	if (!v) {
		/* The one before has ended, whatever the index says. */
		if (t->n && t->values[t->n - 1].end > r->time)
			t->values[t->n - 1].end = r->time;
		t->values = mem_room(t->values, t->n, &t->cap, sizeof *t->values);
		v = &t->values[t->n];
		*v = (struct value){.start = r->from, .end = r->until};
		if (t->n && v->start < t->values[t->n - 1].end)
			v->start = t->values[t->n - 1].end;
		t->n++;
	}
	vote(v, l);
	v->end = r->until > v->end ? r->until : v->end;
	v->last = r->time;
	v->readings++;
	t->place = l->box;
	t->readings++;
	t->missed = 0;
	t->matched = true;
	t->sure = t->sure || is_sure(l);
}

static int compare_starts(const void *a, const void *b)
{
	const struct text_passage *x = a, *y = b;
	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->box.y != y->box.y ? (x->box.y < y->box.y ? -1 : 1)
	                            : (x->box.x > y->box.x) - (x->box.x < y->box.x);
}

/* Takes the text of p. */
static void keep(struct text_merge *m, struct text_passage *p)
{
	struct text_passages *d = &m->done;
	bool room = p->reason ? d->dropped < TEXT_DROPPED_MAX : d->shown < TEXT_PASSAGES_MAX;
	if (!room) {
		free(TAKE(p->text));
		d->lost++;
		return;
	}
	p->end = p->end > p->start + 1 ? p->end : p->start + 2;
	d->items = mem_room(d->items, d->n, &d->cap, sizeof *d->items);
	d->items[d->n++] = *p;
	*(p->reason ? &d->dropped : &d->shown) += 1;
}

static void keep_value(struct text_merge *m, const struct value *v)
{
	const struct variant *best = best_variant(v);
	const struct text_line line = {.text = best->text, .conf = best->conf};
	struct text_passage p = {.start = v->start,
	                         .end = v->end,
	                         .box = best->box,
	                         .conf = best->conf,
	                         .readings = v->readings};
	p.reason = !is_sure(&line) ? TEXT_UNSURE : v->readings < 2 ? TEXT_SEEN_ONCE : NULL;
	/* What has no letters to speak of is a texture, and no text. */
	if (p.reason && text_count_letters(best->text).letters < 3)
		return;
	p.text = mem_strdup(best->text);
	keep(m, &p);
}

/* Whether the texts of a track are those of a clock or a counter: mostly
 * digits, each seen once; or many, most of them seen once. */
static bool is_counter(const struct track *t)
{
	size_t once = 0, digits = 0, letters = 0;
	for (size_t i = 0; i < t->n; i++) {
		struct text_letters n = text_count_letters(text_of(&t->values[i]));
		once += t->values[i].readings == 1;
		digits += n.digits;
		letters += n.letters;
	}
	bool numbers = digits * 5 > letters * 2;
	return (t->n >= 2 && once == t->n && numbers) ||
	       (t->n >= COUNTS_VALUES && (once * 2 > t->n || numbers));
}

static void keep_counter(struct text_merge *m, const struct track *t)
{
	const struct value *first = &t->values[0], *last = &t->values[t->n - 1];
	double conf = 0;
	for (size_t i = 0; i < t->n; i++)
		conf += best_variant(&t->values[i])->conf / (double)t->n;
	struct text_passage p = {.start = first->start,
	                         .end = last->end,
	                         .box = best_variant(last)->box,
	                         .text = mem_printf("%s … %s", text_of(first), text_of(last)),
	                         .conf = conf,
	                         .readings = t->readings,
	                         .counts = true,
	                         .reason = t->sure ? NULL : TEXT_UNSURE};
	keep(m, &p);
}

static void end_track(struct text_merge *m, size_t i)
{
	struct track *t = &m->tracks[i];
	if (is_counter(t)) {
		keep_counter(m, t);
	} else {
		for (size_t k = 0; k < t->n; k++)
			keep_value(m, &t->values[k]);
	}
	track_clear(t);
	*t = m->tracks[--m->n];
}

/* Tracks without a line in this frame. */
static void miss_tracks(struct text_merge *m, const struct text_reading *r)
{
	for (size_t i = m->n; i-- > 0;) {
		struct track *t = &m->tracks[i];
		struct value *v = &t->values[t->n - 1];
		if (t->matched)
			continue;
		/* It is not there any more when this frame is shown. */
		int64_t gone = r->from > v->last ? r->from : r->time;
		v->end = v->end > gone ? gone : v->end;
		if (++t->missed >= MISSED_MAX || r->time - v->last > bridge)
			end_track(m, i);
	}
}

void text_merge_add(struct text_merge *m, const struct text_reading *r)
{
	m->wants_more = false;
	for (size_t i = 0; i < m->n; i++)
		m->tracks[i].matched = false;
	for (size_t i = 0; i < r->lines->n; i++) {
		const struct text_line *l = &r->lines->lines[i];
		struct track *t = find_track(m, l);
		if (!t && m->n < TRACKS_MAX) {
			m->tracks = mem_room(m->tracks, m->n, &m->cap, sizeof *m->tracks);
			t = &m->tracks[m->n++];
			*t = (struct track){0};
		}
		if (t)
			add_to_track(t, l, r);
		m->wants_more |= t && t->readings < 2 && t->sure;
	}
	miss_tracks(m, r);
}

bool text_merge_wants_more(const struct text_merge *m)
{
	return m->wants_more;
}

void text_merge_end(struct text_merge *m, struct text_passages *ret)
{
	while (m->n)
		end_track(m, m->n - 1);
	*ret = m->done;
	m->done = (struct text_passages){0};
	if (ret->n)
		qsort(ret->items, ret->n, sizeof *ret->items, compare_starts);
}
