/* SPDX-License-Identifier: Apache-2.0 */
#include "media/source.h"

#include <libavutil/avstring.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "media/box.h"
#include "media/note.h"
#include "media/source-internal.h"

/* Self-contained containers and raw streams. Playlists, manifests, image
 * sequences and devices are excluded: they make the demuxer open other files. */
#define SOUNDS "wav,w64,mp3,flac,aac,ac3,eac3,dts,aiff,au,caf,amr,ape,wv,tta,loas"
static const char formats[] =
	"mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,mpeg,mpegvideo,m4v,h261,h263,h264,hevc,vvc,obu,"
	"av1,ivf,avi,flv,"
	"live_flv,asf,asf_o,wtv,ogg,mxf,gxf,nut,rm,dv,nsv,yuv4mpegpipe,mjpeg,gif,apng,vc1,cavsvideo,"
	"dirac,dnxhd,"
	/* Formats of recorders and cameras. Formats of games are excluded: they are
	 * not recorded, and each demuxer adds attack surface. */
	"dhav,ifv,luodat,mpjpeg,smjpeg,mxg,nc,iv8,lmlm4,ingenient,pva,ty,nuv,kux,ivr,lxf,vc1test,"
	/* Recognized, so that the error is that there is no video. */
	SOUNDS;

static int refuse_open(AVFormatContext *fmt, AVIOContext **pb, const char *url, int flags,
                       AVDictionary **options)
{
	(void)fmt;
	(void)pb;
	(void)url;
	(void)flags;
	(void)options;
	return AVERROR(EPERM);
}

/* Formats that are recognized, but are not video. */
static int refuse_format(const char *name, struct err *err)
{
	static const char *const playlists[] = {"hls", "concat", "dash", "applehttp",
	                                        "sdp", "rtsp",   "imf"};
	static const char *const texts[] = {"tty",    "lrc",        "srt",     "ass",
	                                    "webvtt", "ffmetadata", "microdvd"};
	for (size_t i = 0; i < ARRAY_LEN(playlists); i++)
		if (strstr(name, playlists[i]))
			return err_set(err, ERR_UNSUPPORTED,
			               "this is a playlist (%s) that refers to other files; "
			               "give the video files themselves",
			               name);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (!strcmp(name, texts[i]))
			return err_set(err, ERR_FORMAT, "this is text (%s), not a video", name);
	if (!strcmp(name, "webp_pipe"))
		return err_set(err, ERR_UNSUPPORTED,
		               "this is a WebP picture; animated WebP cannot be decoded by this machine's "
		               "FFmpeg: convert it to a video first");
	if (strstr(name, "_pipe") || strstr(name, "image2"))
		return err_set(err, ERR_FORMAT, "this is a picture (%s), not a video", name);
	return err_set(err, ERR_UNSUPPORTED,
	               "the format \"%s\" is not a video container that can be read", name);
}

/* What the file is by its first bytes, if that is not a video; NULL if not
 * known. Demuxers of raw audio recognize some such files. */
static const char *other_kind(const struct source *s)
{
	static const struct {
		const char *magic, *kind;
	} kinds[] = {
		{"PK\3\4", "a ZIP archive; unpack it first"},
		{"Rar!", "a RAR archive; unpack it first"},
		{"7z\xbc\xaf", "a 7z archive; unpack it first"},
		{"\x1f\x8b", "compressed with gzip; unpack it first"},
		{"\xfd"
	     "7zXZ",
	     "compressed with xz; unpack it first"},
		{"\xff\xd8\xff", "a JPEG picture, not a video; the video of a motion photo has to be "
	                     "extracted first"},
		{"%PDF", "a PDF document, not a video"},
		{"<!DOCTYPE", "a web page, not a video; the download may have failed"},
		{"<!doctype", "a web page, not a video; the download may have failed"},
		{"<html", "a web page, not a video; the download may have failed"},
		{"#EXTM3U", "a playlist that refers to other files; give the video files themselves"},
		{"version https://git-lfs", "a Git LFS pointer, not the video; run git lfs pull"},
	};

	char head[32] = "";
	if (input_read(s->in, 0, head, sizeof head) < 0)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (!memcmp(head, kinds[i].magic, strlen(kinds[i].magic)))
			return kinds[i].kind;
	return NULL;
}

