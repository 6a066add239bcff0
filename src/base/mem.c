/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *or_abort(void *p)
{
	if (!p) {
		fputs("vdet: out of memory\n", stderr);
		abort();
	}
	return p;
}

void mem_freep(void *p)
{
	void *q;
	memcpy(&q, p, sizeof q);
	free(q);
}

void fd_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

void *mem_alloc(size_t n, size_t size)
{
	return or_abort(calloc(n ? n : 1, size));
}

void *mem_grow(void *p, size_t n, size_t size)
{
	return or_abort(reallocarray(p, n ? n : 1, size));
}

void *mem_room(void *items, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return items;
	*cap = 2 * *cap + 64;
	return mem_grow(items, *cap, size);
}

static int by_size(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;
	return (x > y) - (x < y);
}

static int by_time(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static size_t sort_distinct(void *items, size_t n, size_t size,
                            int (*compare)(const void *a, const void *b))
{
	char *all = items;
	size_t kept = 0;
	if (n)
		qsort(items, n, size, compare);
	for (size_t i = 0; i < n; i++)
		if (!kept || compare(&all[i * size], &all[(kept - 1) * size]) != 0)
			memmove(&all[kept++ * size], &all[i * size], size);
	return kept;
}

size_t mem_sort_distinct(size_t *items, size_t n)
{
	return sort_distinct(items, n, sizeof *items, by_size);
}

size_t mem_sort_times(int64_t *items, size_t n)
{
	return sort_distinct(items, n, sizeof *items, by_time);
}

char *mem_strdup(const char *s)
{
	return s ? or_abort(strdup(s)) : NULL;
}

char *mem_printf(const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;
	va_start(ap, fmt);
	int n = vasprintf(&s, fmt, ap);
	va_end(ap);
	return or_abort(n < 0 ? NULL : s);
}
