/* SPDX-License-Identifier: Apache-2.0 */
#include "decoder/decoder-output.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "decoder/decoder-internal.h"
#include "decoder/jpeg-check.h"
#include "protocol/media-wire.h"

enum { SHEET_BYTES = 24 << 20 };

static int write_at(int fd, const unsigned char *data, size_t len, int64_t pos, struct err *err)
{
	while (len) {
		ssize_t n = pwrite(fd, data, len, pos);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_sys(err, n ? errno : ENOSPC, "cannot write the file");
		data += n;
		pos += n;
		len -= (size_t)n;
	}
	return 0;
}

/* One DATA message: writes its bytes and reports the progress. A negative
 * *ret_lie is a violation of the protocol. */
static int take_data(const struct wire_msg *m, const struct decoder_output *o, int64_t *ret_at,
                     int *ret_lie, struct err *err)
{
	int64_t pos;
	*ret_lie = wire_int(m->head, "pos", 0, o->max, &pos, err);
	if (*ret_lie == 0)
		*ret_lie = wire_int(m->head, "at", 0, INT64_MAX, ret_at, err);
	if (*ret_lie == 0 && (int64_t)m->blob_len > o->max - pos)
		*ret_lie =
			err_set(err, ERR_PROTO, "the file exceeds the limit of %lld bytes", (long long)o->max);
	return *ret_lie < 0 ? *ret_lie : write_at(o->fd, m->blob, m->blob_len, pos, err);
}

/* Receives a file; `end` becomes the message DONE. */
static int take_file_until(struct decoder *d, const struct decoder_output *o, struct wire_msg *end,
                           struct err *err)
{
	int64_t at = 0, before = 0;
	decoder_more_time(d);
	for (;;) {
		AUTO(wire_msg_clear) struct wire_msg m = {0};
		int lie = 0;
		int r = decoder_receive(d, MEDIA_DATA, MEDIA_DONE, MEDIA_DATA_MAX, &m, err);
		if (r == 0 && m.type == MEDIA_DONE) {
			*end = m;
			m = (struct wire_msg){0};
		}
		if (r < 0 || end->type)
			return r;
		r = take_data(&m, o, &at, &lie, err);
		if (r < 0)
			return lie < 0 ? decoder_give_up(d, err) : decoder_stop(d, r);
		/* Bytes are limited; messages without either could go on for ever. */
		if (at > before || m.blob_len)
			decoder_more_time(d);
		before = at > before ? at : before;
		if (o->progress)
			o->progress(o->ctx, at);
	}
}

static int take_file(struct decoder *d, const struct decoder_output *o, struct err *err)
{
	AUTO(wire_msg_clear) struct wire_msg end = {0};
	return take_file_until(d, o, &end, err);
}

int decoder_proxy(struct decoder *d, int side, bool sound, int64_t duration,
                  const struct decoder_output *o, struct err *err)
{
	json_auto_t *head =
		json_pack("{s:i s:b s:I}", "side", side, "sound", sound, "duration", (json_int_t)duration);
	int r = decoder_request(d, MEDIA_PROXY, head, err);
	return r < 0 ? r : take_file(d, o, err);
}

int decoder_plant(struct decoder *d, const struct decoder_planting *p,
                  const struct decoder_output *o, struct err *err)
{
	json_t *plants = json_array();
	for (size_t i = 0; i < p->n; i++) {
		const struct plant *e = &p->plants[i];
		json_array_append_new(plants,
		                      json_pack("[i I I f f f f f f i i i]", e->kind, (json_int_t)e->start,
		                                (json_int_t)e->end, e->width, e->height, e->x0, e->y0,
		                                e->x1, e->y1, e->contrast, e->blue, e->red));
	}
	json_auto_t *head =
		json_pack("{s:I s:I s:I s:f s:I s:o}", "from", (json_int_t)p->from, "to", (json_int_t)p->to,
	              "duration", (json_int_t)(p->to - p->from), "keyframe", p->keyframe_s, "kbit",
	              (json_int_t)p->kbit, "plants", plants);
	int r = decoder_request(d, MEDIA_PLANT, head, err);
	return r < 0 ? r : take_file(d, o, err);
}

