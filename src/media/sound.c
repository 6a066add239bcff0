/* SPDX-License-Identifier: Apache-2.0 */
#include "media/sound.h"

#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <libavutil/channel_layout.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "media/note.h"
#include "media/source.h"

enum {
	SILENCE = 8192, /* samples of silence in one piece */
	STEPS = 512,    /* of decoding, after which an exact read returns */
	LOST_MAX = 4096,
};
/* A longer gap is not filled by the filter, which keeps all of it in memory. */
static const int64_t gap_max = CLOCK_SECOND;
/* A gap behind damage that is longer is one of the recording. */
static const int64_t failed_gap_max = 10 * CLOCK_SECOND;

struct sound {
	struct input *in;
	struct source *src;
	struct sound_options o;
	AVCodecContext *dec;
	AVFilterGraph *graph; /* NULL until the format is known, and between two formats */
	AVFilterContext *from, *to;
	AVPacket *pkt;
	AVFrame *frame;
	AVFrame *held; /* its samples begin the next graph, after those of this one */
	bool holding, flushed, ended;
	bool adrift;                         /* after a seek, until a time is known */
	int in_format, in_rate, in_channels; /* the format for which the graph was built */
	int64_t base;                        /* time of the graph's zero */
	int64_t next;                        /* the end of the samples sent so far */
	int64_t drift;      /* exact: smoothed difference of their times to those that follow */
	int64_t origin;     /* time of the first sample returned */
	int64_t made;       /* samples since then */
	int64_t drop;       /* samples of the graph that are left out next */
	int64_t silence;    /* samples of silence that come first */
	int64_t position;   /* of the packets, in bytes */
	int16_t *no_sample; /* of silence */
	int64_t packet_time, packet_length; /* of the last one */
	/* Sound that was not decoded since `next`; at least of this length. */
	int64_t failed_at, failed;
	struct sound_lost *lost; /* LOST_MAX, or NULL */
	size_t n_lost;
};

static int open_decoder(struct sound *s)
{
	avcodec_free_context(&s->dec);
	s->dec = avcodec_alloc_context3(s->src->codec);
	if (!s->dec)
		return AVERROR(ENOMEM);
	int r = avcodec_parameters_to_context(s->dec, s->src->st->codecpar);
	s->dec->pkt_timebase = s->src->st->time_base;
	s->dec->thread_count = 1;
	return r < 0 ? r : avcodec_open2(s->dec, s->src->codec, NULL);
}

/* A transport stream states the time of the first of several frames.
 * libavformat would make up those of the others, from a rate that may have
 * changed. */
static void want_stated_times(const struct sound *s)
{
	if (s->o.exact && !strcmp(s->src->fmt->iformat->name, "mpegts"))
		s->src->fmt->flags |= AVFMT_FLAG_NOFILLIN;
}

int sound_open(struct input *in, const struct source_options *source, const struct sound_options *o,
               struct sound **ret, struct err *err)
{
	AUTO(sound_freep) struct sound *s = mem_alloc(1, sizeof *s);
	*s = (struct sound){.in = in, .o = *o, .next = CLOCK_NONE};
	int r = source_open_sound(in, source, o->track, &s->src, err);
	if (r < 0)
		return r;
	s->pkt = av_packet_alloc();
	s->frame = av_frame_alloc();
	s->held = av_frame_alloc();
	r = s->pkt && s->frame && s->held ? open_decoder(s) : AVERROR(ENOMEM);
	if (r < 0)
		return note_error(err, r, "the decoder for the sound does not start");
	want_stated_times(s);
	s->no_sample = mem_alloc(SILENCE * (size_t)o->channels, sizeof *s->no_sample);
	*ret = TAKE(s);
	return 0;
}

void sound_from(struct sound *s, int64_t from, int64_t aim)
{
	s->origin = from;
	s->adrift = aim != CLOCK_NONE && source_seek(s->src, aim) >= 0;
}

/* Whether a seek to `aim` leads to a packet that begins at or shortly before
 * `from`. */
static bool leads_to(struct sound *s, int64_t aim, int64_t from)
{
	const int64_t far = 120 * CLOCK_SECOND;
	av_packet_unref(s->pkt);
	int r = source_seek(s->src, aim) < 0 ? -1 : source_packet(s->src, s->pkt);
	int64_t t = r < 0 ? CLOCK_NONE : source_packet_time(s->src, s->pkt);
	av_packet_unref(s->pkt);
	return t != CLOCK_NONE && t <= from && t > from - far;
}

