/* SPDX-License-Identifier: Apache-2.0 */
/* In which form an endpoint takes requests. All speak the same API, but each
 * refuses some parameters (`max_tokens`, `temperature`, `seed`, a JSON Schema)
 * or limits how many pictures a request may hold. What it refuses is learned
 * from its error reply and left out from then on. Pure; belongs to the thread
 * that holds the struct. */
#ifndef VDET_OPENAI_DIALECT_H
#define VDET_OPENAI_DIALECT_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

enum dialect_tokens {
	DIALECT_MAX_TOKENS,
	DIALECT_MAX_COMPLETION_TOKENS, /* as OpenAI's reasoning models want it */
	DIALECT_NO_TOKENS
};
enum dialect_temperature { DIALECT_GREEDY, DIALECT_NO_TEMPERATURE, DIALECT_TEMPERATURE_1 };
enum dialect_format { DIALECT_JSON_SCHEMA, DIALECT_JSON_OBJECT, DIALECT_NO_FORMAT };

/* All zero: everything is sent, in its most usual form. */
struct dialect {
	unsigned version; /* how often something was learned */
	enum dialect_tokens tokens;
	enum dialect_format format;
	enum dialect_temperature temperature;
	bool no_seed, no_stream, no_stream_options;
	bool no_system;     /* the system message is put in front of the user's */
	int most_tokens;    /* the longest answer that may be asked for; 0 = any */
	size_t most_images; /* pictures in one request; 0 = any */
};

/* What a request held, for judging why it was refused. */
struct dialect_request {
	size_t images;
	int max_tokens; /* 0 = not sent */
	bool format, system;
};

/* Reads the error reply to a request that was sent in dialect *d. True if *d
 * was changed so that the request may work now; or, where *d got a smaller
 * `most_images`, one with fewer pictures. `what` is set to a phrase for people
 * ("temperature is left out"). */
bool dialect_learn(struct dialect *d, const struct dialect_request *q, const char *body, size_t len,
                   const char **ret_what);

/* What is left out or sent otherwise, as a list for people; "" if nothing is. */
#define DIALECT_TEXT_MAX 300
const char *dialect_text(const struct dialect *d, char out[static DIALECT_TEXT_MAX]);

/* For keeping it beyond a run: a new object, {} if nothing was learned; and
 * back. What the object does not say, or says in a way that is not ours, is as
 * if it had not been learned. */
json_t *dialect_json(const struct dialect *d);
void dialect_read(const json_t *j, struct dialect *ret);

#endif
