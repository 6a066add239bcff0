/* SPDX-License-Identifier: Apache-2.0 */
#include "job/check-unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "job/unit-result.h"

enum {
	CITED_MAX = 4096,
	SEEN_MAX = 20000,
	BESIDE = 2, /* sampled frames before and after each that is cited */
	REQUESTS_MAX = CHECK_UNIT_STATEMENTS * 16,
};

void check_unit_clear(struct check_unit *u)
{
	if (u->root) {
		free((void *)u->cited);
		free((void *)u->seen);
	}
	json_decref(u->root);
	*u = (struct check_unit){0};
}

/* ---- the unit */

/* The sampled frames near those that are cited: check_times() and look.c depend
 * on no others, and those of a long video are too many for a message. */
static json_t *seen_json(const struct check_unit *u)
{
	json_t *list = json_array();
	size_t next = 0, at = 0;
	for (size_t i = 0; i < u->n_cited; i++) {
		while (at < u->n_seen && u->seen[at] < u->cited[i])
			at++;
		size_t first = at > BESIDE ? at - BESIDE : 0;
		next = next > first ? next : first;
		for (; next < u->n_seen && next <= at + BESIDE; next++)
			json_array_append_new(list, json_integer(u->seen[next]));
	}
	return list;
}

static json_t *statements_json(const struct check_unit *u)
{
	json_t *list = json_array();
	for (size_t i = 0; list && i < u->n; i++)
		if (json_array_append_new(list, json_string(u->what[i])) < 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

int check_unit_write(const struct check_unit *u, char **ret, struct err *err)
{
	char prompts[HASH_HEX];
	json_t *statements = statements_json(u);
	prompt_check_hash(prompts);
	json_t *j = !statements ? NULL
	                        : json_pack("{s:o, s:o, s:I, s:I, s:o, s:i, s:i, s:s}", "cited_us",
	                                    json_times(u->cited, u->n_cited), "seen_us", seen_json(u),
	                                    "from_us", (json_int_t)u->from, "to_us", (json_int_t)u->to,
	                                    "statements", statements, "max_tokens", u->max_tokens,
	                                    "most", (int)u->most, "prompts", prompts);
	if (j)
		unit_set_pictures(j, &u->describe);
	return unit_text(j, "the check", ret, err);
}

static int read_frames(const json_t *j, struct check_unit *u, struct err *err)
{
	int64_t *cited = NULL, *seen = NULL;
	int r = unit_int(j, "from_us", 0, UNIT_TIME_MAX - 1, &u->from, err);
	if (r == 0)
		r = unit_int(j, "to_us", u->from, UNIT_TIME_MAX, &u->to, err);
	if (r == 0)
		r = unit_times(j, "cited_us", 1, CITED_MAX, -UNIT_TIME_MAX, UNIT_TIME_MAX, &cited,
		               &u->n_cited, err);
	u->cited = cited;
	if (r == 0)
		r = unit_times(j, "seen_us", 0, SEEN_MAX, -UNIT_TIME_MAX, UNIT_TIME_MAX, &seen, &u->n_seen,
		               err);
	u->seen = seen;
	return r;
}

static int read_statements(const json_t *j, struct check_unit *u, struct err *err)
{
	const json_t *list = json_object_get(j, "statements");
	size_t n = json_array_size(list);
	if (!n || n > CHECK_UNIT_STATEMENTS)
		return unit_bad(err, "statements");
	for (size_t i = 0; i < n; i++) {
		const char *text = json_string_value(json_array_get(list, i));
		if (!text || !*text)
			return unit_bad(err, "statements");
		u->what[u->n++] = text;
	}
	return 0;
}

static int read_members(const json_t *j, struct check_unit *u, struct err *err)
{
	char prompts[HASH_HEX];
	int64_t tokens = 0, most = 0;
	prompt_check_hash(prompts);
	int r = unit_get_pictures(j, &u->describe, err);
	if (r == 0)
		r = read_frames(j, u, err);
	if (r == 0)
		r = unit_int(j, "max_tokens", 1, LOOK_TOKENS_MAX, &tokens, err);
	if (r == 0)
		r = unit_int(j, "most", 1, CHECK_PICTURES, &most, err);
	u->max_tokens = (int)tokens;
	u->most = (size_t)most;
	if (r == 0)
		r = read_statements(j, u, err);
	return r < 0 ? r : unit_prompts(j, prompts, err);
}

int check_unit_read(const char *body, struct check_unit *ret, struct err *err)
{
	static const char *const keys[] = {
		"cited_us", "seen_us",    "from_us", "to_us",  "statements", "most", "max_tokens",
		"prompts",  "frame_size", "quality", "stream", "rate",       "gaps", NULL};
	AUTO(check_unit_clear) struct check_unit u = {.describe = {.prompt = ""}};
	int r = unit_open(body, keys, &u.root, err);
	if (r == 0)
		r = read_members(u.root, &u, err);
	if (r < 0)
		return r;
	*ret = u;
	u = (struct check_unit){0};
	return 0;
}

/* ---- the result */

void check_result_clear(struct check_result *r)
{
	for (size_t i = 0; i < r->n; i++)
		free(r->replies[i].reason);
	*r = (struct check_result){0};
}

static json_t *reply_json(const struct check_reply *r)
{
	const char letter[] = {r->answer.letter, '\0'};
	AUTO(mem_freep) char *reason = text_line(r->reason ? r->reason : "", RESULT_FAULT_MAX);
	return json_pack("{s:s, s:[f, f, f], s:s, s:o}", "letter", letter, "p", r->answer.p[0],
	                 r->answer.p[1], r->answer.p[2], "reason", reason, "shown_us",
	                 json_times(r->pts, r->n));
}

int check_result_write(const struct check_result *r, struct runner_result *ret, struct err *err)
{
	json_t *answers = json_array();
	for (size_t i = 0; i < r->n; i++)
		json_array_append_new(answers, reply_json(&r->replies[i]));
	return unit_result_write(
		json_pack("{s:o, s:i, s:I, s:I, s:I}", "answers", answers, "max_tokens", r->max_tokens,
	              "requests", (json_int_t)r->requests, "prompt_tokens",
	              (json_int_t)r->prompt_tokens, "output_tokens", (json_int_t)r->output_tokens),
		ret, err);
}

static int read_reply(const json_t *j, const struct check_unit *u, struct check_reply *r,
                      struct err *err)
{
	static const char *const keys[] = {"letter", "p", "reason", "shown_us", NULL};
	AUTO(mem_freep) int64_t *pts = NULL;
	if (!json_is_object(j) || json_unknown_key(j, keys))
		return unit_result_bad(err, "answers");
	int e = unit_result_letter(j, &r->answer.letter, r->answer.p, err);
	if (e == 0)
		e = unit_result_pts(j, "shown_us", u->most, &pts, &r->n, err);
	if (e == 0)
		e = unit_result_line(j, "reason", RESULT_FAULT_MAX, &r->reason, err);
	if (e < 0)
		return e;
	memcpy(r->pts, pts, r->n * sizeof *pts);
	if ((r->answer.letter == '-') != (*r->reason != '\0'))
		return unit_result_bad(err, "reason");
	if (!*r->reason)
		free(TAKE(r->reason));
	return 0;
}

static int read_replies(const json_t *j, const struct check_unit *u, struct check_result *ret,
                        struct err *err)
{
	const json_t *answers = json_object_get(j, "answers");
	if (json_array_size(answers) != u->n)
		return unit_result_bad(err, "answers");
	for (size_t i = 0; i < u->n; i++) {
		int r = read_reply(json_array_get(answers, i), u, &ret->replies[ret->n++], err);
		if (r < 0)
			return r;
	}
	return 0;
}

int check_result_read(const struct check_unit *u, const struct runner_result *result,
                      struct check_result *ret, struct err *err)
{
	static const char *const keys[] = {"answers",       "max_tokens",    "requests",
	                                   "prompt_tokens", "output_tokens", NULL};
	json_auto_t *j = NULL;
	int64_t tokens = 0;
	int r = unit_result_open(result, keys, &j, err);
	if (r == 0)
		r = unit_result_int(j, "max_tokens", u->max_tokens, LOOK_TOKENS_MAX, &tokens, err);
	if (r == 0)
		r = unit_result_int(j, "requests", (int64_t)u->n, REQUESTS_MAX, &ret->requests, err);
	if (r == 0)
		r = unit_result_int(j, "prompt_tokens", 0, RESULT_COUNT_MAX, &ret->prompt_tokens, err);
	if (r == 0)
		r = unit_result_int(j, "output_tokens", 0, RESULT_COUNT_MAX, &ret->output_tokens, err);
	ret->max_tokens = (int)tokens;
	if (r == 0)
		r = read_replies(j, u, ret, err);
	if (r < 0)
		check_result_clear(ret);
	return r;
}
