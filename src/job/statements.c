/* SPDX-License-Identifier: Apache-2.0 */
#include "job/statements.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "story/change.h"

static bool is_seen(const struct report_chunk *c, const struct report_sample *s)
{
	return c->state == CHUNK_DONE && !*s->fault && !s->repeated;
}

static size_t count_samples(const struct report *r)
{
	size_t n = 0;
	for (size_t i = 0; i < r->n_chunks; i++)
		n += r->chunks[i].n_samples;
	return n;
}

/* The frames of the chunks; `times` has room for all samples. */
static void collect_chunks(const struct report *r, struct statements *to, int64_t *times)
{
	to->chunks = mem_alloc(r->n_chunks, sizeof *to->chunks);
	for (size_t i = 0; i < r->n_chunks; i++) {
		const struct report_chunk *c = &r->chunks[i];
		size_t n = 0;
		for (size_t k = 0; k < c->n_samples; k++)
			if (is_seen(c, &c->samples[k]))
				times[n++] = c->samples[k].pts;
		n = mem_sort_times(times, n);
		to->chunks[i] = (struct check_chunk){.seen = times, .n_seen = n, .summary = c->summary};
		memcpy(&to->seen[to->n_seen], times, n * sizeof *times);
		to->n_seen += n;
		times += n;
	}
	to->n_seen = mem_sort_times(to->seen, to->n_seen);
}

static size_t cited_times(const struct report *r, const struct report_part *p, int64_t *to)
{
	for (size_t k = 0; k < p->n_samples; k++)
		to[k] = r->chunks[p->chunk].samples[p->samples[k]].pts;
	return mem_sort_times(to, p->n_samples);
}

void statements_collect(const struct report *r, const char *key, struct statements *ret)
{
	size_t samples = count_samples(r), n, cited = 0;
	*ret = (struct statements){.seen = mem_alloc(samples, sizeof(int64_t)),
	                           .parts = report_parts(r, &n)};
	ret->items = mem_alloc(n, sizeof(struct check_statement));

	for (size_t i = 0; i < n; i++)
		cited += ret->parts[i]->n_samples;
	ret->times = mem_alloc(samples + cited, sizeof *ret->times);
	collect_chunks(r, ret, ret->times);
	int64_t *times = ret->times + samples;
	for (size_t i = 0; i < n; i++) {
		const struct report_part *p = ret->parts[i];
		ret->items[i] = (struct check_statement){.part = report_story_part(r, p),
		                                         .index = p->index,
		                                         .frames = times,
		                                         .n_frames = cited_times(r, p, times)};
		times += ret->items[i].n_frames;
	}
	ret->video = (struct check_video){.key = key,
	                                  .chunks = ret->chunks,
	                                  .n_chunks = r->n_chunks,
	                                  .statements = ret->items,
	                                  .n = n};
}

void statements_clear(struct statements *s)
{
	free(s->chunks);
	free(s->items);
	free(s->parts);
	free(s->times);
	free(s->seen);
	*s = (struct statements){0};
}

void statement_print(const struct story_part *p, struct buf *to)
{
	char start[CLOCK_TEXT_MAX], end[CLOCK_TEXT_MAX];
	AUTO(mem_freep) char *what = text_line(p->what, STATEMENT_MAX);
	AUTO(mem_freep) char *subject = text_line(p->subject, STATEMENT_MAX);
	bool named = !*subject || change_has_word(what, subject);
	buf_addf(to, "[%s - %s] %s%s%s", clock_whole(p->start, start), clock_whole(p->end, end),
	         named ? "" : subject, named ? "" : ": ", what);
}
