/* SPDX-License-Identifier: Apache-2.0 */
/* A JSON text with one wrong value, for readers of what other machines send. */
#ifndef VDET_TEST_JSON_WITH_H
#define VDET_TEST_JSON_WITH_H

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* Sets a member, at a place like "samples/0/pts", to JSON; NULL removes it. */
static inline char *json_with(const char *text, const char *place, const char *value)
{
	json_auto_t *root = json_loads(text, 0, NULL);
	json_t *at = root;
	AUTO(mem_freep) char *path = mem_strdup(place);
	char *key = path, *end;
	while ((end = strchr(key, '/'))) {
		*end = '\0';
		at = json_is_array(at) ? json_array_get(at, (size_t)strtoul(key, NULL, 10))
		                       : json_object_get(at, key);
		key = end + 1;
	}
	assert_non_null(at);
	json_t *to = value ? json_loads(value, JSON_DECODE_ANY, NULL) : NULL;
	assert_true(!value || to);
	if (json_is_array(at))
		json_array_set_new(at, (size_t)strtoul(key, NULL, 10), to);
	else if (value)
		json_object_set_new(at, key, to);
	else
		json_object_del(at, key);
	return json_dumps(root, JSON_COMPACT);
}

#endif
