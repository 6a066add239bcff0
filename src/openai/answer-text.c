/* SPDX-License-Identifier: Apache-2.0 */
#include "openai/answer-text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/text.h"

#define OBJECTS_TRIED 200 /* attempts to parse an object, one for each brace */
#define WORDS_MAX 200
#define BLANK " \t\r\n"

static bool blank(const char *s)
{
	return !s || s[strspn(s, BLANK)] == '\0';
}

/* ---- reasoning */

static const struct tag {
	const char *open, *close;
} tags[] = {
	{"<think>", "</think>"},           {"<thinking>", "</thinking>"},
	{"<thought>", "</thought>"},       {"<reasoning>", "</reasoning>"},
	{"<seed:think>", "</seed:think>"}, {"[THINK]", "[/THINK]"},
	{"◁think▷", "◁/think▷"},           {"<|channel|>analysis<|message|>", "<|end|>"},
};

/* Markers before and after the final answer. */
static const char *const finals[] = {"<|start|>assistant<|channel|>final<|message|>",
                                     "<|channel|>final<|message|>", "<|begin_of_box|>", "<answer>"};
static const char *const ends[] = {"<|return|>", "<|end|>", "<|end_of_box|>", "</answer>"};

static bool begins(const char *s, const char *with)
{
	return !strncasecmp(s, with, strlen(with));
}

/* Returns the text after the last closing tag in `s`, or NULL. */
static const char *after_last_close(const char *s)
{
	const char *last = NULL;
	for (size_t i = 0; i < ARRAY_LEN(tags); i++)
		for (const char *p = s; (p = strcasestr(p, tags[i].close));) {
			p += strlen(tags[i].close);
			last = p > last ? p : last;
		}
	return last;
}

/* If *s begins with a block of reasoning, appends it to `reasoning`, moves *s
 * to its end and returns true. */
static bool skip_block(const char **s, struct buf *reasoning)
{
	const char *p = *s + strspn(*s, BLANK);
	for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
		if (!begins(p, tags[i].open))
			continue;
		p += strlen(tags[i].open);
		const char *end = strcasestr(p, tags[i].close);
		buf_add(reasoning, p, end ? (size_t)(end - p) : strlen(p));
		*s = end ? end + strlen(tags[i].close) : p + strlen(p);
		return true;
	}
	return false;
}

/* Returns a copy of the final answer without the markers around it. */
static char *unmark(const char *s)
{
	s += strspn(s, BLANK);
	for (size_t i = 0; i < ARRAY_LEN(finals); i++)
		if (begins(s, finals[i])) {
			s += strlen(finals[i]);
			s += strspn(s, BLANK);
		}
	char *copy = mem_strdup(s);
	size_t len = strlen(copy);
	while (len && strchr(BLANK, copy[len - 1]))
		copy[--len] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		size_t n = strlen(ends[i]);
		if (len >= n && !strcasecmp(copy + len - n, ends[i]))
			copy[len -= n] = '\0';
	}
	return copy;
}

char *answer_text_split(const char *text, char **ret_reasoning)
{
	AUTO(buf_free) struct buf reasoning = BUF(strlen(text) + 1);
	const char *s = text;
	while (skip_block(&s, &reasoning))
		;
	/* The chat template often puts the opening tag into the prompt, so that
	 * the answer has only the closing one. A tag inside a JSON object belongs
	 * to the answer. */
	const char *rest = s + strspn(s, BLANK);
	const char *close = *rest != '{' && *rest != '[' ? after_last_close(rest) : NULL;
	if (close) {
		buf_add(&reasoning, rest, (size_t)(close - rest));
		s = close;
	}

	*ret_reasoning = buf_take(&reasoning);
	if (!*ret_reasoning)
		*ret_reasoning = mem_strdup("");
	return unmark(s);
}

/* ---- JSON objects */

/* Parses the object that begins at `s`; *ret_len is its length. JSON forbids
 * line breaks inside strings, but models write them: they are read as
 * spaces. */
static json_t *object_at(const char *s, size_t *ret_len)
{
	json_error_t e;
	json_t *j = json_loads(s, JSON_DISABLE_EOF_CHECK, &e);
	if (!j && strpbrk(s, "\n\r\t")) {
		AUTO(mem_freep) char *copy = mem_strdup(s);
		for (char *p = copy; *p; p++)
			if ((unsigned char)*p < ' ')
				*p = ' ';
		j = json_loads(copy, JSON_DISABLE_EOF_CHECK, &e);
	}

	*ret_len = j ? (size_t)e.position : 0;
	if (!json_is_object(j)) {
		json_decref(j);
		return NULL;
	}
	return j;
}

/* Returns `j` if it has the key; else its only member, if that is an object
 * with the key; else NULL. Consumes the reference to `j`. */
