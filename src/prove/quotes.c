/* SPDX-License-Identifier: Apache-2.0 */
#include "prove/quotes.h"

#include <stdlib.h>
#include <string.h>

#include "transcript/read.h"

void quotes_clear(struct quotes *q)
{
	store_transcript_clear(&q->subtitles);
	free(q->fault);
	q->fault = NULL;
}

static int read_subtitles(struct decoder *d, struct quotes *q, struct err *err)
{
	struct video_info video = {0};
	int r = decoder_probe(d, &video, err);
	const struct transcript_range whole = {.to = video.duration, .duration = video.duration};
	if (r == 0)
		r = transcript_read(d, &whole, &q->subtitles, &q->fault, err);
	video_info_clear(&video);
	return r;
}

int quotes_read(int fd, const struct decoder_options *o, struct cancel *cancel, struct quotes *ret,
                struct err *err)
{
	AUTO(decoder_freep) struct decoder *d = NULL;
	*ret = (struct quotes){0};
	int r = decoder_open(fd, o, cancel, &d, err);
	if (r == 0)
		r = read_subtitles(d, ret, err);
	if (r == -ERR_CANCELED)
		return r;
	if (!ret->fault)
		ret->fault = mem_strdup(r < 0 ? err->msg : "");
	return 0;
}

/* The first subtitle that begins at this time or later. */
static size_t first_from(const struct store_transcript *t, int64_t start)
{
	size_t low = 0, high = t->n_segments;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (t->segments[mid].start < start)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

enum quote_match quotes_compare(const struct quotes *q, const char *source, int64_t start,
                                const char *text)
{
	const struct store_transcript *t = &q->subtitles;
	if (*source && strcmp(source, STORE_SUBTITLE) != 0)
		return QUOTE_RECOGNIZED;
	for (size_t i = first_from(t, start); i < t->n_segments && t->segments[i].start == start; i++)
		if (strcmp(t->segments[i].text, text) == 0)
			return QUOTE_SAME;
	return *q->fault ? QUOTE_UNREAD : QUOTE_OTHER;
}

static int by_start(const void *x, const void *y)
{
	const struct cited_text *a = *(const struct cited_text *const *)x,
							*b = *(const struct cited_text *const *)y;
	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return strcmp(a->text, b->text);
}

size_t quotes_lacking(const struct quotes *q, const struct cited_file *f)
{
	AUTO(mem_freep) const struct cited_text **order = mem_alloc(f->n_texts + 1, sizeof *order);
	size_t n = 0, lacking = 0;
	for (size_t i = 0; i < f->n_texts; i++)
		if (strcmp(f->texts[i].source, STORE_SUBTITLE) == 0)
			order[n++] = &f->texts[i];
	if (n)
		qsort(order, n, sizeof *order, by_start);
	for (size_t i = 0; i < q->subtitles.n_segments; i++) {
		const struct store_segment *s = &q->subtitles.segments[i];
		const struct cited_text wanted = {.start = s->start, .text = s->text}, *key = &wanted;
		if (s->start < f->from || s->start >= f->to)
			continue;
		lacking += !n || !bsearch(&key, order, n, sizeof *order, by_start);
	}
	return lacking;
}