int decoder_sound(struct decoder *d, int rate, const struct decoder_output *o, struct err *err)
{
	json_auto_t *head = json_pack("{s:i}", "rate", rate);
	int r = decoder_request(d, MEDIA_SOUND, head, err);
	return r < 0 ? r : take_file(d, o, err);
}

/* What the child says of a clip, if it is possible. */
static int read_made(const json_t *head, int64_t from, int64_t to, struct clip_made *ret,
                     struct err *err)
{
	AUTO(mem_freep) char *codec = NULL;
	int64_t sound = 0, lost = 0;
	int r = wire_int(head, "from", from, to - 1, &ret->from, err);
	if (r == 0)
		r = wire_int(head, "to", ret->from + 1, to, &ret->to, err);
	if (r == 0)
		r = wire_int(head, "frames", 1, ret->to - ret->from, &ret->frames, err);
	if (r == 0)
		r = wire_int(head, "encoded", 0, ret->frames, &ret->encoded, err);
	if (r == 0)
		r = wire_int(head, "concealed", 0, ret->encoded, &ret->concealed, err);
	if (r == 0)
		r = wire_int(head, "sound", 0, CLIP_SOUNDS - 1, &sound, err);
	if (r == 0)
		r = wire_int(head, "lost", 0, ret->encoded ? CLIP_LOST_ALL : 0, &lost, err);
	if (r == 0)
		r = wire_string(head, "codec", CLIP_CODEC_MAX - 1, &codec, err);
	if (r < 0)
		return r;
	ret->sound = (enum clip_sound)sound;
	ret->lost = (unsigned)lost;
	snprintf(ret->codec, sizeof ret->codec, "%s", codec);
	return 0;
}

int decoder_clip(struct decoder *d, int64_t from, int64_t to, const struct decoder_output *o,
                 struct clip_made *ret, struct err *err)
{
	AUTO(wire_msg_clear) struct wire_msg end = {0};
	struct clip_made made = {0};
	json_auto_t *head = json_pack("{s:I s:I}", "from", (json_int_t)from, "to", (json_int_t)to);
	int r = decoder_request(d, MEDIA_CLIP, head, err);
	if (r == 0)
		r = take_file_until(d, o, &end, err);
	if (r < 0)
		return r;
	if (read_made(end.head, from, to, &made, err) < 0)
		return decoder_give_up(d, err);
	*ret = made;
	return 0;
}

int decoder_tile(struct decoder *d, const struct decoder_tiles *t, struct buf *ret, struct err *err)
{
	AUTO(wire_msg_clear) struct wire_msg m = {0};
	int rows = (int)((t->n + (size_t)t->columns - 1) / (size_t)t->columns);

	json_t *times = json_array();
	for (size_t i = 0; i < t->n; i++)
		json_array_append_new(times, json_integer(t->times[i]));
	json_auto_t *head = json_pack("{s:o s:i s:i s:i s:i s:i s:b}", "times", times, "width",
	                              t->width, "height", t->height, "columns", t->columns, "rows",
	                              rows, "quality", t->quality, "keyframes", t->keyframes);

	int r = decoder_request(d, MEDIA_TILES, head, err);
	if (r == 0)
		r = decoder_receive(d, MEDIA_SHEET, MEDIA_SHEET, SHEET_BYTES, &m, err);
	if (r < 0)
		return r;
	if (jpeg_check(m.blob, m.blob_len, t->width * t->columns, t->height * rows, err) < 0)
		return decoder_give_up(d, err);

	*ret = BUF(SHEET_BYTES);
	return buf_add(ret, m.blob, m.blob_len);
}
