/* SPDX-License-Identifier: Apache-2.0 */
#include "job/speech-part.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "speech/split.h"

static const int64_t shortest = 300 * CLOCK_SECOND, longest = 600 * CLOCK_SECOND;

void hearing_clear(struct hearing *h)
{
	decoder_free(h->decoder);
	free(h->samples);
	free(h->lost.items);
	h->lost = (struct decoder_lost_list){0};
	h->decoder = NULL;
	h->samples = NULL;
	h->n = 0;
}

static int64_t length_of(size_t n)
{
	return (int64_t)n * CLOCK_SECOND / SPEECH_RATE;
}

static size_t samples_in(int64_t length)
{
	return (size_t)(length * (SPEECH_RATE / 1000) / (CLOCK_SECOND / 1000));
}

/* ---- sound */

static int read_on(struct hearing *h, int64_t to, struct err *err)
{
	AUTO(mem_freep) int16_t *more = NULL;
	size_t n = 0;
	bool ended;
	int64_t from = h->at + length_of(h->n);
	const struct decoder_sound q = {
		.track = h->track, .from = from, .to = to, .believed = h->src->range.duration};
	int r =
		h->decoder ? 0 : decoder_open(h->src->fd, &h->src->decoder, h->cancel, &h->decoder, err);
	if (r == 0)
		r = decoder_samples(h->decoder, &q, &more, &n, &ended, &h->lost, err);
	if (r < 0) {
		decoder_free(TAKE(h->decoder));
		return r;
	}
	h->samples = mem_grow(h->samples, h->n + n + 1, sizeof *h->samples);
	memcpy(h->samples + h->n, more, n * sizeof *more);
	h->n += n;
	return 0;
}

static void forget_lost(struct hearing *h, int64_t before)
{
	size_t gone = 0;
	while (gone < h->lost.n && h->lost.items[gone].to <= before)
		gone++;
	h->lost.n -= gone;
	if (gone && h->lost.n)
		memmove(h->lost.items, h->lost.items + gone, h->lost.n * sizeof *h->lost.items);
}

/* Makes the sound from `from` to `to` the first that there is. What was read
 * before for the next part is used. */
static int fill(struct hearing *h, int track, int64_t from, int64_t to, struct err *err)
{
	int64_t end = h->at + length_of(h->n);
	bool goes_on = h->samples && h->track == track && from >= h->at && from <= end;
	size_t gone = goes_on ? samples_in(from - h->at) : h->n;
	if (gone > h->n)
		gone = h->n;
	if (h->samples)
		memmove(h->samples, h->samples + gone, (h->n - gone) * sizeof *h->samples);
	h->n -= gone;
	forget_lost(h, goes_on ? from : INT64_MAX);
	h->track = track;
	h->at = from;
	return to > from + length_of(h->n) ? read_on(h, to, err) : 0;
}

static int64_t lost_between(const struct hearing *h, int64_t from, int64_t to)
{
	int64_t sum = 0;
	for (size_t i = 0; i < h->lost.n; i++) {
		const struct decoder_lost *l = &h->lost.items[i];
		int64_t a = l->from > from ? l->from : from, b = l->to < to ? l->to : to;
		sum += b > a ? b - a : 0;
	}
	return sum;
}

/* ---- texts */

static char *words_json(const struct speech_segment *g, int64_t at)
{
	json_auto_t *list = json_array();
	for (size_t i = 0; i < g->n_words; i++) {
		const struct speech_word *w = &g->words[i];
		json_array_append_new(list, json_pack("[I I s f]", (json_int_t)(at + w->start),
		                                      (json_int_t)(at + w->end), w->text, w->conf));
	}
	return g->n_words ? json_dumps(list, JSON_COMPACT | JSON_REAL_PRECISION(4)) : mem_strdup("");
}

/* Adds what was heard in sound that begins at `at`. */
static void take_texts(const struct speech_result *from, int track, int64_t at,
                       struct store_transcript *to)
{
	to->segments = mem_grow(to->segments, to->n_segments + from->n + 1, sizeof *to->segments);
	to->dropped = mem_grow(to->dropped, to->n_dropped + from->n + 1, sizeof *to->dropped);
	for (size_t i = 0; i < from->n; i++) {
		const struct speech_segment *g = &from->segments[i];
		if (g->dropped) {
			to->dropped[to->n_dropped++] = (struct store_dropped){.start = at + g->start,
			                                                      .end = at + g->end,
			                                                      .kind = mem_strdup(STORE_SPEECH),
			                                                      .track = track,
			                                                      .text = mem_strdup(g->text),
			                                                      .reason = mem_strdup(g->dropped)};
			continue;
		}
		const char *language = *g->language ? g->language : from->language;
		to->segments[to->n_segments++] = (struct store_segment){.start = at + g->start,
		                                                        .end = at + g->end,
		                                                        .kind = mem_strdup(STORE_SPEECH),
		                                                        .track = track,
		                                                        .text = mem_strdup(g->text),
		                                                        .who = mem_strdup(g->speaker),
		                                                        .lang = mem_strdup(language),
		                                                        .conf = g->conf,
		                                                        .words = words_json(g, at)};
	}
}