static int find_format(const struct source *s, const char *forced, const AVInputFormat **ret,
                       struct err *err)
{
	const AVInputFormat *f = NULL;
	if (forced) {
		*ret = av_find_input_format(forced);
		return *ret ? 0
		            : err_set(err, ERR_UNSUPPORTED, "this machine's FFmpeg cannot read %s", forced);
	}
	const char *kind = other_kind(s);
	int r = av_probe_input_buffer2(s->pb, &f, "", NULL, 0, 0);
	if (r == AVERROR(ENOMEM) || r == AVERROR(EIO))
		return note_error(err, r, "cannot read the file");
	if (kind && (r < 0 || !f || !av_match_list(f->name, formats, ',') ||
	             av_match_list(f->name, SOUNDS, ',')))
		return err_set(err, ERR_FORMAT, "this is %s", kind);
	if (r < 0 || !f)
		return err_set(
			err, ERR_FORMAT,
			"the format of the file is not a known video format; check that it is a video");
	if (!av_match_list(f->name, formats, ','))
		return refuse_format(f->name, err);
	*ret = f;
	return 0;
}

/* The demuxer failed: the structure of the boxes explains more than its error
 * code. */
static int explain_open(const struct source *s, const AVInputFormat *f, int r, struct err *err)
{
	if (input_error(s->in))
		return err_sys(err, input_error(s->in), "cannot read the file");
	const char *kind = other_kind(s);
	if (kind)
		return err_set(err, ERR_FORMAT, "this is %s", kind);
	if (!av_match_name("mp4", f->name))
		return note_error(err, r, "the %s file is damaged and cannot be opened", f->name);

	struct outline o;
	outline_read(s->in, &o);
	if (o.bad_at >= 0)
		return err_set(
			err, ERR_FORMAT,
			"the MP4 file is damaged: the box \"%s\" at byte %lld has an impossible size, "
			"so the index (moov) cannot be found; copy the file again from its source, or repair "
			"it with a tool that rebuilds the index",
			o.bad_type, (long long)o.bad_at);
	if (!o.moov && o.cut_missing)
		return err_set(
			err, ERR_FORMAT,
			"the index (moov) is missing: the recording was cut off, %lld bytes of the box "
			"\"%s\" are missing; copy the file again, or name an intact file of the same camera "
			"with --media-reference",
			(long long)o.cut_missing, o.cut_type);
	if (!o.moov)
		return err_set(
			err, ERR_FORMAT,
			"the index (moov) is missing: the recording was not finished; name an intact file "
			"of the same camera with --media-reference");
	return note_error(err, r, "the MP4 file is damaged and cannot be opened");
}

static void close_format(struct source *s)
{
	avformat_close_input(&s->fmt);
	input_avio_free(&s->pb);
	s->st = NULL;
}

/* A raw stream without a container, so without times. */
static bool is_bare(const AVInputFormat *f)
{
	return f->flags & AVFMT_NOTIMESTAMPS ||
	       av_match_list(f->name,
	                     "h264,hevc,vvc,evc,cavsvideo,mpegvideo,m4v,h261,h263,mjpeg,vc1,dirac,"
	                     "dnxhd,obu,av1",
	                     ',');
}

