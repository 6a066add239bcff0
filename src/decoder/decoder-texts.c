/* SPDX-License-Identifier: Apache-2.0 */
#include "decoder/decoder-texts.h"

#include "decoder/decoder-internal.h"
#include "protocol/media-wire.h"

/* The messages after the first one. */
static int take_segments(struct decoder *d, struct decoder_texts *to, struct err *err)
{
	for (;;) {
		AUTO(wire_msg_clear) struct wire_msg m = {0};
		int64_t before = to->at;
		size_t n = to->n_segments;
		int r = decoder_receive(d, MEDIA_SEGMENTS, MEDIA_DONE, 0, &m, err);
		if (r < 0)
			return r;
		bool end = m.type == MEDIA_DONE;
		r = end ? texts_read_end(m.head, to, err) : texts_read_segments(m.head, to, err);
		if (r < 0)
			return decoder_give_up(d, err);
		if (end)
			return 0;
		/* Messages without anything new could go on for ever. */
		if (to->at > before || to->n_segments > n)
			decoder_more_time(d);
	}
}

int decoder_texts(struct decoder *d, struct decoder_texts *ret, struct err *err)
{
	AUTO(wire_msg_clear) struct wire_msg m = {0};
	*ret = (struct decoder_texts){0};
	int r = decoder_request(d, MEDIA_TEXTS, NULL, err);
	if (r == 0)
		r = decoder_receive(d, MEDIA_TRACKS, MEDIA_TRACKS, 0, &m, err);
	if (r < 0)
		return r;
	if (texts_read_tracks(m.head, ret, err) < 0)
		return decoder_give_up(d, err);
	return take_segments(d, ret, err);
}