int sound_seek(struct sound *s, int64_t from, struct err *err)
{
	static const int64_t back[] = {2 * CLOCK_SECOND, 15 * CLOCK_SECOND};
	avfilter_graph_free(&s->graph);
	av_frame_unref(s->held);
	s->holding = s->flushed = s->ended = false;
	s->origin = from;
	s->next = CLOCK_NONE;
	s->made = s->drop = s->silence = s->drift = s->position = 0;
	s->failed = 0;
	s->n_lost = 0;
	bool led = false;
	for (size_t i = 0; i < ARRAY_LEN(back) && from > back[i] && !led; i++)
		led = leads_to(s, from - back[i], from) && source_seek(s->src, from - back[i]) >= 0;
	int r = led ? 0 : source_reopen(s->src, err);
	if (r < 0)
		return r;
	s->adrift = led;
	want_stated_times(s);
	/* A decoder that is flushed may still not be as one that has just begun:
	 * the same sound is to give the same samples. */
	r = open_decoder(s);
	return r < 0 ? note_error(err, r, "the decoder for the sound does not start") : 0;
}

void sound_free(struct sound *s)
{
	if (!s)
		return;
	avfilter_graph_free(&s->graph);
	avcodec_free_context(&s->dec);
	av_packet_free(&s->pkt);
	av_frame_free(&s->frame);
	av_frame_free(&s->held);
	source_free(s->src);
	free(s->no_sample);
	free(s->lost);
	mem_freep(&s);
}

int64_t sound_position(const struct sound *s)
{
	return s->position;
}

/* ---- what cannot be decoded ---- */

static void add_lost(struct sound *s, int64_t from, int64_t to)
{
	struct sound_lost *last = s->n_lost ? &s->lost[s->n_lost - 1] : NULL;
	from = from > s->origin ? from : s->origin;
	if (last && from < last->to)
		from = last->to;
	if (to <= from)
		return;
	if (last && (from == last->to || s->n_lost == LOST_MAX)) {
		last->to += to - from;
		return;
	}
	if (!s->lost)
		s->lost = mem_alloc(LOST_MAX, sizeof *s->lost);
	s->lost[s->n_lost++] = (struct sound_lost){from, to};
}

/* The last packet could not be decoded. */
static void add_failed(struct sound *s)
{
	if (!s->failed)
		s->failed_at = s->next != CLOCK_NONE ? s->next : s->packet_time;
	s->failed += s->packet_length;
}

/* The samples that follow what could not be decoded begin at t; CLOCK_NONE =
 * there are none. Packets that never arrived are part of the damage. */
static void end_failed(struct sound *s, int64_t t)
{
	int64_t from = s->failed_at, to = from + s->failed;
	if (s->failed && from != CLOCK_NONE)
		add_lost(s, from, t != CLOCK_NONE && t > to && t < to + failed_gap_max ? t : to);
	s->failed = 0;
}

size_t sound_lost(struct sound *s, int64_t from, const struct sound_lost **ret)
{
	size_t gone = 0;
	while (gone < s->n_lost && s->lost[gone].to <= from)
		gone++;
	s->n_lost -= gone;
	if (gone && s->n_lost)
		memmove(s->lost, s->lost + gone, s->n_lost * sizeof *s->lost);
	*ret = s->lost;
	return s->n_lost;
}

static int64_t length_of(const struct sound *s, const AVPacket *pkt)
{
	enum { USUAL_RATE = 48000, USUAL_SIZE = 1024 };
	const AVCodecContext *dec = s->dec;
	if (pkt->duration > 0 && pkt->duration < INT32_MAX)
		return av_rescale_q(pkt->duration, s->src->st->time_base, AV_TIME_BASE_Q);
	return av_rescale(dec->frame_size > 0 ? dec->frame_size : USUAL_SIZE, CLOCK_SECOND,
	                  dec->sample_rate > 0 ? dec->sample_rate : USUAL_RATE);
}

/* ---- samples to the graph ---- */

