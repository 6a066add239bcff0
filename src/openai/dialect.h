/* SPDX-License-Identifier: Apache-2.0 */
/* The form of requests that an endpoint accepts. All have the same API, but
 * each refuses some parameters (`max_tokens`, `temperature`, `seed`, a JSON
 * Schema) or limits the number of pictures in a request. What it refuses is
 * learned from its error reply and left out from then on. Pure. */
#ifndef VDET_OPENAI_DIALECT_H
#define VDET_OPENAI_DIALECT_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

enum dialect_tokens {
	DIALECT_MAX_TOKENS,
	DIALECT_MAX_COMPLETION_TOKENS, /* as OpenAI's reasoning models require */
	DIALECT_NO_TOKENS
};
enum dialect_temperature { DIALECT_TEMPERATURE, DIALECT_NO_TEMPERATURE, DIALECT_TEMPERATURE_1 };
enum dialect_format { DIALECT_JSON_SCHEMA, DIALECT_JSON_OBJECT, DIALECT_NO_FORMAT };

/* All zero: everything is sent, in its most common form. */
struct dialect {
	unsigned version; /* number of changes by dialect_learn() */
	enum dialect_tokens tokens;
	enum dialect_format format;
	enum dialect_temperature temperature;
	bool no_seed, no_stream, no_stream_options;
	bool no_system;     /* the system message is put before the user's text */
	bool no_sampling;   /* top_p, top_k and min_p are left out */
	bool no_switch;     /* reasoning is not turned off */
	bool no_logprobs;   /* probabilities of tokens are not asked for */
	int most_tokens;    /* limit of max_tokens; 0 = none */
	size_t most_images; /* pictures in one request; 0 = any */
};

/* What a request contained, to find out why it was refused. */
struct dialect_request {
	size_t images;
	int max_tokens; /* 0 = not sent */
	bool format, system;
};

/* Reads the error reply to a request that was sent in dialect *d. True if *d
 * was changed so that the request may succeed now; or, if `most_images` became
 * smaller, one with fewer pictures. *ret_what is a phrase for people, a literal
 * ("temperature is left out"). */
bool dialect_learn(struct dialect *d, const struct dialect_request *q, const char *body, size_t len,
                   const char **ret_what);

/* What is left out or sent in another form, as a list for people; "" = nothing.
 * Returns out. */
#define DIALECT_TEXT_MAX 300
const char *dialect_text(const struct dialect *d, char out[static DIALECT_TEXT_MAX]);

/* To JSON, {} if nothing was learned (the caller owns it), and back. Members
 * that are missing or invalid count as not learned. */
json_t *dialect_json(const struct dialect *d);
void dialect_read(const json_t *j, struct dialect *ret);

#endif
