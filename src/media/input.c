/* SPDX-License-Identifier: Apache-2.0 */
#include "media/input.h"

#include <errno.h>
#include <libavutil/error.h>
#include <libavutil/mem.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct input {
	int fd;
	const unsigned char *data;
	int64_t size;
	int error;
	/* … or pieces */
	struct input *base;
	struct input_piece *pieces;
	size_t n;
	unsigned char *memory;
	/* … or what another gives */
	input_fetch *fetch;
	void *ctx;
	struct kept *kept;
	uint64_t turn;
};

/* Demuxers of files with several streams read at some places in turn. */
enum { KEPT = 16, KEPT_BYTES = 256 << 10 };

/* A piece of KEPT_BYTES, or the end of the file. */
struct kept {
	unsigned char *data; /* NULL: empty */
	int64_t pos;
	uint64_t used; /* the turn of its last use */
};

/* Each context has its own position, so that a file can be opened again. */
struct cursor {
	struct input *in;
	int64_t pos;
};

int input_open_fd(int fd, struct input **ret, struct err *err)
{
	struct stat st;
	char byte;
	if (fstat(fd, &st) < 0 || pread(fd, &byte, 1, 0) < 0)
		return err_sys(err, errno, "cannot read the file");
	struct input *in = mem_alloc(1, sizeof *in);
	*in = (struct input){.fd = fd, .size = st.st_size};
	*ret = in;
	return 0;
}

struct input *input_open_memory(const void *data, size_t size)
{
	struct input *in = mem_alloc(1, sizeof *in);
	*in = (struct input){.fd = -1, .data = data, .size = (int64_t)size};
	return in;
}

struct input *input_open_pieces(struct input *base, struct input_piece *pieces, size_t n,
                                int64_t size, unsigned char *memory)
{
	struct input *in = mem_alloc(1, sizeof *in);
	*in = (struct input){
		.fd = -1, .size = size, .base = base, .pieces = pieces, .n = n, .memory = memory};
	return in;
}

struct input *input_open_feed(int64_t size, input_fetch *fetch, void *ctx)
{
	struct input *in = mem_alloc(1, sizeof *in);
	*in = (struct input){.fd = -1, .size = size, .fetch = fetch, .ctx = ctx};
	in->kept = mem_alloc(KEPT, sizeof *in->kept);
	return in;
}

void input_free(struct input *in)
{
	if (in) {
		for (size_t i = 0; in->kept && i < KEPT; i++)
			free(in->kept[i].data);
		free(in->kept);
		free(in->pieces);
		free(in->memory);
	}
	mem_freep(&in);
}

int64_t input_size(const struct input *in)
{
	return in->size;
}
int input_error(const struct input *in)
{
	return in->base ? in->base->error : in->error;
}
void input_clear_error(struct input *in)
{
	(in->base ? in->base : in)->error = 0;
}

/* The last piece that begins at or before pos. */
static size_t find_piece(const struct input *in, int64_t pos)
{
	size_t low = 0, high = in->n;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		*(in->pieces[middle].at <= pos ? &low : &high) = middle;
	}
	return low;
}

static int read_pieces(struct input *in, int64_t pos, unsigned char *data, size_t len)
{
	size_t done = 0;
	for (size_t i = find_piece(in, pos); i < in->n && done < len && pos < in->size; i++) {
		const struct input_piece *p = &in->pieces[i];
		int64_t end = i + 1 < in->n ? in->pieces[i + 1].at : in->size, skip = pos - p->at;
		size_t n = (uint64_t)(end - pos) < len - done ? (size_t)(end - pos) : len - done;
		if (p->from < 0) {
			memcpy(data + done, in->memory + ~p->from + skip, n);
		} else {
			int r = input_read(in->base, p->from + skip, data + done, n);
			if (r <= 0)
				return done ? (int)done : r;
			n = (size_t)r;
			i -= pos + r < end; /* the rest of the piece */
		}
		done += n;
		pos += (int64_t)n;
	}
	return (int)done;
}

