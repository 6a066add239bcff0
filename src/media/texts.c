/* SPDX-License-Identifier: Apache-2.0 */
#include "media/texts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "media/note.h"
#include "media/subtitle.h"
#include "protocol/texts-wire.h"

struct texts {
	struct input *in;
	struct source *src;
	AVPacket *pkt;
	struct texts_track tracks[TEXTS_TRACKS_MAX];
	AVCodecContext *decoders[TEXTS_TRACKS_MAX]; /* NULL: it cannot be read */
	size_t n;
	AVSubtitle sub; /* decoded last; its rectangles from `next` on are not returned yet */
	unsigned next;
	size_t track;     /* of it */
	int64_t duration; /* of its packet, microseconds; 0 = not stated */
	size_t flushed;   /* tracks, at the end of the file */
	int64_t position;
};

/* The decoder of a text format; NULL if it is none, or there is none. Those
 * whose text is in the file as it is spoken; not pictures. */
static const AVCodec *find_decoder(enum AVCodecID id)
{
	static const enum AVCodecID known[] = {AV_CODEC_ID_MOV_TEXT, AV_CODEC_ID_SUBRIP,
	                                       AV_CODEC_ID_TEXT,     AV_CODEC_ID_WEBVTT,
	                                       AV_CODEC_ID_ASS,      AV_CODEC_ID_EIA_608};
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (known[i] == id)
			return avcodec_find_decoder(id);
	return NULL;
}

static int open_decoder(const AVStream *st, AVCodecContext **ret)
{
	const AVCodec *codec = find_decoder(st->codecpar->codec_id);
	AVCodecContext *c = codec ? avcodec_alloc_context3(codec) : NULL;
	int r = c ? avcodec_parameters_to_context(c, st->codecpar) : AVERROR_DECODER_NOT_FOUND;
	if (r >= 0) {
		c->pkt_timebase = st->time_base;
		r = avcodec_open2(c, codec, NULL);
	}
	if (r < 0)
		avcodec_free_context(&c);
	*ret = c;
	return r;
}

static const char *fault_of(const AVStream *st)
{
	const AVCodecDescriptor *d = avcodec_descriptor_get(st->codecpar->codec_id);
	return !d                                      ? "its format is not known"
	       : d->props & AV_CODEC_PROP_BITMAP_SUB   ? "it consists of pictures of text"
	       : !find_decoder(st->codecpar->codec_id) ? "texts of this format cannot be read"
	                                               : "its decoder does not start";
}

static void add_track(struct texts *t, const AVStream *st)
{
	const AVDictionaryEntry *language = av_dict_get(st->metadata, "language", NULL, 0),
							*title = av_dict_get(st->metadata, "title", NULL, 0);
	struct texts_track *to = &t->tracks[t->n];
	AUTO(mem_freep) char *line = text_line(title ? title->value : "", TEXTS_NAME_MAX);
	AUTO(mem_freep) char *name = text_line(language ? language->value : "", 15);
	*to = (struct texts_track){.index = st->index,
	                           .format = avcodec_get_name(st->codecpar->codec_id),
	                           .title = text_line(line, TEXTS_NAME_MAX)};
	snprintf(to->language, sizeof to->language, "%s", strcmp(name, "und") ? name : "");
	if (open_decoder(st, &t->decoders[t->n]) < 0)
		to->fault = fault_of(st);
	t->n++;
}

int texts_open(struct input *in, const struct source_options *o, struct texts **ret,
               struct err *err)
{
	AUTO(texts_freep) struct texts *t = mem_alloc(1, sizeof *t);
	t->in = in;
	int r = source_open_texts(in, o, &t->src, err);
	if (r < 0)
		return r;
	t->pkt = av_packet_alloc();
	if (!t->pkt)
		return err_set(err, ERR_LIMIT, "no memory for a packet");
	const AVFormatContext *fmt = t->src->fmt;
	for (unsigned i = 0; i < fmt->nb_streams && t->n < TEXTS_TRACKS_MAX; i++)
		if (fmt->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_SUBTITLE)
			add_track(t, fmt->streams[i]);
	*ret = TAKE(t);
	return 0;
}

