/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http/chunked.h"

enum { DIGITS_MAX = 12, SKIPPED_MAX = 8192 };

/* SIZE digits, EXTENSION until the end of the line, DATA, the line end after
 * it, and after the last chunk TRAILER lines until an empty one. */
enum { SIZE, EXTENSION, SIZE_END, DATA, DATA_CR, DATA_LF, TRAILER, TRAILER_LINE, END };

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The state after a byte that is not data; -1: malformed. */
static int next_state(struct chunked *c, char byte)
{
	switch (c->state) {
	case SIZE:
		if (hex(byte) >= 0 && c->digits++ < DIGITS_MAX) {
			c->left = c->left * 16 + hex(byte);
			return SIZE;
		}
		if (!c->digits || c->digits > DIGITS_MAX)
			return -1;
		return byte == '\r'                                 ? SIZE_END
		       : byte == ';' || byte == ' ' || byte == '\t' ? EXTENSION
		                                                    : -1;
	case EXTENSION: return ++c->skipped > SKIPPED_MAX ? -1 : byte == '\r' ? SIZE_END : EXTENSION;
	case SIZE_END: return byte != '\n' ? -1 : c->left ? DATA : TRAILER;
	case DATA_CR: return byte == '\r' ? DATA_LF : -1;
	case DATA_LF: c->digits = 0; return byte == '\n' ? SIZE : -1;
	case TRAILER: return byte == '\r' ? END : TRAILER_LINE;
	case TRAILER_LINE:
		return ++c->skipped > SKIPPED_MAX ? -1 : byte == '\n' ? TRAILER : TRAILER_LINE;
	default: return -1;
	}
}

int chunked_decode(struct chunked *c, const char *data, size_t len, struct buf *out)
{
	for (size_t i = 0; i < len;) {
		if (c->state == DATA) {
			size_t n = c->left < (int64_t)(len - i) ? (size_t)c->left : len - i;
			if (buf_add(out, data + i, n) < 0)
				return -1;
			i += n;
			c->left -= (int64_t)n;
			if (!c->left)
				c->state = DATA_CR;
		} else if (c->state == END) {
			return data[i] == '\n' ? 1 : -1;
		} else {
			c->state = next_state(c, data[i++]);
			if (c->state < 0)
				return -1;
		}
	}
	return 0;
}
