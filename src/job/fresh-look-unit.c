/* SPDX-License-Identifier: Apache-2.0 */
#include "job/fresh-look-unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "job/prompt.h"
#include "job/unit-result.h"
#include "proc/wire.h"

enum { REQUESTS_MAX = 64 };

void fresh_look_unit_clear(struct fresh_look_unit *u)
{
	if (u->root)
		free((void *)u->look.times);
	json_decref(u->root);
	*u = (struct fresh_look_unit){0};
}

/* ---- the unit */

static void hash_prompts(bool letter, char out[static HASH_HEX])
{
	if (letter)
		prompt_check_hash(out);
	else
		hash_texts(prompt_look_texts, PROMPT_LOOK_TEXTS, out);
}

int fresh_look_unit_write(const struct fresh_look_unit *u, char **ret, struct err *err)
{
	const struct fresh_look *l = &u->look;
	char prompts[HASH_HEX];
	hash_prompts(l->letter, prompts);
	json_t *j = json_pack("{s:o, s:s, s:b, s:i, s:i, s:s}", "times_us", json_times(l->times, l->n),
	                      "question", l->question, "letter", l->letter, "max_tokens", l->tokens,
	                      "most", (int)l->most, "prompts", prompts);
	if (j)
		unit_set_pictures(j, &u->describe);
	return unit_text(j, "the question", ret, err);
}

static int read_look(const json_t *j, struct fresh_look *l, struct err *err)
{
	int64_t *times = NULL, tokens = 0, most = 0;
	int r = unit_times(j, "times_us", 1, FRESH_LOOK_FRAMES, -UNIT_TIME_MAX, UNIT_TIME_MAX, &times,
	                   &l->n, err);
	l->times = times;
	if (r == 0)
		r = unit_int(j, "max_tokens", 1, FRESH_LOOK_TOKENS, &tokens, err);
	if (r == 0)
		r = unit_int(j, "most", 1, FRESH_LOOK_FRAMES, &most, err);
	l->tokens = (int)tokens;
	l->most = (size_t)most;
	l->question = json_text(j, "question");
	return r == 0 && !*l->question ? unit_bad(err, "question") : r;
}

static int read_members(const json_t *j, struct fresh_look_unit *u, struct err *err)
{
	char prompts[HASH_HEX];
	if (wire_bool(j, "letter", &u->look.letter, NULL) < 0)
		return unit_bad(err, "letter");
	hash_prompts(u->look.letter, prompts);
	int r = unit_get_pictures(j, &u->describe, err);
	if (r == 0)
		r = read_look(j, &u->look, err);
	return r < 0 ? r : unit_prompts(j, prompts, err);
}

int fresh_look_unit_read(const char *body, struct fresh_look_unit *ret, struct err *err)
{
	static const char *const keys[] = {"times_us", "question", "letter",     "max_tokens",
	                                   "most",     "prompts",  "frame_size", "quality",
	                                   "stream",   "rate",     "gaps",       NULL};
	AUTO(fresh_look_unit_clear) struct fresh_look_unit u = {.describe = {.prompt = ""}};
	int r = unit_open(body, keys, &u.root, err);
	if (r == 0)
		r = read_members(u.root, &u, err);
	if (r < 0)
		return r;
	*ret = u;
	u = (struct fresh_look_unit){0};
	return 0;
}

/* ---- the result */

int fresh_look_result_write(const struct fresh_look *l, const json_t *found,
                            struct runner_result *ret, struct err *err)
{
	return unit_result_write(json_pack("{s:O, s:i, s:I, s:I, s:I, s:I}", "look", (json_t *)found,
	                                   "max_tokens", l->tokens, "requests", (json_int_t)l->requests,
	                                   "prompt_tokens", (json_int_t)l->prompt_tokens,
	                                   "output_tokens", (json_int_t)l->output_tokens, "decode_us",
	                                   (json_int_t)l->decode_time),
	                         ret, err);
}

