/* SPDX-License-Identifier: Apache-2.0 */
#include "media/source.h"

#include <libavutil/avstring.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "media/box.h"
#include "media/note.h"

/* Containers and bare streams that hold everything themselves. Playlists,
 * manifests, image sequences and devices are absent on purpose: they make the
 * demuxer open other files. */
static const char formats[] =
	"mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,mpeg,mpegvideo,m4v,h261,h263,h264,hevc,vvc,obu,"
	"av1,ivf,avi,flv,"
	"live_flv,asf,wtv,ogg,mxf,gxf,nut,rm,dv,nsv,yuv4mpegpipe,mjpeg,gif,apng,vc1,cavsvideo,dirac,"
	"dnxhd,"
	"wav,w64,mp3,flac,aac,ac3,eac3,dts,aiff,au,caf,amr,ape,wv,tta,loas";

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

/* Words for what was recognised but is no video. */
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
	if (strstr(name, "_pipe") || strstr(name, "image2"))
		return err_set(err, ERR_FORMAT, "this is a picture (%s), not a video", name);
	return err_set(err, ERR_UNSUPPORTED,
	               "the format \"%s\" is not a video container that can be read", name);
}

static int find_format(AVIOContext *pb, const char *forced, const AVInputFormat **ret,
                       struct err *err)
{
	const AVInputFormat *f = NULL;
	if (forced) {
		*ret = av_find_input_format(forced);
		return *ret ? 0
		            : err_set(err, ERR_UNSUPPORTED, "this machine's FFmpeg cannot read %s", forced);
	}
	int r = av_probe_input_buffer2(pb, &f, "", NULL, 0, 0);
	if (r == AVERROR(ENOMEM) || r == AVERROR(EIO))
		return note_error(err, r, "cannot read the file");
	if (r < 0 || !f)
		return err_set(err, ERR_FORMAT,
		               "no known video format is recognised in this file; is it really a video?");
	if (!av_match_list(f->name, formats, ','))
		return refuse_format(f->name, err);
	*ret = f;
	return 0;
}

/* The demuxer has given up: the outline of the boxes tells more than its error
 * code. */
static int explain_open(const struct source *s, const AVInputFormat *f, int r, struct err *err)
{
	if (input_error(s->in))
		return err_sys(err, input_error(s->in), "cannot read the file");
	if (!av_match_name("mp4", f->name))
		return note_error(err, r, "the %s file is damaged and cannot be opened", f->name);
	struct outline o;
	outline_read(s->in, &o);
	if (o.bad_at >= 0)
		return err_set(
			err, ERR_FORMAT,
			"the MP4 file is damaged: the box \"%s\" at byte %lld has an impossible size, "
			"so the index (moov) cannot be found; copy the file again from its source, or repair "
			"it with a "
			"tool that rebuilds the index",
			o.bad_type, (long long)o.bad_at);
	if (!o.moov && o.cut_missing)
		return err_set(
			err, ERR_FORMAT,
			"the index (moov) is missing: the recording was cut off, %lld bytes of the box "
			"\"%s\" are not there; copy the file again, or name a good file of the same camera "
			"with "
			"--media-reference",
			(long long)o.cut_missing, o.cut_type);
	if (!o.moov)
		return err_set(
			err, ERR_FORMAT,
			"the index (moov) is missing: the recording was not finished; name a good file of "
			"the same "
			"camera with --media-reference");
	return note_error(err, r, "the MP4 file is damaged and cannot be opened");
}

static void close_format(struct source *s)
{
	avformat_close_input(&s->fmt);
	input_avio_free(&s->pb);
	s->st = NULL;
}

static int open_format(struct source *s, struct err *err)
{
	const AVInputFormat *f = NULL;
	note_clear();
	s->pb = input_avio(s->salvage.in ? s->salvage.in : s->in);
	s->fmt = avformat_alloc_context();
	if (!s->pb || !s->fmt)
		return err_set(err, ERR_LIMIT, "no memory for the demuxer");
	int r = find_format(s->pb, s->salvage.format, &f, err);
	if (r < 0)
		return r;
	s->fmt->pb = s->pb;
	s->fmt->io_open = refuse_open;
	s->fmt->max_streams = 200;
	AVDictionary *options = NULL;
	av_dict_set(&options, "protocol_whitelist", "", 0);
	av_dict_set(&options, "format_whitelist", formats, 0);
	if (s->salvage.fps > 0) {
		char rate[32];
		snprintf(rate, sizeof rate, "%.6f", s->salvage.fps);
		av_dict_set(&options, "framerate", rate, 0);
	}
	s->bare = av_match_name(f->name, "h264,hevc,vvc,evc,cavsvideo");
	s->count = 0;
	note_clear();
	r = avformat_open_input(&s->fmt, "", f, &options);
	av_dict_free(&options);
	if (r < 0)
		return explain_open(s, f, r, err);
	r = avformat_find_stream_info(s->fmt, NULL);
	return r < 0 ? note_error(err, r, "the %s file is damaged and cannot be opened", f->name) : 0;
}

