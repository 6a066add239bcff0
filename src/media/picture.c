/* SPDX-License-Identifier: Apache-2.0 */
#include "media/picture.h"

#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "media/compat.h"
#include "media/note.h"
#include "media/orient.h"

/* Properties for which a graph was built; any change needs a new graph. */
struct shape {
	int width, height, format, size;
	AVRational sar;
	enum AVColorSpace matrix;
	enum AVColorRange range;
	enum AVColorPrimaries primaries;
	enum AVColorTransferCharacteristic transfer;
	bool deinterlace;
	const char *turn;
	bool swap;
	enum picture_form form;
};

struct picture {
	enum picture_form form;
	struct shape shape;
	AVFilterGraph *graph; /* NULL until one is built */
	AVFilterContext *in, *out;
	int64_t count; /* frames sent to the graph: their pts there */
	struct SwsContext *small;
};

struct picture *picture_new(enum picture_form form)
{
	struct picture *p = mem_alloc(1, sizeof *p);
	p->form = form;
	return p;
}

void picture_free(struct picture *p)
{
	if (!p)
		return;
	avfilter_graph_free(&p->graph);
	sws_freeContext(p->small);
	mem_freep(&p);
}

const char *picture_hdr(enum AVColorTransferCharacteristic trc)
{
	return trc == AVCOL_TRC_SMPTE2084 ? "pq" : trc == AVCOL_TRC_ARIB_STD_B67 ? "hlg" : "";
}

/* Square pixels: the width is scaled, as players do. */
static void square_size(int w, int h, AVRational sar, int *ret_w, int *ret_h)
{
	double ratio = sar.num > 0 && sar.den > 0 ? av_q2d(sar) : 1;
	if (ratio < 0.1 || ratio > 10) /* not plausible for a camera */
		ratio = 1;
	*ret_w = (int)lround(w * ratio);
	*ret_h = h;
	if (*ret_w < 1)
		*ret_w = 1;
}

static void fit_size(int *w, int *h, int size)
{
	int side = *w > *h ? *w : *h;
	if (side <= size)
		return;
	*w = (int)lround((double)*w * size / side);
	*h = (int)lround((double)*h * size / side);
	*w = *w < 1 ? 1 : *w;
	*h = *h < 1 ? 1 : *h;
}

static AVRational sample_aspect(const struct source *src, const AVFrame *f)
{
	AVRational sar = av_guess_sample_aspect_ratio(src->fmt, src->st, (AVFrame *)f);
	return sar.num > 0 && sar.den > 0 ? sar : (AVRational){1, 1};
}

void picture_size(const struct source *src, const AVFrame *f, int *ret_w, int *ret_h)
{
	struct orient o = orient_of(src->st, f);
	int w, h;
	square_size(f->width, f->height, sample_aspect(src, f), &w, &h);
	*ret_w = o.swap ? h : w;
	*ret_h = o.swap ? w : h;
}

/* Untagged video is taken for BT.2020 if HDR, BT.709 above standard definition,
 * else BT.601, as in players. */
static enum AVColorSpace guess_matrix(const AVFrame *f)
{
	if (f->colorspace != AVCOL_SPC_UNSPECIFIED && f->colorspace != AVCOL_SPC_RESERVED)
		return f->colorspace;
	if (picture_hdr(f->color_trc)[0] || f->color_primaries == AVCOL_PRI_BT2020)
		return AVCOL_SPC_BT2020_NCL;
	return f->width > 1024 || f->height > 576 ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
}

static enum AVColorRange guess_range(const AVFrame *f)
{
	const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(f->format);
	if (d && !strncmp(d->name, "yuvj", 4))
		return AVCOL_RANGE_JPEG;
	if (f->color_range != AVCOL_RANGE_UNSPECIFIED)
		return f->color_range;
	return d && d->flags & AV_PIX_FMT_FLAG_RGB ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
}

static struct shape shape_of(const struct source *src, const AVFrame *f, int size,
                             enum picture_form form)
{
	struct orient o = orient_of(src->st, f);
	return (struct shape){
		.width = f->width,
		.height = f->height,
		.format = f->format,
		.size = size,
		.sar = sample_aspect(src, f),
		.matrix = guess_matrix(f),
		.range = guess_range(f),
		.primaries = f->color_primaries,
		.transfer = f->color_trc,
		.deinterlace = compat_interlaced(f),
		.turn = o.chain,
		.swap = o.swap,
		.form = form,
	};
}