static json_t *with_key(json_t *j, const char *key)
{
	if (json_object_get(j, key))
		return j;
	json_t *inner = json_object_size(j) == 1 ? json_object_iter_value(json_object_iter(j)) : NULL;
	inner = json_object_get(inner, key) ? json_incref(inner) : NULL;
	json_decref(j);
	return inner;
}

/* Counts the different objects with the key in the text, and returns the first
 * in *ret. */
static size_t find_objects(const char *text, const char *key, json_t **ret)
{
	size_t found = 0, tried = 0;
	*ret = NULL;
	for (const char *p = text; (p = strchr(p, '{')) && tried < OBJECTS_TRIED; tried++) {
		size_t len;
		json_t *j = object_at(p, &len);
		p += len ? len : 1;
		if (!j || !(j = with_key(j, key)))
			continue;
		if (*ret && json_equal(*ret, j)) {
			json_decref(j);
			continue;
		}
		found++;
		if (!*ret)
			*ret = j;
		else
			json_decref(j);
	}
	return found;
}

/* ---- results */

static int said_nothing(const struct chat_result *r, bool cut, struct err *err)
{
	if (cut && !blank(r->reasoning))
		return err_set(err, ERR_FORMAT,
		               "the model used up the longest allowed answer on reasoning: raise "
		               "--max-tokens, or turn its reasoning off");
	if (!blank(r->reasoning))
		return err_set(err, ERR_FORMAT, "the model wrote only reasoning and no answer");
	return err_set(err, ERR_FORMAT, "it is empty");
}

/* Returns an error if the model did not answer the request. */
static int check(const struct chat_result *r, struct err *err)
{
	const char *reason = r->finish_reason ? r->finish_reason : "";
	if (!blank(r->refusal)) {
		AUTO(mem_freep) char *words = text_line(r->refusal, WORDS_MAX);
		return err_set(err, ERR_FORMAT, "the model refused to answer: %s", words);
	}
	if (!strcmp(reason, "content_filter"))
		return err_set(err, ERR_FORMAT, "the engine's content filter stopped the answer");
	if (r->tool && blank(r->text))
		return err_set(err, ERR_FORMAT,
		               "the model called a tool (%s) instead of answering: turn tools off in the "
		               "engine",
		               *r->tool ? r->tool : "unnamed");
	return 0;
}

static bool is_cut(const struct chat_result *r)
{
	return r->finish_reason && !strcmp(r->finish_reason, "length");
}

int answer_text_object(const struct chat_result *r, const char *key, json_t **ret, struct err *err)
{
	json_error_t e;
	bool cut = is_cut(r);
	int result = check(r, err);
	if (result < 0)
		return result;

	const char *text = !blank(r->text) || cut || !r->reasoning ? r->text : r->reasoning;
	size_t n = find_objects(text, key, ret);
	if (n == 1)
		return 0;

	json_decref(*ret);
	*ret = NULL;
	if (n > 1)
		return err_set(err, ERR_FORMAT, "it holds %zu different JSON objects with \"%s\"", n, key);
	if (blank(r->text))
		return said_nothing(r, cut, err);
	if (cut)
		return err_set(err, ERR_FORMAT, "it was cut off at its longest allowed length; write less");

	json_auto_t *whole = json_loads(text, 0, &e);
	return whole ? err_set(err, ERR_FORMAT, "it is not an object with \"%s\"", key)
	             : err_set(err, ERR_FORMAT, "it is not valid JSON: %.120s", e.text);
}

/* Removes a Markdown fence (```) that encloses the whole text. */
static char *unfence(const char *text)
{
	text += strspn(text, BLANK);
	size_t len = strlen(text);
	while (len && strchr(BLANK, text[len - 1]))
		len--;
	const char *line = strncmp(text, "```", 3) ? NULL : strchr(text, '\n');
	if (!line || len < 7 || strncmp(text + len - 3, "```", 3) != 0 || line > text + len - 4)
		return mem_printf("%.*s", (int)len, text);
	return mem_printf("%.*s", (int)(text + len - 3 - line - 1), line + 1);
}

int answer_text_prose(const struct chat_result *r, const char *key, char **ret, struct err *err)
{
	bool cut = is_cut(r);
	int result = check(r, err);
	if (result < 0)
		return result;
	if (blank(r->text))
		return said_nothing(r, cut, err);

	AUTO(mem_freep) char *text = unfence(r->text);
	json_auto_t *object = NULL;
	if (find_objects(text, key, &object) == 1) {
		const char *value = json_string_value(json_object_get(object, key));
		if (value && !blank(value)) {
			*ret = mem_strdup(value);
			return 0;
		}
	}

	if (blank(text))
		return err_set(err, ERR_FORMAT, "it is empty");

	*ret = cut ? mem_printf("%s […]", text) : TAKE(text);
	return 0;
}
