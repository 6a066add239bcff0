/* SPDX-License-Identifier: Apache-2.0 */
#include "story/check-plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "story/change.h"
#include "story/mentions.h"
#include "story/words.h"

#define NEAR (2 * CLOCK_SECOND)
enum { CHUNKS_TRIED = 64, STATEMENTS_TRIED = 16, SUBJECTS_TRIED = 16 };

const char *check_doubt_name(enum check_doubt d)
{
	static const char *const names[] = {"", "single-frame", "missing", "contradiction"};
	return (size_t)d < ARRAY_LEN(names) ? names[d] : "";
}

const char *check_kind_name(enum check_kind kind)
{
	static const char *const names[] = {"statement", "positive", "negative-frames",
	                                    "negative-statement"};
	return (size_t)kind < ARRAY_LEN(names) ? names[kind] : "";
}

/* ---- doubts */

static bool touches_end(const struct story_part *p)
{
	return p->last + 1 == p->frames;
}

/* `first` says that its subject is gone, `second` that it is there. */
static bool contradict(const char *first, const char *second)
{
	bool left = story_leaves(first), came = story_comes(second);
	return left ? !came && !story_leaves(second) : came && !story_comes(first);
}

static void raise_to(enum check_doubt *d, enum check_doubt to)
{
	*d = to > *d ? to : *d;
}

/* Statement i cites the last frame of its chunk, and the next chunk begins
 * right after it. */
static void compare_with_next(const struct check_video *v, const struct mentions *m, size_t i,
                              enum check_doubt *ret)
{
	const struct story_part *p = &v->statements[i].part;
	size_t n;
	const size_t *there = mentions_in(m, i, p->chunk + 1, &n);
	if (!n && !mentions_summary(m, i, p->chunk + 1) && !story_leaves(p->what))
		raise_to(&ret[i], DOUBT_MISSING);
	for (size_t k = 0; k < n; k++) {
		const struct story_part *q = &v->statements[there[k]].part;
		if (q->first > 0 || !contradict(p->what, q->what))
			continue;
		raise_to(&ret[i], DOUBT_CONTRADICTION);
		raise_to(&ret[there[k]], DOUBT_CONTRADICTION);
	}
}

static void compare_with_previous(const struct check_video *v, const struct mentions *m, size_t i,
                                  enum check_doubt *ret)
{
	const struct story_part *p = &v->statements[i].part;
	size_t n;
	mentions_in(m, i, p->chunk - 1, &n);
	if (!n && !mentions_summary(m, i, p->chunk - 1) && !story_comes(p->what))
		raise_to(&ret[i], DOUBT_MISSING);
}

void check_doubts(const struct check_video *v, enum check_doubt *ret)
{
	AUTO(mentions_freep) struct mentions *m = mentions_new(v);
	for (size_t i = 0; i < v->n; i++)
		ret[i] = v->statements[i].n_frames == 1 ? DOUBT_SINGLE : DOUBT_NONE;
	for (size_t i = 0; i < v->n; i++) {
		const struct story_part *p = &v->statements[i].part;
		const struct check_chunk *c = &v->chunks[p->chunk];
		if (!*p->subject)
			continue;
		if (touches_end(p) && p->chunk + 1 < v->n_chunks && c[1].n_seen &&
		    c[1].seen[0] - p->end <= NEAR)
			compare_with_next(v, m, i, ret);
		if (p->first == 0 && p->chunk > 0 && c[-1].n_seen &&
		    p->start - c[-1].seen[c[-1].n_seen - 1] <= NEAR)
			compare_with_previous(v, m, i, ret);
	}
	for (size_t i = 0; i < v->n; i++)
		if (story_is_state(v->statements[i].part.what))
			ret[i] = DOUBT_NONE;
}

/* ---- controls */

/* What the looks at several chunks have in common about a statement. */
enum agreement { AGREED_NOTHING, AGREED_SUBJECT, AGREED_ALL };

/* What is made from the statements, in an order that the key decides. */
struct choice {
	const struct check_video *v;
	const struct check_wanted *wanted;
	struct mentions *mentions;
	enum agreement *agreed; /* on each statement */
	enum agreement least;   /* that a positive control needs */
	uint64_t used;          /* words, as change_words() has them */
	size_t *order;
	unsigned char *planned; /* for each statement a bit for each kind */
	struct check_item *items;
	size_t n, cap;
};

static uint64_t number_of(const struct check_video *v, const char *use, size_t i)
{
	unsigned char bytes[HASH_MAX];
	uint64_t number = 0;
	AUTO(mem_freep)
	char *text = mem_printf("%zu %zu", v->statements[i].part.chunk, v->statements[i].index);
	AUTO(hash_freep) struct hash *h = hash_new();
	hash_adds(h, v->key);
	hash_adds(h, use);
	hash_adds(h, text);
	hash_end_bytes(h, bytes);
	for (size_t k = 0; k < sizeof number; k++)
		number = number << 8 | bytes[k];
	return number;
}