static bool same_shape(const struct shape *a, const struct shape *b)
{
	return a->width == b->width && a->height == b->height && a->format == b->format &&
	       a->size == b->size && !av_cmp_q(a->sar, b->sar) && a->matrix == b->matrix &&
	       a->range == b->range && a->primaries == b->primaries && a->transfer == b->transfer &&
	       a->deinterlace == b->deinterlace && a->turn == b->turn;
}

/* The names are those of `scale`; `zscale` shares only a few. */
static const char *scale_matrix(enum AVColorSpace m)
{
	switch (m) {
	case AVCOL_SPC_BT709: return "bt709";
	case AVCOL_SPC_FCC: return "fcc";
	case AVCOL_SPC_SMPTE240M: return "smpte240m";
	case AVCOL_SPC_BT2020_NCL:
	case AVCOL_SPC_BT2020_CL: return "bt2020";
	default: return "bt601";
	}
}

static bool is_rgb(const struct shape *s)
{
	const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(s->format);
	return d && d->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL);
}

/* Converts wide gamut or HDR to the colors of JPEG, in linear light, on the
 * scaled picture. */
static void add_wide(struct buf *b, const struct shape *s)
{
	const char *hdr = picture_hdr(s->transfer),
			   *range = s->range == AVCOL_RANGE_JPEG ? "full" : "limited";
	const char *out = s->form == PICTURE_JPEG ? "m=170m:r=full" : "m=709:r=limited";
	if (!hdr[0]) {
		buf_addf(b,
		         ",zscale=pin=bt2020:tin=bt709:min=bt2020nc:rin=%s:p=bt709:t=bt709:%s"
		         ",format=yuv420p",
		         range, out);
		return;
	}
	/* PQ is in cd/m2: 203, the white of BT.2408, becomes 1.0, and brighter
	 * values are compressed. HLG is relative: with this curve, the grays of a
	 * test chart match HLG's own backward-compatible picture. */
	bool pq = !strcmp(hdr, "pq");
	buf_addf(b,
	         ",zscale=pin=bt2020:tin=%s:min=bt2020nc:rin=%s:t=linear:npl=%d,format=gbrpf32le,"
	         "zscale=p=bt709"
	         ",tonemap=%s:desat=0,zscale=p=bt709:t=bt709:%s,format=yuv420p",
	         pq ? "smpte2084" : "arib-std-b67", range, pq ? 203 : 100,
	         pq ? "mobius:param=0.5" : "hable", out);
}

/* For video: the same matrix, limited range. */
static void add_video(struct buf *b, const struct shape *s, const char *matrix, const char *range)
{
	if (is_rgb(s))
		buf_adds(b, ":out_color_matrix=bt709:out_range=tv,format=yuv420p");
	else
		buf_addf(b,
		         ":in_color_matrix=%s:out_color_matrix=%s:in_range=%s:out_range=tv,format=yuv420p",
		         matrix, matrix, range);
}

/* From BT.709 directly to the matrix of JPEG: a tenth of the cost of a
 * conversion through RGB. */
static void add_hd(struct buf *b, const char *range)
{
	buf_addf(b,
	         ":in_color_matrix=bt709:out_color_matrix=bt709:in_range=%s:out_range=%s,format=yuv420p"
	         ",colorspace=ispace=bt709:iprimaries=bt709:itrc=bt709:irange=%s:"
	         "space=bt470bg:primaries=bt709:trc=bt709"
	         ":range=pc:format=yuv420p:fast=1",
	         range, range, range);
}

/* Standard colors: converts between the matrices through RGB, on the scaled
 * picture. */
static void add_plain(struct buf *b, const struct shape *s, const char *matrix, const char *range)
{
	if (is_rgb(s))
		buf_adds(b, ":out_color_matrix=bt601:out_range=pc,format=yuv420p");
	else if (!strcmp(matrix, "bt601"))
		buf_addf(
			b,
			":in_color_matrix=bt601:out_color_matrix=bt601:in_range=%s:out_range=pc,format=yuv420p",
			range);
	else
		buf_addf(b,
		         ":in_color_matrix=%s:out_color_matrix=%s:in_range=%s:out_range=%s,format=yuv420p"
		         ",scale=in_color_matrix=%s:out_color_matrix=bt601:in_range=%s:out_range=pc"
		         ":flags=bilinear+accurate_rnd+full_chroma_int,format=yuv420p",
		         matrix, matrix, range, range, matrix, range);
}

