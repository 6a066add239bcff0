/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/prompts.h"

#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

enum { ARGUMENT_MAX = 4000, PROMPT_MAX = 64 * 1024 };

json_t *prompts_list(const json_t *prompts)
{
	json_t *all = json_array(), *p;
	size_t i;
	json_array_foreach ((json_t *)prompts, i, p) {
		json_t *shown = json_deep_copy(p); /* others count references */
		json_object_del(shown, "text");
		json_array_append_new(all, shown);
	}
	return all;
}

static const json_t *find(const json_t *prompts, const char *name)
{
	json_t *p;
	size_t i;
	json_array_foreach ((json_t *)prompts, i, p)
		if (strcmp(json_text(p, "name"), name) == 0)
			return p;
	return NULL;
}

static int check(const json_t *prompt, const json_t *arguments, struct err *err)
{
	json_t *a;
	size_t i;
	json_array_foreach (json_object_get(prompt, "arguments"), i, a) {
		const json_t *v = json_object_get(arguments, json_text(a, "name"));
		if (!v)
			return err_set(err, ERR_ARG, "the argument %s is required", json_text(a, "name"));
		if (!json_is_string(v) || json_string_length(v) > ARGUMENT_MAX)
			return err_set(err, ERR_ARG, "the argument %s has to be a text of at most %d bytes",
			               json_text(a, "name"), ARGUMENT_MAX);
	}
	return 0;
}

/* Puts the arguments in the place of {NAME}. */
static void fill(const char *text, const json_t *arguments, struct buf *out)
{
	while (*text) {
		size_t plain = strcspn(text, "{");
		buf_add(out, text, plain);
		text += plain;
		if (!*text)
			break;
		size_t len = strcspn(text, "}");
		AUTO(mem_freep) char *name = mem_printf("%.*s", (int)len - 1, text + 1);
		AUTO(mem_freep) char *value = text_line(json_text(arguments, name), ARGUMENT_MAX);
		buf_adds(out, value);
		text += len + (text[len] == '}');
	}
}

int prompts_get(const json_t *prompts, const char *name, const json_t *arguments, json_t **ret,
                struct err *err)
{
	AUTO(buf_free) struct buf text = BUF(PROMPT_MAX);
	const json_t *p = find(prompts, name);
	if (!p)
		return err_set(err, ERR_ARG, "there is no prompt \"%.100s\"", name);
	int r = check(p, arguments, err);
	if (r < 0)
		return r;
	fill(json_text(p, "text"), arguments, &text);
	*ret = json_pack("{s:s, s:[{s:s, s:{s:s, s:s}}]}", "description", json_text(p, "description"),
	                 "messages", "role", "user", "content", "type", "text", "text", buf_str(&text));
	return 0;
}
