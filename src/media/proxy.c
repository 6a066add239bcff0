/* SPDX-License-Identifier: Apache-2.0 */
#include "media/proxy.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "media/note.h"
#include "media/picture.h"
#include "media/plant.h"
#include "media/sound.h"

enum {
	SIDE_MAX = 4096, /* of the writer */
	SOUND_RATE = 48000,
	SOUND_CHANNELS = 2,
	PROGRESS_EVERY = CLOCK_SECOND,
};

struct proxy {
	const struct proxy_options *o;
	struct source *src;
	struct writer *writer;
	struct picture *picture;
	struct sound *sound;       /* NULL if there is none, or after it ended */
	struct planting *planting; /* NULL if nothing is planted */
	AVFrame *pic, *canvas;
	int64_t samples; /* written, per channel */
	int64_t last;    /* time of the last picture */
	int64_t told;
	int size, width, height;
};

static void proxy_clear(struct proxy *p)
{
	writer_free(p->writer);
	picture_free(p->picture);
	sound_free(p->sound);
	planting_free(p->planting);
	av_frame_free(&p->pic);
	av_frame_free(&p->canvas);
}

/* Sets the size and opens the encoder, from the first picture. */
static int begin(struct proxy *p, const struct shown *s, struct err *err)
{
	const struct proxy_options *o = p->o;
	AVRational rate = p->src->st->avg_frame_rate;
	double fps = rate.num > 0 && rate.den > 0 ? av_q2d(rate) : 25;
	int w, h;
	picture_size(p->src, s->frame, &w, &h);

	int side = w < h ? w : h, other = w < h ? h : w;
	p->size = side > o->short_side ? (int)av_rescale(other, o->short_side, side) : other;
	p->size = p->size < SIDE_MAX ? p->size : SIDE_MAX;
	int r = picture_make(p->picture, p->src, s, p->size, p->pic, err);
	if (r < 0)
		return r;

	p->width = p->pic->width < 16 ? 16 : p->pic->width;
	p->height = p->pic->height < 16 ? 16 : p->pic->height;
	const struct writer_options wo = {.width = p->width,
	                                  .height = p->height,
	                                  .fps = fps > o->fps_max ? o->fps_max
	                                         : fps < 1        ? 1
	                                                          : fps,
	                                  .keyframe_s = o->keyframe_s,
	                                  .quality = o->quality,
	                                  .web = o->web,
	                                  .max_kbit = o->max_kbit                         ? o->max_kbit
	                                              : p->height > 500 && p->width > 500 ? 2500
	                                                                                  : 1200,
	                                  .bt601 = p->pic->colorspace != AVCOL_SPC_BT709 &&
	                                           p->pic->colorspace != AVCOL_SPC_RGB,
	                                  .sound_rate = p->sound ? SOUND_RATE : 0,
	                                  .sound_channels = SOUND_CHANNELS,
	                                  .duration = o->duration};
	return writer_open_sink(&o->sink, &wo, &p->writer, err);
}

/* A picture of another size is scaled to fit. */
static int fit(struct proxy *p, AVFrame **ret, struct err *err)
{
	*ret = p->pic;
	if (p->pic->width == p->width && p->pic->height == p->height)
		return 0;
	av_frame_unref(p->canvas);
	p->canvas->format = AV_PIX_FMT_YUV420P;
	p->canvas->width = p->width;
	p->canvas->height = p->height;
	if (av_frame_get_buffer(p->canvas, 0) < 0)
		return err_set(err, ERR_LIMIT, "no memory for a picture");
	*ret = p->canvas;
	return picture_place(p->picture, p->pic, p->canvas, 0, 0, p->width, p->height, err);
}

