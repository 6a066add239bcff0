/* SPDX-License-Identifier: Apache-2.0 */
#include "report/joins.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

enum { KEY_SIZE = 17 }; /* 64 bits in hexadecimal, and NUL */

static void key_of(const struct report_part *a, const struct report_part *b,
                   char out[static KEY_SIZE])
{
	char hash[HASH_HEX];
	const char *const texts[] = {a->subject, a->what, b->subject, b->what};
	hash_texts(texts, ARRAY_LEN(texts), hash);
	memcpy(out, hash, KEY_SIZE - 1);
	out[KEY_SIZE - 1] = '\0';
}

bool report_joins_open(const char *facts)
{
	json_auto_t *j = facts ? json_loads(facts, 0, NULL) : NULL;
	return json_is_true(json_object_get(j, REPORT_JOINS_OPEN));
}

json_t *report_joins_pack(const struct report_part *const *parts, const struct story_link *links,
                          size_t n)
{
	json_t *all = json_array();
	for (size_t i = 0; i < n; i++) {
		const struct report_part *a = parts[links[i].first], *b = parts[links[i].second];
		char key[KEY_SIZE];
		key_of(a, b, key);
		json_array_append_new(all, json_pack("[I, I, I, I, s]", (json_int_t)a->chunk,
		                                     (json_int_t)a->index, (json_int_t)b->chunk,
		                                     (json_int_t)b->index, key));
	}
	return all;
}

static int by_place(const void *x, const void *y)
{
	const struct report_part *a = x, *b = y;
	if (a->chunk != b->chunk)
		return a->chunk < b->chunk ? -1 : 1;
	return (a->index > b->index) - (a->index < b->index);
}

/* The part whose chunk and index are the members `at` and the next; or NULL. */
static const struct report_part *find(const json_t *join, size_t at,
                                      const struct report_part *parts, size_t n)
{
	json_int_t chunk = json_integer_value(json_array_get(join, at)),
			   index = json_integer_value(json_array_get(join, at + 1));
	const struct report_part key = {.chunk = (size_t)chunk, .index = (size_t)index};
	return n && chunk >= 0 && index >= 0 ? bsearch(&key, parts, n, sizeof key, by_place) : NULL;
}

struct story_link *report_joins_find(const json_t *joins, const struct report_part *parts, size_t n,
                                     size_t *ret_n)
{
	size_t i;
	json_t *join;
	struct story_link *links = mem_alloc(json_array_size(joins) + 1, sizeof *links);
	*ret_n = 0;
	json_array_foreach (joins, i, join) {
		const struct report_part *a = find(join, 0, parts, n), *b = find(join, 2, parts, n);
		const char *want = json_string_value(json_array_get(join, 4));
		char key[KEY_SIZE];
		if (!a || !b || !want)
			continue;
		key_of(a, b, key);
		if (strcmp(key, want) == 0)
			links[(*ret_n)++] = (struct story_link){(size_t)(a - parts), (size_t)(b - parts)};
	}
	return links;
}
