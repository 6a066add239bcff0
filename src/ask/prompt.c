/* SPDX-License-Identifier: Apache-2.0 */
#include "ask/prompt.h"

#include <jansson.h>

#include "ask_texts.h"
#include "base/mem.h"

enum { CLAIM_MAX = 400 };

static void add_question(struct chat *c, const char *question)
{
	AUTO(mem_freep) char *text = mem_printf("\nQuestion: %s\n", question);
	chat_text(c, text);
}

void prompt_route(struct chat *c, const char *question, const char *before)
{
	chat_system(c, ask_route_system_txt);
	if (*before) {
		AUTO(mem_freep) char *text = mem_printf("What was asked before:\n%s\n", before);
		chat_text(c, text);
	}
	chat_text(c, ask_route_task_txt);
	add_question(c, question);
	chat_schema(c, "route", ask_route_schema_json);
}

void prompt_compose(struct chat *c, const char *question, const char *findings, size_t n,
                    const char *language, const char *fault)
{
	json_auto_t *schema = json_loads(ask_compose_schema_json, 0, NULL);
	json_t *claims = json_object_get(json_object_get(schema, "properties"), "claims");
	json_t *claim = json_object_get(json_object_get(claims, "items"), "properties");
	json_object_set_new(
		json_object_get(claim, "cites"), "items",
		json_pack("{s:s, s:i, s:I}", "type", "integer", "minimum", 1, "maximum", (json_int_t)n));
	json_object_set_new(json_object_get(claim, "text"), "maxLength", json_integer(CLAIM_MAX));
	AUTO(mem_freep) char *text = json_dumps(schema, JSON_COMPACT);

	chat_system(c, ask_compose_system_txt);
	chat_text(c, "Findings:\n");
	chat_text(c, findings);
	chat_text(c, "\n");
	chat_text(c, ask_compose_task_txt);
	if (*language) {
		AUTO(mem_freep) char *in = mem_printf(" Write in %s.", language);
		chat_text(c, in);
	}
	add_question(c, question);
	if (fault) {
		AUTO(mem_freep) char *again = mem_printf("Your last answer could not be used: %s\n", fault);
		chat_text(c, again);
	}
	chat_schema(c, "answer", text);
}

void prompt_choose(struct chat *c, const char *question, const char *found, const char *choices)
{
	chat_system(c, ask_compose_system_txt);
	chat_text(c, "Findings: ");
	chat_text(c, found);
	add_question(c, question);
	chat_text(c, choices);
	chat_text(c, ask_choose_task_txt);
	chat_letter(c);
}

void prompt_ask_hash(char out[static HASH_HEX])
{
	char check[HASH_HEX];
	prompt_check_hash(check);
	const char *const texts[] = {ask_route_system_txt,
	                             ask_route_task_txt,
	                             ask_route_schema_json,
	                             prompt_look_texts[0],
	                             prompt_look_texts[1],
	                             prompt_look_texts[2],
	                             ask_compose_system_txt,
	                             ask_compose_task_txt,
	                             ask_compose_schema_json,
	                             ask_choose_task_txt,
	                             check};
	hash_texts(texts, ARRAY_LEN(texts), out);
}
