/* SPDX-License-Identifier: Apache-2.0 */
/* Questions with known answers. What is asked about are looks: a color with a
 * shape. Two times of a look are separate if it is not in view between them;
 * questions whose answer depends on gaps shorter than APART, or on times
 * shorter than SHORT, are not made. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "put.h"
#include "random.h"
#include "world.h"

enum {
	SECOND = 1000000,
	APART = 10 * SECOND,
	SHORT = SECOND,
	LOOKS = WORLD_COLORS * WORLD_SHAPES,
	TEXT = 160,
	TRIES = 40, /* for each question wanted */
};

enum kind { IS, WHEN, WHICH, COUNT, ORDER, COMPARE, NOT, ABSENT, KINDS };
static const char *const kind_name[KINDS] = {"is",    "when",    "which", "count",
                                             "order", "compare", "not",   "absent"};

struct span {
	int64_t start_us, end_us;
};
struct spans {
	struct span *items; /* by start, not adjacent */
	size_t n;
};

struct look {
	char name[40];
	struct spans seen;
	int64_t shortest_us;     /* of them; INT64_MAX = there are none */
	int64_t shortest_gap_us; /* between two of them; INT64_MAX = there are no two */
};

struct question {
	enum kind kind;
	char text[TEXT];
	const struct look *about[2];
	const char *group; /* of "which": the color or the shape; else NULL */
	int group_first, group_step, group_n;
};

struct asker {
	const struct world *w;
	struct look looks[LOOKS]; /* by color, then shape */
	struct question *asked;
	int n;
};

/* ---- when a look is in view */

static int by_start(const void *a, const void *b)
{
	const struct span *x = a, *y = b;
	return (x->start_us > y->start_us) - (x->start_us < y->start_us);
}

/* Adds what of the span is not black; the list has room. */
static void add_lit(const struct world *w, struct spans *to, int64_t from, int64_t until)
{
	for (size_t i = 0; i < w->n_gaps; i++) {
		const struct world_gap *g = &w->gaps[i];
		if (g->end_us <= from || g->start_us >= until)
			continue;
		if (g->start_us > from)
			to->items[to->n++] = (struct span){from, g->start_us};
		from = g->end_us;
	}
	if (until > from)
		to->items[to->n++] = (struct span){from, until};
}

static void merge(struct spans *s)
{
	size_t kept = 0;
	if (s->n)
		qsort(s->items, s->n, sizeof *s->items, by_start);
	for (size_t i = 0; i < s->n; i++) {
		struct span *last = kept ? &s->items[kept - 1] : NULL;
		if (!last || s->items[i].start_us > last->end_us)
			s->items[kept++] = s->items[i];
		else if (s->items[i].end_us > last->end_us)
			last->end_us = s->items[i].end_us;
	}
	s->n = kept;
}

/* An event that turns is of one color before, of another after. */
static bool find_times(const struct world *w, enum world_color color, enum world_shape shape,
                       struct look *ret)
{
	struct spans *s = &ret->seen;
	s->items = calloc((w->n_events + 1) * (w->n_gaps + 1), sizeof *s->items);
	if (!s->items)
		return false;
	for (size_t i = 0; i < w->n_events; i++) {
		const struct world_event *e = &w->events[i];
		int64_t turn = e->turn_us ? e->turn_us : e->end_us;
		if (e->shape != shape)
			continue;
		if (e->color == color)
			add_lit(w, s, e->start_us, turn);
		else if (e->turn_us && e->turns == color)
			add_lit(w, s, turn, e->end_us);
	}
	merge(s);
	ret->shortest_us = ret->shortest_gap_us = INT64_MAX;
	for (size_t i = 0; i < s->n; i++) {
		int64_t length = s->items[i].end_us - s->items[i].start_us;
		int64_t gap = i ? s->items[i].start_us - s->items[i - 1].end_us : INT64_MAX;
		ret->shortest_us = length < ret->shortest_us ? length : ret->shortest_us;
		ret->shortest_gap_us = gap < ret->shortest_gap_us ? gap : ret->shortest_gap_us;
	}
	return true;
}

