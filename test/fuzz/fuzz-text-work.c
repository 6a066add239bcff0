/* SPDX-License-Identifier: Apache-2.0 */
/* Units and results of texts. The first byte chooses: 't', a unit of frames, or
 * 'r', what was read in them; 's', a unit of sound, or 'h', what was heard. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "fuzz.h"
#include "job/speech-unit.h"
#include "job/text-unit.h"

static void read_text_unit(const char *text)
{
	AUTO(text_unit_clear) struct text_unit u = {0}, back = {0};
	AUTO(mem_freep) char *first = NULL, *again = NULL;
	struct err err;
	if (text_unit_read(text, &u, &err) < 0)
		return;
	for (size_t i = 0; i < u.n; i++)
		if (u.samples[i].time < 0 || u.samples[i].time > u.end ||
		    (i && u.samples[i].time <= u.samples[i - 1].time))
			abort();
	if (text_unit_write(&u, &first, &err) < 0 || text_unit_read(first, &back, &err) < 0 ||
	    text_unit_write(&back, &again, &err) < 0 || strcmp(first, again) != 0)
		abort();
}

static void read_text_result(char *text)
{
	static struct text_sample samples[] = {{.time = 1000000, .until = 2000000}};
	const struct text_unit u = {.samples = samples, .n = 1, .end = 5000000};
	struct runner_result result = {.body = text};
	AUTO(runner_result_clear) struct runner_result written = {0}, again = {0};
	AUTO(text_readings_clear) struct text_readings r = {0}, back = {0};
	struct err err;
	if (text_result_read(&u, &result, &r, &err) < 0)
		return;
	for (size_t i = 0; i < r.n; i++)
		for (size_t k = 0; k < r.items[i].lines.n; k++) {
			const struct text_line *l = &r.items[i].lines.lines[k];
			if (!*l->text || !text_is_utf8(l->text) || l->box.x + l->box.w > 10000)
				abort();
		}
	/* What is passed on is the same again. */
	if (text_result_write(&r, &written, &err) < 0 ||
	    text_result_read(&u, &written, &back, &err) < 0 ||
	    text_result_write(&back, &again, &err) < 0 || strcmp(written.body, again.body) != 0)
		abort();
}

static void read_speech_unit(const char *text)
{
	AUTO(speech_unit_clear) struct speech_unit u = {0}, back = {0};
	AUTO(mem_freep) char *first = NULL, *again = NULL;
	struct err err;
	if (speech_unit_read(text, &u, &err) < 0)
		return;
	for (size_t i = 0; i < u.n; i++)
		if (u.voices[i].start < 0 || u.voices[i].end > u.end - u.start)
			abort();
	if (speech_unit_write(&u, &first, &err) < 0 || speech_unit_read(first, &back, &err) < 0 ||
	    speech_unit_write(&back, &again, &err) < 0 || strcmp(first, again) != 0)
		abort();
}

static void read_speech_result(char *text)
{
	const struct speech_unit u = {.start = 1000000, .end = 60000000};
	struct runner_result result = {.body = text};
	AUTO(runner_result_clear) struct runner_result written = {0}, again = {0};
	AUTO(store_transcript_clear) struct store_transcript t = {0}, back = {0};
	struct err err;
	if (speech_result_read(&u, &result, &t, &err) < 0)
		return;
	for (size_t i = 0; i < t.n_segments; i++)
		if (t.segments[i].start < u.start || t.segments[i].end > u.end ||
		    !text_is_utf8(t.segments[i].text))
			abort();
	if (speech_result_write(&t, &written, &err) < 0 ||
	    speech_result_read(&u, &written, &back, &err) < 0 ||
	    speech_result_write(&back, &again, &err) < 0 || strcmp(written.body, again.body) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	AUTO(mem_freep) char *text = mem_alloc(size, 1);
	memcpy(text, data + 1, size - 1);
	switch (data[0]) {
	case 't': read_text_unit(text); break;
	case 'r': read_text_result(text); break;
	case 's': read_speech_unit(text); break;
	default: read_speech_result(text);
	}
	return 0;
}
