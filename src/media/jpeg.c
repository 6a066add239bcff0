/* SPDX-License-Identifier: Apache-2.0 */
#include "media/jpeg.h"

#include <libavcodec/avcodec.h>
#include <math.h>

#include "media/note.h"

struct jpeg {
	AVCodecContext *enc;
	int quality;
};

struct jpeg *jpeg_new(void)
{
	return mem_alloc(1, sizeof(struct jpeg));
}

void jpeg_free(struct jpeg *j)
{
	if (!j)
		return;
	avcodec_free_context(&j->enc);
	mem_freep(&j);
}

/* libjpeg's standard tables have scale 1 at quality 50; libavcodec's tables
 * reach that file size at about 8. */
static int quantizer(int quality)
{
	double scale = quality < 50 ? 50.0 / quality : 2 - quality / 50.0;
	long q = lround(8 * scale);
	return q < 1 ? 1 : q > 31 ? 31 : (int)q;
}

static int open_encoder(struct jpeg *j, const AVFrame *f, int quality)
{
	const AVCodec *codec = avcodec_find_encoder(AV_CODEC_ID_MJPEG);
	avcodec_free_context(&j->enc);
	j->enc = codec ? avcodec_alloc_context3(codec) : NULL;
	if (!j->enc)
		return codec ? AVERROR(ENOMEM) : AVERROR_ENCODER_NOT_FOUND;
	AVCodecContext *c = j->enc;
	c->width = f->width;
	c->height = f->height;
	c->pix_fmt = AV_PIX_FMT_YUV420P;
	c->color_range = AVCOL_RANGE_JPEG;
	c->sample_aspect_ratio = (AVRational){1, 1};
	c->time_base = (AVRational){1, 25};
	c->thread_count = 1;
	c->flags |= AV_CODEC_FLAG_QSCALE | AV_CODEC_FLAG_BITEXACT;
	c->global_quality = FF_QP2LAMBDA * quantizer(quality);
	c->qmin = 1;
	c->qmax = 31;
	j->quality = quality;
	return avcodec_open2(c, codec, NULL);
}

static int encode(struct jpeg *j, const AVFrame *f, AVPacket *pkt)
{
	AUTO(av_frame_free) AVFrame *copy = av_frame_clone(f);
	if (!copy)
		return AVERROR(ENOMEM);
	copy->pts = AV_NOPTS_VALUE;
	copy->pict_type = AV_PICTURE_TYPE_I;
	copy->quality = j->enc->global_quality;
	int r = avcodec_send_frame(j->enc, copy);
	return r < 0 ? r : avcodec_receive_packet(j->enc, pkt);
}

int jpeg_encode(struct jpeg *j, const AVFrame *f, int quality, struct buf *out, struct err *err)
{
	int r = 0;
	AUTO(av_packet_free) AVPacket *pkt = av_packet_alloc();
	if (!j->enc || j->enc->width != f->width || j->enc->height != f->height ||
	    j->quality != quality)
		r = open_encoder(j, f, quality);
	if (r >= 0)
		r = pkt ? encode(j, f, pkt) : AVERROR(ENOMEM);
	if (r < 0) {
		avcodec_free_context(&j->enc);
		return note_error(err, r, "cannot encode a %dx%d JPEG", f->width, f->height);
	}
	return buf_add(out, pkt->data, (size_t)pkt->size) < 0 ? buf_check(out, "a JPEG", err) : 0;
}
