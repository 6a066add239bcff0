/* SPDX-License-Identifier: Apache-2.0 */
#include "media/source-audio.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "media/source-internal.h"

enum { NAME_MAX_BYTES = 100 };

void audio_tracks_clear(struct audio_tracks *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->tracks[i].title);
	*t = (struct audio_tracks){0};
}

/* Not where the timeline has parts: then the clock of the file is not that of
 * the video. Matroska states the end instead of the duration. */
static int64_t end_of(const struct source *s, const AVStream *st)
{
	int64_t start = 0, length = source_stated_length(st), end;
	if (s->timeline.n_parts || length <= 0)
		return 0;
	if (st->duration > 0 && st->start_time != AV_NOPTS_VALUE)
		start = av_rescale_q(st->start_time, st->time_base, AV_TIME_BASE_Q);
	return __builtin_sub_overflow(start, s->start, &end) ||
	               __builtin_add_overflow(end, length, &end) || end < 0
	           ? 0
	           : end;
}

static void add(struct audio_tracks *to, const struct source *s, const AVStream *st)
{
	const AVDictionaryEntry *language = av_dict_get(st->metadata, "language", NULL, 0),
							*title = av_dict_get(st->metadata, "title", NULL, 0);
	struct audio_track *t = &to->tracks[to->n++];
	AUTO(mem_freep) char *name = text_line(language ? language->value : "", 15);
	*t = (struct audio_track){.index = st->index,
	                          .codec = avcodec_get_name(st->codecpar->codec_id),
	                          .title = text_line(title ? title->value : "", NAME_MAX_BYTES),
	                          .rate = st->codecpar->sample_rate,
	                          .channels = st->codecpar->ch_layout.nb_channels,
	                          .end = end_of(s, st),
	                          .undecodable = !avcodec_find_decoder(st->codecpar->codec_id)};
	snprintf(t->language, sizeof t->language, "%s", strcmp(name, "und") != 0 ? name : "");
}

int audio_list(struct input *in, const struct source_options *o, struct audio_tracks *ret,
               struct err *err)
{
	AUTO(source_freep) struct source *s = NULL;
	bool video;
	*ret = (struct audio_tracks){.best = -1};
	int r = source_open_beside(in, o, &s, &video, err);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < s->fmt->nb_streams && ret->n < MEDIA_AUDIO_MAX; i++)
		if (s->fmt->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_AUDIO)
			add(ret, s, s->fmt->streams[i]);
	int best = source_best_sound(s, video);
	ret->best = best < 0 ? -1 : best;
	return 0;
}