/* The pictures that were shown. */
static int check_shown(const json_t *look, const struct fresh_look *l, size_t *ret_n,
                       struct err *err)
{
	AUTO(mem_freep) int64_t *pts = NULL;
	const json_t *sums = json_object_get(look, "sha256");
	size_t most = l->n < l->most ? l->n : l->most;
	int r = unit_result_pts(look, "pts", most, &pts, ret_n, err);
	if (r == 0 && json_array_size(sums) != *ret_n)
		r = unit_result_bad(err, "sha256");
	for (size_t i = 0; r == 0 && i < *ret_n; i++) {
		const char *sum = json_string_value(json_array_get(sums, i));
		if (!sum || !hash_is_hex(sum))
			r = unit_result_bad(err, "sha256");
	}
	return r;
}

static int check_letter(const json_t *look, struct err *err)
{
	static const char *const keys[] = {"pts", "sha256", "letter", "p", NULL};
	char letter;
	double p[3];
	return json_unknown_key(look, keys) ? unit_result_bad(err, "look")
	                                    : unit_result_letter(look, &letter, p, err);
}

static int check_answer(const json_t *look, size_t n, struct err *err)
{
	static const char *const keys[] = {"pts", "sha256", "frames", "answer", "enough", "next", NULL};
	const json_t *frames = json_object_get(look, "frames");
	AUTO(mem_freep) char *answer = NULL;
	AUTO(mem_freep) char *next = NULL;
	bool enough;
	if (json_unknown_key(look, keys))
		return unit_result_bad(err, "look");
	if (!json_is_array(frames) || json_array_size(frames) > FRESH_LOOK_FRAMES * 16)
		return unit_result_bad(err, "frames");
	for (size_t i = 0; i < json_array_size(frames); i++) {
		const json_t *frame = json_array_get(frames, i);
		json_int_t k = json_integer_value(frame);
		if (!json_is_integer(frame) || k < 0 || (size_t)k >= n)
			return unit_result_bad(err, "frames");
	}
	if (wire_bool(look, "enough", &enough, NULL) < 0)
		return unit_result_bad(err, "enough");
	int r = unit_result_line(look, "answer", FRESH_LOOK_ANSWER, &answer, err);
	return r < 0 ? r : unit_result_line(look, "next", FRESH_LOOK_NEXT, &next, err);
}

static int check_look(const json_t *look, const struct fresh_look *l, struct err *err)
{
	size_t n = 0;
	if (!json_is_object(look))
		return unit_result_bad(err, "look");
	int r = check_shown(look, l, &n, err);
	if (r < 0)
		return r;
	return l->letter ? check_letter(look, err) : check_answer(look, n, err);
}

int fresh_look_result_read(struct fresh_look *l, const struct runner_result *result, json_t **ret,
                           struct err *err)
{
	static const char *const keys[] = {"look",          "max_tokens", "requests", "prompt_tokens",
	                                   "output_tokens", "decode_us",  NULL};
	json_auto_t *j = NULL;
	struct fresh_look done = *l;
	int64_t tokens = 0;
	int r = unit_result_open(result, keys, &j, err);
	if (r == 0)
		r = unit_result_int(j, "max_tokens", l->tokens, FRESH_LOOK_TOKENS, &tokens, err);
	if (r == 0)
		r = unit_result_int(j, "requests", 1, REQUESTS_MAX, &done.requests, err);
	if (r == 0)
		r = unit_result_int(j, "prompt_tokens", 0, RESULT_COUNT_MAX, &done.prompt_tokens, err);
	if (r == 0)
		r = unit_result_int(j, "output_tokens", 0, RESULT_COUNT_MAX, &done.output_tokens, err);
	if (r == 0)
		r = unit_result_int(j, "decode_us", 0, RESULT_COUNT_MAX, &done.decode_time, err);
	if (r == 0)
		r = check_look(json_object_get(j, "look"), l, err);
	if (r < 0)
		return r;
	done.tokens = (int)tokens;
	*l = done;
	*ret = json_incref(json_object_get(j, "look"));
	return 0;
}
