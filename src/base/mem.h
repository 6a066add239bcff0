/* SPDX-License-Identifier: Apache-2.0 */
/* Ownership helpers and small allocations.
 *
 * Small allocations (a path, a struct) abort when memory is out: there is
 * nothing sensible to do. Sizes that come from input go through `struct buf`
 * (buf.h) or an explicit limit and return an error instead. */
#ifndef VDET_BASE_MEM_H
#define VDET_BASE_MEM_H

#include <stddef.h>
#include <stdint.h>

/* AUTO(fn): calls fn(&variable) when the variable goes out of scope; fn must
 * accept a pointer to NULL. */
#define AUTO(fn) __attribute__((cleanup(fn)))
/* TAKE(p): hands the value over and leaves NULL behind, so that AUTO does not
 * free it. */
#define TAKE(p)                     \
	__extension__({                 \
		__typeof__(p) taken_ = (p); \
		(p) = NULL;                 \
		taken_;                     \
	})
/* Makes `name_freep(type **)`, for AUTO, from `name_free(type *)`. */
#define DEFINE_FREEP(type, name)              \
	static inline void name##_freep(type **p) \
	{                                         \
		name##_free(*p);                      \
	}

#define ARRAY_LEN(a) (sizeof(a) / sizeof *(a))

void mem_freep(void *p); /* for AUTO: frees *(void **)p */
void fd_closep(int *fd); /* for AUTO: closes *fd unless negative */

/* zeroed; aborts when out of memory or n * size overflows */
void *mem_alloc(size_t n, size_t size);
void *mem_grow(void *p, size_t n, size_t size); /* realloc of n * size, not zeroed; likewise */
/* The array `items` of n elements with room for one more; grows it, and *cap,
 * where it is full. */
void *mem_room(void *items, size_t n, size_t *cap, size_t size);
/* Sorts n numbers, and keeps each once; returns how many are left. */
size_t mem_sort_distinct(size_t *items, size_t n);
size_t mem_sort_times(int64_t *items, size_t n); /* likewise */
char *mem_strdup(const char *s);                 /* NULL stays NULL; the caller frees */
/* The caller frees; aborts when out of memory. */
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
