/* SPDX-License-Identifier: Apache-2.0 */
/* What engines refuse, by their own error replies, and what models answer, in
 * the forms in which they do. */
#include "unit.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "openai/answer-text.h"
#include "openai/completion.h"
#include "openai/dialect.h"
#include "openai/letter.h"

/* ---- refusals */

static const struct dialect_request usual = {
	.images = 6, .max_tokens = 2048, .format = true, .system = true};

static void check_learned(const char *body, const char *expected)
{
	struct dialect d = {0};
	const char *what = NULL;
	char text[DIALECT_TEXT_MAX];
	bool learned = dialect_learn(&d, &usual, body, strlen(body), &what);
	if (learned != (*expected != '\0') || strcmp(dialect_text(&d, text), expected) != 0)
		fail_msg("%s: learned \"%s\", not \"%s\"", body, text, expected);
	assert_int_equal(learned, what != NULL);
	assert_int_equal(learned, d.version);
}

static void refusals_are_learned(void **state)
{
	static const struct {
		const char *body, *learned;
	} cases[] = {
		/* OpenAI */
		{"{\"error\":{\"message\":\"Unsupported parameter: 'max_tokens' is not supported with this "
	     "model. Use 'max_completion_tokens' instead.\",\"type\":\"invalid_request_error\","
	     "\"param\":\"max_tokens\",\"code\":\"unsupported_parameter\"}}",
	     "max_completion_tokens for max_tokens"},
		{"{\"error\":{\"message\":\"Unsupported value: 'temperature' does not support 0 with this "
	     "model. Only the default (1) value is supported.\",\"param\":\"temperature\"}}",
	     "no temperature"},
		{"{\"error\":{\"message\":\"max_tokens is too large: 2048. This model supports at most "
	     "1024 completion tokens, whereas you provided 2048.\",\"param\":\"max_tokens\"}}",
	     "answers of at most 1024 tokens"},
		{"{\"error\":{\"message\":\"Invalid schema for response_format 'stretch': In "
	     "context=('properties', 'summary'), 'maxLength' is not permitted.\","
	     "\"param\":\"response_format\"}}",
	     "json_object for a JSON Schema"},
		/* Anthropic */
		{"{\"error\":{\"code\":\"invalid_request_error\",\"message\":\"`temperature` is deprecated "
	     "for this model.\",\"type\":\"invalid_request_error\",\"param\":null}}",
	     "no temperature"},
		{"{\"error\":{\"message\":\"too many images and documents: 6 + 0 > 5\"}}",
	     "at most 5 pictures in a request"},
		/* Gemini */
		{"[{\"error\":{\"code\":400,\"message\":\"Invalid JSON payload received. Unknown name "
	     "\\\"seed\\\": Cannot find field.\",\"status\":\"INVALID_ARGUMENT\"}}]",
	     "no seed"},
		/* Mistral */
		{"{\"detail\":[{\"type\":\"extra_forbidden\",\"loc\":[\"body\",\"stream_options\"],\"msg\":"
	     "\"Extra inputs are not permitted\",\"input\":{\"include_usage\":true}}]}",
	     "no stream_options"},
		/* vLLM */
		{"{\"object\":\"error\",\"message\":\"At most 1 image(s) may be provided in one request.\","
	     "\"type\":\"BadRequestError\",\"param\":null,\"code\":400}",
	     "at most 1 pictures in a request"},
		{"{\"error\":{\"message\":\"You set image=4 (or defaulted to 1) in "
	     "`--limit-mm-per-prompt`, but passed 6 image items in the same prompt.\"}}",
	     "at most 4 pictures in a request"},
		/* DeepSeek, LM Studio */
		{"{\"error\":{\"message\":\"This response_format type is unavailable now\",\"type\":"
	     "\"invalid_request_error\",\"param\":null,\"code\":\"invalid_request_error\"}}",
	     "json_object for a JSON Schema"},
		{"{\"error\":\"'response_format.type' must be 'json_object' or 'text'\"}",
	     "json_object for a JSON Schema"},
		/* llama.cpp, Ollama */
		{"{\"error\":{\"code\":500,\"message\":\"Jinja Exception: System role not supported\"}}",
	     "no system message"},
		{"{\"error\":\"streaming is off: \\\"stream\\\" must be false\"}", "no streaming"},
		/* What only some engines know. */
		{"{\"error\":{\"message\":\"Unrecognized request argument supplied: top_k\",\"type\":"
	     "\"invalid_request_error\",\"param\":null,\"code\":null}}",
	     "no top_p, top_k and min_p"},
		{"{\"detail\":[{\"type\":\"extra_forbidden\",\"loc\":[\"body\",\"chat_template_kwargs\"],"
	     "\"msg\":\"Extra inputs are not permitted\"}]}",
	     "no request to answer without reasoning"},
		{"{\"error\":{\"message\":\"Unsupported value: 'reasoning_effort' does not support 'none' "
	     "with this model.\",\"param\":\"reasoning_effort\"}}",
	     "no request to answer without reasoning"},
		{"{\"error\":{\"message\":\"Unsupported parameter: 'logprobs' is not supported with this "
	     "model.\",\"param\":\"logprobs\"}}",
	     "no probabilities of tokens"},
		{"{\"error\":{\"message\":\"top_logprobs must be at most 5\"}}",
	     "no probabilities of tokens"},
		/* Not about the form of a request. */
		{"{\"error\":{\"message\":\"This model's maximum context length is 8192 tokens. However, "
	     "you requested 9000 tokens (6952 in the messages, 2048 in max_tokens).\"}}",
	     ""},
		{"{\"error\":{\"message\":\"image exceeds 5 MB maximum: 5316852 bytes\"}}", ""},
		{"{\"error\":\"model 'fake' not found\"}", ""},
		{"<html><h1>400 Bad Request</h1></html>", ""},
		{"", ""},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check_learned(cases[i].body, cases[i].learned);
}

/* What is kept beyond a run: all of it, and nothing where nothing was learned.
 * What a file says otherwise is as if it had not been learned. */
static void what_is_learned_can_be_kept(void **state)
{
	const struct dialect all = {.tokens = DIALECT_MAX_COMPLETION_TOKENS,
	                            .format = DIALECT_JSON_OBJECT,
	                            .temperature = DIALECT_TEMPERATURE_1,
	                            .no_seed = true,
	                            .no_stream = true,
	                            .no_stream_options = true,
	                            .no_system = true,
	                            .no_sampling = true,
	                            .no_switch = true,
	                            .no_logprobs = true,
	                            .most_tokens = 900,
	                            .most_images = 3};
	const struct dialect none = {0};
	static const char *const bad[] = {"{}", "[]", "{\"tokens\": 7, \"format\": \"yaml\"}",
	                                  "{\"most_images\": -1, \"no_seed\": 1}"};
	char text[DIALECT_TEXT_MAX], again[DIALECT_TEXT_MAX];
	struct dialect d;
	(void)state;
	json_auto_t *j = dialect_json(&all);
	dialect_read(j, &d);
	assert_string_equal(dialect_text(&d, again), dialect_text(&all, text));
	assert_memory_equal(&d, &all, sizeof d);
	json_auto_t *empty = dialect_json(&none);
	assert_int_equal(json_object_size(empty), 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		json_auto_t *b = json_loads(bad[i], 0, NULL);
		dialect_read(b, &d);
		assert_memory_equal(&d, &none, sizeof d);
	}
}

/* What is refused again and again is sent in one form after the other, and then
 * not at all; in the end nothing is left to learn. */
static void learning_comes_to_an_end(void **state)
{
	static const char body[] = "max_tokens, max_completion_tokens, temperature, seed, stream, "
							   "stream_options, response_format, system message unsupported";
	struct dialect d = {0};
	char text[DIALECT_TEXT_MAX];
	const char *what;
	int n = 0;
	(void)state;
	while (dialect_learn(&d, &usual, body, strlen(body), &what))
		assert_true(++n < 20);
	assert_string_equal(dialect_text(&d, text),
	                    "no limit of the answer's length, no response_format, temperature 1, no "
	                    "seed, no streaming, no system message");
	/* What was not sent is not to blame. */
	const struct dialect_request bare = {.images = 0};
	struct dialect fresh = {.temperature = DIALECT_TEMPERATURE_1,
	                        .no_seed = true,
	                        .no_stream = true,
	                        .no_stream_options = true};
	assert_false(dialect_learn(&fresh, &bare, body, strlen(body), &what));
}

/* ---- answers */

static void reasoning_is_taken_off(void **state)
{
	static const struct {
		const char *text, *answer, *reasoning;
	} cases[] = {
		{"A car.", "A car.", ""},
		{"<think>\nHm.\n</think>\n\nA car.", "A car.", "\nHm.\n"},
		{"Hm, a car?\n</think>\nA car.", "A car.", "Hm, a car?\n</think>"},
		{"<THINK>a</THINK> <reasoning>b</reasoning>A car.", "A car.", "ab"},
		{"[THINK]a[/THINK]A car.", "A car.", "a"},
		{"\xe2\x97\x81think\xe2\x96\xb7"
	     "a\xe2\x97\x81/think\xe2\x96\xb7 A car.",
	     "A car.", "a"},
		{"<think>never ends", "", "never ends"},
		{"<think>a</think><answer>A car.</answer>", "A car.", "a"},
		{"<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>A car."
	     "<|return|>",
	     "A car.", "a"},
		/* Part of an answer. */
		{"{\"summary\": \"It says </think>.\"}", "{\"summary\": \"It says </think>.\"}", ""},
		{"A car. <b>It</b> drives.", "A car. <b>It</b> drives.", ""},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(mem_freep) char *reasoning = NULL;
		AUTO(mem_freep) char *answer = answer_text_split(cases[i].text, &reasoning);
		assert_string_equal(answer, cases[i].answer);
		assert_string_equal(reasoning, cases[i].reasoning);
	}
}

static void the_one_object_is_found(void **state)
{
	static const char *const good[] = {
		"{\"a\": 1}",
		"```json\n{\"a\": 1}\n```",
		"```json {\"a\": 1} ```",
		"Here you are:\n```\n{\"a\": 1}\n```\nAnything else?",
		"The {frames} show {\"b\": 2} and so {\"a\": 1}.",
		"{\"a\": 1}\n{\"a\": 1}",
		"[{\"a\": 1}]",
		"{\"answer\": {\"a\": 1}}",
		"\xef\xbb\xbf{\"a\": 1}",
	};
	static const char *const bad[] = {
		"",           "no", "{\"a\": 1", "{\"b\": {\"c\": {\"a\": 1}}}", "{\"a\": 1} or {\"a\": 2}",
		"{\"b\": 1}",
	};
	struct err err;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		json_t *j = NULL;
		const struct chat_result r = {.text = (char *)good[i]};
		if (answer_text_object(&r, "a", &j, &err) < 0)
			fail_msg("%s: %s", good[i], err.msg);
		assert_int_equal(json_integer_value(json_object_get(j, "a")), 1);
		json_decref(j);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		json_t *j = NULL;
		const struct chat_result r = {.text = (char *)bad[i]};
		assert_int_equal(answer_text_object(&r, "a", &j, &err), -ERR_FORMAT);
		assert_null(j);
	}
	/* Many braces take no time worth a word, and deep ones no stack. */
	AUTO(mem_freep) char *braces = mem_alloc(1000001, 1);
	memset(braces, '{', 1000000);
	json_t *j = NULL;
	const struct chat_result r = {.text = braces};
	assert_int_equal(answer_text_object(&r, "a", &j, &err), -ERR_FORMAT);
	/* A line break inside a string. */
	const struct chat_result lines = {.text = (char *)"{\"a\": \"one\ntwo\"}"};
	assert_ok(answer_text_object(&lines, "a", &j, &err));
	assert_string_equal(json_string_value(json_object_get(j, "a")), "one two");
	json_decref(j);
}

