/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of JSON messages: one row for each type of message, from which the
 * JSON schema and the documentation are made. Pure functions. */
#ifndef VDET_BASE_MESSAGE_H
#define VDET_BASE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct message_field {
	const char *name;
	/* A type of JSON Schema ("string", "integer", …), "string|null", "[object]"
	 * for an array of objects, or "#Job" for a schema of openapi.json. A "?" at
	 * the end: the member may be missing. */
	const char *type;
	const char *text; /* meaning and unit, for the documentation */
};

struct message_type {
	const char *name;
	const char *text;                   /* when it is sent */
	const struct message_field *fields; /* ends with a row without name; NULL = none */
	/* The member that holds the id of the subject, "job" or "video"; NULL =
	 * none. */
	const char *subject;
	const char *data; /* type of "data" if it is not an object of `fields` */
};

/* A section of Markdown for each type: its fields as a table. */
void message_markdown(const struct message_type *types, size_t n, struct buf *out);

/* A JSON schema that allows each of the types. `enveloped`: the fields are
 * members of "data", as in the events of the server; else of the message
 * itself. Each message has "seq", "time" and "type" in front. */
void message_schema(const struct message_type *types, size_t n, bool enveloped, struct buf *out);

#endif
