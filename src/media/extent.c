/* SPDX-License-Identifier: Apache-2.0 */
#include "media/extent.h"

#include <string.h>

#include "base/clock.h"
#include "media/note.h"

struct tally {
	int64_t first, last, last_end;
	int64_t packets;
};

static int64_t frame_length(const struct source *s)
{
	AVRational rate = source_rate(s);
	return s->timeline.step ? s->timeline.step : av_rescale(CLOCK_SECOND, rate.den, rate.num);
}

/* A last packet of several minutes is a slide, if the container states the
 * duration of each frame; otherwise it is a wrong estimate. */
static int64_t packet_length(const struct source *s, const AVPacket *pkt, int64_t usual)
{
	bool stated = strstr(s->fmt->iformat->name, "mov") || strstr(s->fmt->iformat->name, "matroska");
	int64_t length =
		pkt->duration > 0 ? av_rescale_q(pkt->duration, s->st->time_base, AV_TIME_BASE_Q) : 0;
	return length <= 0 || (!stated && length > 60 * CLOCK_SECOND) ? usual : length;
}

/* Reads on to the end of the file. */
static int count_packets(struct source *s, extent_fn *fn, void *ctx, struct tally *ret,
                         struct err *err)
{
	AUTO(av_packet_free) AVPacket *pkt = av_packet_alloc();
	struct tally t = {.first = INT64_MAX, .last = INT64_MIN, .last_end = INT64_MIN};
	if (!pkt)
		return err_set(err, ERR_LIMIT, "no memory for a packet");
	int64_t usual = frame_length(s);
	int r;
	while ((r = source_packet(s, pkt)) == 0) {
		int64_t time = source_packet_time(s, pkt), length = packet_length(s, pkt, usual);
		if (time != CLOCK_NONE && time < INT64_MAX - length &&
		    !(pkt->flags & AV_PKT_FLAG_DISCARD)) {
			t.first = time < t.first ? time : t.first;
			t.last = time > t.last ? time : t.last;
			t.last_end = time + length > t.last_end ? time + length : t.last_end;
			if (fn)
				fn(ctx, pkt, time);
		}
		t.packets++;
		av_packet_unref(pkt);
	}
	if (r == AVERROR(ENOMEM))
		return note_error(err, r, "cannot read the packets");
	if (input_error(s->in))
		return err_sys(err, input_error(s->in), "cannot read the file");
	*ret = t;
	return 0;
}

/* The end of the video according to the header, or 0. An estimate from the bit
 * rate does not count. */
static int64_t header_end(const struct source *s)
{
	const AVFormatContext *f = s->fmt;
	if (f->duration_estimation_method == AVFMT_DURATION_FROM_BITRATE)
		return 0;
	int64_t d = 0;
	if (s->st->duration > 0) {
		int64_t begin = s->st->start_time == AV_NOPTS_VALUE ? 0 : source_time(s, s->st->start_time);
		/* libav does not count frames without a decoding time. */
		if (s->timeline.frames && begin > s->timeline.first)
			begin = s->timeline.first;
		d = begin + av_rescale_q(s->st->duration, s->st->time_base, AV_TIME_BASE_Q);
	} else if (f->duration > 0) {
		d = f->duration;
	}
	return d > 0 ? d : 0;
}

static bool agree(int64_t a, int64_t b)
{
	int64_t diff = a > b ? a - b : b - a, slack = CLOCK_SECOND / 2;
	return diff <= (b / 50 > slack ? b / 50 : slack);
}

/* The end of the last frame is exact, while the header may be rounded or
 * include the audio; but an edit list may end within the last frame. */
static int64_t settle_end(const struct source *s, const struct tally *t, int64_t header)
{
	bool edits = strstr(s->fmt->iformat->name, "mov");
	return edits && header > t->last && header < t->last_end ? header : t->last_end;
}

static int no_packets(int64_t header, struct err *err)
{
	char text[CLOCK_TEXT_MAX];
	return err_set(err, ERR_FORMAT,
	               "the header describes %s of video, but the media data is missing; copy the "
	               "file again from its source",
	               clock_text(header, text));
}

static void keep(struct source *s, const struct tally *t, int64_t header, bool counted)
{
	bool measured = counted && (!header || !agree(t->last_end, header));
	s->timeline.first = t->first;
	s->timeline.duration = measured ? t->last_end : settle_end(s, t, header);
	s->timeline.header = header;
	s->timeline.frames = counted ? t->packets : 0;
	s->timeline.measured = measured;
}

/* Uses the header, if the packets at the end agree with it; *ret_done is set
 * then. */
static int measure_end(struct source *s, int64_t header, bool *ret_done, struct err *err)
{
	struct tally t = {.packets = 0};
	*ret_done = false;
	if (header <= 0 || source_seek(s, header) < 0)
		return 0;
	int r = count_packets(s, NULL, NULL, &t, err);
	if (r < 0 || !t.packets || t.last_end <= 0 || !agree(t.last_end, header))
		return r;
	t.first = s->st->start_time == AV_NOPTS_VALUE ? 0 : source_time(s, s->st->start_time);
	keep(s, &t, header, false);
	*ret_done = true;
	return 0;
}

static int measure(struct source *s, struct err *err)
{
	bool done;
	int64_t header = header_end(s);
	int r = measure_end(s, header, &done, err);
	if (r < 0 || done)
		return r;
	struct tally t = {.packets = 0};
	r = source_reopen(s, err);
	if (r == 0)
		r = count_packets(s, NULL, NULL, &t, err);
	if (r < 0)
		return r;
	if (!t.packets || t.last_end <= 0)
		return no_packets(header, err);
	keep(s, &t, header, true);
	return 0;
}

int extent_measure(struct source *s, struct extent *ret, struct err *err)
{
	struct timeline *t = &s->timeline;
	int r = t->duration > 0 ? 0 : measure(s, err);
	if (r < 0)
		return r;
	if (t->n_parts == 0 && !t->header && t->frames) {
		t->header = header_end(s);
		t->measured = !t->header || !agree(t->duration, t->header);
	}
	*ret = (struct extent){.first = t->first,
	                       .duration = t->duration,
	                       .header = t->header,
	                       .frames = t->frames,
	                       .measured = t->measured};
	return 0;
}

int extent_scan(struct source *s, extent_fn *fn, void *ctx, struct extent *ret, struct err *err)
{
	struct tally t;
	int r = extent_measure(s, ret, err);
	if (r == 0)
		r = source_reopen(s, err);
	if (r == 0)
		r = count_packets(s, fn, ctx, &t, err);
	return r == 0 && !t.packets ? no_packets(ret->header, err) : r;
}
