/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of an engine: arbitrary bytes, split at any place, through the event
 * parser and the reader of answers. Split or not, the result must be the same. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "openai/completion.h"
#include "openai/letter.h"
#include "openai/sse.h"

static int on_event(void *ctx, const char *data, size_t len, struct err *err)
{
	return completion_event(ctx, data, len, err);
}

/* Probabilities that are known add up to one. */
static void read_letter(const struct chat_result *answer)
{
	struct letter l;
	struct err err = {0};
	double sum = 0;
	if (letter_read(answer, "ABC", &l, &err) < 0)
		return;
	for (size_t i = 0; i < LETTERS_MAX; i++)
		sum += l.p[i];
	if (sum != 0 && fabs(sum - 1) > 1e-6)
		abort();
}

/* Feeds in pieces of `step` bytes; the outcome, and the text as far as it got. */
static int play(const uint8_t *data, size_t size, size_t step, struct buf *text)
{
	struct completion a;
	struct sse s;
	struct err err = {0};
	struct chat_result ret = {0};
	int r = 0;
	completion_init(&a);
	sse_init(&s, 1 << 16, on_event, &a);
	for (size_t at = 0; r == 0 && at < size; at += step)
		r = sse_feed(&s, data + at, size - at < step ? size - at : step, &err);
	if (r == 0)
		r = sse_end(&s, &err);
	buf_add(text, buf_str(&a.text), a.text.len);
	if (r == 0)
		r = completion_end(&a, 0, &ret, &err);
	if (r == 0)
		read_letter(&ret);
	chat_result_clear(&ret);
	sse_clear(&s);
	completion_clear(&a);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool limit;
	struct buf whole = BUF(COMPLETION_TEXT_MAX), pieces = BUF(COMPLETION_TEXT_MAX);
	int r = play(data, size, size + 1, &whole);
	for (size_t step = 1; step < 8; step += 3) {
		buf_clear(&pieces);
		if (play(data, size, step, &pieces) != r || whole.len != pieces.len ||
		    memcmp(buf_str(&whole), buf_str(&pieces), whole.len) != 0)
			abort();
	}
	buf_free(&whole);
	buf_free(&pieces);
	free(completion_error_words((const char *)data, size, &limit));
	return 0;
}
