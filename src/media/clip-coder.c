/* SPDX-License-Identifier: Apache-2.0 */
#include "media/clip-coder.h"

#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
#include <stdio.h>
#include <string.h>

#include "media/compat.h"
#include "media/note.h"
#include "media/picture.h"
#include "protocol/clip-wire.h"

enum {
	QUALITY = 18, /* x264's constant rate factor: hardly a visible difference */
	KEYFRAME_S = 2,
	SIDE_MAX = 8192,
};

struct clip_coder {
	const struct source *src;
	bool join, plain; /* plain: frames are encoded as they were decoded */
	unsigned lost;
	AVCodecContext *enc;  /* NULL until the first frame */
	AVRational time_base; /* of the stream */
	int64_t base, key;    /* pts of the first frame, and of the last keyframe */
	struct picture *picture;
	struct SwsContext *scale;
	AVFrame *pic, *canvas;
};

struct clip_coder *clip_coder_new(const struct source *s, bool join)
{
	struct clip_coder *c = mem_alloc(1, sizeof *c);
	c->src = s;
	c->join = join;
	c->time_base = s->st->time_base;
	c->picture = picture_new(PICTURE_VIDEO);
	return c;
}

void clip_coder_free(struct clip_coder *c)
{
	if (!c)
		return;
	avcodec_free_context(&c->enc);
	picture_free(c->picture);
	sws_freeContext(c->scale);
	av_frame_free(&c->pic);
	av_frame_free(&c->canvas);
	mem_freep(&c);
}

const AVCodecContext *clip_coder_context(const struct clip_coder *c)
{
	return c->enc;
}

bool clip_coder_keeps_rotation(const struct clip_coder *c)
{
	return c->plain;
}

unsigned clip_coder_lost(const struct clip_coder *c)
{
	return c->lost;
}

/* What an encoded frame lacks. */
static unsigned losses(const AVFrame *f)
{
	const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(f->format);
	unsigned lost = picture_hdr(f->color_trc)[0] ? CLIP_LOST_HDR : 0;
	bool gray = d && d->nb_components < 3;
	if (!d || d->comp[0].depth > 8 || d->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL) ||
	    (!gray && (d->log2_chroma_w != 1 || d->log2_chroma_h != 1)))
		lost |= CLIP_LOST_DEPTH;
	if (compat_interlaced(f))
		lost |= CLIP_LOST_INTERLACED;
	if (f->width % 2 || f->height % 2 || f->width > SIDE_MAX || f->height > SIDE_MAX)
		lost |= CLIP_LOST_SIZE;
	return lost;
}

bool clip_coder_joins(const AVFrame *f)
{
	bool format = f->format == AV_PIX_FMT_YUV420P || f->format == AV_PIX_FMT_YUVJ420P;
	return format && !losses(f);
}

/* ---- opening ---- */

static void set_colors(AVCodecContext *e, const AVFrame *f, bool plain)
{
	bool bt601 = f->colorspace != AVCOL_SPC_BT709 && f->colorspace != AVCOL_SPC_RGB;
	e->color_range = plain ? f->color_range : AVCOL_RANGE_MPEG;
	e->colorspace = plain ? f->colorspace : bt601 ? AVCOL_SPC_SMPTE170M : AVCOL_SPC_BT709;
	e->color_primaries = plain ? f->color_primaries : bt601 ? AVCOL_PRI_SMPTE170M : AVCOL_PRI_BT709;
	e->color_trc = plain ? f->color_trc : AVCOL_TRC_BT709;
	e->chroma_sample_location = plain ? f->chroma_location : AVCHROMA_LOC_UNSPECIFIED;
}

static int start(struct clip_coder *c, const AVCodec *codec, const AVFrame *f)
{
	AVRational rate = source_rate(c->src);
	AVCodecContext *e = c->enc = avcodec_alloc_context3(codec);
	char crf[8];
	if (!e)
		return AVERROR(ENOMEM);

	e->width = f->width;
	e->height = f->height;
	e->pix_fmt = f->format;
	e->sample_aspect_ratio = (AVRational){1, 1};
	if (c->plain)
		e->sample_aspect_ratio = av_guess_sample_aspect_ratio(c->src->fmt, c->src->st, NULL);
	set_colors(e, f, c->plain);
	/* MPEG-4 has 16 bits */
	e->time_base = codec->id == AV_CODEC_ID_MPEG4 ? (AVRational){1, 60000} : c->time_base;
	e->framerate = rate;
	e->gop_size = 600; /* clip_coder_frame() decides by time */
	e->max_b_frames = 0;
	e->thread_count = 1; /* in the sandbox there are no threads */
	if (!c->join)
		e->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
	if (strcmp(codec->name, "libx264") != 0)
		e->bit_rate = (int64_t)f->width * f->height * 8;
	snprintf(crf, sizeof crf, "%d", QUALITY);
	av_opt_set(e->priv_data, "preset", "veryfast", 0);
	av_opt_set(e->priv_data, "crf", crf, 0);
	av_opt_set(e->priv_data, "x264-params", "scenecut=0:log=0", 0);

	int r = avcodec_open2(e, codec, NULL);
	if (r < 0)
		avcodec_free_context(&c->enc);
	return r;
}

