/* SPDX-License-Identifier: Apache-2.0 */
#include "media/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/opt.h>
#include <libswscale/swscale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "media/note.h"
#include "media/sink.h"

enum { CLOCK_RATE = 90000 }; /* ticks per second of the video's times */

struct track {
	AVStream *st;
	AVCodecContext *enc;
	AVFrame *frame;
};

struct writer {
	struct writer_options o;
	char *path, *part; /* part is NULL with a sink */
	struct writer_sink sink;
	AVFormatContext *mux;
	struct track video, sound;
	struct SwsContext *scale;
	AVPacket *pkt;
	int64_t last;    /* time of the last picture, in ticks */
	int64_t key;     /* time of the last requested keyframe */
	int64_t samples; /* in sound.frame: fewer than it holds */
	bool begun, finished;
};

static int refuse(const struct writer_options *o, struct err *err)
{
	if (o->width < 16 || o->height < 16 || o->width > 4096 || o->height > 4096 || o->width % 2 ||
	    o->height % 2)
		return err_set(err, ERR_ARG, "width and height must be even and from 16 to 4096, not %dx%d",
		               o->width, o->height);
	if (!(o->fps >= 0.1 && o->fps <= 120))
		return err_set(err, ERR_ARG, "the frame rate must be from 0.1 to 120, not %g", o->fps);
	if (!(o->keyframe_s >= 0.1 && o->keyframe_s <= 60))
		return err_set(err, ERR_ARG, "the keyframe distance must be from 0.1 to 60 s, not %g",
		               o->keyframe_s);
	if (o->quality < 0 || o->quality > 51)
		return err_set(err, ERR_ARG, "the quality must be from 0 to 51, not %d", o->quality);
	if (o->sound_rate && o->sound_rate != 8000 && o->sound_rate != 16000 && o->sound_rate != 48000)
		return err_set(err, ERR_ARG,
		               "the sound must have 8000, 16000 or 48000 samples per second, not %d",
		               o->sound_rate);
	return 0;
}

/* ---- opening ---- */

static AVFrame *picture_frame(const AVCodecContext *c)
{
	AVFrame *f = av_frame_alloc();
	if (!f)
		return NULL;
	f->format = c->pix_fmt;
	f->width = c->width;
	f->height = c->height;
	f->color_range = c->color_range;
	f->colorspace = c->colorspace;
	if (av_frame_get_buffer(f, 0) < 0)
		av_frame_free(&f);
	return f;
}

static int open_track(struct writer *w, struct track *t, const AVCodec *codec)
{
	if (w->mux->oformat->flags & AVFMT_GLOBALHEADER)
		t->enc->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
	int r = avcodec_open2(t->enc, codec, NULL);
	if (r < 0)
		return r;
	t->st = avformat_new_stream(w->mux, NULL);
	if (!t->st)
		return AVERROR(ENOMEM);
	t->st->time_base = t->enc->time_base;
	return avcodec_parameters_from_context(t->st->codecpar, t->enc);
}

/* The best encoder first; the last one is not H.264, but a fallback. */
static const char *const encoders[] = {"libx264", "libopenh264", "h264", "mpeg4"};

