/* SPDX-License-Identifier: Apache-2.0 */
#include "ask/rounds.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ask/lanes.h"
#include "ask/near.h"
#include "ask/sight.h"
#include "ask/sources.h"
#include "ask/verify.h"
#include "base/clock.h"
#include "base/log.h"
#include "search/find.h"

/* Looks may use this share of the budget; checks the rest. */
#define SHARE 0.75
/* Frames this many times as far from each other are as good: pieces of windows
 * differ a little in length. */
#define NEARLY 1.5

enum { PAD = 1000000, SHORTEST = 2000000, QUARTERS = 4 };

size_t rounds_times(int64_t start, int64_t end, size_t n, int64_t *out)
{
	size_t kept = 0;
	for (size_t i = 0; i < n; i++) {
		int64_t at = start + (int64_t)((double)(end - start) * ((double)i + 0.5) / (double)n);
		if (!kept || at > out[kept - 1])
			out[kept++] = at;
	}
	return kept;
}

/* ---- windows */

struct windows {
	struct ask_window *items;
	size_t n, cap;
};

static void windows_clear(struct windows *w)
{
	free(w->items);
}

static size_t look_frames(const struct asking *a)
{
	size_t most = a->demo ? LOOK_FRAMES_MIN : LOOK_FRAMES_MAX;
	return most < a->most ? most : a->most;
}

/* Whether it was looked at with frames nearly as close to each other. */
static bool was_looked(const struct ask_source *s, const struct ask_window *w)
{
	for (size_t i = 0; i < s->n_looked; i++) {
		const struct ask_window *l = &s->looked[i];
		double gap = (double)(l->end - l->start) / (double)l->density;
		double wanted = (double)(w->end - w->start) / (double)w->density;
		if (l->part == w->part && l->start <= w->start && l->end >= w->end && gap < NEARLY * wanted)
			return true;
	}
	return false;
}

/* Whether most of it is in a window that is listed. */
static bool is_covered(const struct windows *list, const struct ask_window *w)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct ask_window *l = &list->items[i];
		int64_t from = l->start > w->start ? l->start : w->start;
		int64_t until = l->end < w->end ? l->end : w->end;
		if (l->source == w->source && until - from > (w->end - w->start) / 2)
			return true;
	}
	return false;
}

/* Adds a window of the analyzed part, cut into pieces in which the frames are
 * twice as dense as those of the analysis. The first piece of what is found
 * comes before the second of anything. */
static void add_window(struct asking *a, struct windows *to, size_t source, int64_t start,
                       int64_t end, double score)
{
	const struct ask_source *s = &a->sources[source];
	int64_t from = s->from, until = s->to;
	size_t density = look_frames(a);
	start = start < from ? from : start;
	end = end > until ? until : end;
	int64_t longest = (int64_t)density * sources_mean_gap(s) / 2;
	longest = longest < SHORTEST ? SHORTEST : longest;
	if (end <= start || !s->visible)
		return;
	int64_t pieces = (end - start + longest - 1) / longest;
	for (int64_t i = 0; i < pieces; i++) {
		struct ask_window w = {.source = source,
		                       .start = start + (end - start) * i / pieces,
		                       .end = start + (end - start) * (i + 1) / pieces,
		                       .score = score / (double)(i + 1),
		                       .density = density,
		                       .part = a->part};
		if (was_looked(s, &w) || is_covered(to, &w))
			continue;
		to->items = mem_room(to->items, to->n, &to->cap, sizeof *to->items);
		to->items[to->n++] = w;
	}
}

static int best_first(const void *x, const void *y)
{
	const struct find_passage *a = *(const struct find_passage *const *)x,
							  *b = *(const struct find_passage *const *)y;
	if (a->score != b->score)
		return a->score < b->score ? 1 : -1;
	return (a->start > b->start) - (a->start < b->start);
}

/* Around each passage that was found in a window of the search, best first:
 * others do not take from its time. */
static void add_found(struct asking *a, struct windows *to, const struct find_window *f)
{
	AUTO(mem_freep) const struct find_passage **of = mem_alloc(f->n_passages + 1, sizeof *of);
	size_t n = 0;
	for (size_t i = 0; i < f->n_passages; i++)
		/* A summary of the chunk says less than its events. */
		if (f->passages[i].event != -1 || f->n_passages == 1)
			of[n++] = &f->passages[i];
	if (n)
		qsort(of, n, sizeof *of, best_first);
	if (!f->n_passages) /* activity that no frame shows yet */
		add_window(a, to, f->job, f->start - PAD, f->end + PAD, f->score);
	for (size_t i = 0; i < n; i++)
		add_window(a, to, f->job, of[i]->start - PAD, of[i]->end + PAD, of[i]->score);
}