/* Opens it; where that fails, looks for what is left of it. */
static int open_or_salvage(struct source *s, const struct salvage_reference *ref, struct err *err)
{
	struct err why;
	int r = open_format(s, err);
	if (r != -ERR_FORMAT && r != -ERR_UNSUPPORTED)
		return r;
	close_format(s);
	int found = salvage_find(s->in, ref, &s->salvage, &why);
	if (found < 0)
		*err = why;
	if (found != 0)
		return found < 0 ? found : r;
	found = open_format(s, &why);
	if (found < 0)
		salvage_clear(&s->salvage);
	return found < 0 ? r : 0;
}

const char *source_codec_name(const AVCodecParameters *par, char out[static 64])
{
	static const struct {
		char tag[5];
		const char *name;
	} later[] = {
		{"vvc1", "VVC (H.266)"},
		{"vvi1", "VVC (H.266)"},
		{"evc1", "EVC"},
		{"lvc1", "LCEVC"},
		{"apv1", "APV"},
		{"avs3", "AVS3"},
		{"encv", "an encrypted stream"},
	};
	const AVCodecDescriptor *d = avcodec_descriptor_get(par->codec_id);
	char tag[AV_FOURCC_MAX_STRING_SIZE];
	av_fourcc_make_string(tag, par->codec_tag);
	for (size_t i = 0; i < ARRAY_LEN(later); i++)
		if (!strcmp(tag, later[i].tag))
			return later[i].name;
	if (par->codec_id == AV_CODEC_ID_NONE || !d)
		snprintf(out, 64, "unknown (%s)", tag);
	else
		snprintf(out, 64, "%s", d->name);
	return out;
}

static bool is_video(const AVStream *st)
{
	const int still = AV_DISPOSITION_ATTACHED_PIC | AV_DISPOSITION_TIMED_THUMBNAILS;
	return st->codecpar->codec_type == AVMEDIA_TYPE_VIDEO && !(st->disposition & still);
}

static int explain_no_video(const struct source *s, const AVStream *undecodable, struct err *err)
{
	char name[64];
	bool audio = false, cover = false;
	if (undecodable)
		return err_set(err, ERR_UNSUPPORTED,
		               "the video's codec is %s, for which this machine's FFmpeg has no decoder; "
		               "install a newer FFmpeg, or convert the video to H.264",
		               source_codec_name(undecodable->codecpar, name));
	for (unsigned i = 0; i < s->fmt->nb_streams; i++) {
		const AVStream *st = s->fmt->streams[i];
		audio |= st->codecpar->codec_type == AVMEDIA_TYPE_AUDIO;
		cover |= st->codecpar->codec_type == AVMEDIA_TYPE_VIDEO;
	}
	if (audio)
		return err_set(err, ERR_UNSUPPORTED, "there is no video in this file, only audio%s",
		               cover ? " and a cover picture" : "");
	return err_set(err, ERR_UNSUPPORTED,
	               "there is no video stream in this file (%u streams of other kinds)",
	               s->fmt->nb_streams);
}

/* The stream with the most pixels; of equal ones the default one, then the
 * first. */
static int choose_stream(struct source *s, struct err *err)
{
	AVStream *best = NULL, *undecodable = NULL;
	int64_t best_score = -1;
	for (unsigned i = 0; i < s->fmt->nb_streams; i++) {
		AVStream *st = s->fmt->streams[i];
		if (!is_video(st))
			continue;
		if (!avcodec_find_decoder(st->codecpar->codec_id)) {
			undecodable = undecodable ? undecodable : st;
			continue;
		}
		int64_t score = 2 * (int64_t)st->codecpar->width * st->codecpar->height;
		score += !!(st->disposition & AV_DISPOSITION_DEFAULT);
		if (score > best_score) {
			best = st;
			best_score = score;
		}
	}
	if (!best)
		return explain_no_video(s, undecodable, err);
	s->st = best;
	s->codec = avcodec_find_decoder(best->codecpar->codec_id);
	for (unsigned i = 0; i < s->fmt->nb_streams; i++)
		if (s->fmt->streams[i] != best)
			s->fmt->streams[i]->discard = AVDISCARD_ALL;
	return 0;
}