/* An item that checks statement i over its own frames. */
static struct check_item item_of(const struct choice *c, enum check_kind kind, size_t i, char *what)
{
	const struct check_statement *s = &c->v->statements[i];
	return (struct check_item){
		.kind = kind, .statement = i, .what = what, .frames = s->frames, .n_frames = s->n_frames};
}

/* A chunk in which nothing mentions the subject of statement i: not beside that
 * of the statement, if there is another. */
static const struct check_chunk *other_chunk(const struct choice *c, size_t i)
{
	const struct check_video *v = c->v;
	const struct check_chunk *beside = NULL;
	size_t own = v->statements[i].part.chunk, n;
	size_t start = (size_t)(number_of(v, "frames", i) % v->n_chunks);
	for (size_t k = 0; k < v->n_chunks && k < CHUNKS_TRIED; k++) {
		size_t at = (start + k) % v->n_chunks;
		mentions_in(c->mentions, i, at, &n);
		if (at == own || n || !v->chunks[at].n_seen || mentions_summary(c->mentions, i, at))
			continue;
		if (at > own + 1 || at + 1 < own)
			return &v->chunks[at];
		beside = &v->chunks[at];
	}
	return beside;
}

/* Statement i with a word or its subject replaced, so that nothing else that is
 * said of its chunk says the same. */
static char *changed(const struct choice *c, size_t i)
{
	const struct story_part *p = &c->v->statements[i].part;
	uint64_t pick = number_of(c->v, "change", i), said = mentions_words(c->mentions, p->chunk);
	/* Words that the model uses are the better ones. */
	char *what = change_word(p->what, pick, c->used & ~said);
	if (!what)
		what = change_word(p->what, pick, ~said);
	for (size_t k = 0; !what && k < SUBJECTS_TRIED && k < c->v->n; k++) {
		const char *other = c->v->statements[(pick + k) % c->v->n].part.subject;
		if (*other && !mentions_word(c->mentions, p->chunk, other))
			what = change_subject(p->what, p->subject, other);
	}
	return what;
}

/* Whether a control of this kind can be made of statement i. */
static bool make(const struct choice *c, enum check_kind kind, size_t i, struct check_item *ret)
{
	const struct story_part *p = &c->v->statements[i].part;
	const struct check_chunk *other;
	char *what;
	switch (kind) {
	case CHECK_POSITIVE:
		if (c->agreed[i] < c->least)
			return false;
		what = c->agreed[i] == AGREED_ALL ? mem_strdup(p->what)
		                                  : mem_printf("The frames show %s.", p->subject);
		*ret = item_of(c, kind, i, what);
		return true;
	case CHECK_NEGATIVE_FRAMES:
		other = *p->subject ? other_chunk(c, i) : NULL;
		if (!other)
			return false;
		*ret = item_of(c, kind, i, mem_strdup(p->what));
		ret->frames = other->seen;
		ret->n_frames = other->n_seen;
		return true;
	default:
		what = changed(c, i);
		if (!what)
			return false;
		*ret = item_of(c, CHECK_NEGATIVE_CHANGED, i, what);
		return true;
	}
}

/* Adds the item unless it was done or is planned; takes it. Returns whether it
 * was added. */
static bool add(struct choice *c, struct check_item item)
{
	unsigned char bit = (unsigned char)(1u << item.kind);
	if (c->n == c->wanted->limit || c->planned[item.statement] & bit ||
	    c->wanted->done(c->wanted->ctx, &item)) {
		free(item.what);
		return false;
	}
	c->planned[item.statement] |= bit;
	c->items = mem_room(c->items, c->n, &c->cap, sizeof *c->items);
	c->items[c->n++] = item;
	return true;
}

/* The next control of one of these kinds, from statement order[*at] on; false
 * if there is none. */
static bool add_control(struct choice *c, const enum check_kind *kinds, size_t n_kinds, size_t *at)
{
	for (; *at < c->v->n * n_kinds && c->n < c->wanted->limit; ++*at) {
		struct check_item item;
		/* All of the first kind before any of the second would leave that out. */
		size_t i = *at / n_kinds, k = (*at + i) % n_kinds;
		if (make(c, kinds[k], c->order[i], &item) && add(c, item)) {
			++*at;
			return true;
		}
	}
	return false;
}

static const enum check_kind positive[] = {CHECK_POSITIVE};
static const enum check_kind negative[] = {CHECK_NEGATIVE_FRAMES, CHECK_NEGATIVE_CHANGED};

static void add_controls(struct choice *c)
{
	size_t yes = c->wanted->positive, no = c->wanted->negative, at_yes = 0, at_no = 0;
	c->least = AGREED_ALL;
	/* A run that continues goes on in the same order: in turns from both. */
	while (yes || no) {
		if (yes >= no && add_control(c, positive, ARRAY_LEN(positive), &at_yes))
			yes--;
		else if (yes >= no && c->least == AGREED_ALL)
			at_yes = 0, c->least = AGREED_SUBJECT; /* those are next */
		else if (yes >= no)
			yes = 0;
		else
			no = add_control(c, negative, ARRAY_LEN(negative), &at_no) ? no - 1 : 0;
	}
	c->least = AGREED_SUBJECT;
}