static int open_encoder(struct writer *w, const AVCodec *codec)
{
	AVCodecContext *c = w->video.enc = avcodec_alloc_context3(codec);
	if (!c)
		return AVERROR(ENOMEM);

	c->width = w->o.width;
	c->height = w->o.height;
	c->pix_fmt = AV_PIX_FMT_YUV420P;
	c->sample_aspect_ratio = (AVRational){1, 1};
	c->color_range = AVCOL_RANGE_MPEG;
	c->colorspace = w->o.bt601 ? AVCOL_SPC_SMPTE170M : AVCOL_SPC_BT709;
	c->color_primaries = w->o.bt601 ? AVCOL_PRI_SMPTE170M : AVCOL_PRI_BT709;
	c->color_trc = AVCOL_TRC_BT709;
	/* MPEG-4 has 16 bits */
	c->time_base = (AVRational){1, codec->id == AV_CODEC_ID_MPEG4 ? 60000 : CLOCK_RATE};
	c->framerate = av_d2q(w->o.fps, 1001000);
	c->keyint_min = (int)fmax(1, round(w->o.fps * w->o.keyframe_s));
	/* writer_frame() decides by time, as the pictures of a copy may have any. */
	c->gop_size = w->part ? c->keyint_min : 2 * c->keyint_min;
	c->thread_count = w->part ? 0 : 1; /* in the sandbox there are no threads */
	if (w->o.web)
		c->max_b_frames = 0;
	if (w->o.max_kbit) {
		c->rc_max_rate = (int64_t)w->o.max_kbit * 1000;
		c->rc_buffer_size = w->o.max_kbit * 2000;
	}
	if (strcmp(codec->name, "libx264") != 0)
		c->bit_rate = w->o.max_kbit ? (int64_t)w->o.max_kbit * 700 : 2000000;

	/* Options of x264 only; other encoders ignore them. A fixed keyframe
	 * distance, as in cameras. */
	char crf[8];
	snprintf(crf, sizeof crf, "%d", w->o.quality ? w->o.quality : 26);
	av_opt_set(c->priv_data, "preset", "veryfast", 0);
	av_opt_set(c->priv_data, "crf", crf, 0);
	av_opt_set(c->priv_data, "x264-params", "scenecut=0:log=0", 0);

	int r = open_track(w, &w->video, codec);
	if (r < 0)
		avcodec_free_context(&w->video.enc);
	return r;
}

static int open_video(struct writer *w)
{
	int r = AVERROR_ENCODER_NOT_FOUND;
	for (size_t i = 0; i < ARRAY_LEN(encoders) && r < 0 && r != AVERROR(ENOMEM); i++) {
		const AVCodec *codec = avcodec_find_encoder_by_name(encoders[i]);
		if (codec)
			r = open_encoder(w, codec);
	}
	if (r < 0)
		return r;
	const AVCodecContext *c = w->video.enc;
	w->video.frame = picture_frame(c);
	w->scale = sws_getContext(c->width, c->height, AV_PIX_FMT_RGB24, c->width, c->height,
	                          c->pix_fmt, SWS_BILINEAR, NULL, NULL, NULL);
	if (!w->video.frame || !w->scale)
		return AVERROR(ENOMEM);
	const int *bt709 = sws_getCoefficients(SWS_CS_ITU709);
	sws_setColorspaceDetails(w->scale, bt709, 1, bt709, 0, 0, 1 << 16, 1 << 16);
	return 0;
}

static int channels(const struct writer *w)
{
	return w->o.sound_channels > 0 ? w->o.sound_channels : 1;
}

static int open_sound(struct writer *w)
{
	const AVCodec *codec = avcodec_find_encoder(AV_CODEC_ID_AAC);
	AVCodecContext *c = w->sound.enc = codec ? avcodec_alloc_context3(codec) : NULL;
	if (!c)
		return codec ? AVERROR(ENOMEM) : AVERROR_ENCODER_NOT_FOUND;
	c->sample_fmt = AV_SAMPLE_FMT_FLTP;
	c->sample_rate = w->o.sound_rate;
	av_channel_layout_default(&c->ch_layout, channels(w));
	c->bit_rate = (int64_t)48000 * channels(w);
	c->time_base = (AVRational){1, c->sample_rate};
	int r = open_track(w, &w->sound, codec);
	if (r < 0)
		return r;
	AVFrame *f = w->sound.frame = av_frame_alloc();
	if (!f)
		return AVERROR(ENOMEM);
	f->format = c->sample_fmt;
	f->sample_rate = c->sample_rate;
	f->nb_samples = c->frame_size;
	f->pts = 0;
	r = av_channel_layout_copy(&f->ch_layout, &c->ch_layout);
	return r < 0 ? r : av_frame_get_buffer(f, 0);
}

static int open_path(struct writer *w)
{
	/* "file:" prevents a path with a colon from being taken for a protocol. */
	AUTO(mem_freep) char *url = mem_printf("file:%s", w->part);
	int r = avio_open(&w->mux->pb, url, AVIO_FLAG_WRITE);
	w->begun = r >= 0;
	return r;
}

/* Space for the header at the front: the size of the tables for so many frames,
 * with chunks of one second. */