/* The piece that begins at pos: kept, or in the place of the one that was not
 * used for the longest time. NULL and *ret_error if it cannot be had. */
static const struct kept *get_piece(struct input *in, int64_t pos, size_t len, int *ret_error)
{
	struct kept *oldest = in->kept;
	for (size_t i = 0; i < KEPT; i++) {
		struct kept *k = &in->kept[i];
		if (k->data && k->pos == pos) {
			k->used = ++in->turn;
			return k;
		}
		if (k->used < oldest->used)
			oldest = k;
	}

	AUTO(mem_freep) unsigned char *data = TAKE(oldest->data);
	*oldest = (struct kept){0};
	if (!data)
		data = mem_alloc(KEPT_BYTES, 1);
	*ret_error = in->fetch(in->ctx, pos, data, len);
	if (*ret_error < 0)
		return NULL;
	*oldest = (struct kept){.data = TAKE(data), .pos = pos, .used = ++in->turn};
	return oldest;
}

/* Up to the end of a piece. */
static int read_feed(struct input *in, int64_t pos, void *data, size_t len)
{
	int r = 0;
	if (pos >= in->size)
		return 0;
	int64_t begin = pos - pos % KEPT_BYTES, left = in->size - begin;
	size_t size = left < KEPT_BYTES ? (size_t)left : KEPT_BYTES, skip = (size_t)(pos - begin);
	const struct kept *k = get_piece(in, begin, size, &r);
	if (!k) {
		in->error = in->error ? in->error : -r;
		return r;
	}
	len = len < size - skip ? len : size - skip;
	memcpy(data, k->data + skip, len);
	return (int)len;
}

int input_read(struct input *in, int64_t pos, void *data, size_t len)
{
	if (len > INT_MAX)
		len = INT_MAX;
	if (in->base)
		return read_pieces(in, pos, data, len);
	if (in->fetch)
		return read_feed(in, pos, data, len);
	if (in->fd < 0) {
		if (pos >= in->size)
			return 0;
		if ((int64_t)len > in->size - pos)
			len = (size_t)(in->size - pos);
		memcpy(data, in->data + pos, len);
		return (int)len;
	}
	ssize_t n;
	do
		n = pread(in->fd, data, len, pos);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return (int)n;
	if (!in->error)
		in->error = errno;
	return -errno;
}

static int read_packet(void *opaque, uint8_t *data, int len)
{
	struct cursor *c = opaque;
	int n = input_read(c->in, c->pos, data, (size_t)len);
	if (n > 0)
		c->pos += n;
	return n ? n : AVERROR_EOF;
}

static int64_t seek(void *opaque, int64_t offset, int whence)
{
	struct cursor *c = opaque;
	if (whence & AVSEEK_SIZE)
		return c->in->size;
	int64_t base = (whence & 3) == SEEK_CUR   ? c->pos
	               : (whence & 3) == SEEK_END ? c->in->size
	                                          : 0,
			pos;
	if (__builtin_add_overflow(base, offset, &pos) || pos < 0)
		return AVERROR(EINVAL);
	return c->pos = pos;
}

AVIOContext *input_avio(struct input *in)
{
	enum { BUFFER = 64 << 10 };
	struct cursor *c = mem_alloc(1, sizeof *c);
	c->in = in;
	unsigned char *buffer = av_malloc(BUFFER);
	AVIOContext *pb =
		buffer ? avio_alloc_context(buffer, BUFFER, 0, c, read_packet, NULL, seek) : NULL;
	if (!pb) {
		av_free(buffer);
		mem_freep(&c);
	}
	return pb;
}

void input_avio_free(AVIOContext **pb)
{
	if (!*pb)
		return;
	mem_freep(&(*pb)->opaque);
	av_freep(&(*pb)->buffer);
	avio_context_free(pb);
}