static int build_graph(struct sound *s, const AVFrame *f)
{
	char layout[64], args[300];
	AVChannelLayout l = f->ch_layout;
	if (l.order == AV_CHANNEL_ORDER_UNSPEC)
		av_channel_layout_default(&l, f->ch_layout.nb_channels);
	av_channel_layout_describe(&l, layout, sizeof layout);

	snprintf(args, sizeof args,
	         "time_base=1/1000000:sample_rate=%d:sample_fmt=%s:channel_layout=%s", f->sample_rate,
	         av_get_sample_fmt_name(f->format), layout);

	s->graph = avfilter_graph_alloc();
	if (!s->graph)
		return AVERROR(ENOMEM);
	s->graph->nb_threads = 1;
	int r = avfilter_graph_create_filter(&s->from, avfilter_get_by_name("abuffer"), "from", args,
	                                     NULL, s->graph);
	if (r >= 0)
		r = avfilter_graph_create_filter(&s->to, avfilter_get_by_name("abuffersink"), "to", NULL,
		                                 NULL, s->graph);
	if (r < 0)
		return r;

	/* Times of the graph begin at zero, as first_pts is counted in samples of
	 * the input. */
	char chain[300];
	snprintf(chain, sizeof chain,
	         "aresample=async=1:first_pts=0:min_hard_comp=%s,"
	         "aformat=sample_fmts=s16:sample_rates=%d:channel_layouts=%s",
	         s->o.exact ? "0.001" : "0.1", s->o.rate, s->o.channels == 1 ? "mono" : "stereo");

	AUTO(avfilter_inout_free) AVFilterInOut *out = avfilter_inout_alloc();
	AUTO(avfilter_inout_free) AVFilterInOut *in = avfilter_inout_alloc();
	if (!out || !in)
		return AVERROR(ENOMEM);
	*out = (AVFilterInOut){.name = av_strdup("in"), .filter_ctx = s->from};
	*in = (AVFilterInOut){.name = av_strdup("out"), .filter_ctx = s->to};
	r = avfilter_graph_parse_ptr(s->graph, chain, &in, &out, NULL);
	return r < 0 ? r : avfilter_graph_config(s->graph, NULL);
}

/* The time of the samples of a frame. If it jumps far, it is invalid: they
 * follow the others without a gap. CLOCK_NONE: it cannot be known. */
static int64_t time_of(struct sound *s, const AVFrame *f)
{
	const int64_t far_back = 60 * CLOCK_SECOND, far_on = 600 * CLOCK_SECOND;
	int64_t t = source_time(s->src, f->best_effort_timestamp), expected = s->next != CLOCK_NONE
	                                                                          ? s->next
	                                                                      : s->adrift ? s->origin
	                                                                                  : 0;
	if (t == CLOCK_NONE && s->adrift)
		return CLOCK_NONE;
	s->adrift = false;
	if (t == CLOCK_NONE || t < expected - far_back || (t > expected + far_on && t > s->o.believed))
		return expected;
	return t;
}

/* Containers round times, and recorders write them when they get around to it:
 * samples follow each other unless their times say otherwise for long, or by
 * much. */
static int64_t steady(struct sound *s, int64_t t)
{
	enum { SHARE = 16 };
	const int64_t much = 20 * CLOCK_SECOND / 1000, lasting = 5 * CLOCK_SECOND / 1000;
	if (s->next == CLOCK_NONE)
		return t;
	int64_t off = t - s->next;
	s->drift += (off - s->drift) / SHARE;
	if (llabs(off) < much && llabs(s->drift) < lasting)
		return s->next;
	s->drift = 0;
	return t;
}

static bool fits_graph(const struct sound *s, const AVFrame *f)
{
	return f->format == s->in_format && f->sample_rate == s->in_rate &&
	       f->ch_layout.nb_channels == s->in_channels;
}

static int64_t end_of(const AVFrame *f, int64_t t)
{
	return t + av_rescale(f->nb_samples, CLOCK_SECOND, f->sample_rate);
}

static int send(struct sound *s, AVFrame *f, int64_t t)
{
	f->pts = t - s->base;
	s->next = end_of(f, t);
	return av_buffersrc_add_frame(s->from, f);
}

/* A graph that begins with these samples. What was returned so far ends before
 * them, or after. */
static int begin(struct sound *s, AVFrame *f, int64_t t)
{
	int r = build_graph(s, f);
	if (r < 0)
		return r;
	s->in_format = f->format;
	s->in_rate = f->sample_rate;
	s->in_channels = f->ch_layout.nb_channels;
	s->base = t;
	int64_t missing = av_rescale(t - s->origin, s->o.rate, CLOCK_SECOND) - s->made;
	s->silence = missing > 0 ? missing : 0;
	s->drop = missing < 0 ? -missing : 0;
	s->drift = 0;
	return send(s, f, t);
}

static int feed_graph(struct sound *s)
{
	AVFrame *f = s->frame;
	if (f->sample_rate <= 0 || f->nb_samples <= 0)
		return 0;
	int64_t t = time_of(s, f);
	if (t == CLOCK_NONE)
		return 0;
	end_failed(s, t);
	if (end_of(f, t) <= s->origin) {
		s->next = end_of(f, t);
		return 0;
	}
	if (!s->graph)
		return begin(s, f, t);
	if (fits_graph(s, f) && t < s->next + gap_max)
		return send(s, f, s->o.exact ? steady(s, t) : t);
	/* The graph still has samples, which come first. */
	f->pts = t;
	av_frame_move_ref(s->held, f);
	s->holding = true;
	return av_buffersrc_add_frame(s->from, NULL);
}