static void write_chain(struct buf *b, const struct shape *s)
{
	int w, h;
	square_size(s->width, s->height, s->sar, &w, &h);
	fit_size(&w, &h, s->size);
	if (s->form == PICTURE_VIDEO) {
		w += w & 1;
		h += h & 1;
	}

	const char *matrix = scale_matrix(s->matrix),
			   *range = s->range == AVCOL_RANGE_JPEG ? "pc" : "tv";
	bool wide = !is_rgb(s) && (picture_hdr(s->transfer)[0] || s->primaries == AVCOL_PRI_BT2020) &&
	            avfilter_get_by_name("zscale") && avfilter_get_by_name("tonemap");

	if (s->deinterlace)
		buf_addf(b, "%s=mode=send_frame:parity=auto:deint=all,",
		         avfilter_get_by_name("bwdif") ? "bwdif" : "yadif");
	buf_addf(b, "scale=w=%d:h=%d:flags=area+accurate_rnd", w, h);
	if (wide) {
		buf_addf(b, ":in_color_matrix=%s:out_color_matrix=%s:in_range=%s:out_range=%s", matrix,
		         matrix, range, range);
		add_wide(b, s);
	} else if (s->form == PICTURE_VIDEO) {
		add_video(b, s, matrix, range);
	} else if (!is_rgb(s) && !strcmp(matrix, "bt709") && !(w & 1) && !(h & 1) &&
	           avfilter_get_by_name("colorspace")) {
		add_hd(b, range);
	} else {
		add_plain(b, s, matrix, range);
	}

	if (s->turn[0])
		buf_addf(b, ",%s", s->turn);
	buf_adds(b, ",setsar=1");
}

static int fill_source(AVFilterContext *in, const struct shape *s)
{
	AVBufferSrcParameters *p = av_buffersrc_parameters_alloc();
	if (!p)
		return AVERROR(ENOMEM);
	p->format = s->format;
	p->width = s->width;
	p->height = s->height;
	p->time_base = (AVRational){1, 1000};
	p->sample_aspect_ratio = s->sar;
#if LIBAVFILTER_VERSION_INT >= AV_VERSION_INT(9, 16, 100)
	p->color_space = s->matrix;
	p->color_range = s->range;
#endif
	int r = av_buffersrc_parameters_set(in, p);
	av_free(p);
	return r < 0 ? r : avfilter_init_str(in, NULL);
}

static int build_graph(struct picture *p, const struct shape *s, const char *chain)
{
	AUTO(avfilter_inout_free) AVFilterInOut *from = avfilter_inout_alloc();
	AUTO(avfilter_inout_free) AVFilterInOut *to = avfilter_inout_alloc();
	p->graph = avfilter_graph_alloc();
	if (!from || !to || !p->graph)
		return AVERROR(ENOMEM);
	p->graph->nb_threads = 1;
	p->in = avfilter_graph_alloc_filter(p->graph, avfilter_get_by_name("buffer"), "in");
	int r = p->in ? fill_source(p->in, s) : AVERROR(ENOMEM);
	if (r >= 0)
		r = avfilter_graph_create_filter(&p->out, avfilter_get_by_name("buffersink"), "out", NULL,
		                                 NULL, p->graph);
	if (r < 0)
		return r;
	*from = (AVFilterInOut){.name = av_strdup("in"), .filter_ctx = p->in};
	*to = (AVFilterInOut){.name = av_strdup("out"), .filter_ctx = p->out};
	r = avfilter_graph_parse_ptr(p->graph, chain, &to, &from, NULL);
	return r < 0 ? r : avfilter_graph_config(p->graph, NULL);
}

static int ensure_graph(struct picture *p, const struct shape *s, struct err *err)
{
	if (p->graph && same_shape(&p->shape, s))
		return 0;
	AUTO(buf_free) struct buf chain = BUF(2000);
	write_chain(&chain, s);
	avfilter_graph_free(&p->graph);
	int r = build_graph(p, s, buf_str(&chain));
	if (r < 0) {
		avfilter_graph_free(&p->graph);
		return note_error(err, r, "cannot convert a %dx%d picture of format %s", s->width,
		                  s->height, av_get_pix_fmt_name(s->format));
	}
	p->shape = *s;
	p->count = 0;
	return 0;
}

