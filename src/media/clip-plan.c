/* SPDX-License-Identifier: Apache-2.0 */
#include "media/clip-plan.h"

#include <string.h>

#include "base/clock.h"
#include "media/note.h"

enum {
	PACKETS_MAX = 4 << 20,
	REORDERED = 64, /* packets after the range that are read; more than any codec reorders */
	TRIES = 4,
	LOST = 100000, /* packets without a keyframe */
};

void clip_plan_clear(struct clip_plan *p)
{
	free(p->packets);
	*p = (struct clip_plan){0};
}

/* ---- H.264 units ---- */

/* Calls a unit of this type an IDR picture. Units have start codes, or lengths
 * of `size` bytes. */
static bool has_idr(const uint8_t *p, size_t n, size_t size)
{
	enum { TYPE = 0x1f, SLICE = 1, IDR = 5 };
	size_t at = 0;
	while (at + 4 < n) {
		if (!size && (p[at] || p[at + 1] || p[at + 2] != 1)) {
			at++;
			continue;
		}
		size_t head = size ? size : 3, length = 0;
		for (size_t i = 0; i < size; i++)
			length = length << 8 | p[at + i];
		int type = p[at + head] & TYPE;
		if (type == SLICE || type == IDR)
			return type == IDR;
		if (length > n)
			return false;
		at += head + length;
	}
	return false;
}

static bool is_idr(const AVStream *st, const AVPacket *pkt)
{
	const AVCodecParameters *par = st->codecpar;
	bool boxed = par->extradata_size >= 7 && par->extradata[0] == 1;
	if (par->codec_id != AV_CODEC_ID_H264 || pkt->size < 5)
		return false;
	return has_idr(pkt->data, (size_t)pkt->size, boxed ? (par->extradata[4] & 3u) + 1 : 0);
}

/* ---- reading ---- */

int clip_plan_seek(const struct clip_plan *p, struct source *s, struct err *err)
{
	if (p->aim == CLOCK_NONE)
		return source_reopen(s, err);
	return source_seek(s, p->aim) < 0 ? err_set(err, ERR_IO, "cannot seek in the video") : 0;
}

/* Reads up to the next keyframe. 0, 1 at the end, or an error. */
static int to_keyframe(struct source *s, AVPacket *pkt, int64_t *ret_time, struct err *err)
{
	for (int i = 0; i < LOST; i++) {
		av_packet_unref(pkt);
		int r = source_packet(s, pkt);
		if (r == AVERROR(ENOMEM))
			return note_error(err, r, "cannot read the video");
		if (r < 0)
			return 1;
		*ret_time = source_packet_time(s, pkt);
		if (pkt->flags & AV_PKT_FLAG_KEY && *ret_time != CLOCK_NONE)
			return 0;
	}
	return 1;
}

/* Finds a place to begin at: a keyframe at or before `from`. */
static int land(struct clip_plan *p, struct source *s, int64_t from, AVPacket *pkt, struct err *err)
{
	static const int64_t back[TRIES - 1] = {0, 3 * CLOCK_SECOND, 15 * CLOCK_SECOND};
	for (size_t i = 0; i < TRIES; i++) {
		int64_t time;
		p->aim = i < TRIES - 1 && from > back[i] ? from - back[i] : CLOCK_NONE;
		struct err ignored;
		int r = clip_plan_seek(p, s, p->aim == CLOCK_NONE ? err : &ignored);
		if (r < 0 && p->aim == CLOCK_NONE)
			return r;
		if (r == 0)
			r = to_keyframe(s, pkt, &time, err);
		if (r == -ERR_LIMIT)
			return r;
		if (r == 0 && (time <= from || p->aim == CLOCK_NONE))
			return 0;
		if (p->aim == CLOCK_NONE)
			return 1;
	}
	return 1;
}

/* Adds a packet; false if its time is not that of its frame. */
static bool add(struct clip_plan *p, size_t *cap, const struct source *s, const AVPacket *pkt)
{
	bool reordered = s->st->codecpar->video_delay > 0;
	int64_t pts = pkt->pts;
	if (pts == AV_NOPTS_VALUE && !reordered)
		pts = pkt->dts;
	int64_t time = source_time(s, pts);
	if (time == CLOCK_NONE || (reordered && sparse_is_filled(pkt)))
		return false;
	p->packets = mem_room(p->packets, p->n, cap, sizeof *p->packets);
	bool key = pkt->flags & AV_PKT_FLAG_KEY;
	p->packets[p->n++] = (struct clip_packet){.pts = pts,
	                                          .time = time,
	                                          .key = key,
	                                          .idr = key && is_idr(s->st, pkt),
	                                          .hidden = pkt->flags & AV_PKT_FLAG_DISCARD};
	return true;
}

/* Reads all packets of the range, and those after it that may be shown in it.
 * 1 if they cannot be copied. */