/* The next packet. 1: there is none. A demuxer that cannot go on has the rest
 * unread; errors of the file itself are those of the input. */
static int next_packet(struct sound *s)
{
	int r = source_packet(s->src, s->pkt);
	if (r == AVERROR(ENOMEM))
		return r;
	if (r < 0) {
		const AVIOContext *pb = s->src->fmt->pb;
		bool whole = r == AVERROR_EOF || (pb && avio_feof((AVIOContext *)pb));
		end_failed(s, CLOCK_NONE);
		if (!whole && s->next != CLOCK_NONE)
			add_lost(s, s->next, s->o.believed);
		return 1;
	}
	if (s->o.exact && sparse_is_filled(s->pkt))
		s->pkt->pts = s->pkt->dts = AV_NOPTS_VALUE;
	if (s->pkt->pos > s->position)
		s->position = s->pkt->pos;
	int64_t t = source_packet_time(s->src, s->pkt);
	s->packet_time = t != CLOCK_NONE || s->adrift ? t : 0;
	s->packet_length = length_of(s, s->pkt);
	return 0;
}

/* One step: samples from the decoder to the graph, or a packet to the
 * decoder. */
static int feed(struct sound *s)
{
	int r = avcodec_receive_frame(s->dec, s->frame);
	if (r == 0) {
		r = feed_graph(s);
		av_frame_unref(s->frame);
		return r;
	}
	if (r == AVERROR_EOF) {
		s->flushed = true;
		return s->graph ? av_buffersrc_add_frame(s->from, NULL) : 0;
	}
	if (r == AVERROR(ENOMEM))
		return r;
	if (r != AVERROR(EAGAIN)) {
		add_failed(s);
		return 0;
	}
	r = next_packet(s);
	if (r < 0)
		return r;
	int sent = avcodec_send_packet(s->dec, r ? NULL : s->pkt);
	av_packet_unref(s->pkt);
	if (sent < 0 && sent != AVERROR(ENOMEM) && !r)
		add_failed(s);
	return sent == AVERROR(ENOMEM) ? sent : 0;
}

/* ---- samples from the graph ---- */

static size_t take_silence(struct sound *s, const int16_t **ret)
{
	size_t n = s->silence < SILENCE ? (size_t)s->silence : SILENCE;
	s->silence -= (int64_t)n;
	s->made += (int64_t)n;
	*ret = s->no_sample;
	return n;
}

/* What the graph has now: 0 without samples if that is nothing, or an AVERROR
 * code. */
static int take(struct sound *s, const int16_t **ret, size_t *ret_n)
{
	av_frame_unref(s->frame);
	int r = s->graph     ? av_buffersink_get_frame(s->to, s->frame)
	        : s->flushed ? AVERROR_EOF
	                     : AVERROR(EAGAIN);
	if (r < 0)
		return r;
	int64_t n = s->frame->nb_samples, left_out = n < s->drop ? n : s->drop;
	s->drop -= left_out;
	s->made += n - left_out;
	*ret = (const int16_t *)(const void *)s->frame->data[0] + left_out * s->o.channels;
	*ret_n = (size_t)(n - left_out);
	return 0;
}

/* The graph has returned everything. */
static int go_on(struct sound *s)
{
	avfilter_graph_free(&s->graph);
	s->ended = !s->holding;
	if (!s->holding)
		return 0;
	s->holding = false;
	int r = begin(s, s->held, s->held->pts);
	av_frame_unref(s->held);
	return r;
}

int sound_read(struct sound *s, const int16_t **ret, size_t *ret_n, struct err *err)
{
	*ret_n = 0;
	for (int steps = 0; !s->ended && (!s->o.exact || steps < STEPS); steps++) {
		if (s->silence) {
			*ret_n = take_silence(s, ret);
			return 0;
		}
		int r = take(s, ret, ret_n);
		if (r == 0 && *ret_n)
			return 0;
		if (r == AVERROR_EOF)
			r = go_on(s);
		else if (r == AVERROR(EAGAIN))
			r = feed(s);
		if (r < 0)
			return note_error(err, r, "cannot decode the sound");
		if (input_error(s->in))
			return err_sys(err, input_error(s->in), "cannot read the file");
	}
	return s->ended;
}
