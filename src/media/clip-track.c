/* SPDX-License-Identifier: Apache-2.0 */
#include "media/clip-track.h"

#include <libavcodec/bsf.h>
#include <libavutil/channel_layout.h>
#include <string.h>

#include "base/clock.h"
#include "media/note.h"
#include "media/sound.h"

enum {
	RATE = 48000,
	CHANNELS = 2,
	BIT_RATE = 128000,
	GAP_MAX = 50000,   /* microseconds between packets that are copied */
	JITTER_MAX = 2000, /* of times in milliseconds */
};

struct clip_track {
	int64_t from, to;
	int64_t aim; /* a seek that leads to a packet before `from`; CLOCK_NONE = the start */
	bool ended;
	AVPacket *pkt;
	int (*tick)(void *ctx, struct err *err);
	void *ctx;

	/* copied */
	struct source *src;
	bool have;        /* pkt has the next packet */
	int64_t expected; /* where the next packet begins, in samples; CLOCK_NONE = not known */

	/* encoded */
	struct sound *sound; /* NULL if it is copied */
	AVCodecContext *enc;
	AVCodecParameters *par;
	AVFrame *frame;
	int filled;      /* samples in it, of each channel */
	int64_t samples; /* passed to the encoder, of each channel */
};

void clip_track_free(struct clip_track *t)
{
	if (!t)
		return;
	av_packet_free(&t->pkt);
	source_free(t->src);
	sound_free(t->sound);
	avcodec_free_context(&t->enc);
	avcodec_parameters_free(&t->par);
	av_frame_free(&t->frame);
	mem_freep(&t);
}

/* ---- copied ---- */

static AVRational samples_of(const struct clip_track *t)
{
	return (AVRational){1, t->src->st->codecpar->sample_rate};
}

/* Of a packet, in samples. */
static int64_t length_of(const struct clip_track *t)
{
	int n = av_get_audio_frame_duration2(t->src->st->codecpar, t->pkt->size);
	return n > 0 ? n : av_rescale_q(t->pkt->duration, t->src->st->time_base, samples_of(t));
}

/* Moves to a packet at `from`, or shortly before it. 1 if there is none. */
static int seek(struct clip_track *t, struct err *err)
{
	static const int64_t back[] = {2 * CLOCK_SECOND, 15 * CLOCK_SECOND};
	const int64_t far = 120 * CLOCK_SECOND;
	for (size_t i = 0; i < ARRAY_LEN(back) && t->from > back[i]; i++) {
		t->aim = t->from - back[i];
		av_packet_unref(t->pkt);
		int r = source_seek(t->src, t->aim) < 0 ? -1 : source_packet(t->src, t->pkt);
		int64_t time = r < 0 ? CLOCK_NONE : source_packet_time(t->src, t->pkt);
		if (time != CLOCK_NONE && time <= t->from && time > t->from - far)
			return 0;
	}
	t->aim = CLOCK_NONE;
	int index = t->src->st->index, r = source_reopen(t->src, err);
	if (r < 0 || index != t->src->st->index)
		return r < 0 ? r : 1;
	av_packet_unref(t->pkt);
	return source_packet(t->src, t->pkt) < 0;
}

/* Reads up to the next packet of the range, which may be the one that is held.
 * 1 if there is none. */
static int next_packet(struct clip_track *t, bool held, struct err *err)
{
	enum { TICK = 1024 };
	for (int n = 1;; n++, held = false) {
		if (n % TICK == 0 && t->tick(t->ctx, err) < 0)
			return -(int)err->code;
		if (!held) {
			av_packet_unref(t->pkt);
			int r = source_packet(t->src, t->pkt);
			if (r == AVERROR(ENOMEM))
				return note_error(err, r, "cannot read the sound");
			if (r < 0)
				return 1;
		}
		int64_t time = source_packet_time(t->src, t->pkt);
		if (time == CLOCK_NONE)
			return -ERR_UNSUPPORTED;
		if (time >= t->to)
			return 1;
		if (time + av_rescale_q(length_of(t), samples_of(t), AV_TIME_BASE_Q) > t->from)
			return 0;
	}
}

/* The filter that the muxer will use for AAC of a transport stream; NULL if it
 * needs none. */
static int open_filter(const struct clip_track *t, AVBSFContext **ret, struct err *err)
{
	const AVCodecParameters *par = t->src->st->codecpar;
	const AVBitStreamFilter *f = av_bsf_get_by_name("aac_adtstoasc");
	if (par->codec_id != AV_CODEC_ID_AAC || par->extradata_size || !f)
		return 0;
	int r = av_bsf_alloc(f, ret);
	if (r >= 0)
		r = avcodec_parameters_copy((*ret)->par_in, par);
	if (r >= 0)
		r = av_bsf_init(*ret);
	return r < 0 ? note_error(err, r, "cannot read the parameters of the sound") : 0;
}

/* Whether the packet, which is consumed, is so intact that the muxer takes
 * it. */