static int write_sound(struct proxy *p, int64_t until, struct err *err)
{
	while (p->sound && av_rescale(p->samples, CLOCK_SECOND, SOUND_RATE) < until) {
		const int16_t *data;
		size_t n;
		int r = sound_read(p->sound, &data, &n, err);
		if (r < 0)
			return r;
		if (r == 1) {
			sound_free(TAKE(p->sound));
			return 0;
		}
		p->samples += (int64_t)n;
		r = writer_sound(p->writer, data, n, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Draws what is planted; the picture may be shared with the decoder. */
static int plant(struct proxy *p, int64_t t, AVFrame *f, struct err *err)
{
	if (!p->planting)
		return 0;
	if (av_frame_make_writable(f) < 0)
		return err_set(err, ERR_LIMIT, "no memory for a picture");
	planting_draw(p->planting, t, f);
	return 0;
}

static int write_picture(struct proxy *p, const struct shown *s, struct err *err)
{
	AVFrame *f;
	/* The first picture may have begun before the range. */
	int64_t t = s->pts < p->o->from ? 0 : s->pts - p->o->from;
	/* Twice the rate is halved, and so on; the tolerance keeps the distance
	 * even. */
	int64_t apart = (int64_t)((double)CLOCK_SECOND / p->o->fps_max) - CLOCK_SECOND / 1000;
	if (p->writer && t - p->last < apart)
		return 0;
	int r =
		p->writer ? picture_make(p->picture, p->src, s, p->size, p->pic, err) : begin(p, s, err);
	if (r == 0)
		r = fit(p, &f, err);
	if (r == 0)
		r = plant(p, t, f, err);
	if (r == 0)
		r = writer_frame(p->writer, t, f, err);
	p->last = t;
	if (r == 0)
		r = write_sound(p, t + CLOCK_SECOND / 2, err);
	if (r == 0 && t >= p->told + PROGRESS_EVERY) {
		p->told = t;
		r = p->o->progress(p->o->ctx, t, err);
	}
	return r;
}

int proxy_video(struct input *in, struct source *s, struct reader *reader,
                const struct proxy_options *o, struct err *err)
{
	const struct sound_options sound = {
		.rate = SOUND_RATE, .channels = SOUND_CHANNELS, .track = SOURCE_STREAM_AUTO};
	struct shown shown;
	AUTO(proxy_clear) struct proxy p = {.o = o, .src = s, .picture = picture_new(PICTURE_VIDEO)};
	p.pic = av_frame_alloc();
	p.canvas = av_frame_alloc();
	if (!p.pic || !p.canvas)
		return err_set(err, ERR_LIMIT, "no memory for frames");
	/* Sound that cannot be decoded is left out. */
	if (o->sound && sound_open(in, o->source, &sound, &p.sound, err) == -ERR_LIMIT)
		return -ERR_LIMIT;
	if (o->n_plants)
		p.planting = planting_new(o->plants, o->n_plants);
	int r = reader_at(reader, o->from, &shown, err);
	while (r == 0 && (!o->to || shown.pts < o->to)) {
		r = write_picture(&p, &shown, err);
		if (r == 0)
			r = reader_next(reader, INT64_MIN, &shown, err);
	}
	if (r >= 0)
		r = write_sound(&p, o->duration + CLOCK_SECOND, err);
	return r < 0 ? r : writer_finish(p.writer, err);
}

/* ---- the sound alone ---- */

static void put32(unsigned char *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (unsigned char)(v >> (8 * i));
}

/* The header of a WAV file whose samples take `bytes`. */
static int write_header(const struct writer_sink *sink, int rate, int64_t bytes)
{
	unsigned char h[44] = "RIFF....WAVEfmt \20\0\0\0\1\0\1\0........\2\0\20\0data";
	uint32_t most = UINT32_MAX - 36, size = bytes > most ? most : (uint32_t)bytes;
	put32(h + 4, size + 36);
	put32(h + 24, (uint32_t)rate);
	put32(h + 28, (uint32_t)rate * 2);
	put32(h + 40, size);
	return sink->write(sink->ctx, 0, h, sizeof h);
}

int proxy_sound(struct input *in, int rate, const struct proxy_options *o, struct err *err)
{
	enum { HEADER = 44 };
	int64_t bytes = 0, told = 0;
	AUTO(sound_freep) struct sound *s = NULL;
	const struct sound_options sound = {.rate = rate, .channels = 1, .track = SOURCE_STREAM_AUTO};
	int r = sound_open(in, o->source, &sound, &s, err);
	if (r < 0)
		return r;
	if (write_header(&o->sink, rate, 0) < 0)
		return err_set(err, ERR_IO, "cannot send the sound");
	const int16_t *data;
	size_t n;
	while ((r = sound_read(s, &data, &n, err)) == 0) {
		if (o->sink.write(o->sink.ctx, HEADER + bytes, data, n * sizeof *data) < 0)
			return err_set(err, ERR_IO, "cannot send the sound");
		bytes += (int64_t)(n * sizeof *data);
		int64_t t = av_rescale(bytes / 2, CLOCK_SECOND, rate);
		if (t >= told + 10 * PROGRESS_EVERY && o->progress(o->ctx, told = t, err) < 0)
			return -(int)err->code;
	}
	if (r < 0)
		return r;
	if (!bytes)
		return err_set(err, ERR_FORMAT, "none of the sound could be decoded");
	return write_header(&o->sink, rate, bytes) < 0 ? err_set(err, ERR_IO, "cannot send the sound")
	                                               : 0;
}
