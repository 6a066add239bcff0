/* SPDX-License-Identifier: Apache-2.0 */
#include "job/prompt.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "prompt_texts.h"

static void add_look_for(struct chat *c, const char *look_for)
{
	if (!*look_for)
		return;
	AUTO(mem_freep) char *text = mem_printf("Look above all for: %s\n", look_for);
	chat_text(c, text);
}

static void add_fault(struct chat *c, const char *fault)
{
	if (!fault)
		return;
	AUTO(mem_freep) char *again = mem_printf("Your last answer could not be used: %s\n", fault);
	chat_text(c, again);
}

/* At most `most` characters, far more than a valid answer needs. */
static void bound_text(json_t *properties, const char *name, json_int_t most)
{
	json_object_set_new(json_object_get(properties, name), "maxLength", json_integer(most));
}

static void bound_texts(json_t *properties, json_t *event, json_t *frames, size_t n)
{
	json_t *parts = json_object_get(event, "properties");
	bound_text(properties, "summary", 1000);
	bound_text(parts, "subject", 100);
	bound_text(parts, "what", 400);
	json_object_set_new(frames, "maxItems", json_integer((json_int_t)n));
	json_object_set_new(json_object_get(properties, "events"), "maxItems",
	                    json_integer((json_int_t)(4 * n + 8)));
}

/* A number of one of n things that were sent. */
static json_t *one_of(size_t n)
{
	return json_pack("{s:s, s:i, s:I}", "type", "integer", "minimum", 1, "maximum", (json_int_t)n);
}

enum { QUOTE_MAX = 200 }; /* characters of a quote */

/* The answer's schema with frame numbers limited to those sent: engines that
 * enforce a schema then cannot return others. */
static void add_schema(struct chat *c, size_t n, bool quotes, bool bounded)
{
	json_auto_t *schema = json_loads(prompt_describe_schema_json, 0, NULL);
	json_t *properties = json_object_get(schema, "properties");
	json_t *event = json_object_get(json_object_get(properties, "events"), "items");
	json_t *frames = json_object_get(json_object_get(event, "properties"), "frames");
	json_object_set_new(frames, "items", one_of(n));
	if (quotes)
		json_object_set_new(json_object_get(event, "properties"), "quote",
		                    json_pack("{s:s, s:i}", "type", "string", "maxLength", QUOTE_MAX));
	if (bounded)
		bound_texts(properties, event, frames, n);
	AUTO(mem_freep) char *text = json_dumps(schema, JSON_COMPACT);
	chat_schema(c, "stretch", text);
}

static int add_picture(struct chat *c, const struct prompt_picture *p, size_t number,
                       struct err *err)
{
	char text[160], time[CLOCK_TEXT_MAX];
	snprintf(text, sizeof text, "Frame %zu at %s:\n", number, clock_text(p->pts, time));
	chat_text(c, text);
	return chat_jpeg(c, p->jpeg, p->jpeg_len, err);
}

int prompt_pictures(struct chat *c, const struct prompt_picture *pictures, size_t n,
                    struct err *err)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = add_picture(c, &pictures[i], i + 1, err);
	return r;
}

void prompt_texts_free(struct prompt_text *t, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(t[i].line);
	free(t);
}

/* The pictures, with the texts between them. */
static int add_stretch(struct chat *c, const struct prompt_stretch *s, struct err *err)
{
	size_t next = 0;
	int r = 0;
	if (s->n_texts)
		chat_text(c, prompt_describe_texts_txt);
	for (size_t i = 0; r == 0 && i < s->n; i++) {
		for (; next < s->n_texts && s->texts[next].time <= s->pictures[i].pts; next++)
			chat_text(c, s->texts[next].line);
		r = add_picture(c, &s->pictures[i], i + 1, err);
	}
	for (; r == 0 && next < s->n_texts; next++)
		chat_text(c, s->texts[next].line);
	return r;
}

static void add_context(struct chat *c, const char *context)
{
	if (!context)
		return;
	chat_text(c, prompt_describe_context_txt);
	chat_text(c, context);
	chat_text(c, "\n");
}

int prompt_describe(struct chat *c, const struct prompt_stretch *s, bool bounded, struct err *err)
{
	char text[160], t[2][CLOCK_TEXT_MAX];
	/* The part that all requests share comes first, for the engine's prefix
	 * cache. */
	chat_system(c, prompt_describe_system_txt);
	snprintf(text, sizeof text, "Stretch %s to %s, %zu frames.\n", clock_text(s->start, t[0]),
	         clock_text(s->end, t[1]), s->n);
	chat_text(c, text);
	int r = add_stretch(c, s, err);
	if (r < 0)
		return r;
	chat_text(c, "\n");
	add_context(c, s->context);
	chat_text(c, prompt_describe_task_txt);
	add_look_for(c, s->look_for);
	add_fault(c, s->fault);
	add_schema(c, s->n, s->n_texts, bounded);
	return 0;
}

static void add_language(struct chat *c, const char *language)
{
	if (!*language)
		return;
	AUTO(mem_freep) char *text = mem_printf("Write in %s.\n", language);
	chat_text(c, text);
}

