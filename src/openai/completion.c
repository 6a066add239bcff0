/* SPDX-License-Identifier: Apache-2.0 */
#include "openai/completion.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

#define WORDS_MAX 300

void completion_init(struct completion *a)
{
	*a = (struct completion){.text = BUF(COMPLETION_TEXT_MAX)};
}

void completion_clear(struct completion *a)
{
	buf_free(&a->text);
	free(a->finish_reason);
	free(a->model);
	*a = (struct completion){.text = BUF(COMPLETION_TEXT_MAX)};
}

/* Parses JSON; bytes that are not UTF-8 are replaced first where there are any
 * (engines cut characters in two). */
static json_t *load(const char *data, size_t len, json_error_t *je)
{
	json_t *j = json_loadb(data, len, JSON_ALLOW_NUL, je);
	if (j || json_error_code(je) != json_error_invalid_utf8)
		return j;
	AUTO(buf_free) struct buf valid = BUF(len * 3 + 1);
	text_utf8(&valid, data, len);
	return json_loadb(buf_str(&valid), valid.len, JSON_ALLOW_NUL, je);
}

static int64_t integer(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);
	double d = json_number_value(v); /* 0 for what is no number */
	return d > 0 && d < 1e15 ? (int64_t)d : 0;
}

/* A rate as told, or 0 where it is absurd. */
static double rate(const json_t *o, const char *key)
{
	double d = json_number_value(json_object_get(o, key));
	return d > 0 && d < 1e9 ? d : 0;
}

static const char *words_of(const json_t *j)
{
	static const char *const keys[] = {"error", "message", "detail", "error_description", "msg"};
	for (int depth = 0; j && depth < 4; depth++) {
		if (json_is_string(j))
			return json_string_value(j);
		if (json_is_array(j)) {
			j = json_array_get(j, 0);
			continue;
		}
		const json_t *next = NULL;
		for (size_t i = 0; !next && i < ARRAY_LEN(keys); i++)
			next = json_object_get(j, keys[i]);
		j = next;
	}
	return NULL;
}

/* Engines name it differently; none has an own status for it. */
static bool is_context_limit(const char *s)
{
	static const char *const marks[] = {"exceed_context_size",    "context_length_exceeded",
	                                    "maximum context length", "context size",
	                                    "context length",         "max_model_len"};
	for (size_t i = 0; i < ARRAY_LEN(marks); i++)
		if (strcasestr(s, marks[i]))
			return true;
	return false;
}

char *completion_error_words(const char *body, size_t len, bool *ret_limit)
{
	json_error_t je;
	json_t *j = load(body, len, &je);
	const char *words = words_of(j);
	AUTO(buf_free) struct buf valid = BUF(len * 3 + 1);
	text_utf8(&valid, body, len);
	*ret_limit = is_context_limit(buf_str(&valid));
	char *line = text_line(words ? words : buf_str(&valid), WORDS_MAX);
	json_decref(j);
	return line;
}

static int engine_error(const json_t *error, struct err *err)
{
	AUTO(mem_freep) char *json = json_dumps(error, JSON_ENCODE_ANY | JSON_COMPACT);
	bool limit = false;
	AUTO(mem_freep) char *words = json ? completion_error_words(json, strlen(json), &limit) : NULL;
	return err_set(err, limit ? ERR_LIMIT : ERR_ENGINE, "the engine gave up: %s",
	               words ? words : "no reason given");
}

static void replace(char **s, const json_t *value)
{
	if (!json_is_string(value))
		return;
	free(*s);
	*s = text_line(json_string_value(value), 200);
}

/* A message (whole) or a delta (piece of it). Returns whether it held output. */
static bool add_message(struct completion *a, const json_t *message)
{
	const json_t *content = json_object_get(message, "content");
	/* Thinking aloud is not the answer, but it shows that the model is at work. */
	bool thought = json_string_length(json_object_get(message, "reasoning_content")) ||
	               json_string_length(json_object_get(message, "reasoning"));
	size_t len = json_string_length(content);
	if (len)
		text_utf8(&a->text, json_string_value(content), len);
	return len || thought;
}

