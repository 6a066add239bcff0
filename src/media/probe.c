/* SPDX-License-Identifier: Apache-2.0 */
#include "media/probe.h"

#include <libavutil/avstring.h>
#include <libavutil/parseutils.h>
#include <libavutil/pixdesc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
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
	if (p->extent.measured && !s->timeline.step && p->extent.frames > 1 &&
	    p->extent.duration > p->extent.first)
		average = (double)p->extent.frames * CLOCK_SECOND /
		          (double)(p->extent.duration - p->extent.first);
	if (s->timeline.step > 0) {
		/* From the packets; the demuxer estimates from the first few only. */
		double usual = (double)CLOCK_SECOND / (double)s->timeline.step;
		average = average <= 0 || (average > 200 && average > usual * 2) ? usual : average;
		base = base > usual * 4 ? average : base;
	}
	if (s->bare)
		average = base = rate(source_rate(s));
	p->fps = average > 0 ? average : base;
	/* Twice the average is the field rate. */
	double ratio = average > 0 ? base / average : 1;
	bool fields = ratio > 1.99 && ratio < 2.01;
	p->variable_rate = !p->extent.measured && !fields && (ratio > 1.02 || ratio < 0.98);
}

__attribute__((format(printf, 2, 3))) static void warn(struct probe *p, const char *fmt, ...)
{
	char *out = p->warning;
	size_t size = sizeof p->warning, len = strlen(out);
	va_list ap;
	if (len && len + 3 < size)
		len += (size_t)snprintf(out + len, size - len, "; ");
	va_start(ap, fmt);
	if (len < size)
		vsnprintf(out + len, size - len, fmt, ap);
	va_end(ap);
}

/* Warns of the jumps of the clock: the first few each, then their number. */
static void warn_gaps(const struct source *s, struct probe *p)
{
	enum { FEW = 3 };
	const struct timeline *t = &s->timeline;
	size_t back = 0, told = 0;
	for (size_t i = 0; i < t->n_gaps; i++)
		back += t->gaps[i].kind == TIMELINE_CLOCK_BACK;
	if (back)
		warn(p, "the timestamps restart: the file consists of %zu recordings, which are joined",
		     back + 1);
	if (t->n_gaps >= TIMELINE_GAPS_MAX)
		warn(p, "the timestamps jump more than %d times; later jumps are left as they are",
		     TIMELINE_GAPS_MAX);
	for (size_t i = 0; i < t->n_gaps && told <= FEW; i++) {
		char at[CLOCK_TEXT_MAX], by[CLOCK_TEXT_MAX];
		const struct timeline_gap *g = &t->gaps[i];
		if (g->kind == TIMELINE_CLOCK_BACK)
			continue;
		clock_text(g->time, at);
		clock_text(g->to - g->from, by);
		if (told++ == FEW)
			warn(p, "and further timestamp jumps");
		else if (!g->closed)
			warn(p, "there are no pictures in the %s before %s", by, at);
		else if (g->kind == TIMELINE_UNDECIDED)
			warn(p,
			     "the timestamps jump forward by %s at %s: taken for an error and "
			     "closed; with --gaps keep it is time without pictures",
			     by, at);
		else
			warn(p, "the timestamps jump forward by %s at %s: the gap is closed", by, at);
	}
}

/* Sound without pictures, before the first and after the last of them. */
static void warn_sound(const struct source *s, struct probe *p)
{
	char by[CLOCK_TEXT_MAX];
	int64_t end = p->extent.duration;
	for (unsigned i = 0; i < s->fmt->nb_streams && s->timeline.n_parts < 2; i++) {
		const AVStream *st = s->fmt->streams[i];
		int64_t start = st->start_time == AV_NOPTS_VALUE ? 0 : st->start_time, t;
		if (st->codecpar->codec_type != AVMEDIA_TYPE_AUDIO || st->duration <= 0 ||
		    __builtin_add_overflow(start, st->duration, &t))
			continue;
		t = av_rescale_q(t, st->time_base, AV_TIME_BASE_Q) - s->start;
		end = t > end ? t : end;
	}
	if (p->extent.first >= PROBE_SILENT)
		warn(p, "there are no pictures in the first %s", clock_text(p->extent.first, by));
	if (end - p->extent.duration >= PROBE_SILENT)
		warn(p, "the sound continues for %s after the last picture",
		     clock_text(end - p->extent.duration, by));
}

static void warn_streams(const struct source *s, struct probe *p)
{
	enum { FEW = 3 };
	int others = 0;
	if (s->options.stream >= 0)
		return; /* the user chose */
	char list[120] = "", name[64];
	for (unsigned i = 0; i < s->fmt->nb_streams; i++) {
		const AVStream *st = s->fmt->streams[i];
		const AVCodecParameters *par = st->codecpar;
		size_t len = strlen(list);
		if (st == s->st || par->codec_type != AVMEDIA_TYPE_VIDEO ||
		    st->disposition & (AV_DISPOSITION_ATTACHED_PIC | AV_DISPOSITION_TIMED_THUMBNAILS))
			continue;
		if (others++ < FEW)
			snprintf(list + len, sizeof list - len, "%s%u (%s %dx%d)", len ? ", " : "", i,
			         source_codec_name(par, name), par->width, par->height);
	}
	if (others)
		warn(p, "the file has other video streams, which are not used: %s%s; choose with --stream",
		     list, others > FEW ? ", …" : "");
}

