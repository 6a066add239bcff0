/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes for the demuxer: an open file read with pread() (whose offset is shared
 * with other processes and therefore never moved), or memory. Nothing else can
 * be reached through it. Not thread-safe. */
#ifndef VDET_MEDIA_INPUT_H
#define VDET_MEDIA_INPUT_H

#include <libavformat/avio.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

struct input;

/* Borrows fd. Fails for what cannot be read at any offset. */
int input_open_fd(int fd, struct input **ret, struct err *err);
/* Borrows data. */
struct input *input_open_memory(const void *data, size_t size);
/* Bytes of another input (borrowed) and of memory in a new order. Pieces follow
 * one another without gaps: `at` is where one begins here, `from` where in the
 * other, or ~offset in the memory. Takes over both arrays. */
struct input_piece {
	int64_t at, from;
};
struct input *input_open_pieces(struct input *base, struct input_piece *pieces, size_t n,
                                int64_t size, unsigned char *memory);
void input_free(struct input *in);
DEFINE_FREEP(struct input, input)

int64_t input_size(const struct input *in);
/* Reads up to len bytes at pos; returns how many (0 at the end), or a negative
 * errno. */
int input_read(struct input *in, int64_t pos, void *data, size_t len);
/* The first errno of a read that failed for another reason than the end of the
 * file, since the last clearing; 0 if none. */
int input_error(const struct input *in);
void input_clear_error(struct input *in);
/* A new context that reads from `in`, from the start; to be freed with
 * input_avio_free(). NULL without memory. */
AVIOContext *input_avio(struct input *in);
void input_avio_free(AVIOContext **pb);

#endif