static int scan(struct clip_plan *p, struct source *s, int64_t from, int64_t to,
                int (*tick)(void *ctx, struct err *err), void *ctx, struct err *err)
{
	enum { TICK = 256 };
	AUTO(av_packet_free) AVPacket *pkt = av_packet_alloc();
	size_t cap = 0;
	if (!pkt)
		return err_set(err, ERR_LIMIT, "no memory for a packet");
	int r = land(p, s, from, pkt, err);
	for (int after = 0; r == 0 && after < REORDERED;) {
		if (!add(p, &cap, s, pkt))
			return 1;
		after = p->packets[p->n - 1].time >= to ? after + 1 : 0;
		if (p->n == PACKETS_MAX)
			return err_set(err, ERR_LIMIT,
			               "the range has more than %d frames; choose a shorter one", PACKETS_MAX);
		if (p->n % TICK == 0 && (r = tick(ctx, err)) < 0)
			return r;
		av_packet_unref(pkt);
		r = source_packet(s, pkt);
		if (r == AVERROR(ENOMEM))
			return note_error(err, r, "cannot read the video");
		if (r < 0 && input_error(s->in))
			return err_sys(err, input_error(s->in), "cannot read the file");
		if (r < 0)
			return 0;
	}
	return r;
}

int clip_plan_read(const struct clip_plan *p, struct source *s, size_t *i, AVPacket *pkt,
                   struct err *err)
{
	int64_t time;
	av_packet_unref(pkt);
	int r = *i ? source_packet(s, pkt) : to_keyframe(s, pkt, &time, err);
	if (r == -ERR_LIMIT)
		return r;
	if (r != 0 && input_error(s->in))
		return err_sys(err, input_error(s->in), "cannot read the file");
	int64_t pts = pkt->pts != AV_NOPTS_VALUE ? pkt->pts : pkt->dts;
	if (r != 0 || *i >= p->n || pts != p->packets[*i].pts)
		return err_set(err, ERR_FORMAT, "the video is not the same when it is read again");
	++*i;
	return 0;
}

/* ---- choosing ---- */

static bool within(const struct clip_packet *c, int64_t from, int64_t to)
{
	return !c->hidden && c->time >= from && c->time < to;
}

static void measure(struct clip_plan *p, int64_t from, int64_t to)
{
	p->start = p->next = CLOCK_NONE;
	for (size_t i = 0; i < p->n; i++) {
		const struct clip_packet *c = &p->packets[i];
		if (within(c, from, to) && (p->start == CLOCK_NONE || c->time < p->start))
			p->start = c->time;
		if (!c->hidden && c->time >= to && (p->next == CLOCK_NONE || c->time < p->next))
			p->next = c->time;
	}
}

/* The packet at which copying begins: p->n if there is none. Everything before
 * it is shown before it; what is shown before it and comes later, refers to
 * frames before it, and is before the clip. */
static size_t choose_first(const struct clip_plan *p, int64_t from, int64_t to, bool join)
{
	int64_t latest = INT64_MIN;
	for (size_t i = 0; i < p->n; i++) {
		const struct clip_packet *c = &p->packets[i];
		bool starts = c->time == p->start;
		if (within(c, from, to) && c->key && c->time > latest && (starts || (join && c->idr)))
			return i;
		latest = c->time > latest ? c->time : latest;
	}
	return p->n;
}

/* Extends the run as far as no frame of it comes, in either order, after one
 * that is not in it. */
static void choose_end(struct clip_plan *p, size_t first, int64_t to)
{
	const int64_t begin = p->packets[first].time;
	AUTO(mem_freep) int64_t *later = mem_alloc(p->n - first + 1, sizeof *later);
	later[p->n - first] = INT64_MAX;
	for (size_t i = p->n; i-- > first;) {
		int64_t time = p->packets[i].time, least = later[i - first + 1];
		later[i - first] = time >= begin && time < least ? time : least;
	}

	int64_t latest = INT64_MIN;
	for (size_t i = first; i < p->n && !p->packets[i].hidden; i++) {
		int64_t time = p->packets[i].time;
		latest = time > latest ? time : latest;
		if (latest >= to)
			break;
		if (latest < later[i - first + 1]) {
			p->first = first;
			p->end = i + 1;
			p->copy_to = later[i - first + 1] < to ? later[i - first + 1] : to;
		}
	}
	p->copy_from = begin;
}

static bool is_leading(const struct clip_plan *p, size_t i)
{
	return p->packets[i].time < p->copy_from;
}

static void choose(struct clip_plan *p, int64_t from, int64_t to, bool join)
{
	measure(p, from, to);
	size_t first = p->start == CLOCK_NONE ? p->n : choose_first(p, from, to, join);
	if (first == p->n)
		return;
	choose_end(p, first, to);

	p->head = p->copy_from > p->start;
	for (size_t i = p->first; i < p->end; i++)
		if (p->head && is_leading(p, i))
			p->end = p->first;
	for (size_t i = 0; i < p->n; i++)
		p->tail |= within(&p->packets[i], p->copy_to, to);
	if ((p->head || p->tail) && !join)
		p->end = p->first;
}

bool clip_plan_copies(const struct clip_plan *p, size_t i)
{
	return i >= p->first && i < p->end && !is_leading(p, i);
}

int clip_plan_make(struct source *s, int64_t from, int64_t to, bool join,
                   int (*tick)(void *ctx, struct err *err), void *ctx, struct clip_plan *ret,
                   struct err *err)
{
	AUTO(clip_plan_clear) struct clip_plan p = {0};
	int r = scan(&p, s, from, to, tick, ctx, err);
	if (r < 0)
		return r;
	p.start = p.next = CLOCK_NONE;
	if (r == 0)
		choose(&p, from, to, join);
	*ret = p;
	p.packets = NULL;
	return 0;
}