static void warn_header(const struct source *s, const struct reader *r, struct probe *p)
{
	char told[CLOCK_TEXT_MAX], real[CLOCK_TEXT_MAX];
	struct outline o = {.bad_at = -1};
	if (strstr(s->fmt->iformat->name, "mp4"))
		outline_read(s->in, &o);
	clock_text(p->extent.header, told);
	clock_text(p->extent.duration, real);
	/* A whole number of seconds is rounded; of program and transport streams
	 * FFmpeg only estimates the duration. */
	int64_t by = llabs(p->extent.duration - p->extent.header);
	bool rounded = p->extent.header % CLOCK_SECOND == 0 && by <= CLOCK_SECOND;
	bool stated = s->fmt->duration_estimation_method != AVFMT_DURATION_FROM_PTS && !rounded;
	if (s->salvage.in || s->timeline.n_parts)
		return;
	if (p->extent.measured && p->extent.header > p->extent.duration && o.cut_missing)
		warn(p,
		     "the file is cut off: its index lists %s of video, but only the first %s are present",
		     told, real);
	else if (p->extent.measured && p->extent.header && stated && !s->timeline.skipped)
		warn(p, "the header states a duration of %s; the packets last %s, which is used", told,
		     real);
	else if (o.cut_missing && !strcmp(o.cut_type, "mdat"))
		warn(p, "the box \"mdat\" is %lld bytes longer than the file", (long long)o.cut_missing);
	else if (reader_unsorted(r) && !s->bare && !strstr(s->fmt->iformat->name, "avi"))
		warn(p, "the frame times of the file are in decoding order and its keyframes cannot be "
		        "trusted; it is read from the start");
}

static void find_warning(const struct source *s, const struct reader *r, struct probe *p)
{
	if (s->salvage.in)
		warn(p, "%s", s->salvage.what);
	warn_header(s, r, p);
	warn_gaps(s, p);
	if (s->timeline.skipped)
		warn(p,
		     "the recording begins inside a group of pictures: its first %.1f s cannot be decoded "
		     "and are left out",
		     (double)s->timeline.skipped / CLOCK_SECOND);
	if (s->bare && s->options.rate <= 0 && s->salvage.fps <= 0 && !reader_knows_rate(r))
		warn(p,
		     "the stream states no frame rate: %.4g frames per second are assumed, and all times "
		     "depend on it; set the correct one with --frame-rate",
		     p->fps);
	if (s->clock.filled && s->st->avg_frame_rate.num <= 0 && !reader_knows_rate(r))
		warn(p, "most frames have no timestamp and the stream states no frame rate: they are "
		        "placed at 25 frames per second");
	warn_sound(s, p);
	warn_streams(s, p);
}

/* Version 2 added the rules of timeline.h, times for AVI files with B-frames,
 * and raw streams of more codecs. Version 3 takes no reordered frame for a
 * clock that was set back. */
static int timeline_version(const struct source *s, const struct reader *r)
{
	if (s->timeline.revised)
		return 3;
	bool counted_before = av_match_list(s->fmt->iformat->name, "h264,hevc,vvc,evc,cavsvideo", ',');
	bool newly_counted = s->bare && !counted_before, avi = strstr(s->fmt->iformat->name, "avi");
	return s->timeline.n_gaps || s->timeline.skipped || newly_counted || s->fields.num > 0 ||
	               s->options.rate > 0 || (avi && reader_unsorted(r))
	           ? 2
	           : 1;
}

/* 0 also where no clock was set: such recordings begin in 1904 or 1970. */
static int64_t find_recorded(const struct source *s)
{
	const int64_t earliest = 315532800 * CLOCK_SECOND; /* 1980 */
	const AVDictionaryEntry *e = av_dict_get(s->fmt->metadata, "creation_time", NULL, 0);
	int64_t t = 0;
	if (!e)
		e = av_dict_get(s->st->metadata, "creation_time", NULL, 0);
	return e && av_parse_time(&t, e->value, 0) >= 0 && t >= earliest ? t : 0;
}

/* In MP4 and MOV a track of its own, whose text libav adds to its streams. */
static void find_timecode(const struct source *s, char out[static MEDIA_TIMECODE_MAX + 1])
{
	const AVDictionaryEntry *e = av_dict_get(s->st->metadata, "timecode", NULL, 0);
	if (!e)
		e = av_dict_get(s->fmt->metadata, "timecode", NULL, 0);
	for (unsigned i = 0; i < s->fmt->nb_streams && !e; i++)
		if (s->fmt->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_DATA)
			e = av_dict_get(s->fmt->streams[i]->metadata, "timecode", NULL, 0);
	size_t n = e ? strspn(e->value, "0123456789:;.") : 0;
	if (e && !e->value[n] && n <= MEDIA_TIMECODE_MAX)
		memcpy(out, e->value, n + 1);
}

int probe_run(struct source *s, struct reader *r, struct probe *ret, struct err *err)
{
	struct probe p = {.hdr = "", .pixel_format = ""};
	struct shown shown;
	for (unsigned i = 0; i < s->fmt->nb_streams; i++)
		p.has_audio |= s->fmt->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_AUDIO;
	/* Measures the extent first: missing media data is a better message than
	 * that nothing can be decoded. */
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
	p.timeline = timeline_version(s, r);
	p.recorded = find_recorded(s);
	find_timecode(s, p.timecode);
	find_rate(s, &p);
	find_warning(s, r, &p);
	if (orient_is_rounded(s->st, f))
		warn(&p,
		     "the pictures are rotated by an angle that is not a multiple of 90 degrees: "
		     "they are turned by %d degrees",
		     p.rotation);
	*ret = p;
	return 0;
}