static void add_figures(struct completion *a, const json_t *root)
{
	const json_t *usage = json_object_get(root, "usage"), *t = json_object_get(root, "timings"),
				 *p = json_object_get(root, "prompt_progress");
	if (json_is_object(p)) {
		a->prompt_tokens = integer(p, "total");
		a->prompt_done = integer(p, "processed");
	}
	if (json_is_object(usage)) {
		a->usage = true;
		a->prompt_tokens = a->prompt_done = integer(usage, "prompt_tokens");
		a->output_tokens = integer(usage, "completion_tokens");
		a->cached_tokens =
			integer(json_object_get(usage, "prompt_tokens_details"), "cached_tokens");
	}
	if (json_is_object(t)) {
		a->prefill_rate = rate(t, "prompt_per_second");
		a->decode_rate = rate(t, "predicted_per_second");
	}
}

static int add_object(struct completion *a, const json_t *root, struct err *err)
{
	if (!json_is_object(root))
		return err_set(err, ERR_PROTO, "the engine sent JSON that is no object");
	const json_t *error = json_object_get(root, "error");
	if (error && !json_is_null(error))
		return engine_error(error, err);
	if (!a->model)
		replace(&a->model, json_object_get(root, "model"));
	add_figures(a, root);
	const json_t *choice = json_array_get(json_object_get(root, "choices"), 0);
	const json_t *delta = json_object_get(choice, "delta");
	bool output = add_message(a, delta ? delta : json_object_get(choice, "message"));
	replace(&a->finish_reason, json_object_get(choice, "finish_reason"));
	if (output || a->finish_reason) {
		a->last = clock_now();
		if (!a->first)
			a->first = a->last;
		a->output_tokens += output && !a->usage;
	}
	return buf_check(&a->text, "the engine's answer", err);
}

int completion_event(struct completion *a, const char *data, size_t len, struct err *err)
{
	if (len == 6 && !memcmp(data, "[DONE]", 6)) {
		a->done = true;
		return 0;
	}
	json_error_t je;
	json_t *root = load(data, len, &je);
	if (!root) {
		AUTO(mem_freep) char *begin = text_line(data, 80);
		return err_set(err, ERR_PROTO, "the engine sent broken JSON (%s): %s", je.text, begin);
	}
	int r = add_object(a, root, err);
	json_decref(root);
	return r;
}

/* Tokens per second over a time, 0 if that says nothing. */
static double measured(int64_t tokens, int64_t us)
{
	return tokens > 0 && us > 0 ? (double)tokens * 1e6 / (double)us : 0;
}

int completion_end(struct completion *a, int64_t sent, struct chat_result *ret, struct err *err)
{
	/* Some engines leave out [DONE], none the reason; a proxy that ends the
	 * line early leaves out both. */
	if (!a->finish_reason)
		return err_set(err, ERR_PROTO, "the engine's answer broke off after %zu bytes",
		               a->text.len);
	int64_t now = clock_now(), first = a->first ? a->first : now;
	ret->finish_reason = TAKE(a->finish_reason);
	ret->model = a->model ? TAKE(a->model) : mem_strdup("");
	ret->text = buf_take(&a->text);
	ret->prompt_tokens = a->prompt_tokens;
	ret->cached_tokens = a->cached_tokens;
	ret->output_tokens = a->output_tokens;
	ret->time_first = first - sent;
	ret->time_total = now - sent;
	ret->prefill_rate = a->prefill_rate > 0
	                        ? a->prefill_rate
	                        : measured(a->prompt_tokens - a->cached_tokens, first - sent);
	ret->decode_rate =
		a->decode_rate > 0 ? a->decode_rate : measured(a->output_tokens - 1, a->last - first);
	return 0;
}
