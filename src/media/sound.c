/* SPDX-License-Identifier: Apache-2.0 */
#include "media/sound.h"

#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <libavutil/channel_layout.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/clock.h"
#include "media/note.h"
#include "media/source.h"

struct sound {
	struct input *in;
	struct source *src;
	AVCodecContext *dec;
	AVFilterGraph *graph; /* NULL until the format is known from the first samples */
	AVFilterContext *from, *to;
	AVPacket *pkt;
	AVFrame *frame;
	int rate, channels;
	int in_format, in_rate, in_channels; /* the format for which the graph was built */
	int64_t next;                        /* the end of the samples sent so far */
	int64_t base;                        /* time of the graph's zero */
	int64_t skip;                        /* samples before it are left out */
};

static int open_decoder(struct sound *s)
{
	s->dec = avcodec_alloc_context3(s->src->codec);
	s->pkt = av_packet_alloc();
	s->frame = av_frame_alloc();
	if (!s->dec || !s->pkt || !s->frame)
		return AVERROR(ENOMEM);
	int r = avcodec_parameters_to_context(s->dec, s->src->st->codecpar);
	s->dec->pkt_timebase = s->src->st->time_base;
	s->dec->thread_count = 1;
	return r < 0 ? r : avcodec_open2(s->dec, s->src->codec, NULL);
}

int sound_open(struct input *in, const struct source_options *o, int rate, int channels,
               struct sound **ret, struct err *err)
{
	AUTO(sound_freep) struct sound *s = mem_alloc(1, sizeof *s);
	*s = (struct sound){
		.in = in, .rate = rate, .channels = channels, .next = CLOCK_NONE, .skip = INT64_MIN};
	int r = source_open_sound(in, o, &s->src, err);
	if (r < 0)
		return r;
	r = open_decoder(s);
	if (r < 0)
		return note_error(err, r, "the decoder for the sound does not start");
	*ret = TAKE(s);
	return 0;
}

void sound_from(struct sound *s, int64_t from, int64_t aim)
{
	s->next = s->skip = from;
	if (aim != CLOCK_NONE)
		source_seek(s->src, aim);
}

void sound_free(struct sound *s)
{
	if (!s)
		return;
	avfilter_graph_free(&s->graph);
	avcodec_free_context(&s->dec);
	av_packet_free(&s->pkt);
	av_frame_free(&s->frame);
	source_free(s->src);
	mem_freep(&s);
}

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

	/* A new graph continues where the previous one ended. Its times begin at
	 * zero, as first_pts is counted in samples of the input. */
	s->base = s->next == CLOCK_NONE ? 0 : s->next;
	char chain[300];
	snprintf(chain, sizeof chain,
	         "aresample=async=1:first_pts=0,"
	         "aformat=sample_fmts=s16:sample_rates=%d:channel_layouts=%s",
	         s->rate, s->channels == 1 ? "mono" : "stereo");

	AUTO(avfilter_inout_free) AVFilterInOut *out = avfilter_inout_alloc();
	AUTO(avfilter_inout_free) AVFilterInOut *in = avfilter_inout_alloc();
	if (!out || !in)
		return AVERROR(ENOMEM);
	*out = (AVFilterInOut){.name = av_strdup("in"), .filter_ctx = s->from};
	*in = (AVFilterInOut){.name = av_strdup("out"), .filter_ctx = s->to};
	r = avfilter_graph_parse_ptr(s->graph, chain, &in, &out, NULL);
	return r < 0 ? r : avfilter_graph_config(s->graph, NULL);
}

static bool fits_graph(const struct sound *s, const AVFrame *f)
{
	return s->graph && f->format == s->in_format && f->sample_rate == s->in_rate &&
	       f->ch_layout.nb_channels == s->in_channels;
}

/* Sends samples to the graph. If the time jumps far, it is invalid: the samples
 * continue without a gap. */
static int feed_graph(struct sound *s)
{
	const int64_t far_back = 60 * CLOCK_SECOND, far_on = 600 * CLOCK_SECOND;
	AVFrame *f = s->frame;
	if (f->sample_rate <= 0 || f->nb_samples <= 0)
		return 0;
	int64_t t = source_time(s->src, f->best_effort_timestamp),
			expected = s->next == CLOCK_NONE ? 0 : s->next;
	if (t != CLOCK_NONE && t + av_rescale(f->nb_samples, CLOCK_SECOND, f->sample_rate) <= s->skip)
		return 0;
	if (!fits_graph(s, f)) {
		avfilter_graph_free(&s->graph);
		int r = build_graph(s, f);
		if (r < 0)
			return r;
		s->in_format = f->format;
		s->in_rate = f->sample_rate;
		s->in_channels = f->ch_layout.nb_channels;
	}
	if (t == CLOCK_NONE || t < expected - far_back || t > expected + far_on)
		t = expected;
	f->pts = t - s->base;
	s->next = t + av_rescale(f->nb_samples, CLOCK_SECOND, f->sample_rate);
	return av_buffersrc_add_frame(s->from, f);
}

/* One step: samples from the decoder to the graph, or a packet to the decoder.
 * 1 at the end. */
static int feed(struct sound *s)
{
	int r = avcodec_receive_frame(s->dec, s->frame);
	if (r == 0) {
		r = feed_graph(s);
		av_frame_unref(s->frame);
		return r;
	}
	if (r == AVERROR_EOF) {
		r = s->graph ? av_buffersrc_add_frame(s->from, NULL) : 0;
		return r < 0 ? r : 1;
	}
	if (r != AVERROR(EAGAIN))
		return r == AVERROR(ENOMEM) ? r : 0;
	r = source_packet(s->src, s->pkt);
	if (r == AVERROR(ENOMEM))
		return r;
	int sent = avcodec_send_packet(s->dec, r < 0 ? NULL : s->pkt);
	av_packet_unref(s->pkt);
	return sent == AVERROR(ENOMEM) ? sent : 0;
}

int sound_read(struct sound *s, const int16_t **ret, size_t *ret_n, struct err *err)
{
	for (bool fed = false;;) {
		av_frame_unref(s->frame);
		int r = s->graph ? av_buffersink_get_frame(s->to, s->frame) : AVERROR(EAGAIN);
		if (r == 0 && s->frame->nb_samples > 0) {
			*ret = (const int16_t *)(const void *)s->frame->data[0];
			*ret_n = (size_t)s->frame->nb_samples;
			return 0;
		}
		if (fed || r == AVERROR_EOF)
			return 1;
		r = feed(s);
		if (r < 0)
			return note_error(err, r, "cannot decode the sound");
		if (input_error(s->in))
			return err_sys(err, input_error(s->in), "cannot read the file");
		fed = r == 1 && !s->graph;
	}
}
