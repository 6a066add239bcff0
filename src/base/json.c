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
