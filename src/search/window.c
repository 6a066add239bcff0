/* SPDX-License-Identifier: Apache-2.0 */
#include "search/window.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { QUARTERS = 4 };

struct making {
	struct find_window *windows;
	size_t n, cap;
};

void windows_free(struct find_window *w, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < w[i].n_passages; k++)
			free(w[i].passages[k].text);
		free(w[i].passages);
	}
	free(w);
}

static int order_numbers(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int by_time(const void *a, const void *b)
{
	const struct window_hit *x = a, *y = b;
	int r = order_numbers((int64_t)x->job, (int64_t)y->job);
	r = r ? r : order_numbers(x->passage.start, y->passage.start);
	r = r ? r : order_numbers(x->passage.end, y->passage.end);
	r = r ? r : order_numbers(x->passage.chunk, y->passage.chunk);
	return r ? r : order_numbers(x->passage.event, y->passage.event);
}

static int by_score(const void *a, const void *b)
{
	const struct find_window *x = a, *y = b;
	if (x->score != y->score)
		return x->score < y->score ? 1 : -1;
	int r = order_numbers((int64_t)x->job, (int64_t)y->job);
	return r ? r : order_numbers(x->start, y->start);
}

/* ---- from hits to windows */

static struct find_window *new_window(struct making *m, size_t job, int64_t start, int64_t end)
{
	m->windows = mem_room(m->windows, m->n, &m->cap, sizeof *m->windows);
	struct find_window *w = &m->windows[m->n++];
	*w = (struct find_window){.job = job, .start = start, .end = end};
	return w;
}

static void add_passage(struct find_window *w, const struct find_passage *p, double score)
{
	w->passages = mem_grow(w->passages, w->n_passages + 1, sizeof *w->passages);
	struct find_passage *copy = &w->passages[w->n_passages++];
	*copy = *p;
	copy->text = mem_strdup(p->text);
	copy->score = score;
	w->score = score > w->score ? score : w->score;
}

/* A hit that is longer than a window: parts of equal length. */
static void cut_hit(struct making *m, const struct window_hit *h)
{
	const struct find_passage *p = &h->passage;
	int64_t length = p->end - p->start, parts = (length - 1) / FIND_WINDOW_MAX + 1;
	for (int64_t i = 0; i < parts; i++) {
		struct find_window *w =
			new_window(m, h->job, p->start + length / parts * i,
		               i + 1 == parts ? p->end : p->start + length / parts * (i + 1));
		add_passage(w, p, h->score / (double)parts);
	}
}

/* Whether the hit is near what is in the window, and fits. */
static bool belongs(const struct find_window *w, const struct window_hit *h)
{
	int64_t end = h->passage.end > w->end ? h->passage.end : w->end;
	return w->job == h->job && h->passage.start < w->end + FIND_NEAR &&
	       end - w->start <= FIND_WINDOW_MAX;
}

static struct find_window *place_of(struct making *m, const struct window_hit *h)
{
	/* Parts of a long hit before this one may be where it belongs. */
	for (size_t i = m->n; i > 0 && m->windows[i - 1].job == h->job; i--)
		if (m->windows[i - 1].start <= h->passage.start)
			return belongs(&m->windows[i - 1], h) ? &m->windows[i - 1] : NULL;
	return NULL;
}

void windows_make(struct window_hit *hits, size_t n, struct find_window **ret, size_t *ret_n)
{
	struct making m = {0};
	if (n)
		qsort(hits, n, sizeof *hits, by_time);
	for (size_t i = 0; i < n; i++) {
		const struct find_passage *p = &hits[i].passage;
		if (p->end - p->start > FIND_WINDOW_MAX) {
			cut_hit(&m, &hits[i]);
			continue;
		}
		struct find_window *w = place_of(&m, &hits[i]);
		if (!w)
			w = new_window(&m, hits[i].job, p->start, p->end);
		w->end = p->end > w->end ? p->end : w->end;
		add_passage(w, p, hits[i].score);
	}
	*ret = m.windows;
	*ret_n = m.n;
}

/* ---- which of them */

static size_t group_of(const struct find_window *w, size_t n_jobs, int64_t from, int64_t to)
{
	if (n_jobs > 1)
		return w->job;
	int64_t middle = w->start + (w->end - w->start) / 2;
	if (to <= from || middle <= from)
		return 0;
	if (middle >= to)
		return QUARTERS - 1;
	return (size_t)((double)(middle - from) / (double)(to - from) * QUARTERS);
}

/* Marks the best one of each group, best groups first. */
static size_t mark_groups(const struct find_window *w, size_t n, size_t n_jobs, int64_t from,
                          int64_t to, size_t most, bool *keep)
{
	size_t n_groups = n_jobs > 1 ? n_jobs : QUARTERS, kept = 0;
	AUTO(mem_freep) bool *has = mem_alloc(n_groups, sizeof *has);
	for (size_t i = 0; i < n && kept < most; i++) {
		size_t group = group_of(&w[i], n_jobs, from, to);
		if (!has[group]) {
			has[group] = keep[i] = true;
			kept++;
		}
	}
	return kept;
}

size_t windows_choose(struct find_window *w, size_t n, size_t n_jobs, int64_t from, int64_t to,
                      size_t most)
{
	AUTO(mem_freep) bool *keep = mem_alloc(n + 1, sizeof *keep);
	size_t left = 0;
	if (n)
		qsort(w, n, sizeof *w, by_score);
	size_t kept = mark_groups(w, n, n_jobs, from, to, most, keep);
	for (size_t i = 0; i < n && kept < most; i++)
		if (!keep[i]) {
			keep[i] = true;
			kept++;
		}

	for (size_t i = 0; i < n; i++) {
		struct find_window one = w[i];
		if (keep[i]) {
			w[left++] = one;
			continue;
		}
		for (size_t k = 0; k < one.n_passages; k++)
			free(one.passages[k].text);
		free(one.passages);
	}
	return left;
}