/* Another control beside the check of statement i, the same in every run. */
static void add_later_control(struct choice *c, size_t i)
{
	uint64_t number = number_of(c->v, "control", i);
	if (number % CHECK_CONTROL_EVERY != 0)
		return;
	number /= CHECK_CONTROL_EVERY;
	static const enum check_kind kinds[] = {CHECK_POSITIVE, CHECK_NEGATIVE_FRAMES, CHECK_POSITIVE,
	                                        CHECK_NEGATIVE_CHANGED};
	enum check_kind kind = kinds[number % ARRAY_LEN(kinds)];
	for (size_t k = 0; k < STATEMENTS_TRIED && k < c->v->n; k++) {
		struct check_item item;
		if (make(c, kind, c->order[(number + k) % c->v->n], &item)) {
			add(c, item);
			return;
		}
	}
}

/* ---- order */

struct rank {
	size_t statement;
	enum check_doubt doubt;
	uint64_t number;
};

static int by_rank(const void *x, const void *y)
{
	const struct rank *a = x, *b = y;
	if (a->doubt != b->doubt)
		return a->doubt > b->doubt ? -1 : 1;
	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	return (a->statement > b->statement) - (a->statement < b->statement);
}

/* All statements, by doubt if there is one, then in the order of their numbers.
 * The caller frees. */
static struct rank *rank(const struct check_video *v, const char *use,
                         const enum check_doubt *doubts)
{
	struct rank *all = mem_alloc(v->n + 1, sizeof *all);
	for (size_t i = 0; i < v->n; i++)
		all[i] = (struct rank){i, doubts ? doubts[i] : DOUBT_NONE, number_of(v, use, i)};
	qsort(all, v->n, sizeof *all, by_rank);
	return all;
}

static enum agreement agreement_of(const struct story_part *parts, const struct story_event *e,
                                   size_t k)
{
	const size_t *p = e->parts;
	if (parts[p[0]].chunk == parts[p[e->n_parts - 1]].chunk)
		return AGREED_NOTHING;
	bool before = k > 0 && parts[p[k - 1]].chunk != parts[p[k]].chunk &&
	              strcmp(parts[p[k - 1]].what, parts[p[k]].what) == 0;
	bool after = k + 1 < e->n_parts && parts[p[k + 1]].chunk != parts[p[k]].chunk &&
	             strcmp(parts[p[k + 1]].what, parts[p[k]].what) == 0;
	return before || after ? AGREED_ALL : AGREED_SUBJECT;
}

/* Those of events that reach over several chunks. */
static enum agreement *find_agreed(const struct check_video *v, const enum check_doubt *doubts)
{
	enum agreement *agreed = mem_alloc(v->n + 1, sizeof *agreed);
	AUTO(mem_freep) struct story_part *parts = mem_alloc(v->n + 1, sizeof *parts);
	size_t n;
	for (size_t i = 0; i < v->n; i++)
		parts[i] = v->statements[i].part;
	struct story_event *events = story_join(parts, v->n, NULL, 0, &n);
	for (size_t e = 0; e < n; e++)
		for (size_t k = 0; k < events[e].n_parts; k++) {
			size_t i = events[e].parts[k];
			if (doubts[i] == DOUBT_NONE && *parts[i].subject)
				agreed[i] = agreement_of(parts, &events[e], k);
		}
	story_free(events, n);
	return agreed;
}

struct check_item *check_plan(const struct check_video *v, const enum check_doubt *doubts,
                              const struct check_wanted *wanted, size_t *ret_n)
{
	AUTO(mentions_freep) struct mentions *mentions = mentions_new(v);
	AUTO(mem_freep) enum agreement *agreed = find_agreed(v, doubts);
	AUTO(mem_freep) struct rank *by_number = rank(v, "order", NULL);
	AUTO(mem_freep) struct rank *by_doubt = rank(v, "check", doubts);
	AUTO(mem_freep) size_t *order = mem_alloc(v->n + 1, sizeof *order);
	AUTO(mem_freep) unsigned char *planned = mem_alloc(v->n + 1, sizeof *planned);
	struct choice c = {.v = v,
	                   .wanted = wanted,
	                   .mentions = mentions,
	                   .agreed = agreed,
	                   .order = order,
	                   .planned = planned};
	for (size_t i = 0; i < v->n; i++) {
		order[i] = by_number[i].statement;
		c.used |= change_words(v->statements[i].part.what);
	}

	add_controls(&c);
	for (size_t k = 0; k < v->n && c.n < wanted->limit; k++) {
		size_t i = by_doubt[k].statement;
		if (!wanted->statements[i])
			continue;
		add(&c, item_of(&c, CHECK_STATEMENT, i, mem_strdup(v->statements[i].part.what)));
		add_later_control(&c, i);
	}
	*ret_n = c.n;
	return c.items;
}

void check_items_free(struct check_item *items, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(items[i].what);
	free(items);
}
