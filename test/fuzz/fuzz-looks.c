/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at frames as units that a head sends, and their results as a worker
 * does. The first byte chooses: 'c' a check, 'l' a look at fresh frames; the
 * results: 'C', 'L', and 'P' of a letter. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "fuzz.h"
#include "job/check-unit.h"
#include "job/fresh-look-unit.h"

static void read_check(const char *text)
{
	AUTO(check_unit_clear) struct check_unit u = {0}, back = {0};
	AUTO(mem_freep) char *first = NULL, *again = NULL;
	int64_t times[CHECK_PICTURES];
	struct err err;
	if (check_unit_read(text, &u, &err) < 0)
		return;
	if (!u.n || !check_times(u.cited, u.n_cited, u.seen, u.n_seen, u.from, u.to, u.most, times))
		abort();
	if (check_unit_write(&u, &first, &err) < 0) /* it may be longer without its escapes */
		return;
	if (check_unit_read(first, &back, &err) < 0 || check_unit_write(&back, &again, &err) < 0 ||
	    strcmp(first, again) != 0)
		abort();
}

static void read_look(const char *text)
{
	AUTO(fresh_look_unit_clear) struct fresh_look_unit u = {0}, back = {0};
	AUTO(mem_freep) char *first = NULL, *again = NULL;
	struct err err;
	if (fresh_look_unit_read(text, &u, &err) < 0)
		return;
	if (!u.look.n || !u.look.most || !*u.look.question)
		abort();
	if (fresh_look_unit_write(&u, &first, &err) < 0)
		return;
	if (fresh_look_unit_read(first, &back, &err) < 0 ||
	    fresh_look_unit_write(&back, &again, &err) < 0 || strcmp(first, again) != 0)
		abort();
}

static void read_check_result(char *text)
{
	static const int64_t cited[] = {1000000};
	const struct check_unit u = {.cited = cited,
	                             .n_cited = 1,
	                             .to = 10000000,
	                             .what = {"A car stops.", "A dog runs."},
	                             .n = 2,
	                             .max_tokens = 1,
	                             .most = CHECK_PICTURES};
	const struct runner_result result = {.body = text};
	AUTO(check_result_clear) struct check_result r = {0};
	struct err err;
	if (check_result_read(&u, &result, &r, &err) < 0)
		return;
	for (size_t i = 0; i < r.n; i++) {
		const struct check_reply *reply = &r.replies[i];
		if (!reply->n || !strchr("ABC-", reply->answer.letter) || reply->answer.p[0] < 0 ||
		    (reply->reason && !text_is_utf8(reply->reason)))
			abort();
	}
	if (r.n != 2 || r.requests < 2)
		abort();
}

static void read_look_result(char *text, bool letter)
{
	static const int64_t times[] = {1000000, 2000000, 3000000};
	struct fresh_look l = {
		.times = times, .n = 3, .question = "Who?", .letter = letter, .tokens = 1, .most = 8};
	const struct runner_result result = {.body = text};
	json_auto_t *look = NULL;
	struct err err;
	if (fresh_look_result_read(&l, &result, &look, &err) < 0)
		return;
	size_t n = json_array_size(json_object_get(look, "pts")), i;
	const json_t *frame, *frames = json_object_get(look, "frames");
	json_array_foreach (frames, i, frame)
		if ((size_t)json_integer_value(frame) >= n)
			abort();
	if (!n || n > 3 || l.requests < 1 || letter != !frames)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	AUTO(mem_freep) char *text = mem_alloc(size, 1);
	memcpy(text, data + 1, size - 1);
	if (data[0] == 'c')
		read_check(text);
	else if (data[0] == 'l')
		read_look(text);
	else if (data[0] == 'C')
		read_check_result(text);
	else
		read_look_result(text, data[0] == 'P');
	return 0;
}
