/* SPDX-License-Identifier: Apache-2.0 */
#include "decoder/decoder-audio.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "decoder/decoder-internal.h"

enum { NAME_MAX_BYTES = 100, STREAMS_MAX = 10000, RATE_MAX = 1 << 30, CHANNELS_MAX = 1 << 20 };

void decoder_audio_clear(struct decoder_audio *a)
{
	for (size_t i = 0; i < a->n; i++) {
		free(a->tracks[i].codec);
		free(a->tracks[i].language);
		free(a->tracks[i].title);
	}
	free(a->tracks);
	*a = (struct decoder_audio){.best = -1};
}

/* A string, without what text_line() removes. */
static int read_line(const json_t *head, const char *key, char **ret, struct err *err)
{
	AUTO(mem_freep) char *text = NULL;
	int r = wire_string(head, key, NAME_MAX_BYTES, &text, err);
	if (r == 0)
		*ret = text_line(text, NAME_MAX_BYTES);
	return r;
}

static int read_track(const json_t *head, struct decoder_audio_track *t, struct err *err)
{
	int64_t index = 0, rate = 0, channels = 0;
	int r = wire_int(head, "index", 0, STREAMS_MAX, &index, err);
	if (r == 0)
		r = read_line(head, "codec", &t->codec, err);
	if (r == 0)
		r = read_line(head, "language", &t->language, err);
	if (r == 0)
		r = read_line(head, "title", &t->title, err);
	if (r == 0)
		r = wire_int(head, "rate", 0, RATE_MAX, &rate, err);
	if (r == 0)
		r = wire_int(head, "channels", 0, CHANNELS_MAX, &channels, err);
	if (r == 0)
		r = wire_int(head, "end", 0, INT64_MAX, &t->end, err);
	if (r == 0)
		r = wire_bool(head, "undecodable", &t->undecodable, err);
	t->index = (int)index;
	t->rate = (int)rate;
	t->channels = (int)channels;
	return r;
}

int decoder_audio_read(const json_t *head, struct decoder_audio *ret, struct err *err)
{
	const json_t *list = json_object_get(head, "tracks");
	size_t n = json_array_size(list);
	int64_t best = -1;
	*ret = (struct decoder_audio){.best = -1};
	if (!json_is_array(list) || n > MEDIA_AUDIO_MAX)
		return err_set(err, ERR_PROTO, "the list of audio tracks is missing or too long");
	ret->tracks = mem_alloc(n + 1, sizeof *ret->tracks);
	for (size_t i = 0; i < n; i++) {
		struct decoder_audio_track *t = &ret->tracks[ret->n++];
		int r = read_track(json_array_get(list, i), t, err);
		if (r == 0 && i && t->index <= t[-1].index)
			r = err_set(err, ERR_PROTO, "the audio tracks are not in order");
		if (r < 0)
			return r;
	}
	int r = wire_int(head, "best", -1, STREAMS_MAX, &best, err);
	for (size_t i = 0; i < n && r == 0; i++)
		if (ret->tracks[i].index == best && !ret->tracks[i].undecodable)
			ret->best = (int)best;
	return r;
}

int decoder_audio(struct decoder *d, struct decoder_audio *ret, struct err *err)
{
	AUTO(wire_msg_clear) struct wire_msg m = {0};
	*ret = (struct decoder_audio){.best = -1};
	int r = decoder_request(d, MEDIA_AUDIO, NULL, err);
	if (r == 0)
		r = decoder_receive(d, MEDIA_AUDIO_INFO, MEDIA_AUDIO_INFO, 0, &m, err);
	if (r < 0)
		return r;
	return decoder_audio_read(m.head, ret, err) < 0 ? decoder_give_up(d, err) : 0;
}

/* Samples as they arrive. */
struct taking {
	int16_t *samples;
	size_t n, at; /* at: so many are there */
	const struct decoder_sound *o;
	struct decoder_lost_list *lost; /* borrowed */
	int64_t position;
};