static bool is_intact(struct clip_track *t, AVBSFContext *filter)
{
	if (t->pkt->flags & AV_PKT_FLAG_CORRUPT)
		return false;
	return !filter ||
	       (av_bsf_send_packet(filter, t->pkt) >= 0 && av_bsf_receive_packet(filter, t->pkt) >= 0);
}

/* Whether all packets of the range follow each other: 0, 1 if there is none;
 * ERR_UNSUPPORTED: they do not. */
static int follows(struct clip_track *t, struct err *err)
{
	enum { TICK = 256 };
	int64_t expected = CLOCK_NONE, n = 0;
	AUTO(av_bsf_free) AVBSFContext *filter = NULL;
	int r = open_filter(t, &filter, err);
	if (r == 0)
		r = seek(t, err);
	bool held = true;
	while (r == 0 && (r = next_packet(t, held, err)) == 0) {
		int64_t time = source_packet_time(t->src, t->pkt), length = length_of(t);
		if (length <= 0 ||
		    (expected != CLOCK_NONE && (time < expected - GAP_MAX || time > expected + GAP_MAX)))
			return -ERR_UNSUPPORTED;
		/* a sound that begins late, or ends early, is one that MP4 can have */
		expected = time + av_rescale_q(length, samples_of(t), AV_TIME_BASE_Q);
		held = false;
		if (!is_intact(t, filter))
			return -ERR_UNSUPPORTED;
		if (++n % TICK == 0 && t->tick(t->ctx, err) < 0)
			return -(int)err->code;
	}
	return r < 0 ? r : n == 0;
}

/* Whether there is sound in the range: 0, or 1. */
static int is_silent(struct clip_track *t, struct err *err)
{
	if (t->src->st->codecpar->sample_rate <= 0)
		return -ERR_UNSUPPORTED;
	int r = seek(t, err);
	return r == 0 ? next_packet(t, true, err) : r;
}

static int start_copy(struct clip_track *t, struct err *err)
{
	int r = seek(t, err);
	if (r == 0)
		r = next_packet(t, true, err);
	t->have = r == 0;
	t->ended = r == 1;
	t->expected = CLOCK_NONE;
	return r < 0 ? r : 0;
}

/* Sets the times of the packet: in samples from the start of the clip. Times in
 * milliseconds are made exact. */
static void set_times(struct clip_track *t)
{
	int64_t time = source_packet_time(t->src, t->pkt) - t->from, length = length_of(t);
	int64_t at = av_rescale_q(time, AV_TIME_BASE_Q, samples_of(t));
	int64_t jitter = av_rescale_q(JITTER_MAX, AV_TIME_BASE_Q, samples_of(t));
	if (t->expected != CLOCK_NONE && at < t->expected + jitter && at > t->expected - jitter)
		at = t->expected;
	if (t->expected != CLOCK_NONE && at < t->expected - length + 1)
		at = t->expected - length + 1;
	t->expected = at + length;
	t->pkt->pts = t->pkt->dts = at;
	t->pkt->duration = length;
}

static int write_copy(struct clip_track *t, struct clip_mux *m, int64_t until, struct err *err)
{
	while (t->have && source_packet_time(t->src, t->pkt) < until) {
		set_times(t);
		int r = clip_mux_write(m, true, t->pkt, err);
		if (r == 0)
			r = next_packet(t, false, err);
		if (r < 0)
			return r;
		t->have = r == 0;
	}
	return 0;
}

/* ---- encoded ---- */

static int open_encoder(struct clip_track *t)
{
	const AVCodec *codec = avcodec_find_encoder(AV_CODEC_ID_AAC);
	AVCodecContext *c = t->enc = codec ? avcodec_alloc_context3(codec) : NULL;
	if (!c)
		return codec ? AVERROR(ENOMEM) : AVERROR_ENCODER_NOT_FOUND;
	c->sample_fmt = AV_SAMPLE_FMT_FLTP;
	c->sample_rate = RATE;
	av_channel_layout_default(&c->ch_layout, CHANNELS);
	c->bit_rate = BIT_RATE;
	c->time_base = (AVRational){1, RATE};
	c->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
	int r = avcodec_open2(c, codec, NULL);
	t->par = avcodec_parameters_alloc();
	if (r >= 0)
		r = t->par ? avcodec_parameters_from_context(t->par, c) : AVERROR(ENOMEM);
	if (r < 0)
		return r;

	AVFrame *f = t->frame = av_frame_alloc();
	if (!f)
		return AVERROR(ENOMEM);
	f->format = c->sample_fmt;
	f->sample_rate = c->sample_rate;
	f->nb_samples = c->frame_size;
	r = av_channel_layout_copy(&f->ch_layout, &c->ch_layout);
	return r < 0 ? r : av_frame_get_buffer(f, 0);
}

static int start_encoding(struct clip_track *t, struct input *in, const struct source_options *o,
                          struct err *err)
{
	const struct sound_options sound = {
		.rate = RATE, .channels = CHANNELS, .track = SOURCE_STREAM_AUTO};
	int r = sound_open(in, o, &sound, &t->sound, err);
	if (r < 0)
		return r;
	sound_from(t->sound, t->from, t->aim);
	r = open_encoder(t);
	return r < 0 ? note_error(err, r, "cannot open an AAC encoder") : 0;
}