/* Sends one frame (borrowed) as number p->count. Sets its color tags
 * explicitly, since the graph was built for them. */
static int feed_frame(struct picture *p, const AVFrame *f)
{
	AUTO(av_frame_free) AVFrame *copy = av_frame_clone(f);
	if (!copy)
		return AVERROR(ENOMEM);
	copy->pts = p->count++;
	copy->colorspace = p->shape.matrix;
	copy->color_range = p->shape.range;
	copy->sample_aspect_ratio = p->shape.sar;
	return av_buffersrc_add_frame_flags(p->in, copy, AV_BUFFERSRC_FLAG_PUSH);
}

static bool alike(const AVFrame *a, const AVFrame *b)
{
	return a && a->width == b->width && a->height == b->height && a->format == b->format;
}

int picture_make(struct picture *p, const struct source *src, const struct shown *s, int size,
                 AVFrame *out, struct err *err)
{
	struct shape shape = shape_of(src, s->frame, size, p->form);
	int r = ensure_graph(p, &shape, err);
	if (r < 0)
		return r;
	/* A deinterlacer needs the previous and the next frame; at the ends, the
	 * frame itself is used instead. */
	if (shape.deinterlace)
		r = feed_frame(p, alike(s->before, s->frame) ? s->before : s->frame);
	int64_t wanted = p->count;
	if (r >= 0)
		r = feed_frame(p, s->frame);
	if (r >= 0 && shape.deinterlace)
		r = feed_frame(p, alike(s->after, s->frame) ? s->after : s->frame);
	const AVRational clock = {1, 1000};
	while (r >= 0) {
		av_frame_unref(out);
		r = av_buffersink_get_frame_flags(p->out, out, 0);
		if (r >= 0 && av_rescale_q(out->pts, av_buffersink_get_time_base(p->out), clock) == wanted)
			return 0;
	}
	/* The state of the graph is unknown: use a new one for the next picture. */
	avfilter_graph_free(&p->graph);
	return note_error(err, r, "cannot convert a %dx%d picture", s->frame->width, s->frame->height);
}

int picture_shrink(struct picture *p, const AVFrame *in, int size, AVFrame *out, struct err *err)
{
	int w = in->width, h = in->height;
	fit_size(&w, &h, size);
	out->format = AV_PIX_FMT_YUV420P;
	out->width = w;
	out->height = h;
	out->color_range = AVCOL_RANGE_JPEG;
	out->sample_aspect_ratio = (AVRational){1, 1};
	p->small =
		sws_getCachedContext(p->small, in->width, in->height, AV_PIX_FMT_YUV420P, w, h,
	                         AV_PIX_FMT_YUV420P, SWS_AREA | SWS_ACCURATE_RND, NULL, NULL, NULL);
	int r = p->small ? av_frame_get_buffer(out, 0) : AVERROR(ENOMEM);
	if (r >= 0)
		r = sws_scale(p->small, (const uint8_t *const *)in->data, in->linesize, 0, in->height,
		              out->data, out->linesize);
	return r < 0 ? note_error(err, r, "cannot make a thumbnail") : 0;
}

int picture_place(struct picture *p, const AVFrame *in, AVFrame *canvas, int x, int y, int w, int h,
                  struct err *err)
{
	uint8_t *to[4] = {canvas->data[0] + (ptrdiff_t)y * canvas->linesize[0] + x,
	                  canvas->data[1] + (ptrdiff_t)y / 2 * canvas->linesize[1] + x / 2,
	                  canvas->data[2] + (ptrdiff_t)y / 2 * canvas->linesize[2] + x / 2};
	p->small =
		sws_getCachedContext(p->small, in->width, in->height, AV_PIX_FMT_YUV420P, w, h,
	                         AV_PIX_FMT_YUV420P, SWS_AREA | SWS_ACCURATE_RND, NULL, NULL, NULL);
	int r = p->small ? sws_scale(p->small, (const uint8_t *const *)in->data, in->linesize, 0,
	                             in->height, to, canvas->linesize)
	                 : AVERROR(ENOMEM);
	return r < 0 ? note_error(err, r, "cannot scale a picture") : 0;
}