static int open_encoder(struct clip_coder *c, const AVFrame *f, struct err *err)
{
	/* The best encoder first; the last one is not H.264, but a fallback. */
	static const char *const encoders[] = {"libx264", "libopenh264", "h264", "mpeg4"};
	int r = AVERROR_ENCODER_NOT_FOUND;
	for (size_t i = 0; i < (c->join ? 1 : ARRAY_LEN(encoders)) && r < 0; i++) {
		const AVCodec *codec = avcodec_find_encoder_by_name(encoders[i]);
		r = codec ? start(c, codec, f) : r;
		if (r == AVERROR(ENOMEM))
			break;
	}
	return r < 0 ? note_error(err, r, "cannot open an H.264 encoder for %dx%d", f->width, f->height)
	             : 0;
}

/* ---- frames ---- */

static AVFrame *emptied(AVFrame **f)
{
	if (*f)
		av_frame_unref(*f);
	else
		*f = av_frame_alloc();
	return *f;
}

/* A frame of another size than the first one is scaled to that. */
static int fit(struct clip_coder *c, const AVFrame *in, const AVFrame **ret, struct err *err)
{
	const AVCodecContext *e = c->enc;
	AVFrame *out = emptied(&c->canvas);
	if (!out)
		return err_set(err, ERR_LIMIT, "no memory for a frame");
	out->format = e->pix_fmt;
	out->width = e->width;
	out->height = e->height;
	c->scale = sws_getCachedContext(c->scale, in->width, in->height, in->format, out->width,
	                                out->height, out->format, SWS_BICUBIC, NULL, NULL, NULL);
	if (!c->scale || av_frame_get_buffer(out, 0) < 0)
		return err_set(err, ERR_LIMIT, "no memory for a frame of another size");
	sws_scale(c->scale, (const uint8_t *const *)in->data, in->linesize, 0, in->height, out->data,
	          out->linesize);
	c->lost |= CLIP_LOST_SIZE;
	*ret = out;
	return 0;
}

/* The frame as it is encoded, borrowed. */
static int prepare(struct clip_coder *c, const struct shown *s, const AVFrame **ret,
                   struct err *err)
{
	*ret = s->frame;
	c->lost |= losses(s->frame);
	if (!c->enc)
		c->plain = clip_coder_joins(s->frame);
	if (!c->plain) {
		AVFrame *pic = emptied(&c->pic);
		if (!pic)
			return err_set(err, ERR_LIMIT, "no memory for a frame");
		int r = picture_make(c->picture, c->src, s, SIDE_MAX, pic, err);
		if (r < 0)
			return r;
		*ret = pic;
	}
	if (!c->enc)
		return open_encoder(c, *ret, err);
	if ((*ret)->width != c->enc->width || (*ret)->height != c->enc->height ||
	    (*ret)->format != c->enc->pix_fmt)
		return fit(c, *ret, ret, err);
	return 0;
}

int clip_coder_frame(struct clip_coder *c, const struct shown *s, int64_t pts, struct err *err)
{
	const AVFrame *f;
	bool first = !c->enc;
	int r = prepare(c, s, &f, err);
	if (r < 0)
		return r;
	AUTO(av_frame_free) AVFrame *copy = av_frame_clone(f);
	if (!copy)
		return err_set(err, ERR_LIMIT, "no memory for a frame");

	if (first)
		c->base = c->key = pts;
	copy->pts = av_rescale_q(pts - c->base, c->time_base, c->enc->time_base);
	copy->pict_type = AV_PICTURE_TYPE_NONE;
	if (first || av_rescale_q(pts - c->key, c->time_base, (AVRational){1, 1000}) >=
	                 (int64_t)KEYFRAME_S * 1000) {
		copy->pict_type = AV_PICTURE_TYPE_I;
		c->key = pts;
	}
	r = avcodec_send_frame(c->enc, copy);
	return r < 0 ? note_error(err, r, "cannot encode a frame") : 0;
}

int clip_coder_end(struct clip_coder *c, struct err *err)
{
	int r = c->enc ? avcodec_send_frame(c->enc, NULL) : 0;
	return r < 0 ? note_error(err, r, "cannot encode the last frames") : 0;
}

int clip_coder_packet(struct clip_coder *c, AVPacket *pkt, struct err *err)
{
	int r = c->enc ? avcodec_receive_packet(c->enc, pkt) : AVERROR_EOF;
	if (r == AVERROR(EAGAIN) || r == AVERROR_EOF)
		return 1;
	if (r < 0)
		return note_error(err, r, "cannot encode a frame");
	pkt->pts = c->base + av_rescale_q(pkt->pts, c->enc->time_base, c->time_base);
	pkt->dts = pkt->pts;
	pkt->duration = 0;
	return 0;
}
