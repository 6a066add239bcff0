/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes for the demuxer: an open file, memory, or what another process gives.
 * The file is read with
 * pread(), because its offset is shared with other processes and must not
 * change. A demuxer can access nothing else through it. Not thread-safe. */
#ifndef VDET_MEDIA_INPUT_H
#define VDET_MEDIA_INPUT_H

#include <libavformat/avio.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

struct input;

/* Borrows fd. Fails if it cannot be read at any offset. */
int input_open_fd(int fd, struct input **ret, struct err *err);
/* Borrows data. */
struct input *input_open_memory(const void *data, size_t size);
/* Combines bytes of another input (borrowed) and of memory. Pieces are
 * contiguous: `at` is the start of a piece here, `from` its start in the other
 * input, or ~offset in the memory. Takes ownership of both arrays. */
struct input_piece {
	int64_t at, from;
};
struct input *input_open_pieces(struct input *base, struct input_piece *pieces, size_t n,
                                int64_t size, unsigned char *memory);
/* `size` bytes that another process gives: `fetch` fills all of data with `len`
 * bytes at pos, which are within the size; a negative errno if it cannot. Some
 * of them are kept. */
typedef int input_fetch(void *ctx, int64_t pos, void *data, size_t len);
struct input *input_open_feed(int64_t size, input_fetch *fetch, void *ctx);
void input_free(struct input *in);
DEFINE_FREEP(struct input, input)

int64_t input_size(const struct input *in);
/* Reads up to len bytes at pos; returns the number read (0 at the end), or a
 * negative errno. */
int input_read(struct input *in, int64_t pos, void *data, size_t len);
/* The first errno of a failed read since the last clearing, except at the end
 * of the file; 0 if none. */
int input_error(const struct input *in);
void input_clear_error(struct input *in);
/* A new context that reads from `in`, from the start; free it with
 * input_avio_free(). NULL if memory is out. */
AVIOContext *input_avio(struct input *in);
void input_avio_free(AVIOContext **pb);

#endif
