/* SPDX-License-Identifier: Apache-2.0 */
/* A unit of work as a head sends it, and a result as a worker does. The first
 * byte chooses: 'u', or 'r'. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "fuzz.h"
#include "job/chunk-result.h"
#include "job/chunk-unit.h"

static void read_unit(const char *text)
{
	AUTO(chunk_unit_clear) struct chunk_unit u = {0}, back = {0};
	AUTO(mem_freep) char *first = NULL, *again = NULL;
	struct err err;
	if (chunk_unit_read(text, &u, &err) < 0)
		return;
	for (size_t i = 0; i < u.plan.n_times; i++)
		if (u.plan.times[i] < u.plan.start || u.plan.times[i] >= u.plan.end)
			abort();
	if (chunk_unit_write(&u, &first, &err) < 0) /* it may be longer without its escapes */
		return;
	if (chunk_unit_read(first, &back, &err) < 0 || chunk_unit_write(&back, &again, &err) < 0 ||
	    strcmp(first, again) != 0)
		abort();
}

static void check_events(const struct store_chunk *c)
{
	for (size_t i = 0; i < c->n_events; i++) {
		const struct store_event *e = &c->events[i];
		if (!*e->what || !text_is_utf8(e->what) || strpbrk(e->what, "\n\r\t"))
			abort();
		if (!e->n_samples)
			abort();
		for (size_t k = 0; k < e->n_samples; k++)
			if (e->samples[k] >= c->n_samples || *c->samples[e->samples[k]].fault)
				abort();
	}
}

static void read_result(char *text)
{
	static int64_t times[] = {1000000, 2000000};
	static char line[] = "Heard at 00:00:01: \"stop the car\"\n";
	static struct prompt_text said = {1000000, line, line + 20};
	static unsigned char jpeg[] = {0xff, 0xd8, 0xff, 0xd9};
	struct runner_blob blob = {.data = jpeg, .len = sizeof jpeg};
	memset(blob.sha256, 'a', 64);
	const struct chunk_unit u = {.plan = {.end = 10000000, .times = times, .n_times = 2},
	                             .describe = {.frame_size = 640, .prompt = ""},
	                             .texts = &said,
	                             .n_texts = 1};
	const struct runner_result result = {.body = text, .blobs = &blob, .n_blobs = 1};
	AUTO(store_chunk_clear) struct store_chunk c = {0};
	struct err err;
	if (chunk_result_read(&u, &result, &c, &err) < 0)
		return;
	if (c.state != CHUNK_DONE || c.n_samples != 2 || !text_is_utf8(c.summary))
		abort();
	check_events(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	AUTO(mem_freep) char *text = mem_alloc(size, 1);
	memcpy(text, data + 1, size - 1);
	if (data[0] == 'u')
		read_unit(text);
	else
		read_result(text);
	return 0;
}