/* ---- choosing what is asked about */

/* Whether its times can be found and counted. */
static bool is_plain(const struct look *l)
{
	return l->seen.n && l->shortest_gap_us >= APART && l->shortest_us >= SHORT;
}

static bool fits(const struct look *l, enum kind kind)
{
	switch (kind) {
	case ABSENT: return !l->seen.n;
	case WHEN:
	case COUNT:
	case COMPARE:
	case NOT: return is_plain(l);
	default: return l->seen.n && l->shortest_us >= SHORT;
	}
}

static bool are_apart(const struct look *a, const struct look *b)
{
	int64_t d = a->seen.items[0].start_us - b->seen.items[0].start_us;
	return d >= APART || d <= -APART;
}

/* One or two looks that a question of this kind can be about; false if those
 * that were drawn cannot. */
static bool pick_about(const struct asker *a, uint64_t *rnd, struct question *q)
{
	const struct look *x = &a->looks[random_below(rnd, LOOKS)],
					  *y = &a->looks[random_below(rnd, LOOKS)];
	if (!fits(x, q->kind))
		return false;
	q->about[0] = x;
	if (q->kind != ORDER && q->kind != COMPARE)
		return true;
	q->about[1] = y;
	if (x == y || !fits(y, q->kind))
		return false;
	return q->kind == ORDER ? are_apart(x, y) : x->seen.n != y->seen.n;
}

/* All looks of one color or of one shape, of which at least one is there; false
 * if none is, or one that comes for too short a time. */
static bool pick_group(const struct asker *a, uint64_t *rnd, struct question *q)
{
	int which = random_below(rnd, WORLD_COLORS + WORLD_SHAPES);
	bool color = which < WORLD_COLORS;
	int shape = which - WORLD_COLORS;
	q->group = color ? world_color_name[which] : world_shape_name[shape];
	q->group_first = color ? which * WORLD_SHAPES : shape;
	q->group_step = color ? 1 : WORLD_SHAPES;
	q->group_n = color ? WORLD_SHAPES : WORLD_COLORS;
	bool any = false;
	for (int i = 0; i < q->group_n; i++) {
		const struct look *l = &a->looks[q->group_first + i * q->group_step];
		if (l->seen.n && l->shortest_us < SHORT)
			return false;
		any |= l->seen.n > 0;
	}
	return any;
}

/* ---- wordings: {a} and {b} are looks, {g} is a color or a shape */

enum { WORDINGS = 5 };
static const char *const wordings[KINDS][WORDINGS] = {
	[IS] = {"Is there a {a} in the video?", "Does a {a} appear?", "Can you see a {a} anywhere?",
            "Was there ever a {a}?", "Is a {a} visible at any time?"},
	[WHEN] = {"When does a {a} appear?", "At what times is a {a} visible?",
              "When was the {a} there?", "When can I see a {a}?", "When is there a {a}?"},
	[COUNT] = {"How many times does a {a} appear?", "How often does a {a} appear?",
               "How many times is a {a} there?", "Count the times a {a} appears.",
               "How many times was a {a} seen?"},
	[ORDER] = {"Which appears first, the {a} or the {b}?",
               "Does the {a} appear before or after the {b}?",
               "In which order do the {a} and the {b} appear?",
               "What came first, the {a} or the {b}?", "Was the {a} there before the {b}?"},
	[COMPARE] = {"Which is seen more often, the {a} or the {b}?",
                 "Compare how often the {a} and the {b} appear.",
                 "Does the {a} appear more often than the {b}?",
                 "Who comes more often, the {a} or the {b}?",
                 "Is the {a} or the {b} there more often?"},
	[NOT] = {"When is there no {a}?", "When is the {a} not visible?", "When is no {a} there?",
             "At what times is no {a} to be seen?", "When was there no {a}?"},
};
static const char *const group_wordings[2][WORDINGS] = {
	{"Which {g} shapes are there?", "What {g} shapes appear in the video?",
     "Which {g} shapes can be seen?", "Which shapes are {g}?", "What {g} things are there?"},
	{"Which {g}s are there?", "What kinds of {g} appear in the video?",
     "Which colors do the {g}s have?", "Which {g}s can be seen?", "What {g}s are there?"},
};