static int open_format(struct source *s, struct err *err)
{
	const AVInputFormat *f = NULL;
	note_clear();
	s->pb = input_avio(s->salvage.in ? s->salvage.in : s->in);
	s->fmt = avformat_alloc_context();
	if (!s->pb || !s->fmt)
		return err_set(err, ERR_LIMIT, "no memory for the demuxer");

	int r = find_format(s, s->salvage.format, &f, err);
	if (r < 0)
		return r;
	s->fmt->pb = s->pb;
	s->fmt->io_open = refuse_open;
	s->fmt->max_streams = 200;

	AVDictionary *options = NULL;
	av_dict_set(&options, "protocol_whitelist", "", 0);
	av_dict_set(&options, "format_whitelist", formats, 0);
	double fps = s->salvage.fps > 0 ? s->salvage.fps : s->options.rate;
	if (fps > 0 && is_bare(f)) {
		char rate[32];
		snprintf(rate, sizeof rate, "%.6f", fps);
		av_dict_set(&options, "framerate", rate, 0);
	}

	s->bare = is_bare(f);
	s->count = 0;
	s->clock.last = AV_NOPTS_VALUE;
	s->part = 0;
	note_clear();
	r = avformat_open_input(&s->fmt, "", f, &options);
	av_dict_free(&options);
	if (r < 0)
		return explain_open(s, f, r, err);

	r = avformat_find_stream_info(s->fmt, NULL);
	return r < 0 ? note_error(err, r, "the %s file is damaged and cannot be opened", f->name) : 0;
}

/* Opens the file; if that fails, searches it for pictures. */
static int open_or_salvage(struct source *s, struct err *err)
{
	struct err why;
	int r = open_format(s, err);
	if (r != -ERR_FORMAT && r != -ERR_UNSUPPORTED)
		return r;
	close_format(s);
	int found = salvage_find(s->in, s->options.reference, &s->salvage, &why);
	if (found < 0)
		*err = why;
	if (found != 0)
		return found < 0 ? found : r;
	found = open_format(s, &why);
	if (found < 0)
		salvage_clear(&s->salvage);
	return found < 0 ? r : 0;
}

static int64_t stream_start(const AVStream *st)
{
	return st->start_time == AV_NOPTS_VALUE
	           ? CLOCK_NONE
	           : av_rescale_q(st->start_time, st->time_base, AV_TIME_BASE_Q);
}

/* Zero is where the first of video and audio begins, as in players. Audio
 * before zero is priming; audio that begins minutes before the picture is more
 * likely a timestamp error than intended. */
static int64_t timeline_start(const struct source *s)
{
	const int64_t far = 60 * CLOCK_SECOND;
	int64_t start = stream_start(s->st);
	if (start == CLOCK_NONE)
		return s->fmt->start_time == AV_NOPTS_VALUE ? 0 : s->fmt->start_time;
	int64_t video = start;
	for (unsigned i = 0; i < s->fmt->nb_streams; i++) {
		const AVStream *st = s->fmt->streams[i];
		int64_t t = stream_start(st);
		if (st->codecpar->codec_type == AVMEDIA_TYPE_AUDIO && t != CLOCK_NONE && t >= 0 &&
		    t < start && video - t < far)
			start = t;
	}
	return start;
}

/* Chooses the stream; afterwards the demuxer is at its start. */
static int choose(struct source *s, struct err *err)
{
	bool moved = false;
	int r = source_choose(s, &moved, err);
	return r == 0 && moved ? source_reopen(s, err) : r;
}

/* Measures the timeline, if it requires all packets. Leaves the source at its
 * start. */
static int find_timeline(struct source *s, struct err *err)
{
	s->timeline.start = s->start = timeline_start(s);
	if (s->options.timeline) {
		timeline_copy(s->options.timeline, &s->timeline);
		s->start = s->timeline.start;
		return 0;
	}
	if (s->bare || !timeline_needs_scan(s->fmt, s->st))
		return 0;
	int r = timeline_scan(s->fmt, s->st, s->options.gaps, s->start, &s->timeline, err);
	s->start = s->timeline.start;
	if (r == 0 && input_error(s->in))
		r = err_sys(err, input_error(s->in), "cannot read the file");
	return r < 0 || source_rewind(s) >= 0 ? r : source_reopen(s, err);
}

int source_open(struct input *in, struct source **ret, struct err *err)
{
	const struct source_options o = {.stream = SOURCE_STREAM_AUTO};
	return source_open_with(in, &o, ret, err);
}