static void what_is_no_answer_is_told(void **state)
{
	static const struct {
		struct chat_result r;
		const char *words;
	} cases[] = {
		{{.text = (char *)"", .finish_reason = (char *)"stop"}, "it is empty"},
		{{.text = (char *)"{\"a\": ", .finish_reason = (char *)"length"},
	     "it was cut off at its longest allowed length; write less"},
		{{.text = (char *)"", .reasoning = (char *)"Hm.", .finish_reason = (char *)"length"},
	     "the model used up the longest allowed answer on reasoning: raise --max-tokens, or turn "
	     "its reasoning off"},
		{{.text = (char *)"", .reasoning = (char *)"Hm.", .finish_reason = (char *)"stop"},
	     "the model wrote only reasoning and no answer"},
		{{.text = (char *)"", .refusal = (char *)"I can't.", .finish_reason = (char *)"stop"},
	     "the model refused to answer: I can't."},
		{{.text = (char *)"", .finish_reason = (char *)"content_filter"},
	     "the engine's content filter stopped the answer"},
		{{.text = (char *)"", .tool = (char *)"json", .finish_reason = (char *)"tool_calls"},
	     "the model called a tool (json) instead of answering: turn tools off in the engine"},
	};
	struct err err;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		json_t *j = NULL;
		assert_int_equal(answer_text_object(&cases[i].r, "a", &j, &err), -ERR_FORMAT);
		assert_string_equal(err.msg, cases[i].words);
		char *text = NULL;
		if (strcmp(cases[i].words, "it was cut off at its longest allowed length; write less") == 0)
			continue;
		assert_int_equal(answer_text_prose(&cases[i].r, "a", &text, &err), -ERR_FORMAT);
		assert_string_equal(err.msg, cases[i].words);
	}
}

