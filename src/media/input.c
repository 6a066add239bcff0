#include "media/input.h"

#include <errno.h>
#include <libavutil/error.h>
#include <libavutil/mem.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct input {
	int fd;
	const unsigned char *data;
	int64_t size;
	int error;
};

/* A context has a position of its own, so that a file can be opened anew. */
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

void input_free(struct input *in)
{
	mem_freep(&in);
}

int64_t input_size(const struct input *in)
{
	return in->size;
}
int input_error(const struct input *in)
{
	return in->error;
}
void input_clear_error(struct input *in)
{
	in->error = 0;
}

int input_read(struct input *in, int64_t pos, void *data, size_t len)
{
	if (len > INT_MAX)
		len = INT_MAX;
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
	int64_t base = (whence & 3) == SEEK_CUR ? c->pos : (whence & 3) == SEEK_END ? c->in->size : 0, pos;
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
	AVIOContext *pb = buffer ? avio_alloc_context(buffer, BUFFER, 0, c, read_packet, NULL, seek) : NULL;
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
