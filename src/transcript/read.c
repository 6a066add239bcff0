/* SPDX-License-Identifier: Apache-2.0 */
#include "transcript/read.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "decoder/decoder-texts.h"
#include "protocol/texts-wire.h"

/* So long at most is a text shown whose end is not stated. */
static const int64_t open_length = 5 * CLOCK_SECOND;

/* A segment, with its place in the file. */
struct place {
	const struct decoder_segment *s;
	size_t at;
};

static int by_time(const void *x, const void *y)
{
	const struct place *a = x, *b = y;
	if (a->s->start != b->s->start)
		return a->s->start < b->s->start ? -1 : 1;
	if (a->s->track != b->s->track)
		return a->s->track < b->s->track ? -1 : 1;
	return (a->at > b->at) - (a->at < b->at);
}

/* The end of each segment that has none: where the next one of its track
 * begins. */
static void close_open(struct decoder_texts *t, const struct place *order)
{
	int64_t next[TEXTS_TRACKS_MAX];
	for (size_t i = 0; i < TEXTS_TRACKS_MAX; i++)
		next[i] = INT64_MAX;
	for (size_t i = t->n_segments; i-- > 0;) {
		struct decoder_segment *s = &t->segments[order[i].at];
		int64_t most = s->start + open_length, until = next[s->track];
		if (s->end <= s->start)
			s->end = until > s->start && until < most ? until : most;
		next[s->track] = s->start;
	}
}

/* What could not be read of a track. */
static char *fault_of(const struct decoder_track *t, size_t outside)
{
	char unread[80] = "", late[80] = "";
	if (*t->fault)
		return mem_strdup(t->fault);
	if (t->unread)
		snprintf(unread, sizeof unread, "%lld of its texts cannot be decoded",
		         (long long)t->unread);
	if (outside)
		snprintf(late, sizeof late, "%zu of its texts begin%s after the end of the video", outside,
		         outside == 1 ? "s" : "");
	return mem_printf("%s%s%s", unread, *unread && *late ? "; " : "", late);
}

static void take_sources(struct decoder_texts *from, const size_t *outside,
                         struct store_transcript *to)
{
	to->sources = mem_alloc(from->n_tracks + 1, sizeof *to->sources);
	for (size_t i = 0; i < from->n_tracks; i++) {
		struct decoder_track *t = &from->tracks[i];
		to->sources[to->n_sources++] =
			(struct store_text_source){.kind = mem_strdup(STORE_SUBTITLE),
		                               .track = t->index,
		                               .format = mem_strdup(t->format),
		                               .lang = mem_strdup(t->language),
		                               .title = mem_strdup(t->title),
		                               .fault = fault_of(t, outside[i])};
	}
}

void transcript_take(struct decoder_texts *from, const struct transcript_range *range,
                     struct store_transcript *ret, char **ret_fault)
{
	size_t n = from->n_segments, outside[TEXTS_TRACKS_MAX] = {0};
	AUTO(mem_freep) struct place *order = mem_alloc(n + 1, sizeof *order);
	for (size_t i = 0; i < n; i++)
		order[i] = (struct place){&from->segments[i], i};
	if (n)
		qsort(order, n, sizeof *order, by_time);
	close_open(from, order);

	*ret = (struct store_transcript){.segments = mem_alloc(n + 1, sizeof *ret->segments)};
	for (size_t i = 0; i < n; i++) {
		struct decoder_segment *s = &from->segments[order[i].at];
		const struct decoder_track *t = &from->tracks[s->track];
		int64_t end = s->end < range->duration ? s->end : range->duration;
		outside[s->track] += s->start >= range->duration;
		if (s->start >= range->duration || s->start >= range->to || end <= range->from)
			continue;
		ret->segments[ret->n_segments++] =
			(struct store_segment){.start = s->start,
		                           .end = end,
		                           .kind = mem_strdup(STORE_SUBTITLE),
		                           .track = t->index,
		                           .text = TAKE(s->text),
		                           .who = TAKE(s->who),
		                           .lang = mem_strdup(t->language),
		                           .conf = -1};
	}
	take_sources(from, outside, ret);
	for (size_t i = 0; i < ret->n_segments; i++)
		for (size_t k = 0; k < ret->n_sources; k++)
			ret->sources[k].n += ret->sources[k].track == ret->segments[i].track;
	*ret_fault = from->cut ? mem_printf("the file has more texts than are read: %d, or %d MB",
	                                    TEXTS_SEGMENTS_MAX, TEXTS_BYTES_MAX >> 20)
	                       : mem_strdup("");
}

int transcript_read(struct decoder *d, const struct transcript_range *range,
                    struct store_transcript *ret, char **ret_fault, struct err *err)
{
	AUTO(decoder_texts_clear) struct decoder_texts texts = {0};
	int r = decoder_texts(d, &texts, err);
	if (r == 0)
		transcript_take(&texts, range, ret, ret_fault);
	return r;
}