static void prose_is_unwrapped(void **state)
{
	static const struct {
		const char *text, *reason, *prose;
	} cases[] = {
		{"A car.", "stop", "A car."},
		{"```markdown\nA **car**.\n```", "stop", "A **car**.\n"},
		{"{\"summary\": \"A car.\"}", "stop", "A car."},
		{"```json\n{\"summary\": \"A car.\"}\n```", "stop", "A car."},
		{"A car and then", "length", "A car and then […]"},
		{"```", "stop", "```"},
	};
	struct err err;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(mem_freep) char *text = NULL;
		const struct chat_result r = {.text = (char *)cases[i].text,
		                              .finish_reason = (char *)cases[i].reason};
		assert_ok(answer_text_prose(&r, "summary", &text, &err));
		assert_string_equal(text, cases[i].prose);
	}
}

/* ---- as it comes in */

/* The answer made of these choices' deltas, with the reason "stop" after
 * them. */
static void read_deltas(struct chat_result *r, const char *const *deltas, size_t n)
{
	struct completion a;
	struct err err;
	completion_init(&a);
	for (size_t i = 0; i < n; i++) {
		AUTO(mem_freep) char *event = mem_printf("{\"choices\":[{\"delta\":%s}]}", deltas[i]);
		assert_ok(completion_event(&a, event, strlen(event), &err));
	}
	static const char end[] = "{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}";
	assert_ok(completion_event(&a, end, strlen(end), &err));
	*r = (struct chat_result){0};
	assert_ok(completion_end(&a, 0, r, &err));
	completion_clear(&a);
}
#define DELTAS(r, ...)                                 \
	read_deltas(r, (const char *const[]){__VA_ARGS__}, \
	            sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static void pieces_of_all_kinds_are_read(void **state)
{
	AUTO(chat_result_clear) struct chat_result r = {0};
	(void)state;
	DELTAS(
		&r,
		"{\"role\":\"assistant\",\"content\":null,\"reasoning\":\"H\",\"reasoning_content\":\"H\"}",
		"{\"content\":[{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\",\"text\":\"m\"}]}]}",
		"{\"content\":[{\"type\":\"text\",\"text\":\"A \"},{\"type\":\"text\",\"text\":\"car\"}]}",
		"{\"content\":\".\"}");
	assert_string_equal(r.text, "A car.");
	assert_string_equal(r.reasoning, "Hm");
	assert_null(r.tool);
	chat_result_clear(&r);
	DELTAS(&r, "{\"refusal\":\"I \"}", "{\"refusal\":\"can't\"}",
	       "{\"tool_calls\":[{\"index\":0,\"function\":{\"name\":\"json\",\"arguments\":\"{\"}}]}");
	assert_string_equal(r.refusal, "I can't");
	assert_string_equal(r.tool, "json");
}

static void characters_cut_in_two_are_joined(void **state)
{
	AUTO(chat_result_clear) struct chat_result r = {0};
	(void)state;
	DELTAS(&r, "{\"content\":\"a \\ud83d\"}", "{\"content\":\"\\ude97 \\\\ud83d\"}",
	       "{\"content\":\"\\ud83d\"}", "{\"content\":\"x\\ude97\"}",
	       "{\"content\":\"\\ud83d\\ude97\"}");
	assert_string_equal(r.text,
	                    "a \xf0\x9f\x9a\x97 \\ud83d\xef\xbf\xbdx\xef\xbf\xbd\xf0\x9f\x9a\x97");
}

/* ---- letters */

static void letters_are_found(void **state)
{
	static const struct {
		const char *text;
		char letter; /* '\0': there is none */
	} cases[] = {
		{"A", 'A'},
		{" B.", 'B'},
		{"**C**", 'C'},
		{"(b) B)", 'B'},
		{"Answer: C", 'C'},
		{"A: they show it.", 'A'},
		{"A\n\nThe car enters.", 'A'},
		{"B because the car is blue", 'B'},
		{"A car enters. B", 'B'},
		{"A car enters.", '\0'},
		{"An Act of a BBC car", '\0'},
		{"C\xc3\xa9zanne", '\0'},
		{"D", '\0'},
		{"", '\0'},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct chat_result r = {.text = (char *)cases[i].text, .reasoning = (char *)""};
		struct letter l = {0};
		struct err err;
		int result = letter_read(&r, "ABC", &l, &err);
		assert_int_equal(result, cases[i].letter ? 0 : -ERR_FORMAT);
		if (l.letter != cases[i].letter)
			fail_msg("%s: '%c'", cases[i].text, l.letter);
		assert_true(l.p[0] + l.p[1] + l.p[2] == 0);
	}
}

/* The tokens of an answer, as llama-server sends them: one in each event. */
static void read_tokens(struct chat_result *r, const char *const *tokens, size_t n)
{
	struct completion a;
	struct err err;
	completion_init(&a);
	for (size_t i = 0; i < n; i++) {
		AUTO(mem_freep)
		char *event =
			mem_printf("{\"choices\":[{\"delta\":{\"content\":\"B\"},\"finish_reason\":\"stop\","
		               "\"logprobs\":{\"content\":[%s]}}]}",
		               tokens[i]);
		assert_ok(completion_event(&a, event, strlen(event), &err));
	}
	*r = (struct chat_result){0};
	assert_ok(completion_end(&a, 0, r, &err));
	free(r->text);
	r->text = mem_strdup("**B**");
	completion_clear(&a);
}

static void letters_have_probabilities(void **state)
{
	static const char *const tokens[] = {
		"{\"token\":\"**\",\"logprob\":-0.1,\"top_logprobs\":[{\"token\":\"A\",\"logprob\":-0.1}]}",
		/* 0.6, 0.1 and 0.1; " A" is the same letter as "A" */
		"{\"token\":\"B\",\"logprob\":-0.5108,\"top_logprobs\":["
		"{\"token\":\"B\",\"logprob\":-0.5108},{\"token\":\" A\",\"logprob\":-2.9957},"
		"{\"token\":\"A\",\"logprob\":-2.9957},{\"token\":\"\xe2\x96\x81"
		"C\",\"logprob\":-2.3026},{\"token\":\"Be\",\"logprob\":-1},"
		"{\"token\":\"C\",\"logprob\":null},7]}",
	};
	static const char *const odd[] = {"{\"token\":\"B\",\"logprob\":\"x\"}", "{\"token\":7}", "[]",
	                                  "null"};
	static const char *const sure[] = {
		"{\"token\":\"A\",\"logprob\":1e-7,\"top_logprobs\":[{\"token\":\"A\",\"logprob\":1e-7},"
		"{\"token\":\"B\",\"logprob\":-17}]}"};
	AUTO(chat_result_clear) struct chat_result r = {0};
	struct letter l;
	struct err err;
	(void)state;
	read_tokens(&r, tokens, ARRAY_LEN(tokens));
	assert_ok(letter_read(&r, "ABC", &l, &err));
	assert_int_equal(l.letter, 'B');
	assert_float_equal(l.p[0], 0.125, 1e-4);
	assert_float_equal(l.p[1], 0.75, 1e-4);
	assert_float_equal(l.p[2], 0.125, 1e-4);

	/* They are of the reasoning then. */
	free(r.reasoning);
	r.reasoning = mem_strdup("Is it B? It may well be.");
	assert_ok(letter_read(&r, "ABC", &l, &err));
	assert_true(l.letter == 'B' && l.p[1] == 0);
	chat_result_clear(&r);

	read_tokens(&r, odd, ARRAY_LEN(odd));
	assert_ok(letter_read(&r, "ABC", &l, &err));
	assert_true(l.letter == 'B' && l.p[1] == 0);
	chat_result_clear(&r);

	/* Rounded to more than one. */
	read_tokens(&r, sure, ARRAY_LEN(sure));
	free(r.text);
	r.text = mem_strdup("A");
	assert_ok(letter_read(&r, "ABC", &l, &err));
	assert_true(l.letter == 'A' && l.p[0] > 0.99);
}

/* An engine may send any number of alternatives of a token, and of tokens. */
static void probabilities_are_limited(void **state)
{
	enum { TOKENS = 40, LONG = 100000 };
	AUTO(mem_freep) char *token = mem_printf("{\"token\":\"%0*d\",\"logprob\":-1}", LONG, 0);
	AUTO(buf_free) struct buf many = BUF(1 << 20);
	AUTO(chat_result_clear) struct chat_result r = {0};
	const char *tokens[TOKENS];
	(void)state;
	for (size_t i = 0; i < TOKENS; i++)
		tokens[i] = token;
	read_tokens(&r, tokens, TOKENS);
	assert_int_equal(json_array_size(r.logprobs), 3); /* the third goes over 256 kB */
	chat_result_clear(&r);

	/* All in one event, which is larger than that. */
	for (size_t i = 0; i < 10000; i++)
		buf_addf(&many, "%s{\"token\":\"B\",\"logprob\":-0.1}", i ? "," : "");
	tokens[0] = buf_str(&many);
	read_tokens(&r, tokens, 1);
	assert_int_equal(json_array_size(r.logprobs), 32);
	struct letter l;
	struct err err;
	assert_ok(letter_read(&r, "ABC", &l, &err));
	assert_true(l.letter == 'B' && l.p[1] == 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refusals_are_learned),
		cmocka_unit_test(learning_comes_to_an_end),
		cmocka_unit_test(what_is_learned_can_be_kept),
		cmocka_unit_test(reasoning_is_taken_off),
		cmocka_unit_test(the_one_object_is_found),
		cmocka_unit_test(what_is_no_answer_is_told),
		cmocka_unit_test(prose_is_unwrapped),
		cmocka_unit_test(pieces_of_all_kinds_are_read),
		cmocka_unit_test(characters_cut_in_two_are_joined),
		cmocka_unit_test(letters_are_found),
		cmocka_unit_test(letters_have_probabilities),
		cmocka_unit_test(probabilities_are_limited),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