static int64_t header_room(const struct writer_options *o)
{
	int64_t seconds = o->duration / 1000000 + 60;
	int64_t frames = (int64_t)(o->fps + 1) * seconds, blocks = o->sound_rate / 1000 * seconds;
	return 65536 + 16 * frames + 8 * blocks + 100 * seconds;
}

static int open_file(struct writer *w)
{
	int r = w->part ? open_path(w) : 0;
	AVDictionary *options = NULL;
	if (!w->part && !(w->mux->pb = sink_avio(&w->sink)))
		r = AVERROR(ENOMEM);
	if (w->o.web) {
		w->mux->max_chunk_duration = 1000000;
		av_dict_set_int(&options, "moov_size", header_room(&w->o), 0);
	}
	if (r >= 0)
		r = avformat_write_header(w->mux, &options);
	av_dict_free(&options);
	return r;
}

static int open_writer(struct writer *w, struct err *err)
{
	int r = refuse(&w->o, err);
	if (r < 0)
		return r;
	w->last = w->key = -1;
	w->pkt = av_packet_alloc();
	r = avformat_alloc_output_context2(&w->mux, NULL, "mp4", NULL);
	if (r >= 0 && !w->pkt)
		r = AVERROR(ENOMEM);
	if (r >= 0 && (r = open_video(w)) < 0)
		return note_error(err, r, "cannot open an H.264 encoder");
	if (r >= 0 && w->o.sound_rate && (r = open_sound(w)) < 0)
		return note_error(err, r, "cannot open an AAC encoder");
	if (r >= 0)
		r = open_file(w);
	return r < 0 ? note_error(err, r, "cannot write %s", w->path) : 0;
}

int writer_open(const char *path, const struct writer_options *o, struct writer **ret,
                struct err *err)
{
	AUTO(writer_freep) struct writer *w = mem_alloc(1, sizeof *w);
	w->o = *o;
	w->path = mem_strdup(path);
	w->part = mem_printf("%s.part", path);
	int r = open_writer(w, err);
	if (r == 0)
		*ret = TAKE(w);
	return r;
}

int writer_open_sink(const struct writer_sink *sink, const struct writer_options *o,
                     struct writer **ret, struct err *err)
{
	AUTO(writer_freep) struct writer *w = mem_alloc(1, sizeof *w);
	w->o = *o;
	w->path = mem_strdup("the video");
	w->sink = *sink;
	int r = open_writer(w, err);
	if (r == 0)
		*ret = TAKE(w);
	return r;
}

/* ---- writing ---- */

/* Sends one frame (NULL: the end) to the encoder, and writes its packets to the
 * file. */
static int pass_on(struct writer *w, struct track *t, const AVFrame *f)
{
	int r = avcodec_send_frame(t->enc, f);
	while (r >= 0) {
		r = avcodec_receive_packet(t->enc, w->pkt);
		if (r == AVERROR(EAGAIN) || r == AVERROR_EOF)
			break;
		if (r < 0)
			return r;
		if (t == &w->video && !w->pkt->duration)
			/* duration of the last picture */
			w->pkt->duration = llround(t->enc->time_base.den / w->o.fps);
		av_packet_rescale_ts(w->pkt, t->enc->time_base, t->st->time_base);
		w->pkt->stream_index = t->st->index;
		r = av_interleaved_write_frame(w->mux, w->pkt);
		if (r >= 0 && w->mux->pb->error < 0)
			r = w->mux->pb->error; /* a full disk is reported here first */
	}
	return r == AVERROR(EAGAIN) || r == AVERROR_EOF ? 0 : r;
}

/* The time of the next picture in the encoder's ticks; times must be ascending. */
static int next_time(struct writer *w, int64_t t_us, int64_t *ret, struct err *err)
{
	int64_t t = av_rescale(t_us, w->video.enc->time_base.den, 1000000);
	if (t <= w->last)
		return err_set(err, ERR_INTERNAL, "a picture at %lld us does not follow the one before",
		               (long long)t_us);
	*ret = w->last = t;
	return 0;
}

