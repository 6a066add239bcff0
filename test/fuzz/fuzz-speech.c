/* SPDX-License-Identifier: Apache-2.0 */
/* A server's answer to a transcription, and what is dropped of it; what the
 * program for voice activity prints. The first two bytes are the length of the
 * sound in tenths of a second. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "fuzz.h"
#include "speech/answer.h"
#include "speech/filter.h"
#include "speech/voices.h"

static void check(const struct speech_segment *g, int64_t length)
{
	if (g->start < 0 || g->end <= g->start || g->end > length || !*g->text)
		abort();
	if (strlen(g->text) > SPEECH_TEXT_MAX || strpbrk(g->text, "\n\r\t") || !text_is_utf8(g->text))
		abort();
	int64_t after = g->start;
	for (size_t i = 0; i < g->n_words; i++) {
		const struct speech_word *w = &g->words[i];
		if (w->start < after || w->end <= w->start || w->end > g->end || !*w->text)
			abort();
		after = w->end;
	}
}

/* What the program for voice activity prints. */
static void read_voices(const uint8_t *data, size_t size, int64_t length)
{
	struct speech_voice *v = NULL;
	size_t n = 0;
	struct err err;
	AUTO(mem_freep) char *text = mem_alloc(size + 1, 1);
	memcpy(text, data, size);
	if (speech_voices_read(text, length, &v, &n, &err) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		if (v[i].start < 0 || v[i].end <= v[i].start || v[i].end > length ||
		    (i && v[i].start < v[i - 1].end))
			abort();
	free(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct speech_result r = {0};
	struct err err;
	if (size < 2)
		return 0;
	int64_t length = (data[0] + 256 * data[1] + 1) * INT64_C(100000);
	read_voices(data + 2, size - 2, length);
	const struct speech_voice voices[] = {{length / 4, length / 3}, {length / 2, length}};
	if (speech_answer_read((const char *)data + 2, size - 2, data[0] & 1, length, &r, &err) < 0)
		return 0;
	speech_filter(&r, voices, 2);
	const struct speech_segment *last = NULL;
	for (size_t i = 0; i < r.n; i++) {
		const struct speech_segment *g = &r.segments[i];
		check(g, length);
		if (i && g->start < r.segments[i - 1].start)
			abort();
		if (!g->dropped && last && !strcmp(g->speaker, last->speaker) && g->start < last->end)
			abort();
		last = g->dropped ? last : g;
	}
	speech_result_clear(&r);
	return 0;
}
