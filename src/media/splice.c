/* SPDX-License-Identifier: Apache-2.0 */
#include "media/splice.h"

#include <stdlib.h>

#include "base/clock.h"
#include "media/source.h"

enum {
	LOOKS = 16,
	PACKETS_MAX = 500, /* read at one look */
	SPLICES_MAX = 4096,
};

static const int64_t BACK = CLOCK_SECOND; /* less is disorder, not a joint */

static int64_t clock_of(const struct source *s, const AVPacket *pkt)
{
	return source_time(s, pkt->dts != AV_NOPTS_VALUE ? pkt->dts : pkt->pts);
}

/* The clock at this byte; CLOCK_NONE if it cannot be read. */
static int64_t clock_at(struct source *s, AVPacket *pkt, int64_t pos)
{
	int64_t t = CLOCK_NONE;
	if (av_seek_frame(s->fmt, -1, pos, AVSEEK_FLAG_BYTE) < 0)
		return CLOCK_NONE;
	for (int i = 0; i < PACKETS_MAX && t == CLOCK_NONE && source_packet(s, pkt) == 0; i++) {
		t = clock_of(s, pkt);
		av_packet_unref(pkt);
	}
	return t;
}

static bool goes_back(struct source *s, AVPacket *pkt)
{
	int64_t last = CLOCK_NONE, size = input_size(s->salvage.in ? s->salvage.in : s->in);
	for (int i = 0; i < LOOKS; i++) {
		int64_t t = clock_at(s, pkt, size / LOOKS * i);
		if (t != CLOCK_NONE && last != CLOCK_NONE && t < last - BACK)
			return true;
		last = t != CLOCK_NONE ? t : last;
	}
	return false;
}

void splices_clear(struct splices *l)
{
	free(l->items);
	*l = (struct splices){0};
}

static void add_splice(struct splices *l, int64_t pos, int64_t add)
{
	l->items = mem_grow(l->items, l->n + 1, sizeof *l->items);
	l->items[l->n++] =
		(struct splice){.pos = pos, .add = add, .begin = INT64_MAX, .end = INT64_MIN};
}

/* Every packet's clock, from the start on. */
static void list_parts(struct source *s, AVPacket *pkt, struct splices *l)
{
	int64_t last = CLOCK_NONE, step = CLOCK_SECOND / 25;
	for (; source_packet(s, pkt) == 0 && l->n < SPLICES_MAX; av_packet_unref(pkt)) {
		int64_t t = clock_of(s, pkt);
		if (t == CLOCK_NONE || pkt->pos < 0)
			continue;
		struct splice *now = l->n ? &l->items[l->n - 1] : NULL;
		if (!now)
			add_splice(l, 0, 0);
		else if (t < last - BACK)
			add_splice(l, pkt->pos, now->end + step - t);
		else if (t > last)
			step = t - last < CLOCK_SECOND ? t - last : step;
		now = &l->items[l->n - 1];
		now->begin = t + now->add < now->begin ? t + now->add : now->begin;
		now->end = t + now->add > now->end ? t + now->add : now->end;
		last = t;
	}
	av_packet_unref(pkt);
}

int splice_find(struct source *s, struct err *err)
{
	if (!(s->fmt->iformat->flags & AVFMT_TS_DISCONT) || s->fmt->iformat->flags & AVFMT_NO_BYTE_SEEK)
		return 0;
	AUTO(av_packet_free) AVPacket *pkt = av_packet_alloc();
	if (!pkt)
		return err_set(err, ERR_LIMIT, "no memory for a packet");
	bool jumps = goes_back(s, pkt);
	source_rewind(s);
	if (!jumps)
		return 0;
	/* Filled where it is not used yet, so that the packets come with their own
	 * times. */
	struct splices found = {0};
	list_parts(s, pkt, &found);
	if (found.n > 1)
		s->splices = found;
	else
		splices_clear(&found);
	source_rewind(s);
	return 0;
}

void splice_adjust(const struct source *s, AVPacket *pkt)
{
	size_t i = s->splices.n - 1;
	while (i && pkt->pos < s->splices.items[i].pos)
		i--;
	int64_t add = av_rescale_q(s->splices.items[i].add, AV_TIME_BASE_Q, s->st->time_base);
	if (pkt->pts != AV_NOPTS_VALUE)
		pkt->pts += add;
	if (pkt->dts != AV_NOPTS_VALUE)
		pkt->dts += add;
}

int64_t splice_pos(const struct source *s, int64_t t)
{
	size_t i = s->splices.n - 1;
	while (i && t < s->splices.items[i].begin)
		i--;
	const struct splice *p = &s->splices.items[i];
	int64_t next = i + 1 < s->splices.n ? s->splices.items[i + 1].pos
	                                    : input_size(s->salvage.in ? s->salvage.in : s->in);
	if (t <= p->begin || p->end <= p->begin)
		return p->pos;
	return p->pos + av_rescale(t < p->end ? t - p->begin : p->end - p->begin, next - p->pos,
	                           p->end - p->begin);
}
