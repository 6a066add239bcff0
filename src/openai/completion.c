/* SPDX-License-Identifier: Apache-2.0 */
#include "openai/completion.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "openai/answer-text.h"

#define WORDS_MAX 300
#define REFUSAL_MAX 4096
#define LOGPROBS_MAX 32                        /* tokens */
#define LOGPROBS_BYTES_MAX ((size_t)256 << 10) /* of the events that contain them, see below */

void completion_init(struct completion *a)
{
	*a = (struct completion){.text = BUF(COMPLETION_TEXT_MAX),
	                         .reasoning = BUF(COMPLETION_TEXT_MAX),
	                         .refusal = BUF(REFUSAL_MAX)};
}

void completion_clear(struct completion *a)
{
	buf_free(&a->text);
	buf_free(&a->reasoning);
	buf_free(&a->refusal);
	json_decref(a->logprobs);
	free(a->tool);
	free(a->finish_reason);
	free(a->model);
	completion_init(a);
}

/* ---- surrogates
 *
 * JSON writes a character above U+FFFF as two escapes, \ud83d\ude97. Engines
 * may stream each of them in a separate event, which is not valid JSON. A
 * single surrogate is therefore parsed as an unused code point, U+10D800 to
 * U+10DFFF; pairs are joined when the answer is complete. */

#define SURROGATE_FIRST 0xd800u
#define SURROGATE_SHIFT 0x100000u

static bool read_escape(const char *p, const char *end, unsigned *ret)
{
	char hex[5] = "", *stop;
	if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
		return false;
	memcpy(hex, p + 2, 4);
	*ret = (unsigned)strtoul(hex, &stop, 16);
	return stop == hex + 4;
}

static bool is_high(unsigned c)
{
	return c >= 0xd800 && c < 0xdc00;
}

static bool is_low(unsigned c)
{
	return c >= 0xdc00 && c < 0xe000;
}

/* Copies JSON, and replaces each single surrogate by the escape of its unused
 * code point. Returns whether there was one. */
static bool replace_surrogates(const char *data, size_t len, struct buf *out)
{
	bool any = false;
	const char *end = data + len;
	for (const char *p = data; p < end;) {
		unsigned c, next;
		if (*p != '\\' || !read_escape(p, end, &c)) {
			size_t n = *p == '\\' && end - p > 1 ? 2 : 1;
			buf_add(out, p, n);
			p += n;
		} else if (is_high(c) && read_escape(p + 6, end, &next) && is_low(next)) {
			buf_add(out, p, 12);
			p += 12;
		} else if (is_high(c) || is_low(c)) {
			unsigned v = c + SURROGATE_SHIFT - 0x10000;
			buf_addf(out, "\\u%04x\\u%04x", 0xd800 + (v >> 10), 0xdc00 + (v & 0x3ff));
			p += 6;
			any = true;
		} else {
			buf_add(out, p, 6);
			p += 6;
		}
	}
	return any;
}

/* Returns the surrogate that the four bytes at p stand for, or 0. */
static unsigned surrogate_at(const char *p)
{
	const unsigned char *u = (const unsigned char *)p;
	if (u[0] != 0xf4 || u[1] != 0x8d || u[2] < 0xa0)
		return 0;
	return SURROGATE_FIRST + ((u[2] & 0x1fu) << 6 | (u[3] & 0x3fu));
}

/* Joins pairs of surrogates; a single one becomes U+FFFD. */
static void join_surrogates(struct buf *text)
{
	struct buf out = BUF(text->max);
	const char *s = buf_str(text);
	for (const char *p = s; *p;) {
		unsigned high = surrogate_at(p), low = high ? surrogate_at(p + 4) : 0;
		if (!high) {
			buf_add(&out, p++, 1);
		} else if (is_high(high) && is_low(low)) {
			unsigned c = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
			const char utf8[] = {(char)(0xf0 | c >> 18), (char)(0x80 | (c >> 12 & 0x3f)),
			                     (char)(0x80 | (c >> 6 & 0x3f)), (char)(0x80 | (c & 0x3f))};
			buf_add(&out, utf8, 4);
			p += 8;
		} else {
			buf_adds(&out, "\xef\xbf\xbd");
			p += 4;
		}
	}

	buf_free(text);
	*text = out;
}

