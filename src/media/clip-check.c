/* SPDX-License-Identifier: Apache-2.0 */
#include "media/clip-check.h"

#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <string.h>

#include "base/clock.h"
#include "media/note.h"

void clip_packets_clear(struct clip_packets *p)
{
	for (size_t i = 0; i < p->n; i++)
		av_packet_free(&p->items[i]);
	free(p->items);
	*p = (struct clip_packets){0};
}

int clip_packets_add(struct clip_packets *p, const AVPacket *pkt, struct err *err)
{
	AVPacket *copy = av_packet_clone(pkt);
	if (!copy)
		return err_set(err, ERR_LIMIT, "no memory for a packet");
	p->items = mem_room(p->items, p->n, &p->cap, sizeof *p->items);
	p->items[p->n++] = copy;
	p->bytes += (size_t)pkt->size;
	return 0;
}

struct check {
	const struct source *src;
	struct reader *reader;
	struct shown shown; /* the frame of the reader that was compared last */
	bool begun;
	int64_t from, to;
	int64_t *times; /* pts that are expected, ascending */
	size_t n, at;
	AVCodecContext *dec;
	AVFrame *frame;
};

static void check_clear(struct check *c)
{
	avcodec_free_context(&c->dec);
	av_frame_free(&c->frame);
	free(c->times);
}

static bool same_plane(const AVFrame *a, const AVFrame *b, int plane, int bytes, int rows)
{
	for (int y = 0; y < rows; y++)
		if (memcmp(a->data[plane] + (ptrdiff_t)y * a->linesize[plane],
		           b->data[plane] + (ptrdiff_t)y * b->linesize[plane], (size_t)bytes) != 0)
			return false;
	return true;
}

static bool same_picture(const AVFrame *a, const AVFrame *b)
{
	const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(a->format);
	if (!d || a->format != b->format || a->width != b->width || a->height != b->height)
		return false;
	for (int i = 0; i < av_pix_fmt_count_planes(a->format); i++) {
		int bytes = av_image_get_linesize(a->format, a->width, i);
		bool chroma = i == 1 || i == 2;
		int rows = chroma ? AV_CEIL_RSHIFT(a->height, d->log2_chroma_h) : a->height;
		if (bytes < 0 || !same_plane(a, b, i, bytes, rows))
			return false;
	}
	return true;
}

/* Compares the frame with that of the reader at its time. 1: different. */
static int compare(struct check *c, struct err *err)
{
	int64_t time = source_time(c->src, c->frame->pts);
	struct shown *s = &c->shown;
	if (time < c->from || time >= c->to)
		return 0;
	int r = c->begun ? reader_next(c->reader, INT64_MIN, s, err) : 0;
	if (!c->begun)
		r = reader_at(c->reader, time, s, err);
	if (r == -ERR_LIMIT)
		return r;
	c->begun = true;
	return r != 0 || s->pts != time || !same_picture(s->frame, c->frame);
}

/* All frames that the decoder has; 1: something is different. */
static int take(struct check *c, struct err *err)
{
	for (;;) {
		int r = avcodec_receive_frame(c->dec, c->frame);
		if (r == AVERROR(EAGAIN) || r == AVERROR_EOF)
			return 0;
		if (r == AVERROR(ENOMEM))
			return note_error(err, r, "cannot decode a frame");
		if (r < 0 || c->at >= c->n || c->frame->pts != c->times[c->at])
			return 1;
		c->at++;
		r = compare(c, err);
		if (r != 0)
			return r;
	}
}

static int start(struct check *c, const AVCodecParameters *par)
{
	c->dec = avcodec_alloc_context3(c->src->codec);
	c->frame = av_frame_alloc();
	if (!c->dec || !c->frame)
		return AVERROR(ENOMEM);
	int r = avcodec_parameters_to_context(c->dec, par);
	c->dec->pkt_timebase = c->src->st->time_base;
	c->dec->thread_count = 1;
	c->dec->max_pixels = SOURCE_PIXELS_MAX;
	return r < 0 ? r : avcodec_open2(c->dec, c->src->codec, NULL);
}

int clip_check(const AVCodecParameters *par, const struct clip_packets *p, const struct source *s,
               struct reader *reader, int64_t from, int64_t to, bool *ret, struct err *err)
{
	AUTO(check_clear)
	struct check c = {.src = s, .reader = reader, .from = from, .to = to, .n = p->n};
	c.times = mem_alloc(p->n + 1, sizeof *c.times);
	for (size_t i = 0; i < p->n; i++)
		c.times[i] = p->items[i]->pts;
	*ret = false;
	if (!p->n || mem_sort_times(c.times, p->n) != p->n)
		return 0;
	int r = start(&c, par);
	if (r < 0)
		return note_error(err, r, "the decoder does not start");

	r = 0;
	for (size_t i = 0; i <= p->n && r == 0; i++) {
		int sent = avcodec_send_packet(c.dec, i < p->n ? p->items[i] : NULL);
		if (sent == AVERROR(ENOMEM))
			return note_error(err, sent, "cannot decode a frame");
		r = sent < 0 ? 1 : take(&c, err);
	}
	*ret = r == 0 && c.at == c.n;
	return r < 0 ? r : 0;
}
