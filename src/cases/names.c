/* SPDX-License-Identifier: Apache-2.0 */
#include "cases/names.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

enum { NAME_MAX_BYTES = 4000 };

static int by_name(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int c = strcmp(*x->name, *y->name);
	return c ? c : strcmp(x->path, y->path);
}

/* The last `parts` parts of a path, or all of it. */
static const char *tail(const char *path, size_t parts)
{
	const char *at = path + strlen(path);
	for (; at > path; at--)
		if (at[-1] == '/' && !parts--)
			break;
	return at;
}

static int by_tail(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Whether the different paths of these items have different tails. */
static bool have_distinct_tails(const struct named *items, size_t n, size_t parts)
{
	AUTO(mem_freep) const char **tails = mem_alloc(n, sizeof *tails);
	size_t paths = 0;
	for (size_t i = 0; i < n; i++)
		if (!i || strcmp(items[i].path, items[i - 1].path) != 0)
			tails[paths++] = tail(items[i].path, parts - 1);
	qsort(tails, paths, sizeof *tails, by_tail);
	for (size_t i = 1; i < paths; i++)
		if (strcmp(tails[i], tails[i - 1]) == 0)
			return false;
	return true;
}

static size_t count_parts(const char *s)
{
	size_t n = 1;
	for (; *s; s++)
		n += *s == '/';
	return n;
}

/* All have one name. */
static void separate(struct named *items, size_t n)
{
	size_t parts = count_parts(*items->name), most = 0;
	for (size_t i = 0; i < n; i++) {
		size_t of_path = count_parts(items[i].path);
		most = of_path > most ? of_path : most;
	}
	while (parts < most && !have_distinct_tails(items, n, parts))
		parts++;
	for (size_t i = 0; i < n; i++) {
		free(*items[i].name);
		*items[i].name = text_line(tail(items[i].path, parts - 1), NAME_MAX_BYTES);
	}
}

void names_differ(struct named *items, size_t n)
{
	if (n)
		qsort(items, n, sizeof *items, by_name);
	for (size_t i = 0, k; i < n; i = k) {
		for (k = i + 1; k < n && strcmp(*items[i].name, *items[k].name) == 0;)
			k++;
		if (strcmp(items[i].path, items[k - 1].path) != 0)
			separate(&items[i], k - i);
	}
}
