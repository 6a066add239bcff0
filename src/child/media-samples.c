/* SPDX-License-Identifier: Apache-2.0 */
#include "child/media-samples.h"

#include "base/clock.h"
#include "media/source-audio.h"
#include "proc/spawn.h"
#include "proc/wire.h"
#include "protocol/media-wire.h"

/* A message is sent at least so often, so that the parent knows of progress. */
static const int64_t pause = CLOCK_SECOND / 2;

void samples_clear(struct samples *s)
{
	sound_free(s->sound);
	*s = (struct samples){0};
}

int media_audio(struct input *in, const struct source_options *options, struct err *err)
{
	AUTO(audio_tracks_clear) struct audio_tracks t = {0};
	int r = audio_list(in, options, &t, err);
	if (r < 0)
		return r;
	json_t *list = json_array();
	for (size_t i = 0; i < t.n; i++) {
		const struct audio_track *a = &t.tracks[i];
		json_array_append_new(list,
		                      json_pack("{s:i s:s s:s s:s s:i s:i s:I s:b}", "index", a->index,
		                                "codec", a->codec, "language", a->language, "title",
		                                a->title, "rate", a->rate, "channels", a->channels, "end",
		                                (json_int_t)a->end, "undecodable", (int)a->undecodable));
	}
	json_auto_t *head = json_pack("{s:i s:o}", "best", t.best, "tracks", list);
	return head ? wire_send(ROLE_SOCKET, MEDIA_AUDIO_INFO, head, NULL, 0, 0, NULL, err)
	            : err_set(err, ERR_INTERNAL, "cannot encode the result");
}

/* What is being sent. */
struct sending {
	struct samples *s;
	int64_t left; /* samples */
	int64_t sent; /* clock_now() of the last message */
};

static int send_pcm(struct sending *to, const int16_t *data, size_t n, struct err *err)
{
	json_auto_t *head = json_pack("{s:I}", "at", (json_int_t)sound_position(to->s->sound));
	const struct wire_part part = {data, n * sizeof *data};
	to->sent = clock_now();
	return wire_send(ROLE_SOCKET, MEDIA_PCM, head, &part, n > 0, 0, NULL, err);
}

static int send_rest(struct sending *to, struct err *err)
{
	enum { MOST = MEDIA_DATA_MAX / sizeof(int16_t) };
	struct samples *s = to->s;
	int r = 0;
	while (r == 0 && s->n_rest && to->left) {
		size_t n = s->n_rest < MOST ? s->n_rest : MOST;
		n = (int64_t)n < to->left ? n : (size_t)to->left;
		r = send_pcm(to, s->rest, n, err);
		s->rest += n;
		s->n_rest -= n;
		to->left -= (int64_t)n;
	}
	return r;
}

/* 1: the sound has ended. */
static int send_all(struct sending *to, struct err *err)
{
	struct samples *s = to->s;
	for (;;) {
		int r = send_rest(to, err);
		if (r == 0 && to->left)
			r = sound_read(s->sound, &s->rest, &s->n_rest, err);
		if (r != 0 || !to->left)
			return r;
		if (!s->n_rest && clock_now() - to->sent > pause)
			r = send_pcm(to, NULL, 0, err);
		if (r < 0)
			return r;
	}
}

/* The sound of this track, so that the next sample is at `from`. */
static int aim(struct samples *s, struct input *in, const struct source_options *options,
               const struct sound_options *o, int64_t from, struct err *err)
{
	if (s->sound && s->track == o->track && s->at == from)
		return 0;
	if (s->sound && s->track != o->track)
		samples_clear(s);
	int r = s->sound ? 0 : sound_open(in, options, o, &s->sound, err);
	s->track = o->track;
	s->n_rest = 0;
	return r == 0 ? sound_seek(s->sound, from, err) : r;
}

/* What of the sound between these times could not be decoded. */
static json_t *lost_between(struct samples *s, int64_t from, int64_t to)
{
	const struct sound_lost *lost;
	size_t n = sound_lost(s->sound, from, &lost);
	json_t *list = json_array();
	for (size_t i = 0; i < n && i < MEDIA_LOST_MAX && lost[i].from < to; i++)
		json_array_append_new(
			list, json_pack("[I I]", (json_int_t)(lost[i].from > from ? lost[i].from : from),
		                    (json_int_t)(lost[i].to < to ? lost[i].to : to)));
	return list;
}

int media_samples(struct samples *s, struct input *in, const struct source_options *options,
                  const json_t *request, struct err *err)
{
	const int64_t most = (int64_t)MEDIA_SAMPLES_SECONDS * CLOCK_SECOND;
	int64_t track, from, to, believed;
	int r = wire_int(request, "track", 0, INT32_MAX, &track, err);
	if (r == 0)
		r = wire_int(request, "from", 0, INT64_MAX / 1000, &from, err);
	if (r == 0)
		r = wire_int(request, "to", from + 1, from + most, &to, err);
	if (r == 0)
		r = wire_int(request, "believed", 0, INT64_MAX / 1000, &believed, err);
	if (r < 0)
		return r;

	const struct sound_options o = {.rate = MEDIA_SAMPLES_RATE,
	                                .channels = 1,
	                                .track = (int)track,
	                                .exact = true,
	                                .believed = believed};
	struct sending sending = {.s = s,
	                          .left = av_rescale(to - from, MEDIA_SAMPLES_RATE, CLOCK_SECOND),
	                          .sent = clock_now()};
	r = aim(s, in, options, &o, from, err);
	if (r == 0)
		r = send_all(&sending, err);
	s->at = to;
	if (r < 0) {
		samples_clear(s);
		return r;
	}
	json_auto_t *head = json_pack("{s:b s:o}", "ended", r, "lost", lost_between(s, from, to));
	return wire_send(ROLE_SOCKET, MEDIA_DONE, head, NULL, 0, 0, NULL, err);
}
