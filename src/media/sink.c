/* SPDX-License-Identifier: Apache-2.0 */
#include "media/sink.h"

#include <errno.h>
#include <libavutil/mem.h>
#include <stdio.h>
#include <stdlib.h>

#include "media/compat.h"

struct sink {
	struct writer_sink to;
	int64_t pos, size;
};

static int write_sink(void *opaque, compat_write_data *data, int len)
{
	struct sink *s = opaque;
	int r = s->to.write(s->to.ctx, s->pos, data, (size_t)len);
	if (r < 0)
		return AVERROR(-r);
	s->pos += len;
	s->size = s->pos > s->size ? s->pos : s->size;
	return len;
}

static int64_t seek_sink(void *opaque, int64_t offset, int whence)
{
	struct sink *s = opaque;
	if (whence & AVSEEK_SIZE)
		return s->size;
	int64_t base = whence == SEEK_CUR ? s->pos : whence == SEEK_END ? s->size : 0;
	return base + offset < 0 ? AVERROR(EINVAL) : (s->pos = base + offset);
}

AVIOContext *sink_avio(const struct writer_sink *sink)
{
	enum { BUFFER = 256 << 10 };
	struct sink *s = mem_alloc(1, sizeof *s);
	s->to = *sink;
	unsigned char *buffer = av_malloc(BUFFER);
	AVIOContext *pb =
		buffer ? avio_alloc_context(buffer, BUFFER, 1, s, NULL, write_sink, seek_sink) : NULL;
	if (!pb) {
		av_free(buffer);
		free(s);
	}
	return pb;
}

void sink_avio_free(AVIOContext **pb)
{
	if (!*pb)
		return;
	free((*pb)->opaque);
	av_freep(&(*pb)->buffer);
	avio_context_free(pb);
}