int source_open_with(struct input *in, const struct source_options *o, struct source **ret,
                     struct err *err)
{
	if (input_size(in) == 0)
		return err_set(err, ERR_FORMAT, "the file is empty (0 bytes)");
	AUTO(source_freep) struct source *s = mem_alloc(1, sizeof *s);
	s->in = in;
	s->options = *o;
	int r = open_or_salvage(s, err);
	if (r == 0)
		r = choose(s, err);
	if (r == 0)
		r = find_timeline(s, err);
	s->options.timeline = NULL;
	if (r == 0)
		*ret = TAKE(s);
	return r;
}

int source_open_beside(struct input *in, const struct source_options *o, struct source **ret,
                       bool *ret_video, struct err *err)
{
	struct err none;
	AUTO(source_freep) struct source *s = mem_alloc(1, sizeof *s);
	s->in = in;
	s->options = *o;
	int r = open_format(s, err);
	if (r < 0)
		return r;
	*ret_video = choose(s, &none) == 0;
	r = *ret_video ? find_timeline(s, err) : 0;
	s->options.timeline = NULL;
	if (r == 0)
		*ret = TAKE(s);
	return r;
}

int source_best_sound(const struct source *s, bool video)
{
	const AVCodec *codec = NULL;
	return av_find_best_stream(s->fmt, AVMEDIA_TYPE_AUDIO, -1, video ? s->st->index : -1, &codec,
	                           0);
}

/* Its index. */
static int choose_sound(const struct source *s, int track, bool video, struct err *err)
{
	bool named = track >= 0 && track < (int)s->fmt->nb_streams;
	const AVStream *st = named ? s->fmt->streams[track] : NULL;
	char name[64];
	if (track >= 0 && (!st || st->codecpar->codec_type != AVMEDIA_TYPE_AUDIO))
		return err_set(err, ERR_NOENT, "stream %d of this file is not an audio track", track);
	if (track >= 0 && !avcodec_find_decoder(st->codecpar->codec_id))
		return err_set(err, ERR_UNSUPPORTED, "this machine's FFmpeg has no decoder for %s",
		               source_codec_name(st->codecpar, name));
	int best = track >= 0 ? track : source_best_sound(s, video);
	if (best < 0)
		return err_set(err, ERR_NOENT, "there is no sound in this file%s",
		               best == AVERROR_DECODER_NOT_FOUND ? " that this machine's FFmpeg can decode"
		                                                 : "");
	return best;
}

int source_open_sound(struct input *in, const struct source_options *o, int track,
                      struct source **ret, struct err *err)
{
	AUTO(source_freep) struct source *s = NULL;
	bool video;
	int r = source_open_beside(in, o, &s, &video, err);
	if (r == 0)
		r = choose_sound(s, track, video, err);
	if (r < 0)
		return r;
	source_select(s, s->fmt->streams[r]);
	if (!video)
		s->start = timeline_start(s);
	*ret = TAKE(s);
	return 0;
}

int source_open_texts(struct input *in, const struct source_options *o, struct source **ret,
                      struct err *err)
{
	AUTO(source_freep) struct source *s = NULL;
	bool video;
	int r = source_open_beside(in, o, &s, &video, err);
	if (r < 0)
		return r;
	if (!video)
		return err_set(err, ERR_FORMAT, "there is no video whose times the texts could have");
	bool skips = strstr(s->fmt->iformat->name, "mov");
	for (unsigned i = 0; i < s->fmt->nb_streams; i++) {
		AVStream *st = s->fmt->streams[i];
		bool text = st->codecpar->codec_type == AVMEDIA_TYPE_SUBTITLE;
		st->discard = text || (st == s->st && !skips) ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
	}
	*ret = TAKE(s);
	return 0;
}