static int64_t stream_start(const AVStream *st)
{
	return st->start_time == AV_NOPTS_VALUE
	           ? CLOCK_NONE
	           : av_rescale_q(st->start_time, st->time_base, AV_TIME_BASE_Q);
}

/* Zero is where the first of video and audio begins, as players count. Audio
 * that begins before zero is priming, and audio that begins minutes before the
 * picture is more likely a broken clock than a wish. */
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

int source_open(struct input *in, struct source **ret, struct err *err)
{
	return source_open_with(in, NULL, ret, err);
}

int source_open_with(struct input *in, const struct salvage_reference *ref, struct source **ret,
                     struct err *err)
{
	if (input_size(in) == 0)
		return err_set(err, ERR_FORMAT, "the file is empty (0 bytes)");
	AUTO(source_freep) struct source *s = mem_alloc(1, sizeof *s);
	s->in = in;
	int r = open_or_salvage(s, ref, err);
	if (r == 0)
		r = choose_stream(s, err);
	if (r < 0)
		return r;
	s->start = timeline_start(s);
	r = splice_find(s, err);
	if (r == 0)
		*ret = TAKE(s);
	return r;
}

int source_open_sound(struct input *in, struct source **ret, struct err *err)
{
	struct err none;
	AUTO(source_freep) struct source *s = mem_alloc(1, sizeof *s);
	s->in = in;
	int r = open_format(s, err);
	if (r < 0)
		return r;
	bool video = choose_stream(s, &none) == 0;
	s->start = video ? timeline_start(s) : 0;
	r = video ? splice_find(s, err) : 0;
	if (r < 0)
		return r;
	const AVCodec *codec = NULL;
	int best =
		av_find_best_stream(s->fmt, AVMEDIA_TYPE_AUDIO, -1, video ? s->st->index : -1, &codec, 0);
	if (best < 0)
		return err_set(err, ERR_NOENT, "there is no sound in this file%s",
		               best == AVERROR_DECODER_NOT_FOUND ? " that this machine's FFmpeg can decode"
		                                                 : "");
	s->st = s->fmt->streams[best];
	s->codec = codec;
	if (!video)
		s->start = timeline_start(s);
	for (unsigned i = 0; i < s->fmt->nb_streams; i++)
		s->fmt->streams[i]->discard = (int)i == best ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
	*ret = TAKE(s);
	return 0;
}

int source_reopen(struct source *s, struct err *err)
{
	int index = s->st->index;
	close_format(s);
	int r = open_format(s, err);
	if (r == 0)
		r = choose_stream(s, err);
	if (r == 0 && s->st->index != index)
		r = err_set(err, ERR_INTERNAL,
		            "the file opened a second time has its video in stream %d, not %d",
		            s->st->index, index);
	return r;
}

void source_free(struct source *s)
{
	if (!s)
		return;
	close_format(s);
	salvage_clear(&s->salvage);
	splices_clear(&s->splices);
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

static void count_time(struct source *s, AVPacket *pkt)
{
	AVRational rate = s->st->avg_frame_rate.num > 0 ? s->st->avg_frame_rate : s->st->r_frame_rate;
	if (s->salvage.fps > 0)
		rate = av_d2q(s->salvage.fps, 1001000);
	if (rate.num <= 0 || rate.den <= 0)
		rate = (AVRational){25, 1};
	pkt->pts = pkt->dts = av_rescale_q(s->count++, av_inv_q(rate), s->st->time_base);
	pkt->duration = av_rescale_q(1, av_inv_q(rate), s->st->time_base);
}

int source_packet(struct source *s, AVPacket *pkt)
{
	/* A demuxer may ask to be called again; one that does so forever is cut
	 * off. */
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
			if (s->splices.n)
				splice_adjust(s, pkt);
			return 0;
		}
		av_packet_unref(pkt);
	}
	return AVERROR_EOF;
}

int source_seek(struct source *s, int64_t t)
{
	if (s->bare)
		return AVERROR(ENOSYS);
	if (s->splices.n)
		return av_seek_frame(s->fmt, -1, splice_pos(s, t), AVSEEK_FLAG_BYTE);
	return av_seek_frame(s->fmt, s->st->index, source_ts(s, t), AVSEEK_FLAG_BACKWARD);
}

int source_rewind(struct source *s)
{
	if (s->fmt->iformat->flags & AVFMT_NO_BYTE_SEEK || !(s->fmt->iformat->flags & AVFMT_TS_DISCONT))
		return AVERROR(ENOSYS);
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
