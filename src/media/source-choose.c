/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "media/compat.h"
#include "media/source-internal.h"

enum { PACKETS_COUNTED = 4000 };

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

static bool is_picture_codec(enum AVCodecID id)
{
	return id == AV_CODEC_ID_MJPEG || id == AV_CODEC_ID_PNG || id == AV_CODEC_ID_BMP ||
	       id == AV_CODEC_ID_WEBP || id == AV_CODEC_ID_TIFF || id == AV_CODEC_ID_GIF ||
	       id == AV_CODEC_ID_JPEG2000;
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

int64_t source_stated_length(const AVStream *st)
{
	const AVDictionaryEntry *tag = av_dict_get(st->metadata, "DURATION", NULL, 0);
	int hours, minutes;
	double seconds;
	if (st->duration > 0)
		return av_rescale_q(st->duration, st->time_base, AV_TIME_BASE_Q);
	if (tag && sscanf(tag->value, "%d:%d:%lf", &hours, &minutes, &seconds) == 3)
		return (int64_t)((hours * 3600.0 + minutes * 60.0 + seconds) * CLOCK_SECOND);
	return 0;
}

static int64_t frames_of(const AVStream *st)
{
	const AVDictionaryEntry *tag = av_dict_get(st->metadata, "NUMBER_OF_FRAMES", NULL, 0);
	long long n = 0;
	if (st->nb_frames > 0)
		return st->nb_frames;
	return tag && sscanf(tag->value, "%lld", &n) == 1 ? n : 0;
}

bool source_is_moving(const AVStream *st)
{
	int64_t frames = frames_of(st), length = source_stated_length(st);
	if (!is_video(st) || frames == 1)
		return false;
	/* A single picture as a separate track, which is not marked as such. */
	return frames > 1 || !is_picture_codec(st->codecpar->codec_id) || !length ||
	       length > 2 * CLOCK_SECOND;
}

/* A stream that could be chosen, with the criteria, most important first. */
struct candidate {
	AVStream *st;
	bool moving, whole, preferred;
	int64_t pixels;
};

static bool is_better(const struct candidate *a, const struct candidate *b)
{
	if (a->moving != b->moving)
		return a->moving;
	if (a->whole != b->whole)
		return a->whole;
	if (a->preferred != b->preferred)
		return a->preferred;
	return a->pixels > b->pixels;
}

/* Counts packets of each video stream near the start, if the header does not
 * state their number. The demuxer has moved then. */
static bool count_packets(struct source *s, int counts[], unsigned n)
{
	AUTO(av_packet_free) AVPacket *pkt = av_packet_alloc();
	unsigned unknown = 0, videos = 0;
	for (unsigned i = 0; i < n; i++) {
		const AVStream *st = s->fmt->streams[i];
		counts[i] = 2;
		videos += is_video(st);
		unknown += is_video(st) && !frames_of(st) && is_picture_codec(st->codecpar->codec_id);
	}
	if (!pkt || videos < 2 || !unknown)
		return false;
	for (unsigned i = 0; i < n; i++)
		counts[i] = 0;
	for (int i = 0; i < PACKETS_COUNTED && av_read_frame(s->fmt, pkt) >= 0; i++) {
		if (pkt->stream_index < (int)n)
			counts[pkt->stream_index]++;
		av_packet_unref(pkt);
	}
	return true;
}

void source_select(struct source *s, AVStream *st)
{
	s->st = st;
	s->codec = avcodec_find_decoder(st->codecpar->codec_id);
	for (unsigned i = 0; i < s->fmt->nb_streams; i++)
		s->fmt->streams[i]->discard = s->fmt->streams[i] == st ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
}

static int choose_named(struct source *s, AVStream **ret, struct err *err)
{
	char name[64];
	int n = s->options.stream;
	AVStream *st = n < (int)s->fmt->nb_streams ? s->fmt->streams[n] : NULL;
	if (!st || st->codecpar->codec_type != AVMEDIA_TYPE_VIDEO)
		return err_set(err, ERR_ARG, "stream %d is not a video stream; vdet index lists them", n);
	if (!avcodec_find_decoder(st->codecpar->codec_id))
		return err_set(err, ERR_UNSUPPORTED, "this machine's FFmpeg has no decoder for %s",
		               source_codec_name(st->codecpar, name));
	*ret = st;
	return 0;
}

static int choose_best(struct source *s, bool *ret_moved, AVStream **ret, struct err *err)
{
	enum { MOST = 200 };
	int counts[MOST];
	unsigned n = s->fmt->nb_streams < MOST ? s->fmt->nb_streams : MOST;
	AVStream *undecodable = NULL;
	struct candidate best = {0};
	int64_t longest = 0;

	*ret_moved = count_packets(s, counts, n);
	for (unsigned i = 0; i < n; i++)
		if (source_is_moving(s->fmt->streams[i]) &&
		    source_stated_length(s->fmt->streams[i]) > longest)
			longest = source_stated_length(s->fmt->streams[i]);

	for (unsigned i = 0; i < n; i++) {
		AVStream *st = s->fmt->streams[i];
		if (!is_video(st))
			continue;
		if (!avcodec_find_decoder(st->codecpar->codec_id)) {
			undecodable = undecodable ? undecodable : st;
			continue;
		}
		struct candidate c = {
			.st = st,
			.moving = source_is_moving(st) && counts[i] > 1,
			.whole = !source_stated_length(st) || source_stated_length(st) * 2 > longest,
			.preferred = st->disposition & AV_DISPOSITION_DEFAULT,
			.pixels = (int64_t)st->codecpar->width * st->codecpar->height,
		};
		if (!best.st || is_better(&c, &best))
			best = c;
	}

	*ret = best.st;
	return best.st ? 0 : explain_no_video(s, undecodable, err);
}

/* MPEG-TS: whether most packets with this stream's identifier are scrambled. */
static bool is_scrambled(const struct source *s)
{
	enum { LOOKED_AT = 4 << 20, PACKET = 188 };
	if (strcmp(s->fmt->iformat->name, "mpegts") != 0)
		return false;
	AUTO(mem_freep) unsigned char *data = mem_alloc(LOOKED_AT, 1);
	int n = input_read(s->salvage.in ? s->salvage.in : s->in, 0, data, LOOKED_AT);
	int all = 0, scrambled = 0, at = 0;
	while (at + 2 * PACKET < n && (data[at] != 0x47 || data[at + PACKET] != 0x47))
		at++;
	for (; at + 4 <= n && data[at] == 0x47; at += PACKET)
		if (((data[at + 1] & 0x1f) << 8 | data[at + 2]) == s->st->id) {
			all++;
			scrambled += data[at + 3] >> 6 != 0;
		}
	return all && scrambled * 2 > all;
}

static bool is_encrypted(const struct source *s)
{
	char tag[AV_FOURCC_MAX_STRING_SIZE];
	av_fourcc_make_string(tag, s->st->codecpar->codec_tag);
	return !strcmp(tag, "encv") || !strcmp(tag, "drmi") ||
	       compat_side_data(s->st, AV_PKT_DATA_ENCRYPTION_INIT_INFO, 1) ||
	       av_dict_get(s->st->metadata, "enc_key_id", NULL, 0) || is_scrambled(s);
}

int source_choose(struct source *s, bool *ret_moved, struct err *err)
{
	AVStream *st = NULL;
	*ret_moved = false;
	int r = choose_best(s, ret_moved, &st, err);
	s->preferred = st ? st->index : -1;
	if (s->options.stream >= 0)
		r = choose_named(s, &st, err);
	if (r < 0)
		return r;
	source_select(s, st);
	if (is_encrypted(s))
		return err_set(err, ERR_UNSUPPORTED,
		               "the video is encrypted and cannot be decoded without its key; decrypt it "
		               "first");
	return 0;
}
