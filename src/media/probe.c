/* SPDX-License-Identifier: Apache-2.0 */
#include "media/probe.h"

#include <libavutil/pixdesc.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "media/box.h"
#include "media/compat.h"
#include "media/orient.h"
#include "media/picture.h"

static double rate(AVRational r)
{
	double v = r.num > 0 && r.den > 0 ? av_q2d(r) : 0;
	return v < 1e6 ? v : 0;
}

static void find_rate(const struct source *s, struct probe *p)
{
	double average = rate(s->st->avg_frame_rate), base = rate(s->st->r_frame_rate);
	if (p->extent.measured && p->extent.frames > 1 && p->extent.duration > p->extent.first)
		average = (double)p->extent.frames * CLOCK_SECOND /
		          (double)(p->extent.duration - p->extent.first);
	p->fps = average > 0 ? average : base;
	/* Twice the average is the field rate. */
	double ratio = average > 0 ? base / average : 1;
	bool fields = ratio > 1.99 && ratio < 2.01;
	p->variable_rate = !p->extent.measured && !fields && (ratio > 1.02 || ratio < 0.98);
}

static void find_warning(const struct source *s, const struct reader *r, struct probe *p)
{
	char told[CLOCK_TEXT_MAX], real[CLOCK_TEXT_MAX];
	struct outline o = {.bad_at = -1};
	if (strstr(s->fmt->iformat->name, "mp4"))
		outline_read(s->in, &o);
	clock_text(p->extent.header, told);
	clock_text(p->extent.duration, real);
	if (s->salvage.in)
		snprintf(p->warning, sizeof p->warning, "%s", s->salvage.what);
	else if (s->splices.n)
		snprintf(
			p->warning, sizeof p->warning,
			"the file's clock jumps back: it was put together of %zu recordings, which are shown "
			"one after the other",
			s->splices.n);
	else if (p->extent.measured && p->extent.header > p->extent.duration && o.cut_missing)
		snprintf(p->warning, sizeof p->warning,
		         "the file is cut off: its index promises %s of video, but only the "
		         "first %s are there",
		         told, real);
	else if (p->extent.measured && p->extent.header)
		snprintf(p->warning, sizeof p->warning,
		         "the header says that the video lasts %s; its packets say %s, which is "
		         "used",
		         told, real);
	else if (o.cut_missing && !strcmp(o.cut_type, "mdat"))
		snprintf(p->warning, sizeof p->warning,
		         "the box \"mdat\" claims %lld bytes more than the file has",
		         (long long)o.cut_missing);
	else if (reader_unsorted(r))
		snprintf(p->warning, sizeof p->warning,
		         "the file gives its frames' times in decoding order and its keyframes "
		         "cannot be trusted; it is read from the start");
}

int probe_run(struct source *s, struct reader *r, struct probe *ret, struct err *err)
{
	struct probe p = {.hdr = "", .pixel_format = ""};
	struct shown shown;
	for (unsigned i = 0; i < s->fmt->nb_streams; i++)
		p.has_audio |= s->fmt->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_AUDIO;
	/* The extent first: that media data is missing says more than that nothing
	 * can be decoded. */
	int e = extent_measure(s, &p.extent, err);
	if (e < 0)
		return e;
	reader_moved(r, p.extent.duration);
	e = reader_at(r, p.extent.first > 0 ? p.extent.first : 0, &shown, err);
	if (e < 0)
		return e;
	const AVFrame *f = shown.frame;
	enum AVFieldOrder order = s->st->codecpar->field_order;
	const char *format = av_get_pix_fmt_name(f->format);
	picture_size(s, f, &p.width, &p.height);
	p.coded_width = f->width;
	p.coded_height = f->height;
	p.rotation = orient_of(s->st, f).degrees;
	p.interlaced =
		compat_interlaced(f) || (order != AV_FIELD_UNKNOWN && order != AV_FIELD_PROGRESSIVE);
	p.hdr = picture_hdr(f->color_trc);
	p.pixel_format = format ? format : "";
	p.codec = avcodec_get_name(s->st->codecpar->codec_id);
	find_rate(s, &p);
	find_warning(s, r, &p);
	*ret = p;
	return 0;
}
