/* SPDX-License-Identifier: Apache-2.0 */
#include "job/chunk-twice.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/text.h"
#include "job/chunk-result.h"
#include "job/chunk-unit.h"

/* Percent of the words of both texts that are in both, below which they are
 * different. The same model on two machines has most of them in common. */
enum { ALIKE = 25, FEW_WORDS = 4 };

/* ---- statements */

/* The words of a result, each as a hash, ascending, and once. */
struct words {
	uint64_t *list;
	size_t n, cap;
};

static void words_clear(struct words *w)
{
	free(w->list);
}

static void add_words(struct words *w, const char *text)
{
	static const uint64_t start = UINT64_C(14695981039346656037), prime = UINT64_C(1099511628211);
	uint64_t hash = start;
	for (const unsigned char *p = (const unsigned char *)(text ? text : "");; p++) {
		if (isalnum(*p) || *p >= 0x80) {
			hash = (hash ^ (uint64_t)tolower(*p)) * prime;
			continue;
		}
		if (hash != start) {
			w->list = mem_room(w->list, w->n, &w->cap, sizeof *w->list);
			w->list[w->n++] = hash;
			hash = start;
		}
		if (!*p)
			return;
	}
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static void read_words(const struct store_chunk *c, struct words *w)
{
	size_t n = 0;
	add_words(w, c->summary);
	for (size_t i = 0; i < c->n_events; i++) {
		add_words(w, c->events[i].subject);
		add_words(w, c->events[i].what);
	}
	if (!w->n)
		return;
	qsort(w->list, w->n, sizeof *w->list, by_value);
	for (size_t i = 0; i < w->n; i++)
		if (!n || w->list[n - 1] != w->list[i])
			w->list[n++] = w->list[i];
	w->n = n;
}

/* Percent of all words that both have. */
static size_t likeness(const struct store_chunk *a, const struct store_chunk *b)
{
	AUTO(words_clear) struct words x = {0}, y = {0};
	size_t both = 0, i = 0, j = 0;
	read_words(a, &x);
	read_words(b, &y);
	while (i < x.n && j < y.n) {
		both += x.list[i] == y.list[j];
		bool first = x.list[i] <= y.list[j], second = y.list[j] <= x.list[i];
		i += first;
		j += second;
	}
	size_t all = x.n + y.n - both;
	return all < FEW_WORDS ? 100 : 100 * both / all;
}

/* ---- frames */

/* Decoded by the same rules on any machine. */
static bool is_exact(const struct store_sample *s)
{
	return s->planes && *s->planes && strcmp(s->decode_path, "software") == 0;
}

char *chunk_difference(const struct store_chunk *a, const struct store_chunk *b)
{
	size_t times = 0, pictures = 0, words = likeness(a, b);
	AUTO(buf_free) struct buf out = BUF(300);
	size_t n = a->n_samples < b->n_samples ? a->n_samples : b->n_samples;
	for (size_t i = 0; i < n; i++) {
		const struct store_sample *x = &a->samples[i], *y = &b->samples[i];
		times += x->pts != y->pts;
		pictures +=
			x->pts == y->pts && is_exact(x) && is_exact(y) && strcmp(x->planes, y->planes) != 0;
	}
	if (a->n_samples != b->n_samples)
		buf_addf(&out, "%zu and %zu frames", a->n_samples, b->n_samples);
	if (times)
		buf_addf(&out, "%s%zu of %zu frames have other times", out.len ? "; " : "", times, n);
	if (pictures)
		buf_addf(&out, "%s%zu of %zu frames are other pictures", out.len ? "; " : "", pictures, n);
	if (words < ALIKE)
		buf_addf(&out, "%sof the words that describe it %zu %% are the same", out.len ? "; " : "",
		         words);
	return out.len ? mem_strdup(buf_str(&out)) : NULL;
}

/* ---- the second time */

struct second {
	const struct chunk_unit *unit;
	struct store_chunk *chunk;
	char *worker;     /* who did it; owned */
	struct err wrong; /* why the result cannot be read */
};

/* As a failure it would be given again, and no one waits for it. */
static int read_second(void *ctx, const struct runner_result *result, struct err *err)
{
	struct second *s = ctx;
	(void)err;
	s->worker = mem_strdup(result->worker ? result->worker : "");
	chunk_result_read(s->unit, result, s->chunk, &s->wrong);
	return 0;
}

static int run_again(const struct chunk_run *how, const struct unit_run *base,
                     const struct chunk_given *given, struct second *s, struct err *err)
{
	AUTO(chunk_unit_clear) struct chunk_unit u = {0};
	struct unit_run run = *base;
	char id[RUNNER_MAX_ID + 1];
	unit_id(how->job, "twice", s->chunk->index, given->body, id);
	run.not_by = given->worker;
	run.read = read_second;
	run.ctx = s;
	s->unit = &u;
	int r = chunk_unit_read(given->body, &u, err);
	if (r == 0)
		r = unit_run(&run, id, given->body, err);
	if (r == 0)
		unit_settle(how->run, id);
	return r;
}

static enum chunk_twice judge(const struct chunk_run *how, const struct chunk_given *given,
                              const char *other, const struct store_chunk *first,
                              const struct store_chunk *second, const char *wrong)
{
	const struct runner *runner = how->run->runner;
	AUTO(mem_freep) char *found = wrong ? mem_strdup(wrong) : chunk_difference(first, second);
	if (found)
		log_warning(
			"[job %s chunk %zu] the workers %s and %s do not agree: %s. That of %s is kept; "
			"one of them is faulty, or not what it says",
			how->job, (size_t)first->index + 1, given->worker, other, found, given->worker);
	if (runner->compared)
		runner->compared(runner->ctx, given->worker, other, !found);
	return found ? CHUNK_TWICE_DIFFERENT : CHUNK_TWICE_SAME;
}

enum chunk_twice chunk_twice(const struct chunk_run *how, const struct chunk_given *given,
                             const struct store_chunk *first)
{
	char model[HASH_HEX];
	AUTO(mem_freep)
	char *what = mem_printf("job %s chunk %zu", how->job, (size_t)first->index + 1);
	const struct runner *runner = how->run->runner;
	const struct unit_run base = chunk_run_unit(how, what);
	const struct runner_unit unit = unit_view(&base, given->unit, given->body, model);
	AUTO(store_chunk_clear)
	struct store_chunk chunk = {.index = first->index, .start = first->start, .end = first->end};
	struct second second = {.chunk = &chunk};
	struct err why = {0};
	if (first->state != CHUNK_DONE || !runner->twice(runner->ctx, &unit))
		return CHUNK_TWICE_NOT;
	int r = run_again(how, &base, given, &second, &why);
	AUTO(mem_freep) char *other = second.worker;
	if (r < 0 && r != -ERR_CANCELED)
		log_info("[%s] is not done twice: %s", what, why.msg);
	if (r < 0 || strcmp(other, given->worker) == 0)
		return CHUNK_TWICE_NOT;
	return judge(how, given, other, first, &chunk, second.wrong.code ? second.wrong.msg : NULL);
}