int source_reopen(struct source *s, struct err *err)
{
	unsigned index = (unsigned)s->st->index;
	enum AVCodecID codec = s->st->codecpar->codec_id;
	close_format(s);
	int r = open_format(s, err);
	if (r < 0)
		return r;
	if (index >= s->fmt->nb_streams || s->fmt->streams[index]->codecpar->codec_id != codec)
		return err_set(err, ERR_INTERNAL, "the file opened a second time has no video in stream %u",
		               index);
	source_select(s, s->fmt->streams[index]);
	return 0;
}

void source_free(struct source *s)
{
	if (!s)
		return;
	close_format(s);
	salvage_clear(&s->salvage);
	timeline_clear(&s->timeline);
	mem_freep(&s);
}

bool source_reference(const struct source *s, struct salvage_reference *ret)
{
	const AVCodecParameters *par = s->st->codecpar;
	AVRational rate = s->st->avg_frame_rate.num > 0 ? s->st->avg_frame_rate : s->st->r_frame_rate;
	*ret = (struct salvage_reference){
		.hevc = par->codec_id == AV_CODEC_ID_HEVC,
		.fps = rate.num > 0 && rate.den > 0 ? av_q2d(rate) : 0,
		.params = par->extradata,
		.params_len = par->extradata_size > 0 ? (size_t)par->extradata_size : 0};
	return (ret->hevc || par->codec_id == AV_CODEC_ID_H264) && ret->params_len > 0;
}

AVRational source_rate(const struct source *s)
{
	AVRational rate = s->st->avg_frame_rate.num > 0 ? s->st->avg_frame_rate : s->st->r_frame_rate;
	double fps = s->salvage.fps > 0 ? s->salvage.fps : s->bare ? s->options.rate : 0;
	if (s->fields.num > 0)
		rate = s->fields;
	if (fps > 0)
		rate = av_d2q(fps, 1001000);
	return rate.num > 0 && rate.den > 0 ? rate : (AVRational){25, 1};
}

/* Whether a packet of a bare stream contains one field, by its duration as the
 * parser has it. The average rate counts some fields as frames, and FFmpeg 7
 * calls the rate of fields r_frame_rate, so the rate of frames follows from it
 * too. */
static bool is_field(const AVStream *st, const AVPacket *pkt, AVRational *ret_rate)
{
	AVRational rate = st->avg_frame_rate.num > 0 ? st->avg_frame_rate : st->r_frame_rate;
	if (rate.num <= 0 || rate.den <= 0 || pkt->duration <= 0 || pkt->duration > INT_MAX / 2)
		return false;
	int64_t frame = av_rescale_q(1, av_inv_q(rate), st->time_base);
	if (pkt->duration >= frame * 3 / 5 || pkt->duration <= frame * 2 / 5)
		return false;
	*ret_rate = av_inv_q(av_mul_q(st->time_base, (AVRational){2 * (int)pkt->duration, 1}));
	return true;
}

static void count_time(struct source *s, AVPacket *pkt)
{
	int n = is_field(s->st, pkt, &s->fields) ? 1 : 2;
	AVRational rate = source_rate(s), half = av_inv_q(av_mul_q(rate, (AVRational){2, 1}));
	pkt->pts = pkt->dts = av_rescale_q(s->count, half, s->st->time_base);
	pkt->duration = av_rescale_q(n, half, s->st->time_base);
	s->count += n;
}

int source_packet(struct source *s, AVPacket *pkt)
{
	/* A demuxer may request another call; the number of calls is limited. */
	for (int again = 0; again < 1000;) {
		int r = av_read_frame(s->fmt, pkt);
		if (r == AVERROR(EAGAIN)) {
			again++;
			continue;
		}
		if (r < 0)
			return r;
		if (pkt->stream_index == s->st->index) {
			if (s->bare)
				count_time(s, pkt);
			else
				sparse_fill(&s->clock, s->st, source_rate(s), pkt);
			if (s->timeline.n_parts)
				timeline_adjust(&s->timeline, s->st->time_base, pkt, &s->part);
			return 0;
		}
		av_packet_unref(pkt);
	}
	return AVERROR_EOF;
}

