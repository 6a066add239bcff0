/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <string.h>

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
