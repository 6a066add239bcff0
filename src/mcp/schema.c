/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/schema.h"

#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"

/* Of a limit that the schema does not have. */
static double limit_of(const json_t *schema, const char *key, double none)
{
	const json_t *limit = json_object_get(schema, key);
	return limit ? json_number_value(limit) : none;
}

static int check_number(const json_t *schema, const json_t *v, const char *name, struct err *err)
{
	double least = limit_of(schema, "minimum", -1e15), most = limit_of(schema, "maximum", 1e15);
	bool whole = strcmp(json_text(schema, "type"), "integer") == 0;
	double number = json_number_value(v);
	if (!json_is_number(v) || (whole && !json_is_integer(v)))
		return err_set(err, ERR_ARG, "%s has to be %s", name, whole ? "an integer" : "a number");
	if (!(number >= least && number <= most))
		return err_set(err, ERR_ARG, "%s has to be from %.15g to %.15g", name, least, most);
	return 0;
}

static int check_choice(const json_t *choices, const json_t *v, const char *name, struct err *err)
{
	AUTO(buf_free) struct buf list = BUF(400);
	size_t i;
	json_t *choice;
	json_array_foreach ((json_t *)choices, i, choice) {
		if (json_equal(choice, (json_t *)v))
			return 0;
		buf_addf(&list, "%s%s", i ? ", " : "", json_string_value(choice));
	}
	return err_set(err, ERR_ARG, "%s is one of %s", name, buf_str(&list));
}

static int check_text(const json_t *schema, const json_t *v, const char *name, struct err *err)
{
	const json_t *choices = json_object_get(schema, "enum");
	double least = limit_of(schema, "minLength", 0), most = limit_of(schema, "maxLength", 1e9);
	if (!json_is_string(v))
		return err_set(err, ERR_ARG, "%s has to be a text", name);
	if (strlen(json_string_value(v)) != json_string_length(v))
		return err_set(err, ERR_ARG, "%s contains NUL", name);
	if ((double)json_string_length(v) < least || (double)json_string_length(v) > most)
		return err_set(err, ERR_ARG, "%s has to have %.0f to %.0f bytes", name, least, most);
	return choices ? check_choice(choices, v, name, err) : 0;
}

static int check_value(const json_t *schema, const json_t *v, const char *name, struct err *err);

static int check_list(const json_t *schema, const json_t *v, const char *name, struct err *err)
{
	double least = limit_of(schema, "minItems", 0), most = limit_of(schema, "maxItems", 1e6);
	size_t i;
	json_t *item;
	int r = 0;
	if (!json_is_array(v))
		return err_set(err, ERR_ARG, "%s has to be a list", name);
	if ((double)json_array_size(v) < least || (double)json_array_size(v) > most)
		return err_set(err, ERR_ARG, "%s has to have %.0f to %.0f entries", name, least, most);
	json_array_foreach ((json_t *)v, i, item)
		if (r == 0)
			r = check_value(json_object_get(schema, "items"), item, name, err);
	return r;
}

static int check_value(const json_t *schema, const json_t *v, const char *name, struct err *err)
{
	const char *type = json_text(schema, "type");
	if (strcmp(type, "string") == 0)
		return check_text(schema, v, name, err);
	if (strcmp(type, "array") == 0)
		return check_list(schema, v, name, err);
	if (strcmp(type, "boolean") == 0)
		return json_is_boolean(v) ? 0 : err_set(err, ERR_ARG, "%s has to be true or false", name);
	return check_number(schema, v, name, err);
}

int schema_check(const json_t *schema, const json_t *value, struct err *err)
{
	const json_t *properties = json_object_get(schema, "properties");
	const char *key;
	json_t *v;
	size_t i;
	int r = 0;
	if (value && !json_is_object(value))
		return err_set(err, ERR_ARG, "the arguments have to be a JSON object");
	json_array_foreach (json_object_get(schema, "required"), i, v)
		if (r == 0 && !json_object_get(value, json_string_value(v)))
			r = err_set(err, ERR_ARG, "%s is required", json_string_value(v));
	json_object_foreach ((json_t *)value, key, v) {
		const json_t *of = json_object_get(properties, key);
		if (r == 0 && !of)
			r = err_set(err, ERR_ARG, "there is no argument \"%.100s\"", key);
		if (r == 0)
			r = check_value(of, v, key, err);
	}
	return r;
}
