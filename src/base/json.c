/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <string.h>

#include "base/mem.h"

const char *json_unknown_key(const json_t *o, const char *const *keys)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)o, key, value) {
		size_t i = 0;

		while (keys[i] && strcmp(keys[i], key) != 0)
			i++;
		if (!keys[i])
			return key;
	}
	return NULL;
}

const char *json_text(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));
	return text ? text : "";
}

/* Skips the rest of a string; i is behind its first quote. */
static size_t skip_string(const char *text, size_t len, size_t i)
{
	while (i < len && text[i] != '"')
		i += text[i] == '\\' ? 2 : 1;
	return i;
}

/* Counted before anything is allocated. */
static int check_bounds(const char *text, size_t len, struct err *err)
{
	size_t depth = 0, groups = 0, values = 0;
	for (size_t i = 0; i < len; i++) {
		char c = text[i];
		bool opens = c == '{' || c == '[', closes = c == '}' || c == ']';
		if (c == '"')
			i = skip_string(text, len, i + 1);
		depth += opens;
		depth -= closes && depth;
		groups += opens;
		values += c == ',';
		if (depth > JSON_FOREIGN_DEPTH)
			return err_set(err, ERR_FORMAT, "values are nested more than %d deep",
			               JSON_FOREIGN_DEPTH);
		if (groups > JSON_FOREIGN_GROUPS || values > JSON_FOREIGN_VALUES)
			return err_set(err, ERR_LIMIT, "it has more values than any file of vdet");
	}
	return 0;
}

int json_read_foreign(const char *text, size_t len, json_t **ret, struct err *err)
{
	json_error_t e;
	int r = check_bounds(text, len, err);
	if (r < 0)
		return r;
	json_auto_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &e);
	if (!json)
		return err_set(err, ERR_FORMAT, "it is not JSON: line %d, column %d: %s", e.line, e.column,
		               e.text);
	*ret = TAKE(json);
	return 0;
}

json_t *json_sizes(const size_t *v, size_t n)
{
	json_t *all = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(all, json_integer((json_int_t)v[i]));
	return all;
}

json_t *json_times(const int64_t *v, size_t n)
{
	json_t *all = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(all, json_integer((json_int_t)v[i]));
	return all;
}

char *json_times_text(const int64_t *v, size_t n)
{
	json_auto_t *a = json_times(v, n);
	return json_dumps(a, JSON_COMPACT);
}

int64_t *json_times_of(const json_t *list, size_t most, size_t *ret_n)
{
	size_t n = json_array_size(list) < most ? json_array_size(list) : most;
	int64_t *v = mem_alloc(n + 1, sizeof *v);
	for (size_t i = 0; i < n; i++)
		v[i] = json_integer_value(json_array_get(list, i));
	*ret_n = n;
	return v;
}

int64_t *json_times_read(const char *text, size_t *ret_n)
{
	json_auto_t *list = json_loads(text ? text : "", 0, NULL);
	return json_times_of(list, SIZE_MAX, ret_n);
}
