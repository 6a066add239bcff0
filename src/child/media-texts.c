/* SPDX-License-Identifier: Apache-2.0 */
#include "child/media-texts.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "media/texts.h"
#include "proc/spawn.h"
#include "proc/wire.h"
#include "protocol/media-wire.h"
#include "protocol/texts-wire.h"

/* A message is sent at least so often, so that the parent knows of progress. */
static const int64_t pause = CLOCK_SECOND / 2;
/* Texts of a message; each byte may need two, and a head has 64 KiB. */
enum { PENDING_MAX = 24 << 10 };

struct sending {
	struct texts *texts;
	json_t *batch;  /* segments that are not sent yet */
	size_t pending; /* bytes of their texts */
	size_t segments, bytes;
	int64_t sent; /* clock_now() of the last message */
	bool cut;
};

static int tell(uint32_t type, const json_t *head, struct err *err)
{
	return head ? wire_send(ROLE_SOCKET, type, head, NULL, 0, 0, NULL, err)
	            : err_set(err, ERR_INTERNAL, "cannot encode the result");
}

static int send_tracks(const struct sending *s, struct err *err)
{
	size_t n;
	const struct texts_track *t = texts_tracks(s->texts, &n);
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list,
		                      json_pack("{s:i s:s s:s s:s s:s}", "index", t[i].index, "format",
		                                t[i].format, "language", t[i].language, "title", t[i].title,
		                                "fault", t[i].fault ? t[i].fault : ""));
	json_auto_t *head = json_pack("{s:o}", "tracks", list);
	return tell(MEDIA_TRACKS, head, err);
}

static int send_batch(struct sending *s, struct err *err)
{
	json_auto_t *head = json_pack("{s:I s:o}", "at", (json_int_t)texts_position(s->texts),
	                              "segments", TAKE(s->batch));
	s->batch = json_array();
	s->pending = 0;
	s->sent = clock_now();
	return tell(MEDIA_SEGMENTS, head, err);
}

static void add(struct sending *s, const struct texts_segment *t)
{
	int64_t end = t->end > t->start ? t->end : t->start;
	size_t bytes = strlen(t->text) + strlen(t->who);
	s->bytes += bytes;
	s->cut = s->segments == TEXTS_SEGMENTS_MAX || s->bytes > TEXTS_BYTES_MAX;
	if (s->cut)
		return;
	s->segments++;
	s->pending += bytes;
	json_array_append_new(s->batch, json_pack("[i I I s s]", (int)t->track, (json_int_t)t->start,
	                                          (json_int_t)end, t->who, t->text));
}

static int send_segments(struct sending *s, struct err *err)
{
	int r = 0;
	while (r >= 0 && !s->cut) {
		struct texts_segment t;
		r = texts_step(s->texts, &t, err);
		if (r == 1) {
			add(s, &t);
			free(t.who);
			free(t.text);
		}
		bool due = json_array_size(s->batch) == TEXTS_BATCH || s->pending > PENDING_MAX ||
		           clock_now() - s->sent > pause;
		if (r >= 0 && due)
			r = send_batch(s, err);
	}
	return r < 0 && r != -ERR_NOENT ? r : send_batch(s, err);
}

static int send_end(const struct sending *s, struct err *err)
{
	size_t n;
	const struct texts_track *t = texts_tracks(s->texts, &n);
	json_t *unread = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(unread, json_integer(t[i].unread));
	json_auto_t *head = json_pack("{s:o s:b}", "unread", unread, "cut", (int)s->cut);
	return tell(MEDIA_DONE, head, err);
}

/* A file without text tracks need not be read. */
static bool has_readable(const struct texts *t)
{
	size_t n;
	const struct texts_track *tracks = texts_tracks(t, &n);
	for (size_t i = 0; i < n; i++)
		if (!tracks[i].fault)
			return true;
	return false;
}

int media_texts(struct input *in, const struct source_options *options, struct err *err)
{
	AUTO(texts_freep) struct texts *texts = NULL;
	int r = texts_open(in, options, &texts, err);
	if (r < 0)
		return r;
	struct sending s = {.texts = texts, .batch = json_array(), .sent = clock_now()};
	r = send_tracks(&s, err);
	if (r == 0 && has_readable(texts))
		r = send_segments(&s, err);
	if (r == 0)
		r = send_end(&s, err);
	json_decref(s.batch);
	return r;
}