void prompt_summary(struct chat *c, const char *notes, const char *look_for, const char *language)
{
	chat_system(c, prompt_summary_system_txt);
	chat_text(c, notes);
	chat_text(c, "\n");
	chat_text(c, prompt_summary_task_txt);
	add_look_for(c, look_for);
	add_language(c, language);
}

static void add_story_schema(struct chat *c, size_t n, size_t most, bool bounded)
{
	json_auto_t *schema = json_loads(prompt_story_schema_json, 0, NULL);
	json_t *sentences = json_object_get(json_object_get(schema, "properties"), "sentences");
	json_t *parts = json_object_get(json_object_get(sentences, "items"), "properties");
	json_t *events = json_object_get(parts, "events");
	json_object_set_new(events, "items", one_of(n));
	if (bounded) {
		json_object_set_new(events, "maxItems", json_integer((json_int_t)n));
		json_object_set_new(sentences, "maxItems", json_integer((json_int_t)most));
		bound_text(parts, "text", 400);
	}
	AUTO(mem_freep) char *text = json_dumps(schema, JSON_COMPACT);
	chat_schema(c, "summary", text);
}

static const char *story_system(bool case_list)
{
	return case_list ? prompt_case_system_txt : prompt_story_system_txt;
}

void prompt_story(struct chat *c, const struct prompt_list *list, const char *look_for,
                  const char *language, const char *fault, bool bounded)
{
	chat_system(c, story_system(list->case_list));
	chat_text(c, list->text);
	chat_text(c, "\n");
	chat_text(c, prompt_story_task_txt);
	add_look_for(c, look_for);
	add_language(c, language);
	add_fault(c, fault);
	add_story_schema(c, list->n, list->most, bounded);
}

void prompt_story_hash(bool case_list, char out[static HASH_HEX])
{
	const char *const texts[] = {story_system(case_list), prompt_story_task_txt,
	                             prompt_story_schema_json};
	hash_texts(texts, ARRAY_LEN(texts), out);
}

void prompt_join(struct chat *c, const char *pairs, size_t n)
{
	json_auto_t *schema = json_loads(prompt_join_schema_json, 0, NULL);
	json_object_set_new(json_object_get(json_object_get(schema, "properties"), "same"), "items",
	                    one_of(n));
	AUTO(mem_freep) char *text = json_dumps(schema, JSON_COMPACT);
	chat_system(c, prompt_join_system_txt);
	chat_text(c, pairs);
	chat_text(c, "\n");
	chat_text(c, prompt_join_task_txt);
	chat_schema(c, "join", text);
}

void prompt_join_hash(char out[static HASH_HEX])
{
	const char *const texts[] = {prompt_join_system_txt, prompt_join_task_txt,
	                             prompt_join_schema_json};
	hash_texts(texts, ARRAY_LEN(texts), out);
}

int prompt_check(struct chat *c, const struct prompt_picture *pictures, size_t n, const char *what,
                 struct err *err)
{
	AUTO(mem_freep) char *statement = mem_printf("Statement: %s\n", what);
	chat_system(c, prompt_check_system_txt);
	int r = prompt_pictures(c, pictures, n, err);
	if (r < 0)
		return r;
	chat_text(c, "\n");
	chat_text(c, prompt_check_task_txt);
	chat_text(c, statement);
	chat_letter(c);
	return 0;
}

void prompt_check_hash(char out[static HASH_HEX])
{
	const char *const texts[] = {prompt_check_system_txt, prompt_check_task_txt};
	hash_texts(texts, ARRAY_LEN(texts), out);
}

const char *const prompt_look_texts[PROMPT_LOOK_TEXTS] = {
	prompt_look_system_txt, prompt_look_task_txt, prompt_look_schema_json};

static void add_look_schema(struct chat *c, size_t n, bool bounded)
{
	json_auto_t *schema = json_loads(prompt_look_schema_json, 0, NULL);
	json_t *properties = json_object_get(schema, "properties");
	json_t *frames = json_object_get(properties, "frames");
	json_object_set_new(frames, "items", one_of(n));
	if (bounded) {
		json_object_set_new(frames, "maxItems", json_integer((json_int_t)n));
		bound_text(properties, "answer", 600);
		bound_text(properties, "next", 80);
	}
	AUTO(mem_freep) char *text = json_dumps(schema, JSON_COMPACT);
	chat_schema(c, "look", text);
}

int prompt_look(struct chat *c, const struct prompt_picture *pictures, size_t n,
                const char *question, bool bounded, struct err *err)
{
	AUTO(mem_freep) char *text = mem_printf("\nQuestion: %s\n", question);
	chat_system(c, prompt_look_system_txt);
	int r = prompt_pictures(c, pictures, n, err);
	if (r < 0)
		return r;
	chat_text(c, "\n");
	chat_text(c, prompt_look_task_txt);
	chat_text(c, text);
	add_look_schema(c, n, bounded);
	return 0;
}

void prompt_hash(char out[static HASH_HEX])
{
	const char *const texts[] = {prompt_describe_system_txt, prompt_describe_task_txt,
	                             prompt_describe_schema_json, prompt_summary_system_txt,
	                             prompt_summary_task_txt};
	hash_texts(texts, ARRAY_LEN(texts), out);
}