/* ---- JSON */

/* Parses JSON. If that fails because of a single surrogate or invalid UTF-8
 * (engines cut characters in two), these are replaced and it is parsed again. */
static json_t *load(const char *data, size_t len, bool *ret_surrogates, json_error_t *je)
{
	json_t *j = json_loadb(data, len, JSON_ALLOW_NUL, je);
	if (j)
		return j;

	AUTO(buf_free) struct buf whole = BUF(len * 2 + 1);
	if (replace_surrogates(data, len, &whole)) {
		j = json_loadb(buf_str(&whole), whole.len, JSON_ALLOW_NUL, je);
		*ret_surrogates = j != NULL;
		if (j)
			return j;
	}

	if (json_error_code(je) != json_error_invalid_utf8)
		return NULL;

	AUTO(buf_free) struct buf valid = BUF(len * 3 + 1);
	text_utf8(&valid, data, len);
	return json_loadb(buf_str(&valid), valid.len, JSON_ALLOW_NUL, je);
}

static int64_t integer(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);
	double d = json_number_value(v); /* 0 for what is not a number */
	return d > 0 && d < 1e15 ? (int64_t)d : 0;
}

/* Returns a rate, or 0 if it is missing or out of range. */
static double rate(const json_t *o, const char *key)
{
	double d = json_number_value(json_object_get(o, key));
	return d > 0 && d < 1e9 ? d : 0;
}

/* Finds the message in an error object; each API nests it differently. */
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

/* Engines have no separate status for this, and different messages. */
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
	bool ignored;
	json_t *j = load(body, len, &ignored, &je);
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
	return err_set(err, limit ? ERR_LIMIT : ERR_ENGINE, "the engine failed: %s",
	               words ? words : "no reason given");
}

static void replace(char **s, const json_t *value)
{
	if (!json_is_string(value))
		return;
	free(*s);
	*s = text_line(json_string_value(value), 200);
}

/* Appends text that is not part of the answer, if there is room for it. */
static bool add_some(struct buf *out, const json_t *value)
{
	size_t len = json_string_length(value);
	if (len && len * 3 < out->max - out->len)
		text_utf8(out, json_string_value(value), len);
	return len > 0;
}

/* Reasoning is a text, or a list of parts that may contain lists again. */
static bool add_reasoning(struct completion *a, const json_t *value, int depth)
{
	size_t i;
	json_t *part;
	bool any = add_some(&a->reasoning, value);
	json_array_foreach (value, i, part)
		if (depth > 0)
			any |= add_reasoning(a, json_is_object(part) ? json_object_get(part, "text") : part,
			                     depth - 1);
	return any;
}

/* Content is a text, or a list of parts; those of type "text" are the answer. */
static bool add_content(struct completion *a, const json_t *content)
{
	size_t i, len = json_string_length(content);
	json_t *part;
	bool any = len > 0;
	if (len)
		text_utf8(&a->text, json_string_value(content), len);
	json_array_foreach (content, i, part) {
		const char *type = json_string_value(json_object_get(part, "type"));
		const json_t *text = json_object_get(part, "text");
		if (type && (!strcmp(type, "thinking") || !strcmp(type, "reasoning")))
			any |= add_reasoning(a, text ? text : json_object_get(part, type), 2);
		else if (type && !strcmp(type, "refusal"))
			any |= add_some(&a->refusal, json_object_get(part, "refusal"));
		else if ((len = json_string_length(text)))
			any |= (text_utf8(&a->text, json_string_value(text), len), true);
	}
	return any;
}

static bool add_tool(struct completion *a, const json_t *message)
{
	const json_t *call = json_array_get(json_object_get(message, "tool_calls"), 0);
	const json_t *function =
		call ? json_object_get(call, "function") : json_object_get(message, "function_call");
	const char *name = json_string_value(json_object_get(function, "name"));
	if (!json_is_object(function))
		return false;
	if (!a->tool || (!*a->tool && name)) {
		free(a->tool);
		a->tool = text_line(name ? name : "", 60);
	}
	return true;
}

