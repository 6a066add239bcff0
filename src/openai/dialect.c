/* SPDX-License-Identifier: Apache-2.0 */
#include "openai/dialect.h"

#include <ctype.h>
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "openai/completion.h"

#define FEWEST_TOKENS 16

/* The parts of an error reply. */
struct refusal {
	const char *words; /* its message */
	const char *all;   /* its whole body */
	const char *param; /* the parameter that it names in a member of its own, or "" */
};

static bool word_char(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* Whether `text` contains `name` as a whole word. */
static bool has_word(const char *text, const char *name)
{
	size_t len = strlen(name);
	for (const char *p = text; (p = strcasestr(p, name)); p++)
		if ((p == text || !word_char(p[-1])) && !word_char(p[len]))
			return true;
	return false;
}

static bool has_any(const char *text, const char *const *marks)
{
	for (; *marks; marks++)
		if (strcasestr(text, *marks))
			return true;
	return false;
}
#define HAS_ANY(text, ...) has_any(text, (const char *const[]){__VA_ARGS__, NULL})

/* Whether the refusal is about the parameter `name`. If the reply has a member
 * that names the parameter, its message does not count. */
static bool is_about(const struct refusal *f, const char *name)
{
	if (!*f->param)
		return has_word(f->all, name);
	size_t len = strlen(name);
	return !strncmp(f->param, name, len) && !word_char(f->param[len]);
}

/* The largest number in `text` that is at least `least` and smaller than
 * `most`; 0 if there is none. */
static long number_below(const char *text, long least, long most)
{
	long best = 0;
	for (const char *p = text; *p;) {
		if (!isdigit((unsigned char)*p)) {
			p++;
			continue;
		}
		char *end;
		long n = strtol(p, &end, 10);
		bool word = p > text && word_char(p[-1]); /* as in "gpt5" */
		if (!word && n >= least && n < most && n > best)
			best = n;
		p = end;
	}
	return best;
}

/* ---- the rules */

static bool learn_images(struct dialect *d, const struct dialect_request *q,
                         const struct refusal *f)
{
	if (q->images < 2 || !HAS_ANY(f->words, "image", "picture", "multimodal", "multi-modal"))
		return false;
	/* A limit of the size of each picture is not a limit of their number. */
	if (HAS_ANY(f->words, "byte", " mb", "mib", "pixel", "dimension", "resolution", "token"))
		return false;
	bool one = HAS_ANY(f->words, "only one image", "one image per", "single image",
	                   "multiple images", "one image is");
	if (!one && !HAS_ANY(f->words, "at most", "maximum", "too many", "limit", "up to", "exceed",
	                     "more than", "number of"))
		return false;
	long n = one ? 1 : number_below(f->words, 1, (long)q->images);
	d->most_images = n > 0 ? (size_t)n : q->images / 2;
	return true;
}

static bool learn_tokens(struct dialect *d, const struct dialect_request *q,
                         const struct refusal *f)
{
	static const char *const names[] = {"max_tokens", "max_completion_tokens", "max_tokens"};
	if (!q->max_tokens || d->tokens == DIALECT_NO_TOKENS || !is_about(f, names[d->tokens]))
		return false;

	/* First check whether only the value is refused, not the parameter. */
	bool unknown = HAS_ANY(f->all, "unsupported", "not supported", "unrecognized", "unknown",
	                       "not permitted", "extra_forbidden", "unexpected", "deprecated");
	if (!unknown && HAS_ANY(f->words, "too large", "at most", "maximum", "exceed", "less than",
	                        "greater than", "smaller than", ">", "range")) {
		int asked =
			d->most_tokens && d->most_tokens < q->max_tokens ? d->most_tokens : q->max_tokens;
		long n = number_below(f->words, FEWEST_TOKENS, asked);
		d->most_tokens = n ? (int)n : asked / 2;
		return asked > FEWEST_TOKENS;
	}

	d->tokens++;
	return true;
}

static bool learn_format(struct dialect *d, const struct dialect_request *q,
                         const struct refusal *f)
{
	if (!q->format || d->format == DIALECT_NO_FORMAT)
		return false;
	bool about = *f->param ? is_about(f, "response_format")
	                       : HAS_ANY(f->all, "response_format", "response format", "json_schema",
	                                 "json_object", "json mode", "structured output",
	                                 "structured_output", "guided", "grammar", "schema");
	if (about)
		d->format++;
	return about;
}

static bool learn_system(struct dialect *d, const struct dialect_request *q,
                         const struct refusal *f)
{
	if (!q->system || d->no_system || !has_word(f->words, "system") ||
	    !HAS_ANY(f->words, "role", "message", "prompt", "instruction") ||
	    !HAS_ANY(f->words, "support", "not allowed", "not enabled", "unknown", "unexpected",
	             "must be", "invalid"))
		return false;
	return d->no_system = true;
}

static bool learn_flag(bool *flag, const char *name, const struct refusal *f)
{
	if (*flag || !is_about(f, name))
		return false;
	return *flag = true;
}

/* Applies the first rule that matches; returns what it changed, or NULL. */
static const char *learn(struct dialect *d, const struct dialect_request *q,
                         const struct refusal *f)
{
	if (learn_images(d, q, f))
		return "fewer pictures are sent in a request";

	/* Some engines accept only the default, 1, and some require it. */
	if (d->temperature != DIALECT_TEMPERATURE_1 && is_about(f, "temperature"))
		return ++d->temperature == DIALECT_NO_TEMPERATURE ? "temperature is left out"
		                                                  : "temperature 1 is sent";
	if (learn_flag(&d->no_seed, "seed", f))
		return "seed is left out";
	if (learn_flag(&d->no_sampling, "top_p", f) || learn_flag(&d->no_sampling, "top_k", f) ||
	    learn_flag(&d->no_sampling, "min_p", f))
		return "top_p, top_k and min_p are left out";
	if (learn_flag(&d->no_switch, "chat_template_kwargs", f) ||
	    learn_flag(&d->no_switch, "reasoning_effort", f))
		return "the model is not asked to answer without reasoning";
	if (learn_flag(&d->no_logprobs, "logprobs", f) ||
	    learn_flag(&d->no_logprobs, "top_logprobs", f))
		return "probabilities of tokens are not asked for";
	if (learn_flag(&d->no_stream_options, "stream_options", f))
		return "stream_options is left out";
	if (learn_tokens(d, q, f))
		return "the limit of an answer's length is sent in another form";
	if (learn_format(d, q, f))
		return d->format == DIALECT_JSON_OBJECT ? "json_object is asked for, not a schema"
		                                        : "response_format is left out";
	if (learn_system(d, q, f))
		return "the system message is sent as the user's";
	if (learn_flag(&d->no_stream, "stream", f)) {
		d->no_stream_options = true;
		return "answers are not streamed";
	}
	return NULL;
}

/* The parameter that an error object names: OpenAI's `param`, the last part of
 * `loc` of FastAPI. */
static const char *param_of(const json_t *root)
{
	const json_t *j = json_is_array(root) ? json_array_get(root, 0) : root;
	const json_t *error = json_object_get(j, "error");
	const char *param = json_string_value(json_object_get(error ? error : j, "param"));
	const json_t *loc = json_object_get(json_array_get(json_object_get(j, "detail"), 0), "loc");
	for (size_t i = json_array_size(loc); !param && i-- > 0;)
		param = json_string_value(json_array_get(loc, i));
	return param ? param : "";
}

bool dialect_learn(struct dialect *d, const struct dialect_request *q, const char *body, size_t len,
                   const char **ret_what)
{
	bool limit = false;
	AUTO(mem_freep) char *words = completion_error_words(body, len, &limit);
	AUTO(buf_free) struct buf all = BUF(len * 3 + 1);
	text_utf8(&all, body, len);
	json_auto_t *root = json_loadb(buf_str(&all), all.len, 0, NULL);
	const struct refusal f = {.words = words, .all = buf_str(&all), .param = param_of(root)};
	/* Errors about a prompt that is too long also mention max_tokens. */
	*ret_what = limit ? NULL : learn(d, q, &f);
	if (!*ret_what)
		return false;
	d->version++;
	return true;
}

const char *dialect_text(const struct dialect *d, char out[static DIALECT_TEXT_MAX])
{
	char tokens[60] = "", images[60] = "";
	if (d->most_tokens)
		snprintf(tokens, sizeof tokens, "answers of at most %d tokens", d->most_tokens);
	if (d->most_images)
		snprintf(images, sizeof images, "at most %zu pictures in a request", d->most_images);
	const char *const parts[] = {
		d->tokens == DIALECT_MAX_COMPLETION_TOKENS ? "max_completion_tokens for max_tokens"
		: d->tokens == DIALECT_NO_TOKENS           ? "no limit of the answer's length"
												   : "",
		d->format == DIALECT_JSON_OBJECT ? "json_object for a JSON Schema"
		: d->format == DIALECT_NO_FORMAT ? "no response_format"
										 : "",
		d->temperature == DIALECT_NO_TEMPERATURE  ? "no temperature"
		: d->temperature == DIALECT_TEMPERATURE_1 ? "temperature 1"
												  : "",
		d->no_seed ? "no seed" : "",
		d->no_sampling ? "no top_p, top_k and min_p" : "",
		d->no_switch ? "no request to answer without reasoning" : "",
		d->no_logprobs ? "no probabilities of tokens" : "",
		d->no_stream ? "no streaming" : "",
		d->no_stream_options && !d->no_stream ? "no stream_options" : "",
		d->no_system ? "no system message" : "",
		tokens,
		images};

	size_t used = 0;
	out[0] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (*parts[i] && used < DIALECT_TEXT_MAX)
			used += (size_t)snprintf(out + used, DIALECT_TEXT_MAX - used, "%s%s", used ? ", " : "",
			                         parts[i]);
	return out;
}

/* ---- stored for later runs */

static const char *const token_names[] = {"max_tokens", "max_completion_tokens", "none"};
static const char *const temperature_names[] = {"any", "none", "1"};
static const char *const format_names[] = {"json_schema", "json_object", "none"};

static int read_name(const json_t *j, const char *key, const char *const *names, int n)
{
	const char *s = json_string_value(json_object_get(j, key));
	for (int i = 0; s && i < n; i++)
		if (!strcmp(s, names[i]))
			return i;
	return 0;
}

static int64_t read_count(const json_t *j, const char *key, int64_t most)
{
	json_int_t n = json_integer_value(json_object_get(j, key));
	return n > 0 && n <= most ? n : 0;
}

static void put_name(json_t *j, const char *key, const char *const *names, int value)
{
	if (value)
		json_object_set_new(j, key, json_string(names[value]));
}

static void put_flag(json_t *j, const char *key, bool value)
{
	if (value)
		json_object_set_new(j, key, json_true());
}

json_t *dialect_json(const struct dialect *d)
{
	json_t *j = json_object();
	put_name(j, "tokens", token_names, (int)d->tokens);
	put_name(j, "temperature", temperature_names, (int)d->temperature);
	put_name(j, "format", format_names, (int)d->format);
	put_flag(j, "no_seed", d->no_seed);
	put_flag(j, "no_stream", d->no_stream);
	put_flag(j, "no_stream_options", d->no_stream_options);
	put_flag(j, "no_system", d->no_system);
	put_flag(j, "no_sampling", d->no_sampling);
	put_flag(j, "no_switch", d->no_switch);
	put_flag(j, "no_logprobs", d->no_logprobs);
	if (d->most_tokens)
		json_object_set_new(j, "most_tokens", json_integer(d->most_tokens));
	if (d->most_images)
		json_object_set_new(j, "most_images", json_integer((json_int_t)d->most_images));
	return j;
}

void dialect_read(const json_t *j, struct dialect *ret)
{
	*ret = (struct dialect){
		.tokens = (enum dialect_tokens)read_name(j, "tokens", token_names, ARRAY_LEN(token_names)),
		.temperature = (enum dialect_temperature)read_name(j, "temperature", temperature_names,
	                                                       ARRAY_LEN(temperature_names)),
		.format =
			(enum dialect_format)read_name(j, "format", format_names, ARRAY_LEN(format_names)),
		.no_seed = json_is_true(json_object_get(j, "no_seed")),
		.no_stream = json_is_true(json_object_get(j, "no_stream")),
		.no_stream_options = json_is_true(json_object_get(j, "no_stream_options")),
		.no_system = json_is_true(json_object_get(j, "no_system")),
		.no_sampling = json_is_true(json_object_get(j, "no_sampling")),
		.no_switch = json_is_true(json_object_get(j, "no_switch")),
		.no_logprobs = json_is_true(json_object_get(j, "no_logprobs")),
		.most_tokens = (int)read_count(j, "most_tokens", INT32_MAX),
		.most_images = (size_t)read_count(j, "most_images", 10000),
	};
}
