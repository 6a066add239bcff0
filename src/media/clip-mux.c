/* SPDX-License-Identifier: Apache-2.0 */
#include "media/clip-mux.h"

#include "media/compat.h"
#include "media/note.h"
#include "media/sink.h"

struct clip_mux {
	AVFormatContext *fmt;
	AVStream *streams[2]; /* video, sound */
	AVRational time_base[2];
};

bool clip_mux_takes(const AVCodecParameters *par)
{
	static const enum AVCodecID ids[] = {
		AV_CODEC_ID_H264,  AV_CODEC_ID_HEVC,  AV_CODEC_ID_AV1,        AV_CODEC_ID_VP9,
		AV_CODEC_ID_MPEG4, AV_CODEC_ID_MJPEG, AV_CODEC_ID_MPEG2VIDEO, AV_CODEC_ID_AAC,
		AV_CODEC_ID_MP3,   AV_CODEC_ID_AC3,   AV_CODEC_ID_EAC3,       AV_CODEC_ID_OPUS,
		AV_CODEC_ID_FLAC,  AV_CODEC_ID_ALAC,
	};
	const AVOutputFormat *mp4 = av_guess_format("mp4", NULL, NULL);
	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		if (par->codec_id == ids[i])
			return mp4 && avformat_query_codec(mp4, par->codec_id, FF_COMPLIANCE_NORMAL) == 1;
	return false;
}

void clip_mux_free(struct clip_mux *m)
{
	if (!m)
		return;
	if (m->fmt)
		sink_avio_free(&m->fmt->pb);
	avformat_free_context(m->fmt);
	mem_freep(&m);
}

/* The tag of the video is kept where it has the same meaning in MP4. */
static uint32_t choose_tag(const AVFormatContext *fmt, const struct clip_stream *s)
{
	const struct AVCodecTag *const *tags = fmt->oformat->codec_tag;
	if (s->tag)
		return s->tag;
	return tags && av_codec_get_id(tags, s->par->codec_tag) == s->par->codec_id ? s->par->codec_tag
	                                                                            : 0;
}

static int copy_side_data(AVStream *st, const struct clip_stream *s)
{
	static const enum AVPacketSideDataType kinds[] = {
		AV_PKT_DATA_DISPLAYMATRIX,
		AV_PKT_DATA_MASTERING_DISPLAY_METADATA,
		AV_PKT_DATA_CONTENT_LIGHT_LEVEL,
		AV_PKT_DATA_SPHERICAL,
		AV_PKT_DATA_STEREO3D,
	};
	compat_remove_side_data(st);
	for (size_t i = 0; i < ARRAY_LEN(kinds) && s->like; i++) {
		if (!i && !s->rotation)
			continue;
		int r = compat_copy_side_data(st, s->like, kinds[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_stream(struct clip_mux *m, int which, const struct clip_stream *s)
{
	AVStream *st = m->streams[which] = avformat_new_stream(m->fmt, NULL);
	if (!st)
		return AVERROR(ENOMEM);
	int r = avcodec_parameters_copy(st->codecpar, s->par);
	if (r < 0)
		return r;
	st->codecpar->codec_tag = choose_tag(m->fmt, s);
	st->sample_aspect_ratio = s->par->sample_aspect_ratio;
	st->time_base = m->time_base[which] = s->time_base;
	return copy_side_data(st, s);
}

/* Space for the header at the front: the size of its tables. */
static int64_t header_room(int64_t packets)
{
	return 65536 + 40 * packets;
}

int clip_mux_open(const struct writer_sink *sink, const struct clip_stream *video,
                  const struct clip_stream *sound, int64_t packets, struct clip_mux **ret,
                  struct err *err)
{
	AUTO(clip_mux_freep) struct clip_mux *m = mem_alloc(1, sizeof *m);
	int r = avformat_alloc_output_context2(&m->fmt, NULL, "mp4", NULL);
	if (r >= 0)
		r = add_stream(m, 0, video);
	if (r >= 0 && sound)
		r = add_stream(m, 1, sound);
	if (r >= 0 && !(m->fmt->pb = sink_avio(sink)))
		r = AVERROR(ENOMEM);
	if (r >= 0) {
		AVDictionary *options = NULL;
		m->fmt->max_chunk_duration = 1000000;
		m->fmt->flush_packets = 0;
		m->fmt->flags |= AVFMT_FLAG_BITEXACT; /* the same clip is the same file */
		av_dict_set_int(&options, "moov_size", header_room(packets), 0);
		r = avformat_write_header(m->fmt, &options);
		av_dict_free(&options);
	}
	if (r < 0)
		return note_error(err, r, "cannot write the clip");
	*ret = TAKE(m);
	return 0;
}

int clip_mux_write(struct clip_mux *m, bool sound, AVPacket *pkt, struct err *err)
{
	AVStream *st = m->streams[sound];
	pkt->stream_index = st->index;
	pkt->pos = -1;
	av_packet_rescale_ts(pkt, m->time_base[sound], st->time_base);
	int r = av_interleaved_write_frame(m->fmt, pkt);
	if (r >= 0 && m->fmt->pb->error < 0)
		r = m->fmt->pb->error;
	return r < 0 ? note_error(err, r, "cannot write the clip") : 0;
}

int clip_mux_finish(struct clip_mux *m, struct err *err)
{
	int r = av_write_trailer(m->fmt);
	if (r >= 0 && m->fmt->pb->error < 0)
		r = m->fmt->pb->error;
	return r < 0 ? note_error(err, r, "cannot write the clip") : 0;
}