int writer_picture(struct writer *w, int64_t t_us, const uint8_t *rgb, size_t stride,
                   struct err *err)
{
	AVFrame *f = w->video.frame;
	int64_t t = 0;
	int r = next_time(w, t_us, &t, err);
	if (r < 0)
		return r;
	r = av_frame_make_writable(f);
	if (r >= 0) {
		const uint8_t *rows[1] = {rgb};
		int strides[1] = {(int)stride};
		sws_scale(w->scale, rows, strides, 0, w->o.height, f->data, f->linesize);
		f->pts = t;
		r = pass_on(w, &w->video, f);
	}
	return r < 0 ? note_error(err, r, "cannot write %s", w->path) : 0;
}

int writer_frame(struct writer *w, int64_t t_us, const AVFrame *f, struct err *err)
{
	int64_t t = 0;
	int r = next_time(w, t_us, &t, err);
	if (r < 0)
		return r;
	AUTO(av_frame_free) AVFrame *copy = av_frame_clone(f);
	if (!copy)
		return err_set(err, ERR_LIMIT, "no memory for a picture");
	copy->pts = t;
	copy->pict_type = AV_PICTURE_TYPE_NONE;
	/* Frames may have any rate; keyframes must be at a fixed distance. */
	if (w->key < 0 || t - w->key >= (int64_t)(w->o.keyframe_s * w->video.enc->time_base.den)) {
		copy->pict_type = AV_PICTURE_TYPE_I;
		w->key = t;
	}
	r = pass_on(w, &w->video, copy);
	return r < 0 ? note_error(err, r, "cannot write %s", w->path) : 0;
}

static int sound_block(struct writer *w)
{
	AVFrame *f = w->sound.frame;
	f->nb_samples = (int)w->samples;
	int r = pass_on(w, &w->sound, f);
	f->pts += w->samples;
	f->nb_samples = w->sound.enc->frame_size;
	w->samples = 0;
	return r;
}

int writer_sound(struct writer *w, const int16_t *samples, size_t n, struct err *err)
{
	AVFrame *f = w->sound.frame;
	if (!f)
		return err_set(err, ERR_INTERNAL, "%s was opened without sound", w->path);
	const size_t k = (size_t)channels(w);
	for (size_t i = 0; i < n; i++) {
		int r = w->samples ? 0 : av_frame_make_writable(f);
		for (size_t c = 0; r >= 0 && c < k; c++)
			((float *)f->data[c])[w->samples] = (float)samples[i * k + c] / 32768.0f;
		w->samples += r >= 0;
		if (r >= 0 && w->samples == w->sound.enc->frame_size)
			r = sound_block(w);
		if (r < 0)
			return note_error(err, r, "cannot write the sound of %s", w->path);
	}
	return 0;
}

/* ---- the end ---- */

static int close_file(struct writer *w)
{
	int r = pass_on(w, &w->video, NULL);
	if (r >= 0 && w->sound.enc && w->samples)
		r = sound_block(w);
	if (r >= 0 && w->sound.enc)
		r = pass_on(w, &w->sound, NULL);
	if (r >= 0)
		r = av_write_trailer(w->mux);
	if (!w->part)
		return r;
	int closed = avio_closep(&w->mux->pb);
	return r < 0 ? r : closed;
}

int writer_finish(struct writer *w, struct err *err)
{
	if (w->last < 0)
		return err_set(err, ERR_ARG, "%s would have no picture", w->path);
	int r = close_file(w);
	if (r < 0)
		return note_error(err, r, "cannot write %s", w->path);
	if (w->part && rename(w->part, w->path) < 0)
		return err_sys(err, errno, "cannot rename %s to %s", w->part, w->path);
	w->finished = true;
	return 0;
}

void writer_free(struct writer *w)
{
	if (!w)
		return;
	if (w->mux && w->part)
		avio_closep(&w->mux->pb);
	if (w->mux)
		sink_avio_free(&w->mux->pb);
	if (w->begun && !w->finished)
		unlink(w->part);
	struct track *tracks[] = {&w->video, &w->sound};
	for (size_t i = 0; i < ARRAY_LEN(tracks); i++) {
		avcodec_free_context(&tracks[i]->enc);
		av_frame_free(&tracks[i]->frame);
	}
	sws_freeContext(w->scale);
	av_packet_free(&w->pkt);
	avformat_free_context(w->mux);
	free(w->path);
	free(w->part);
	free(w);
}