static int drain(struct clip_track *t, struct clip_mux *m, const AVFrame *f, struct err *err)
{
	int r = avcodec_send_frame(t->enc, f);
	while (r >= 0) {
		r = avcodec_receive_packet(t->enc, t->pkt);
		if (r == AVERROR(EAGAIN) || r == AVERROR_EOF)
			return 0;
		if (r >= 0 && clip_mux_write(m, true, t->pkt, err) < 0)
			return -(int)err->code;
	}
	return note_error(err, r, "cannot encode the sound");
}

static int encode_block(struct clip_track *t, struct clip_mux *m, struct err *err)
{
	AVFrame *f = t->frame;
	f->nb_samples = t->filled;
	f->pts = t->samples - t->filled;
	t->filled = 0;
	int r = drain(t, m, f, err);
	f->nb_samples = t->enc->frame_size;
	return r;
}

static int encode(struct clip_track *t, struct clip_mux *m, const int16_t *data, size_t n,
                  struct err *err)
{
	int64_t most = av_rescale(t->to - t->from, RATE, CLOCK_SECOND);
	for (size_t i = 0; i < n && t->samples < most; i++, t->samples++) {
		if (!t->filled && av_frame_make_writable(t->frame) < 0)
			return err_set(err, ERR_LIMIT, "no memory for the sound");
		for (size_t c = 0; c < CHANNELS; c++)
			((float *)t->frame->data[c])[t->filled] = (float)data[i * CHANNELS + c] / 32768.0f;
		t->filled++;
		int r = 0;
		if (t->filled == t->enc->frame_size) {
			t->samples++;
			r = encode_block(t, m, err);
			t->samples--;
		}
		if (r < 0)
			return r;
	}
	t->ended = t->samples >= most;
	return 0;
}

static int write_encoded(struct clip_track *t, struct clip_mux *m, int64_t until, struct err *err)
{
	int64_t enough = until == INT64_MAX || until > t->to ? t->to - t->from : until - t->from;
	if (t->ended)
		return 0;
	while (!t->ended && av_rescale(t->samples, CLOCK_SECOND, RATE) <= enough) {
		const int16_t *data;
		size_t n;
		int r = sound_read(t->sound, &data, &n, err);
		t->ended = r == 1;
		if (r == 0)
			r = encode(t, m, data, n, err);
		if (r < 0)
			return r;
	}
	if (!t->ended)
		return 0;
	int r = t->filled ? encode_block(t, m, err) : 0;
	return r < 0 ? r : drain(t, m, NULL, err);
}

/* ---- both ---- */

static bool can_copy(const struct source *s)
{
	const AVCodecParameters *par = s->st->codecpar;
	return clip_mux_takes(par) && par->sample_rate > 0 && !s->bare && !s->salvage.in;
}

int clip_track_open(struct input *in, const struct source_options *o, int64_t from, int64_t to,
                    int (*tick)(void *ctx, struct err *err), void *ctx, struct clip_track **ret,
                    enum clip_sound *ret_state, struct err *err)
{
	AUTO(clip_track_freep) struct clip_track *t = mem_alloc(1, sizeof *t);
	t->from = from;
	t->to = to;
	t->tick = tick;
	t->ctx = ctx;
	t->pkt = av_packet_alloc();
	*ret = NULL;
	*ret_state = CLIP_SOUND_NONE;
	if (!t->pkt)
		return err_set(err, ERR_LIMIT, "no memory for a packet");

	int r = source_open_sound(in, o, SOURCE_STREAM_AUTO, &t->src, err);
	if (r < 0)
		return r == -ERR_LIMIT ? r : 0; /* the pictures show what else is wrong */
	bool copy = can_copy(t->src);
	r = copy ? follows(t, err) : is_silent(t, err);
	if (r == 0 && copy)
		r = start_copy(t, err);
	*ret_state = CLIP_SOUND_COPIED;
	if (r == -ERR_UNSUPPORTED || (r == 0 && !copy)) {
		*ret_state = CLIP_SOUND_ENCODED;
		r = start_encoding(t, in, o, err);
	}
	if (r == 0) {
		*ret = TAKE(t);
		return 0;
	}
	*ret_state = r == 1 ? CLIP_SOUND_NONE : CLIP_SOUND_LOST;
	return r == -ERR_LIMIT || r == -ERR_PROTO || r == -ERR_DIED ? r : 0;
}

void clip_track_stream(const struct clip_track *t, struct clip_stream *ret)
{
	*ret = (struct clip_stream){
		.par = t->sound ? t->par : t->src->st->codecpar,
		.time_base = t->sound ? t->enc->time_base : samples_of(t),
	};
}

int clip_track_write(struct clip_track *t, struct clip_mux *m, int64_t until, struct err *err)
{
	return t->sound ? write_encoded(t, m, until, err) : write_copy(t, m, until, err);
}