/* ---- the engine */

static int hear_piece(struct hearing *h, const struct split_piece *piece,
                      const struct speech_voice *voices, struct store_transcript *to,
                      struct err *err)
{
	AUTO(speech_result_clear) struct speech_result result = {0};
	AUTO(mem_freep) struct speech_voice *own = mem_alloc(piece->n, sizeof *own);
	for (size_t i = 0; i < piece->n; i++)
		own[i] = (struct speech_voice){voices[piece->first + i].start - piece->start,
		                               voices[piece->first + i].end - piece->start};
	const struct speech_sound sound = {.samples = h->samples + samples_in(piece->start),
	                                   .n = samples_in(piece->end - piece->start),
	                                   .voices = own,
	                                   .n_voices = piece->n};
	int r = speech_transcribe(h->speech, &sound, &result, err);
	if (r < 0)
		return r;
	if (*result.note) {
		char at[CLOCK_TEXT_MAX];
		log_info("speech at %s: %s", clock_text(h->at + piece->start, at), result.note);
	}
	take_texts(&result, h->track, h->at + piece->start, to);
	return 0;
}

/* Stretches that reach over the end of the part end there. */
static size_t cut(struct speech_voice *voices, size_t n, int64_t end)
{
	while (n && voices[n - 1].start >= end)
		n--;
	if (n && voices[n - 1].end > end)
		voices[n - 1].end = end;
	return n;
}

static int find_voices(struct hearing *h, struct hearing_part *part, struct speech_voice **ret,
                       size_t *ret_n, struct err *err)
{
	size_t n = 0;
	int r = speech_voices_find(h->voices, h->samples, h->n, ret, &n, err);
	if (r < 0) {
		part->end = part->end ? part->end : part->start + longest;
		return r;
	}
	if (!part->end)
		part->end = part->start + split_end(h->samples, h->n, *ret, n, shortest, longest);
	*ret_n = cut(*ret, n, part->end - part->start);
	return 0;
}

static int transcribe(struct hearing *h, struct hearing_part *part,
                      const struct speech_voice *voices, size_t n, struct store_transcript *to,
                      struct err *err)
{
	AUTO(mem_freep) struct split_piece *pieces = NULL;
	size_t n_pieces;
	int r = 0;
	split_pieces(voices, n, &pieces, &n_pieces);
	part->asked = n_pieces > 0;
	for (size_t i = 0; i < n_pieces && r == 0; i++)
		r = hear_piece(h, &pieces[i], voices, to, err);
	return r;
}

/* The sound of a part is there. */
static int prepare(struct hearing *h, int track, struct hearing_part *part, struct err *err)
{
	part->asked = part->unheard = false;
	part->lost = 0;
	int64_t most = part->start + longest;
	if (!part->end && part->to <= most)
		part->end = part->to;
	int r = fill(h, track, part->start, part->end ? part->end : most, err);
	if (r < 0) {
		part->unheard = true;
		part->end = part->end ? part->end : most;
	}
	return r;
}

int hear_voices(struct hearing *h, int track, struct hearing_part *part, struct speech_voice **ret,
                size_t *ret_n, struct err *err)
{
	*ret = NULL;
	*ret_n = 0;
	int r = prepare(h, track, part, err);
	if (r < 0)
		return r;
	r = find_voices(h, part, ret, ret_n, err);
	part->lost = lost_between(h, part->start, part->end);
	return r;
}

int hear_texts(struct hearing *h, int track, struct hearing_part *part,
               const struct speech_voice *voices, size_t n, struct store_transcript *ret,
               struct err *err)
{
	AUTO(mem_freep) struct speech_voice *own = mem_alloc(n + 1, sizeof *own);
	*ret = (struct store_transcript){0};
	int r = prepare(h, track, part, err);
	if (r < 0)
		return r;
	/* Where the sound was heard, more of it may have been had than here. */
	int64_t length = length_of(h->n), most = part->end - part->start;
	for (size_t i = 0; i < n; i++)
		own[i] = voices[i];
	return transcribe(h, part, own, cut(own, n, length < most ? length : most), ret, err);
}

int hear_part(struct hearing *h, int track, struct hearing_part *part, struct store_transcript *ret,
              struct err *err)
{
	AUTO(mem_freep) struct speech_voice *voices = NULL;
	size_t n;
	*ret = (struct store_transcript){0};
	int r = hear_voices(h, track, part, &voices, &n, err);
	return r < 0 ? r : transcribe(h, part, voices, n, ret, err);
}