static void fill(const char *pattern, const struct question *q, char out[static TEXT])
{
	size_t n = 0;
	for (const char *p = pattern; *p && n + 1 < TEXT; p++) {
		if (*p != '{') {
			out[n++] = *p;
			continue;
		}
		const char *value = p[1] == 'g' ? q->group : q->about[p[1] - 'a']->name;
		n += (size_t)snprintf(out + n, TEXT - n, "%s", value);
		p += 2;
	}
	out[n < TEXT ? n : TEXT - 1] = '\0';
}

/* Something absent is asked for as what is there. */
static const char *pick_wording(uint64_t *rnd, const struct question *q)
{
	static const enum kind as[] = {IS, IS, WHEN, COUNT};
	int i = random_below(rnd, WORDINGS);
	if (q->group)
		return group_wordings[q->group_n == WORLD_COLORS][i];
	return wordings[q->kind == ABSENT ? as[random_below(rnd, 4)] : q->kind][i];
}

static bool was_asked(const struct asker *a, const char *text)
{
	for (int i = 0; i < a->n; i++)
		if (strcmp(a->asked[i].text, text) == 0)
			return true;
	return false;
}

static bool ask(struct asker *a, uint64_t *rnd, enum kind kind)
{
	struct question q = {.kind = kind};
	if (!(kind == WHICH ? pick_group(a, rnd, &q) : pick_about(a, rnd, &q)))
		return false;
	fill(pick_wording(rnd, &q), &q, q.text);
	if (was_asked(a, q.text))
		return false;
	a->asked[a->n++] = q;
	return true;
}

/* Each kind in turn; one that is not possible is left out. */
static void ask_all(struct asker *a, int n)
{
	uint64_t rnd = random_mix((uint64_t)a->w->o.seed + 1) ^ 5;
	for (int i = 0; a->n < n && i < n + KINDS; i++)
		for (int k = 0; k < TRIES && a->n < n; k++)
			if (ask(a, &rnd, (enum kind)(i % KINDS)))
				break;
}

/* ---- JSON */

static void put_spans(FILE *f, const struct spans *s, const char **comma)
{
	for (size_t i = 0; i < s->n; i++) {
		fprintf(f, "%s[", *comma);
		put_time(f, s->items[i].start_us);
		fputs(", ", f);
		put_time(f, s->items[i].end_us);
		fputc(']', f);
		*comma = ", ";
	}
}

/* All times of the video in which it is not in view. */
static void put_without(FILE *f, const struct world *w, const struct spans *s)
{
	int64_t from = 0;
	const char *comma = "";
	for (size_t i = 0; i <= s->n; i++) {
		int64_t to = i < s->n ? s->items[i].start_us : w->o.duration_us;
		struct span one = {from, to};
		if (to > from)
			put_spans(f, &(struct spans){&one, 1}, &comma);
		if (i < s->n)
			from = s->items[i].end_us;
	}
}

static void put_group(FILE *f, const struct asker *a, const struct question *q, bool names)
{
	const char *comma = "";
	for (int i = 0; i < q->group_n; i++) {
		const struct look *l = &a->looks[q->group_first + i * q->group_step];
		if (names && l->seen.n) {
			fprintf(f, "%s\"%s\"", comma, l->name);
			comma = ", ";
		} else if (!names) {
			put_spans(f, &l->seen, &comma);
		}
	}
}