int source_text_packet(struct source *s, AVPacket *pkt)
{
	int r = AVERROR(EAGAIN);
	for (int again = 0; r == AVERROR(EAGAIN) && again < 1000; again++)
		r = av_read_frame(s->fmt, pkt);
	if (r < 0)
		return r;
	if (s->timeline.n_parts)
		timeline_adjust(&s->timeline, s->fmt->streams[pkt->stream_index]->time_base, pkt, &s->part);
	return 0;
}

bool source_seeks_blindly(const struct source *s)
{
	return s->timeline.n_parts || s->fmt->iformat->flags & AVFMT_TS_DISCONT ||
	       !strcmp(s->fmt->iformat->name, "mpeg");
}

/* FLV: the start of the tag whose frame is at pos; pos if none is found. */
static int64_t tag_start(const struct source *s, int64_t pos)
{
	static const int before[] = {16, 12, 19, 21}; /* size of the tag header and the codec header */
	unsigned char h[4];
	for (size_t i = 0; i < ARRAY_LEN(before); i++) {
		int64_t at = pos - before[i];
		if (at >= 0 && input_read(s->salvage.in ? s->salvage.in : s->in, at, h, 4) == 4 &&
		    (h[0] & 0x1f) == 9 && (h[1] | h[2] | h[3]))
			return at;
	}
	return pos;
}

/* Seeks in a timeline of several parts: by byte if the demuxer can begin
 * anywhere, otherwise by container time if that is ascending. */
static int seek_in_parts(struct source *s, int64_t t)
{
	int64_t container;
	const struct timeline_key *key = timeline_key_before(&s->timeline, t);
	if (av_match_list(s->fmt->iformat->name, "mpegts,mpeg,flv,live_flv", ',')) {
		int64_t pos = key ? key->pos : s->timeline.n_keys ? s->timeline.keys[0].pos : 0;
		bool flv = strstr(s->fmt->iformat->name, "flv");
		return av_seek_frame(s->fmt, -1, flv ? tag_start(s, pos) : pos, AVSEEK_FLAG_BYTE);
	}
	if (!timeline_container_time(&s->timeline, t, &container))
		return AVERROR(ENOSYS);
	return av_seek_frame(s->fmt, s->st->index, source_ts(s, container), AVSEEK_FLAG_BACKWARD);
}

int source_seek(struct source *s, int64_t t)
{
	if (s->bare)
		return AVERROR(ENOSYS);
	s->clock.last = AV_NOPTS_VALUE;
	if (s->timeline.n_parts)
		return seek_in_parts(s, t);
	return av_seek_frame(s->fmt, s->st->index, source_ts(s, t), AVSEEK_FLAG_BACKWARD);
}

int source_rewind(struct source *s)
{
	if (s->fmt->iformat->flags & AVFMT_NO_BYTE_SEEK || !(s->fmt->iformat->flags & AVFMT_TS_DISCONT))
		return AVERROR(ENOSYS);
	s->clock.last = AV_NOPTS_VALUE;
	return av_seek_frame(s->fmt, -1, 0, AVSEEK_FLAG_BYTE);
}

int64_t source_time(const struct source *s, int64_t ts)
{
	if (ts == AV_NOPTS_VALUE)
		return CLOCK_NONE;
	int64_t us = av_rescale_q(ts, s->st->time_base, AV_TIME_BASE_Q), t;
	return us == INT64_MIN || __builtin_sub_overflow(us, s->start, &t) ? CLOCK_NONE : t;
}

int64_t source_ts(const struct source *s, int64_t t)
{
	int64_t us;
	if (__builtin_add_overflow(t, s->start, &us))
		us = t < 0 ? INT64_MIN + 1 : INT64_MAX;
	return av_rescale_q_rnd(us, AV_TIME_BASE_Q, s->st->time_base,
	                        AV_ROUND_DOWN | AV_ROUND_PASS_MINMAX);
}

int64_t source_packet_time(const struct source *s, const AVPacket *pkt)
{
	return source_time(s, pkt->pts != AV_NOPTS_VALUE ? pkt->pts : pkt->dts);
}
