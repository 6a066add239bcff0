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
