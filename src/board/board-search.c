/* SPDX-License-Identifier: Apache-2.0 */
/* Search: in what the model said, by the index of the journal, and in the names
 * that people gave subjects. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "board/board-internal.h"
#include "report/checks.h"
#include "report/report.h"

enum { WORDS_MAX = 16, HITS_MAX = 500, QUERY_MAX = 400 };

/* ---- names of subjects */

struct query {
	const char *words[WORDS_MAX];
	size_t n, limit; /* of hits */
};

struct found {
	struct store_hit *hits;
	size_t n, cap;
};

static void clear_found(struct found *f)
{
	store_hits_free(f->hits, f->n);
}

/* All words are in the text, and one of them in the name. */
static bool is_about(const struct query *q, const char *name, const char *text)
{
	bool named = false;
	for (size_t i = 0; i < q->n; i++) {
		if (!strcasestr(text, q->words[i]))
			return false;
		named = named || strcasestr(name, q->words[i]);
	}
	return named;
}

static void add_named(struct found *f, const struct query *q, const struct report *r,
                      const struct report_event *events, size_t n)
{
	for (size_t i = 0; i < n && f->n < q->limit; i++) {
		const struct report_event *e = &events[i];
		const struct report_part *first = &e->parts[0];
		if (!e->subject || !*e->subject->name)
			continue;
		AUTO(mem_freep) char *text = mem_printf("%s: %s", e->subject->name, e->what);
		if (!is_about(q, e->subject->name, text))
			continue;
		f->hits = mem_room(f->hits, f->n, &f->cap, sizeof *f->hits);
		f->hits[f->n++] = (struct store_hit){.job = mem_strdup(r->job),
		                                     .chunk = (int64_t)first->chunk,
		                                     .event = (int64_t)first->index,
		                                     .text = TAKE(text),
		                                     .start = e->start,
		                                     .end = e->end,
		                                     .sample = (int64_t)first->samples[0]};
	}
}

/* Events of subjects with such names: who is behind a name is known only once
 * the report is made. */
static int find_named(struct store *s, const struct query *q, struct found *ret, struct err *err)
{
	char **jobs = NULL;
	size_t n = 0;
	int r = store_search_names(s, q->words, q->n, &jobs, &n, err);
	for (size_t i = 0; i < n && r == 0 && ret->n < q->limit; i++) {
		AUTO(report_freep) struct report *report = NULL;
		r = report_load_text(s, jobs[i], REPORT_NORMAL, &report, err);
		if (r == -ERR_NOENT) { /* removed meanwhile */
			r = 0;
			continue;
		}
		if (r == 0) {
			add_named(ret, q, report, report->events, report->n_events);
			add_named(ret, q, report, report->states, report->n_states);
		}
	}
	store_ids_free(jobs, n);
	return r;
}

static bool has_hit(const struct found *f, const struct store_hit *h)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->hits[i].chunk == h->chunk && f->hits[i].event == h->event &&
		    strcmp(f->hits[i].job, h->job) == 0)
			return true;
	return false;
}

/* ---- both */

/* Those of names first. */
static int find_all(struct store *s, const struct query *q, struct found *ret, struct err *err)
{
	struct store_hit *hits = NULL;
	size_t n = 0;
	int r = find_named(s, q, ret, err);
	size_t named = ret->n;
	if (r == 0)
		r = store_search(s, q->words, q->n, q->limit, &hits, &n, err);
	for (size_t i = 0; i < n && ret->n < q->limit; i++) {
		if (has_hit(&(struct found){.hits = ret->hits, .n = named}, &hits[i]))
			continue;
		ret->hits = mem_room(ret->hits, ret->n, &ret->cap, sizeof *ret->hits);
		ret->hits[ret->n++] = hits[i];
		hits[i] = (struct store_hit){0};
	}
	store_hits_free(hits, n);
	return r;
}

/* ---- as JSON */

/* With the lock held: the job of the board that shows this journal; the latest,
 * should there be several. */
static const struct job *shown_by(const struct board *b, const char *journal)
{
	for (size_t i = b->n_jobs; i > 0; i--)
		if (!b->jobs[i - 1]->gone && strcmp(b->jobs[i - 1]->row.journal, journal) == 0)
			return b->jobs[i - 1];
	return NULL;
}

/* What checks found of the hits; those of one job follow each other. */
static int find_verdicts(struct store *s, const struct store_hit *hits, size_t n,
                         struct report_statement *ret, struct err *err)
{
	for (size_t i = 0, k; i < n; i = k) {
		for (k = i; k < n && strcmp(hits[k].job, hits[i].job) == 0; k++)
			ret[k] = (struct report_statement){.chunk = hits[k].chunk, .index = hits[k].event};
		int r = report_verdicts_find(s, hits[i].job, &ret[i], k - i, err);
		if (r < 0 && r != -ERR_NOENT) /* removed meanwhile */
			return r;
	}
	return 0;
}

static json_t *hits_json(struct board *b, const struct store_hit *hits, size_t n,
                         const struct report_statement *checked)
{
	json_t *all = json_array();
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	for (size_t i = 0; i < n; i++) {
		const struct store_hit *h = &hits[i];
		const struct job *j = shown_by(locked, h->job);
		if (!j) /* removed meanwhile */
			continue;
		const char *verdict = check_verdict_name(checked[i].verdict);
		json_array_append_new(
			all, json_pack("{s:o, s:o, s:s, s:s, s:I, s:o, s:o, s:o, s:s, s:s?}", "job",
		                   board_id_json(j->row.id), "video", board_id_json(j->video->row.id),
		                   "name", j->video->row.name, "kind", h->event < 0 ? "summary" : "event",
		                   "chunk", (json_int_t)h->chunk, "sample",
		                   h->sample < 0 ? json_null() : json_integer(h->sample), "start",
		                   board_seconds(h->start), "end", board_seconds(h->end), "text", h->text,
		                   "verdict", *verdict ? verdict : NULL));
	}
	return all;
}

int board_search(struct board *b, const char *words, size_t limit, json_t **ret, struct err *err)
{
	struct query q = {0};
	AUTO(clear_found) struct found found = {0};
	if (strlen(words) > QUERY_MAX)
		return err_set(err, ERR_ARG, "search for %d bytes at most", QUERY_MAX);
	AUTO(mem_freep) char *copy = text_line(words, QUERY_MAX);
	char *rest = copy, *word;
	while (q.n < WORDS_MAX && (word = strsep(&rest, " ")))
		if (*word)
			q.words[q.n++] = word;
	if (!q.n)
		return err_set(err, ERR_ARG, "name at least one word to search for");
	limit = limit < 1 ? 1 : limit > HITS_MAX ? HITS_MAX : limit;
	q.limit = limit + 1;
	int r = find_all(b->setup.store, &q, &found, err);
	if (r < 0)
		return r;
	bool more = found.n > limit;
	size_t shown = more ? limit : found.n;
	AUTO(mem_freep) struct report_statement *checked = mem_alloc(shown, sizeof *checked);
	r = find_verdicts(b->setup.store, found.hits, shown, checked, err);
	if (r == 0)
		*ret = json_pack("{s:o, s:b}", "hits", hits_json(b, found.hits, shown, checked), "more",
		                 (int)more);
	return r;
}