/* What is found for the words of queries. The caller clears *ret. */
static int find_in_sources(struct asking *a, const struct route_query *queries, size_t n,
                           struct find_result *ret, struct err *err)
{
	AUTO(mem_freep) const char **jobs = mem_alloc(a->n_sources + 1, sizeof *jobs);
	struct find_query q[ROUTE_QUERIES];
	for (size_t i = 0; i < a->n_sources; i++)
		jobs[i] = a->sources[i].report->job;
	for (size_t i = 0; i < n; i++)
		q[i] = (struct find_query){.text = queries[i].text,
		                           .sense = (enum find_sense)queries[i].sense};
	AUTO(near_clear) struct near near = {0};
	near_make(a, q, n, &near);
	const struct find_request request = {.jobs = jobs,
	                                     .n_jobs = a->n_sources,
	                                     .queries = q,
	                                     .n_queries = n,
	                                     .from = a->from,
	                                     .to = a->to == INT64_MAX ? 0 : a->to,
	                                     .vectors = near.wanted ? &near.vectors : NULL,
	                                     .bursts = true,
	                                     .most = a->n_sources == 1 ? WINDOWS_ONE : WINDOWS_ALL};
	asking_tell(a, &(struct ask_progress){.step = "search", .video = ""});
	int r = find_windows(a->run.store, &request, ret, err);
	for (size_t i = 0; i < ret->n_failed; i++)
		log_warning("[answer %s] a part of the search failed: %s", a->id, ret->failed[i]);
	return r;
}

/* Parts of the range, or videos: each is looked at if something is found in
 * it. */
static size_t group_of(const struct asking *a, const struct ask_window *w)
{
	const struct report *r = a->sources[w->source].report;
	if (a->n_sources > 1)
		return w->source;
	size_t quarter = (size_t)(QUARTERS * (double)(w->start - r->from) / (double)(r->to - r->from));
	return quarter < QUARTERS ? quarter : QUARTERS - 1;
}

static int by_score(const void *x, const void *y)
{
	const struct ask_window *a = x, *b = y;
	if (a->score != b->score)
		return a->score < b->score ? 1 : -1;
	if (a->source != b->source)
		return a->source < b->source ? -1 : 1;
	return (a->start > b->start) - (a->start < b->start);
}

/* Best first, but before all others the best of each group. What is near a good
 * passage is not better for that: a window of the search has both. */
static void rank(const struct asking *a, struct windows *w)
{
	size_t n_groups = a->n_sources > 1 ? a->n_sources : QUARTERS, first = 0;
	AUTO(mem_freep) bool *has = mem_alloc(n_groups, sizeof *has);
	if (w->n)
		qsort(w->items, w->n, sizeof *w->items, by_score);
	for (size_t i = 0; i < w->n; i++) {
		struct ask_window one = w->items[i];
		size_t group = group_of(a, &one);
		if (has[group])
			continue;
		has[group] = true;
		memmove(&w->items[first + 1], &w->items[first], (i - first) * sizeof one);
		w->items[first++] = one;
	}
}

static int search(struct asking *a, const struct route_query *queries, size_t n, struct windows *to,
                  struct err *err)
{
	AUTO(find_result_clear) struct find_result found = {0};
	int r = find_in_sources(a, queries, n, &found, err);
	for (size_t i = 0; r == 0 && i < found.n; i++)
		add_found(a, to, &found.windows[i]);
	rank(a, to);
	return r;
}

static void mark(struct ask_source *s, const struct find_passage *p)
{
	for (size_t i = 0; i < s->n_groups; i++) {
		struct ask_group *g = &s->groups[i];
		if (g->times[0] <= p->end && g->times[g->n - 1] >= p->start)
			g->likely = true;
	}
}

int rounds_mark(struct asking *a, struct err *err)
{
	AUTO(find_result_clear) struct find_result found = {0};
	int r = find_in_sources(a, a->route.queries, a->route.n_queries, &found, err);
	for (size_t i = 0; r == 0 && i < found.n; i++)
		for (size_t k = 0; k < found.windows[i].n_passages; k++)
			if (found.windows[i].passages[k].event != -1)
				mark(&a->sources[found.windows[i].job], &found.windows[i].passages[k]);
	return r;
}

/* ---- looks */

struct item {
	size_t source; /* first, for the lanes */
	struct ask_window window;
	size_t number, total;
	char *next;       /* where to look after it; NULL: it failed, or nowhere */
	int64_t cited[2]; /* first and last frame that it cites; 0, 0 = none */
};