static void put_evidence(FILE *f, const struct asker *a, const struct question *q)
{
	const char *comma = "";
	if (q->group) {
		put_group(f, a, q, false);
		return;
	}
	if (q->kind == NOT) {
		put_without(f, a->w, &q->about[0]->seen);
		return;
	}
	for (int i = 0; i < 2 && q->about[i]; i++)
		put_spans(f, &q->about[i]->seen, &comma);
}

/* Of two looks: the one that comes first or more often, and the other one. */
static void put_two(FILE *f, const struct question *q)
{
	const struct look *x = q->about[0], *y = q->about[1];
	bool first = q->kind == ORDER ? x->seen.items[0].start_us < y->seen.items[0].start_us
	                              : x->seen.n > y->seen.n;
	fprintf(f, "{\"things\": [\"%s\", \"%s\"]", first ? x->name : y->name,
	        first ? y->name : x->name);
	if (q->kind == COMPARE)
		fprintf(f, ", \"numbers\": [%zu, %zu]", first ? x->seen.n : y->seen.n,
		        first ? y->seen.n : x->seen.n);
	fputc('}', f);
}

static void put_answer(FILE *f, const struct asker *a, const struct question *q)
{
	switch (q->kind) {
	case IS: fputs("{\"yes\": true}", f); break;
	case ABSENT: fputs("{\"yes\": false}", f); break;
	case COUNT: fprintf(f, "{\"number\": %zu}", q->about[0]->seen.n); break;
	case ORDER:
	case COMPARE: put_two(f, q); break;
	case WHICH:
		fputs("{\"things\": [", f);
		put_group(f, a, q, true);
		fputs("]}", f);
		break;
	default:
		fputs("{\"times\": [", f);
		put_evidence(f, a, q);
		fputs("]}", f);
	}
}

static void put_question(FILE *f, const struct asker *a, int i)
{
	const struct question *q = &a->asked[i];
	fprintf(f, "    {\"id\": %d, \"kind\": \"%s\", \"question\": \"%s\", \"about\": [\"%s\"", i + 1,
	        kind_name[q->kind], q->text, q->group ? q->group : q->about[0]->name);
	if (q->about[1])
		fprintf(f, ", \"%s\"", q->about[1]->name);
	fputs("], \"answer\": ", f);
	put_answer(f, a, q);
	fputs(", \"evidence\": [", f);
	put_evidence(f, a, q);
	fputs("]}", f);
}

static char *to_json(const struct asker *a)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	if (!f)
		return NULL;
	fprintf(f, "{\n  \"format\": \"vdet-questions/1\",\n  \"seed\": %" PRId64 ",\n  \"duration\": ",
	        a->w->o.seed);
	put_time(f, a->w->o.duration_us);
	fputs(",\n  \"questions\": [", f);
	for (int i = 0; i < a->n; i++) {
		fputs(i ? ",\n" : "\n", f);
		put_question(f, a, i);
	}
	fputs("\n  ]\n}\n", f);
	if (!fclose(f))
		return text;
	free(text);
	return NULL;
}

char *world_questions_json(const struct world *w, int n, int *ret_made)
{
	struct asker a = {.w = w, .asked = calloc(n > 0 ? (size_t)n : 1, sizeof *a.asked)};
	char *text = NULL;
	bool ok = a.asked != NULL;
	for (int i = 0; i < LOOKS; i++) {
		enum world_color color = (enum world_color)(i / WORLD_SHAPES);
		enum world_shape shape = (enum world_shape)(i % WORLD_SHAPES);
		world_call(0, color, shape, a.looks[i].name, sizeof a.looks[i].name);
		ok = ok && find_times(w, color, shape, &a.looks[i]);
	}
	if (ok) {
		ask_all(&a, n);
		text = to_json(&a);
	}
	*ret_made = a.n;
	for (int i = 0; i < LOOKS; i++)
		free(a.looks[i].seen.items);
	free(a.asked);
	return text;
}
