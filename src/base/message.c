/* SPDX-License-Identifier: Apache-2.0 */
#include "base/message.h"

#include <string.h>

#include "base/mem.h"

#define OPENAPI "openapi.json#/components/schemas/"

static bool is_optional(const char *type)
{
	size_t n = strlen(type);

	return n && type[n - 1] == '?';
}

/* ---- documentation */

static void markdown_type(const char *type, struct buf *out)
{
	bool list = *type == '[', ref = type[list] == '#';
	const char *name = type + list + ref;
	size_t n = strcspn(name, "]?");

	buf_addf(out, "%s%.*s", list ? "array of " : "", (int)n, name);
	if (is_optional(type))
		buf_adds(out, ", optional");
}

/* "|" would end the cell. */
static void markdown_cell(const char *type, struct buf *out)
{
	AUTO(buf_free) struct buf text = BUF(200);

	markdown_type(type, &text);
	for (const char *p = buf_str(&text); *p; p++) {
		if (*p == '|')
			buf_adds(out, " or ");
		else
			buf_add(out, p, 1);
	}
}

void message_markdown(const struct message_type *types, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		const struct message_type *t = &types[i];
		buf_addf(out, "\n#### `%s`\n%s\n", t->name, t->text);
		if (t->subject)
			buf_addf(out, "`%s` has the id of the %s.\n", t->subject, t->subject);
		if (t->data) {
			buf_adds(out, "`data`: ");
			markdown_cell(t->data, out);
			buf_adds(out, ".\n");
		}
		if (!t->fields)
			continue;
		buf_adds(out, "\n| member | type | meaning |\n|---|---|---|\n");
		for (const struct message_field *f = t->fields; f->name; f++) {
			buf_addf(out, "| `%s` | ", f->name);
			markdown_cell(f->type, out);
			buf_addf(out, " | %s |\n", f->text);
		}
	}
}

/* ---- schema */

static void schema_names(const char *type, size_t n, struct buf *out)
{
	const char *bar = memchr(type, '|', n);

	if (!bar) {
		buf_addf(out, "{\"type\": \"%.*s\"}", (int)n, type);
		return;
	}
	buf_addf(out, "{\"type\": [\"%.*s\", \"%.*s\"]}", (int)(bar - type), type,
	         (int)(n - (size_t)(bar - type) - 1), bar + 1);
}

static void schema_type(const char *type, struct buf *out)
{
	bool list = *type == '[';
	const char *name = type + list;
	size_t n = strcspn(name, "]?");

	if (list)
		buf_adds(out, "{\"type\": \"array\", \"items\": ");
	if (*name == '#')
		buf_addf(out, "{\"$ref\": \"" OPENAPI "%.*s\"}", (int)n - 1, name + 1);
	else
		schema_names(name, n, out);
	if (list)
		buf_adds(out, "}");
}

static void schema_required(const struct message_field *fields, const char *first, struct buf *out)
{
	const char *comma = *first ? ", " : "";

	buf_addf(out, "\"required\": [%s", first);
	for (const struct message_field *f = fields; f && f->name; f++) {
		if (is_optional(f->type))
			continue;
		buf_addf(out, "%s\"%s\"", comma, f->name);
		comma = ", ";
	}
	buf_adds(out, "]");
}

static void schema_fields(const struct message_field *fields, const char *comma, const char *indent,
                          struct buf *out)
{
	for (const struct message_field *f = fields; f && f->name; f++) {
		buf_addf(out, "%s\n%s\"%s\": ", comma, indent, f->name);
		schema_type(f->type, out);
		comma = ",";
	}
}

static void schema_data(const struct message_type *t, struct buf *out)
{
	buf_adds(out, ",\n    \"data\": ");
	if (t->data) {
		schema_type(t->data, out);
		return;
	}
	buf_adds(out, "{\"type\": \"object\", \"properties\": {");
	schema_fields(t->fields, "", "     ", out);
	buf_adds(out, "}, ");
	schema_required(t->fields, "", out);
	buf_adds(out, "}");
}

static void schema_message(const struct message_type *t, bool enveloped, struct buf *out)
{
	buf_addf(out,
	         "  {\"title\": \"%s\", \"type\": \"object\", \"properties\": {\n"
	         "    \"seq\": {\"type\": \"integer\"},\n    \"time\": {\"type\": \"number\"},\n"
	         "    \"type\": {\"const\": \"%s\"}",
	         t->name, t->name);
	if (t->subject)
		buf_addf(out, ",\n    \"%s\": {\"type\": \"string\"}", t->subject);
	if (enveloped)
		schema_data(t, out);
	else
		schema_fields(t->fields, ",", "    ", out);
	buf_adds(out, "},\n   ");

	if (!enveloped)
		schema_required(t->fields, "\"seq\", \"time\", \"type\"", out);
	else if (t->subject)
		buf_addf(out, "\"required\": [\"seq\", \"time\", \"type\", \"%s\", \"data\"]", t->subject);
	else
		buf_adds(out, "\"required\": [\"seq\", \"time\", \"type\", \"data\"]");
	buf_adds(out, "}");
}

void message_schema(const struct message_type *types, size_t n, bool enveloped, struct buf *out)
{
	buf_adds(out, "{\"oneOf\": [\n");
	for (size_t i = 0; i < n; i++) {
		schema_message(&types[i], enveloped, out);
		buf_adds(out, i + 1 < n ? ",\n" : "\n");
	}
	buf_adds(out, " ]}");
}