static void note_window(struct asking *a, const struct ask_window *w)
{
	struct ask_source *s = &a->sources[w->source];
	pthread_mutex_lock(&a->lock);
	s->looked = mem_room(s->looked, s->n_looked, &s->cap_looked, sizeof *s->looked);
	s->looked[s->n_looked++] = *w;
	pthread_mutex_unlock(&a->lock);
}

static void look(struct asking *a, struct describe_worker *w, void *arg)
{
	struct item *item = arg;
	AUTO(sight_clear) struct sight s = {0};
	int64_t times[LOOK_FRAMES_MAX];
	struct err err;
	const struct ask_window *win = &item->window;
	const struct ask_progress p = {.step = "look",
	                               .video = a->sources[item->source].report->source_name,
	                               .start = win->start,
	                               .end = win->end,
	                               .done = item->number,
	                               .total = item->total};
	asking_tell(a, &p);
	size_t n = rounds_times(win->start, win->end, win->density, times);
	int r = sight_look(a, w, item->source, times, n, a->route.question, &s, &err);
	if (r < 0) {
		asking_stop(a, &err);
		return;
	}
	note_window(a, win);
	item->next = TAKE(s.next);
	if (!s.n_frames)
		return;
	item->cited[0] = s.pts[s.frames[0]];
	item->cited[1] = s.pts[s.frames[s.n_frames - 1]];
	sight_found(a, item->source, &s);
}

static int by_place(const void *x, const void *y)
{
	const struct item *a = x, *b = y;
	if (a->source != b->source)
		return a->source < b->source ? -1 : 1;
	return (a->window.start > b->window.start) - (a->window.start < b->window.start);
}

/* The n best windows, in order of their place, so that an engine finds pictures
 * in its cache and a decoder goes forward. Returns the number that was looked
 * at; the caller frees the items. */
static size_t look_at(struct asking *a, const struct windows *w, size_t n, struct item **ret)
{
	size_t done;
	struct item *items = mem_alloc(n + 1, sizeof *items);
	for (size_t i = 0; i < n; i++)
		items[i] = (struct item){.source = w->items[i].source, .window = w->items[i]};
	if (n)
		qsort(items, n, sizeof *items, by_place);
	for (size_t i = 0; i < n; i++) {
		items[i].number = i;
		items[i].total = n;
	}
	lanes_run(a, SHARE, look, items, n, sizeof *items, &done);
	*ret = items;
	return done;
}

/* ---- where to look next */

static int follow(struct asking *a, const struct item *item, struct windows *to, struct err *err)
{
	const struct ask_window *w = &item->window;
	int64_t length = w->end - w->start;
	const char *next = item->next;
	if (!next || !*next || strcasecmp(next, "none") == 0)
		return 0;
	if (strcasecmp(next, "before") == 0) {
		add_window(a, to, w->source, w->start - length, w->start, w->score);
	} else if (strcasecmp(next, "after") == 0) {
		add_window(a, to, w->source, w->end, w->end + length, w->score);
	} else if (strcasecmp(next, "closer") == 0) {
		bool cited = item->cited[1];
		int64_t from = cited ? item->cited[0] - PAD : w->start, middle = w->start + length / 2;
		int64_t until = cited ? item->cited[1] + PAD : middle;
		add_window(a, to, w->source, from, until, w->score);
		if (!cited)
			add_window(a, to, w->source, middle, w->end, w->score);
	} else {
		const struct route_query q = {.text = (char *)next, .sense = SENSE_SEEN};
		return search(a, &q, 1, to, err);
	}
	return 0;
}

static void items_free(struct item *items, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(items[i].next);
	free(items);
}

static bool is_enough(const struct asking *a)
{
	for (size_t i = 0; i < a->n_findings; i++) {
		const struct ask_finding *f = &a->findings[i];
		if (f->enough && f->verdict != VERDICT_WITHDRAWN && f->verdict != VERDICT_UNSURE)
			return true;
	}
	return false;
}

int rounds_run(struct asking *a, struct err *err)
{
	AUTO(windows_clear) struct windows windows = {0};
	size_t most = route_wants_all(a->route.kind) ? WINDOWS_ONE : LOOK_FRAMES_MIN;
	int r = search(a, a->route.queries, a->route.n_queries, &windows, err);
	for (int round = 0; r == 0 && windows.n && round < ROUNDS_MOST; round++) {
		struct item *items;
		size_t all = round ? most / 2 : most;
		all = windows.n < all ? windows.n : all;
		size_t n = look_at(a, &windows, all, &items);
		r = verify_run(a, err);
		windows.n = 0;
		if (r == 0 && !is_enough(a))
			for (size_t i = 0; i < n && r == 0 && round + 1 < ROUNDS_MOST; i++)
				r = follow(a, &items[i], &windows, err);
		items_free(items, all);
	}
	return r;
}