/* Adds a message, or a delta of a stream. Returns whether it contained output. */
static bool add_message(struct completion *a, const json_t *message)
{
	bool any = add_content(a, json_object_get(message, "content"));
	/* Reasoning counts as output, because it shows that the model is working.
	 * Engines that send both members send the same text in both. */
	any |= add_reasoning(a, json_object_get(message, "reasoning_content"), 2) ||
	       add_reasoning(a, json_object_get(message, "reasoning"), 2);
	any |= add_some(&a->refusal, json_object_get(message, "refusal"));
	return add_tool(a, message) || any;
}

/* `len`: bytes of the event. A token may have any number of alternatives, so
 * that a limit of tokens alone would keep that many events of the largest size.
 * All tokens of an answer may be in one event: the one that goes over the limit
 * is the last that is read. */
static void add_logprobs(struct completion *a, const json_t *choice, size_t len)
{
	const json_t *content = json_object_get(json_object_get(choice, "logprobs"), "content");
	size_t i;
	json_t *token;
	if (!json_array_size(content) || a->logprobs_len > LOGPROBS_BYTES_MAX)
		return;

	a->logprobs_len += len;
	json_array_foreach (content, i, token) {
		if (!a->logprobs)
			a->logprobs = json_array();
		if (json_array_size(a->logprobs) < LOGPROBS_MAX)
			json_array_append(a->logprobs, token);
	}
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

static int add_object(struct completion *a, const json_t *root, size_t len, struct err *err)
{
	if (!json_is_object(root))
		return err_set(err, ERR_PROTO, "the engine sent JSON that is not an object");

	const json_t *error = json_object_get(root, "error");
	if (error && !json_is_null(error))
		return engine_error(error, err);
	if (!a->model)
		replace(&a->model, json_object_get(root, "model"));
	add_figures(a, root);
	const json_t *choice = json_array_get(json_object_get(root, "choices"), 0);
	const json_t *delta = json_object_get(choice, "delta");
	const json_t *message = delta ? NULL : json_object_get(choice, "message");
	bool output = add_message(a, delta ? delta : message);
	add_logprobs(a, choice, len);
	a->done |= json_is_object(message);
	/* Some engines send an empty reason with each delta. */
	if (json_string_length(json_object_get(choice, "finish_reason")))
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
	json_t *root = load(data, len, &a->surrogates, &je);
	if (!root) {
		AUTO(mem_freep) char *begin = text_line(data, 80);
		return err_set(err, ERR_PROTO, "the engine sent broken JSON (%s): %s", je.text, begin);
	}
	int r = add_object(a, root, len, err);
	json_decref(root);
	return r;
}

/* Tokens per second; 0 if it cannot be computed. */
static double measured(int64_t tokens, int64_t us)
{
	return tokens > 0 && us > 0 ? (double)tokens * 1e6 / (double)us : 0;
}

int completion_end(struct completion *a, int64_t sent, struct chat_result *ret, struct err *err)
{
	/* Some engines omit [DONE], others the reason. If both are missing, the
	 * connection ended early. */
	if (!a->finish_reason && !a->done)
		return err_set(err, ERR_PROTO, "the engine's answer ended early, after %zu bytes",
		               a->text.len);

	if (a->surrogates) {
		join_surrogates(&a->text);
		join_surrogates(&a->reasoning);
	}

	AUTO(mem_freep) char *tagged = NULL;
	int64_t now = clock_now(), first = a->first ? a->first : now;

	ret->finish_reason = a->finish_reason ? TAKE(a->finish_reason) : mem_strdup("stop");
	ret->model = a->model ? TAKE(a->model) : mem_strdup("");
	ret->text = answer_text_split(buf_str(&a->text), &tagged);
	ret->reasoning = mem_printf("%s%s", buf_str(&a->reasoning), tagged);
	ret->refusal = mem_strdup(buf_str(&a->refusal));
	ret->tool = TAKE(a->tool);
	ret->logprobs = TAKE(a->logprobs);
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
