/* SPDX-License-Identifier: Apache-2.0 */
/* Text tracks: the input as the event of a subtitle, as a message of a hostile
 * media child, and as a file whose tracks are read. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "base/text.h"
#include "decoder/texts-read.h"
#include "media/note.h"
#include "media/subtitle.h"
#include "media/texts.h"
#include "protocol/texts-wire.h"
#include "transcript/read.h"

static void read_event(const char *event)
{
	char *who, *text;
	subtitle_read(event, &who, &text);
	if (text) {
		assert(text_is_utf8(text) && strlen(text) <= TEXTS_TEXT_MAX && !strpbrk(text, "\n\t\033"));
		assert(text_is_utf8(who) && strlen(who) <= TEXTS_WHO_MAX);
	}
	free(who);
	free(text);
}

static void read_messages(const uint8_t *data, size_t size)
{
	AUTO(decoder_texts_clear) struct decoder_texts texts = {0};
	AUTO(store_transcript_clear) struct store_transcript t = {0};
	AUTO(mem_freep) char *fault = NULL;
	struct err err;
	const struct transcript_range range = {.from = 0, .to = 1 << 30, .duration = 1 << 30};
	json_auto_t *all = json_loadb((const char *)data, size, 0, NULL);
	if (!json_is_array(all))
		return;
	int r = texts_read_tracks(json_array_get(all, 0), &texts, &err);
	for (size_t i = 1; r == 0 && i < json_array_size(all); i++)
		r = texts_read_segments(json_array_get(all, i), &texts, &err);
	if (r == 0)
		transcript_take(&texts, &range, &t, &fault);
}

static void read_file(const uint8_t *data, size_t size)
{
	const struct source_options o = {.stream = SOURCE_STREAM_AUTO};
	AUTO(input_freep) struct input *in = input_open_memory(data, size);
	AUTO(texts_freep) struct texts *t = NULL;
	struct err err;
	int r = texts_open(in, &o, &t, &err);
	for (int i = 0; r >= 0 && i < 10000; i++) {
		struct texts_segment s;
		r = texts_step(t, &s, &err);
		free(s.who);
		free(s.text);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int started;
	if (!started++)
		note_start();
	AUTO(mem_freep) char *text = strndup((const char *)data, size);
	read_event(text);
	read_messages(data, size);
	read_file(data, size);
	return 0;
}