/* One message PCM. *ret_more: it has brought something new. */
static int take_pcm(const struct wire_msg *m, struct taking *to, bool *ret_more, struct err *err)
{
	size_t n = m->blob_len / sizeof *to->samples;
	const unsigned char *b = m->blob;
	int64_t before = to->position;
	int r = wire_int(m->head, "at", 0, INT64_MAX, &to->position, err);
	if (r == 0 && (m->blob_len % sizeof *to->samples || n > to->n - to->at))
		r = err_set(err, ERR_PROTO, "%zu bytes of sound do not fit", m->blob_len);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		to->samples[to->at++] = (int16_t)(uint16_t)(b[2 * i] | b[2 * i + 1] << 8);
	*ret_more = n || to->position > before;
	if (to->position < before)
		to->position = before;
	return 0;
}

int decoder_lost_read(const json_t *head, const struct decoder_sound *o,
                      struct decoder_lost_list *to, struct err *err)
{
	const json_t *list = json_object_get(head, "lost");
	size_t n = json_array_size(list);
	int64_t after = o->from;
	if (!json_is_array(list) || n > MEDIA_LOST_MAX)
		return err_set(err, ERR_PROTO, "the list of lost sound is missing or too long");
	to->items = mem_grow(to->items, to->n + n, sizeof *to->items);
	for (size_t i = 0; i < n; i++) {
		const json_t *pair = json_array_get(list, i);
		const json_t *from = json_array_get(pair, 0), *end = json_array_get(pair, 1);
		struct decoder_lost x = {json_integer_value(from), json_integer_value(end)};
		if (!json_is_integer(from) || !json_is_integer(end) || x.from < after || x.to <= x.from ||
		    x.to > o->to)
			return err_set(err, ERR_PROTO, "lost sound is not at times of the part");
		after = x.to;
		to->items[to->n++] = x;
	}
	return 0;
}

static int take_end(const struct wire_msg *m, const struct taking *to, bool *ret_ended,
                    struct err *err)
{
	int r = wire_bool(m->head, "ended", ret_ended, err);
	if (r == 0 && to->at < to->n && !*ret_ended)
		return err_set(err, ERR_PROTO, "sound is missing");
	return r == 0 ? decoder_lost_read(m->head, to->o, to->lost, err) : r;
}

static int take_samples(struct decoder *d, struct taking *to, bool *ret_ended, struct err *err)
{
	for (;;) {
		AUTO(wire_msg_clear) struct wire_msg m = {0};
		bool more = false;
		int r = decoder_receive(d, MEDIA_PCM, MEDIA_DONE, MEDIA_DATA_MAX, &m, err);
		if (r < 0)
			return r;
		bool end = m.type == MEDIA_DONE;
		r = end ? take_end(&m, to, ret_ended, err) : take_pcm(&m, to, &more, err);
		if (r < 0)
			return decoder_give_up(d, err);
		if (end)
			return 0;
		/* Messages without anything new could go on for ever. */
		if (more)
			decoder_more_time(d);
	}
}

static void lost_clear(struct decoder_lost_list *l)
{
	free(l->items);
}

int decoder_samples(struct decoder *d, const struct decoder_sound *o, int16_t **ret, size_t *ret_n,
                    bool *ret_ended, struct decoder_lost_list *lost, struct err *err)
{
	AUTO(lost_clear) struct decoder_lost_list own = {0};
	const int64_t most = (int64_t)MEDIA_SAMPLES_SECONDS * CLOCK_SECOND;
	if (o->from < 0 || o->to <= o->from || o->to - o->from > most)
		return err_set(err, ERR_ARG, "a part of the sound is empty or too long");
	struct taking to = {
		.o = o,
		.lost = lost ? lost : &own,
		.n = (size_t)((o->to - o->from) * (MEDIA_SAMPLES_RATE / 1000) / (CLOCK_SECOND / 1000))};
	AUTO(mem_freep) int16_t *samples = mem_alloc(to.n + 1, sizeof *samples);
	to.samples = samples;
	json_auto_t *head =
		json_pack("{s:i s:I s:I s:I}", "track", o->track, "from", (json_int_t)o->from, "to",
	              (json_int_t)o->to, "believed", (json_int_t)o->believed);
	int r = decoder_request(d, MEDIA_SAMPLES, head, err);
	if (r == 0)
		r = take_samples(d, &to, ret_ended, err);
	if (r < 0)
		return r;
	*ret = TAKE(samples);
	*ret_n = to.n;
	return 0;
}
