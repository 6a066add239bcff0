/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "media/clip-internal.h"

enum { REPORT_EVERY = 100000 /* microseconds */ };

int clip_report(struct clip *c, int64_t t, bool written, struct err *err)
{
	int64_t all = c->q->to - c->q->from, done = t - c->q->from;
	done = done < 0 ? 0 : done > all ? all : done;
	done = written ? all / 4 + done / 4 * 3 : done / 4;
	c->reported = done > c->reported ? done : c->reported + 1;
	int64_t now = clock_now();
	if (now - c->reported_at < REPORT_EVERY)
		return 0;
	c->reported_at = now;
	return c->q->progress(c->q->ctx, c->reported, err);
}

int clip_tick(void *clip, struct err *err)
{
	struct clip *c = clip;
	return clip_report(c, c->q->from, false, err);
}

int64_t clip_pts(const struct clip *c, int64_t time)
{
	return av_rescale_q(time + c->src->start, AV_TIME_BASE_Q, c->src->st->time_base);
}

int64_t clip_end(const struct clip *c, int64_t next)
{
	int64_t end = c->q->to, duration = c->src->timeline.duration;
	if (next == CLOCK_NONE && duration > c->made.from)
		next = duration;
	return next != CLOCK_NONE && next < end ? next : end;
}

int clip_next(struct clip *c, struct shown *s, struct err *err)
{
	int64_t last = s->pts;
	int r = 0;
	while (r == 0 && s->pts <= last)
		r = reader_next(c->reader, INT64_MIN, s, err);
	return r;
}

int clip_begin(struct clip *c, const struct clip_stream *video, int64_t packets, struct err *err)
{
	struct clip_stream sound;
	int64_t end = c->made.to;
	int r = clip_track_open(c->in, &c->options, c->made.from, end, clip_tick, c, &c->track,
	                        &c->made.sound, err);
	if (r < 0)
		return r;
	if (c->track)
		clip_track_stream(c->track, &sound);
	/* packets of sound have at least 10 ms, or the table is at the end */
	packets += (end - c->made.from) / (CLOCK_SECOND / 100);
	return clip_mux_open(&c->q->sink, video, c->track ? &sound : NULL, packets, &c->mux, err);
}

int clip_put(struct clip *c, AVPacket *pkt, struct err *err)
{
	int64_t base = clip_pts(c, c->made.from), time = source_time(c->src, pkt->pts);
	pkt->pts -= base;
	pkt->dts -= base;
	int r = clip_mux_write(c->mux, false, pkt, err);
	if (r == 0 && c->track)
		r = clip_track_write(c->track, c->mux, time + CLOCK_SECOND / 2, err);
	return r < 0 ? r : clip_report(c, time, true, err);
}