void texts_free(struct texts *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n; i++) {
		avcodec_free_context(&t->decoders[i]);
		free(t->tracks[i].title);
	}
	avsubtitle_free(&t->sub);
	av_packet_free(&t->pkt);
	source_free(t->src);
	free(t);
}

const struct texts_track *texts_tracks(const struct texts *t, size_t *ret_n)
{
	*ret_n = t->n;
	return t->tracks;
}

int64_t texts_position(const struct texts *t)
{
	return t->position;
}

/* ---- decoding */

/* A packet of a track, or NULL at its end. */
static int decode(struct texts *t, size_t track, AVPacket *pkt)
{
	AVPacket *none = pkt ? NULL : av_packet_alloc();
	int got = 0;
	if (!pkt && !none)
		return AVERROR(ENOMEM);
	int r = avcodec_decode_subtitle2(t->decoders[track], &t->sub, &got, pkt ? pkt : none);
	av_packet_free(&none);
	t->track = track;
	t->next = 0;
	t->duration = 0;
	if (pkt && pkt->duration > 0 && t->decoders[track]->codec_id != AV_CODEC_ID_EIA_608)
		t->duration = av_rescale_q(pkt->duration, t->decoders[track]->pkt_timebase, AV_TIME_BASE_Q);
	if (r < 0 || !got)
		memset(&t->sub, 0, sizeof t->sub);
	return r;
}

/* The next packet, if it is of a track that can be read. */
static int read_packet(struct texts *t, struct err *err)
{
	int r = source_text_packet(t->src, t->pkt), decoded = 0;
	if (r == AVERROR(ENOMEM))
		return note_error(err, r, "cannot read the packets");
	if (input_error(t->in))
		return err_sys(err, input_error(t->in), "cannot read the file");
	if (r < 0) {
		/* What a decoder still has. */
		if (t->flushed == t->n)
			return -ERR_NOENT;
		size_t i = t->flushed++;
		if (t->decoders[i] && t->decoders[i]->codec->capabilities & AV_CODEC_CAP_DELAY)
			decode(t, i, NULL);
		return 0;
	}
	if (t->pkt->pos > t->position)
		t->position = t->pkt->pos;
	for (size_t i = 0; i < t->n; i++) {
		if (t->tracks[i].index != t->pkt->stream_index || !t->decoders[i])
			continue;
		decoded = decode(t, i, t->pkt);
		t->tracks[i].unread += decoded < 0;
	}
	av_packet_unref(t->pkt);
	return decoded == AVERROR(ENOMEM) ? note_error(err, decoded, "cannot decode the texts") : 0;
}

/* Times of the next rectangle. False: they are not known, or not in the
 * video. */
static bool find_times(const struct texts *t, struct texts_segment *ret)
{
	const AVSubtitle *sub = &t->sub;
	int64_t length = (int64_t)sub->end_display_time - sub->start_display_time;
	bool stated = sub->end_display_time != UINT32_MAX && length > 0;
	if (sub->pts == AV_NOPTS_VALUE || __builtin_sub_overflow(sub->pts, t->src->start, &ret->start))
		return false;
	ret->start += (int64_t)sub->start_display_time * 1000;
	length = t->duration ? t->duration : stated ? length * 1000 : 0;
	if (length < 0 || __builtin_add_overflow(ret->start, length, &ret->end))
		return false;
	if (ret->start < 0 && length && ret->end > 0)
		ret->start = 0;
	return ret->start >= 0;
}

int texts_step(struct texts *t, struct texts_segment *ret, struct err *err)
{
	*ret = (struct texts_segment){.track = t->track};
	if (t->next == t->sub.num_rects) {
		avsubtitle_free(&t->sub);
		t->next = 0;
		return read_packet(t, err);
	}
	const AVSubtitleRect *rect = t->sub.rects[t->next++];
	if (rect->ass)
		subtitle_read(rect->ass, &ret->who, &ret->text);
	if (ret->text && *ret->text && find_times(t, ret))
		return 1;
	if (ret->text && *ret->text && t->sub.pts == AV_NOPTS_VALUE)
		t->tracks[t->track].unread++;
	free(TAKE(ret->who));
	free(TAKE(ret->text));
	return 0;
}
