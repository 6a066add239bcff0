/* SPDX-License-Identifier: Apache-2.0 */
/* A growable byte buffer with a maximum from birth. Always NUL-terminated, so
 * that data serves as a C string. Not thread-safe. The owner calls buf_free()
 * (or AUTO(buf_free)). Additions that do not fit are dropped whole, also all
 * later ones until buf_clear(): add without checks, then ask buf_check(). */
#ifndef VDET_BASE_BUF_H
#define VDET_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct buf {
	char *data;      /* NULL until something was added */
	size_t len, cap; /* bytes, without the NUL; allocated */
	size_t max;      /* bytes */
	bool full;       /* an addition was dropped */
};

#define BUF(max_) ((struct buf){.max = (max_)})

/* Append bytes, a string, formatted text: 0, or -ERR_LIMIT. */
int buf_add(struct buf *b, const void *data, size_t len);
int buf_adds(struct buf *b, const char *s);
int buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_consume(struct buf *b, size_t n); /* drops the first n bytes */
void buf_clear(struct buf *b);             /* empties, keeps the memory; not full any more */
void buf_free(struct buf *b);              /* empties and frees; usable again afterwards */
const char *buf_str(const struct buf *b);  /* never NULL; valid until the next change */
char *buf_take(struct buf *b);             /* the caller frees; the buffer is empty afterwards */
/* 0, or ERR_LIMIT with "WHAT is larger than N bytes" if any addition was
 * dropped. */
int buf_check(const struct buf *b, const char *what, struct err *err);

#endif
