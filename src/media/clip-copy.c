/* SPDX-License-Identifier: Apache-2.0 */
/* The part of a clip that is copied, and the few frames before and after it
 * that have to be encoded to be joined to it. */
#include <libavcodec/bsf.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "media/clip-check.h"
#include "media/clip-coder.h"
#include "media/clip-internal.h"
#include "media/clip-plan.h"
#include "media/note.h"

enum {
	ENCODED_MAX = 64 << 20, /* bytes of frames that are encoded to be joined */
	CHECKED_MAX = 250,      /* frames that are compared at a place */
	CHECKED_BYTES = 64 << 20,
};

struct copy {
	struct clip *clip;
	struct source *src; /* another one than the clip's, so that the reader is not moved */
	struct clip_plan plan;
	bool joined;          /* frames are encoded before or after */
	AVBSFContext *filter; /* makes packets that can be joined; NULL if none is needed */
	AVCodecParameters *par;
	AVPacket *pkt;
	struct clip_packets head, tail;  /* encoded */
	struct clip_packets start, last; /* to be checked */
	int64_t *dts, *ends;             /* by decoding and by display order; of all packets */
	int64_t *pts;
	size_t n, at;
};

static void copy_clear(struct copy *k)
{
	source_free(k->src);
	clip_plan_clear(&k->plan);
	av_bsf_free(&k->filter);
	avcodec_parameters_free(&k->par);
	av_packet_free(&k->pkt);
	clip_packets_clear(&k->head);
	clip_packets_clear(&k->tail);
	clip_packets_clear(&k->start);
	clip_packets_clear(&k->last);
	free(k->dts);
	free(k->ends);
	free(k->pts);
}

/* ---- the packets of the video ---- */

/* Makes the filter again: it has a state. Packets are given start codes, and
 * parameters at each keyframe. */
static int reset_filter(struct copy *k, struct err *err)
{
	const AVCodecParameters *par = k->src->st->codecpar;
	bool boxed = par->extradata_size > 0 && par->extradata[0] == 1;
	av_bsf_free(&k->filter);
	int r = av_bsf_list_parse_str(boxed ? "h264_mp4toannexb" : "dump_extra", &k->filter);
	if (r >= 0)
		r = avcodec_parameters_copy(k->filter->par_in, par);
	if (r >= 0) {
		k->filter->time_base_in = k->src->st->time_base;
		r = av_bsf_init(k->filter);
	}
	if (r >= 0)
		r = avcodec_parameters_copy(k->par, k->filter->par_out);
	return r < 0 ? note_error(err, r, "cannot read the parameters of the video") : 0;
}

static int set_parameters(struct copy *k, struct err *err)
{
	k->par = avcodec_parameters_alloc();
	k->pkt = av_packet_alloc();
	if (!k->par || !k->pkt || avcodec_parameters_copy(k->par, k->src->st->codecpar) < 0)
		return err_set(err, ERR_LIMIT, "no memory for the parameters of the video");
	return k->joined ? reset_filter(k, err) : 0;
}

/* The next packet of the plan, in k->pkt, in the form in which it is written.
 * Its number was *i. */
static int read_packet(struct copy *k, size_t *i, struct err *err)
{
	size_t number = *i;
	int r = clip_plan_read(&k->plan, k->src, i, k->pkt, err);
	if (r < 0)
		return r;
	if (k->joined && clip_plan_copies(&k->plan, number)) {
		int e = av_bsf_send_packet(k->filter, k->pkt);
		if (e >= 0)
			e = av_bsf_receive_packet(k->filter, k->pkt);
		if (e < 0)
			return note_error(err, e, "cannot read a packet of the video");
	}
	k->pkt->pts = k->plan.packets[number].pts;
	k->pkt->dts = AV_NOPTS_VALUE;
	return 0;
}

static int restart(struct copy *k, struct err *err)
{
	int r = k->joined ? reset_filter(k, err) : 0;
	return r < 0 ? r : clip_plan_seek(&k->plan, k->src, err);
}

/* ---- frames that are encoded ---- */

static int take(struct clip_coder *coder, AVPacket *pkt, struct clip_packets *out, struct err *err)
{
	int r;
	while ((r = clip_coder_packet(coder, pkt, err)) == 0) {
		r = clip_packets_add(out, pkt, err);
		av_packet_unref(pkt);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : 0;
}

/* Encodes the frames from the one at `from` to `to`. 1: they cannot be joined. */
static int encode(struct copy *k, int64_t from, int64_t to, struct clip_packets *out,
                  struct err *err)
{
	struct clip *c = k->clip;
	struct shown s;
	AUTO(clip_coder_freep) struct clip_coder *coder = clip_coder_new(c->src, true);
	int r = reader_at(c->reader, from, &s, err);
	if (r == 0 && s.pts != from)
		return 1;
	while (r == 0 && s.pts < to) {
		if (!clip_coder_joins(s.frame) || out->bytes > ENCODED_MAX)
			return 1;
		c->made.concealed += strcmp(s.decode_path, "concealed") == 0;
		r = clip_coder_frame(coder, &s, clip_pts(c, s.pts), err);
		if (r == 0)
			r = take(coder, k->pkt, out, err);
		if (r == 0)
			r = clip_tick(c, err);
		if (r == 0)
			r = clip_next(c, &s, err);
	}
	if (r >= 0)
		r = clip_coder_end(coder, err);
	return r < 0 ? r : take(coder, k->pkt, out, err);
}

static int encode_ends(struct copy *k, struct err *err)
{
	const struct clip_plan *p = &k->plan;
	int r = p->head ? encode(k, p->start, p->copy_from, &k->head, err) : 0;
	if (r == 0 && p->tail)
		r = encode(k, p->copy_to, k->clip->q->to, &k->tail, err);
	k->clip->made.encoded = (int64_t)(k->head.n + k->tail.n);
	return r;
}

/* ---- checking ---- */

static int add_all(struct clip_packets *to, const struct clip_packets *from, struct err *err)
{
	int r = 0;
	for (size_t i = 0; i < from->n && r == 0; i++)
		r = clip_packets_add(to, from->items[i], err);
	return r;
}

/* Number of the last keyframe that is copied. */
static size_t last_key(const struct clip_plan *p)
{
	for (size_t i = p->end; i-- > p->first;)
		if (p->packets[i].key && clip_plan_copies(p, i))
			return i;
	return p->first;
}

/* Where the packets to be checked at the start end: at the second keyframe. */
static size_t second_key(const struct clip_plan *p)
{
	size_t i = p->first + 1;
	while (i < p->end && i < p->first + CHECKED_MAX && !p->packets[i].key)
		i++;
	return i;
}

/* Collects what is checked: the packets around the beginning of the copied
 * part, and around its end if frames follow. */
static int collect(struct copy *k, struct err *err)
{
	const struct clip_plan *p = &k->plan;
	size_t key = last_key(p), second = second_key(p), stop = k->tail.n ? p->end : second;
	int r = restart(k, err);
	if (r == 0)
		r = add_all(&k->start, &k->head, err);
	for (size_t i = 0; r == 0 && i < stop;) {
		size_t number = i;
		r = read_packet(k, &i, err);
		if (r == 0 && clip_plan_copies(p, number) && number < second &&
		    k->start.bytes < CHECKED_BYTES)
			r = clip_packets_add(&k->start, k->pkt, err);
		if (r == 0 && clip_plan_copies(p, number) && number >= key && k->tail.n)
			r = k->last.bytes < CHECKED_BYTES ? clip_packets_add(&k->last, k->pkt, err) : 1;
		if (r == 0 && number % 256 == 0)
			r = clip_tick(k->clip, err);
	}
	return r == 0 ? add_all(&k->last, &k->tail, err) : r;
}

/* 1: decoded alone, the copied packets do not give the frames of the video. */
static int check(struct copy *k, struct err *err)
{
	struct clip *c = k->clip;
	const struct clip_plan *p = &k->plan;
	bool same = false;
	int r = collect(k, err);
	if (r == 0)
		r = clip_check(k->par, &k->start, c->src, c->reader, p->copy_from, p->copy_to, &same, err);
	if (r == 0 && same && k->tail.n)
		r = clip_check(k->par, &k->last, c->src, c->reader, p->copy_from, p->copy_to, &same, err);
	if (r == 0)
		r = clip_tick(c, err);
	return r < 0 ? r : r == 1 || !same;
}

/* ---- times ---- */

/* The pts of all packets in the order in which they are written. */
static void list_packets(struct copy *k)
{
	const struct clip_plan *p = &k->plan;
	k->pts = mem_alloc(k->head.n + (p->end - p->first) + k->tail.n + 1, sizeof *k->pts);
	for (size_t i = 0; i < k->head.n; i++)
		k->pts[k->n++] = k->head.items[i]->pts;
	for (size_t i = p->first; i < p->end; i++)
		if (clip_plan_copies(p, i))
			k->pts[k->n++] = p->packets[i].pts;
	for (size_t i = 0; i < k->tail.n; i++)
		k->pts[k->n++] = k->tail.items[i]->pts;
}

/* Decoding times that fit the order, whatever those of the video are, and the
 * times at which frames end. 1: two frames have the same time. */
static int set_times(struct copy *k)
{
	list_packets(k);
	k->ends = mem_alloc(k->n + 1, sizeof *k->ends);
	k->dts = mem_alloc(k->n + 1, sizeof *k->dts);
	memcpy(k->ends, k->pts, k->n * sizeof *k->pts);
	if (mem_sort_times(k->ends, k->n) != k->n)
		return 1;

	int64_t late = 0;
	for (size_t i = 0; i < k->n; i++)
		late = k->ends[i] - k->pts[i] > late ? k->ends[i] - k->pts[i] : late;
	for (size_t i = 0; i < k->n; i++)
		k->dts[i] = k->ends[i] - late;
	k->ends[k->n] = clip_pts(k->clip, k->clip->made.to);
	return 0;
}

/* The end of the frame that begins at pts: where the next one begins. */
static int64_t end_of(const struct copy *k, int64_t pts)
{
	size_t low = 0, high = k->n;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (k->ends[middle] <= pts)
			low = middle + 1;
		else
			high = middle;
	}
	return k->ends[low] > pts ? k->ends[low] : pts + 1;
}

/* ---- writing ---- */

static int put(struct copy *k, AVPacket *pkt, struct err *err)
{
	if (k->at >= k->n || pkt->pts != k->pts[k->at])
		return err_set(err, ERR_FORMAT, "the video is not the same when it is read again");
	pkt->duration = end_of(k, pkt->pts) - pkt->pts;
	pkt->dts = k->dts[k->at++];
	return clip_put(k->clip, pkt, err);
}

static int put_all(struct copy *k, const struct clip_packets *p, struct err *err)
{
	int r = 0;
	for (size_t i = 0; i < p->n && r == 0; i++)
		r = put(k, p->items[i], err);
	return r;
}

static int write_clip(struct copy *k, struct err *err)
{
	const struct clip_plan *p = &k->plan;
	struct clip *c = k->clip;
	const struct clip_stream video = {
		.par = k->par,
		.time_base = k->src->st->time_base,
		.tag = k->joined ? MKTAG('a', 'v', 'c', '3') : 0,
		.like = k->src->st,
		.rotation = true,
	};
	int r = clip_begin(c, &video, (int64_t)k->n, err);
	if (r == 0)
		r = restart(k, err);
	if (r == 0)
		r = put_all(k, &k->head, err);
	for (size_t i = 0; r == 0 && i < p->end;) {
		size_t number = i;
		r = read_packet(k, &i, err);
		if (r == 0 && clip_plan_copies(p, number))
			r = put(k, k->pkt, err);
	}
	return r < 0 ? r : put_all(k, &k->tail, err);
}

/* ---- all of it ---- */

static bool may_join(const struct source *s)
{
	const AVCodecParameters *par = s->st->codecpar;
	bool format = par->format == AV_PIX_FMT_YUV420P || par->format == AV_PIX_FMT_YUVJ420P;
	return par->codec_id == AV_CODEC_ID_H264 && format && par->extradata_size > 0 &&
	       avcodec_find_encoder_by_name("libx264");
}

/* 1: the packets are not such that they could be copied. */
static int plan(struct copy *k, struct err *err)
{
	struct clip *c = k->clip;
	struct err why;
	if (c->src->bare || c->src->salvage.in || !clip_mux_takes(c->src->st->codecpar) ||
	    reader_unsorted(c->reader))
		return 1;
	c->options.stream = c->src->st->index;
	int r = source_open_with(c->in, &c->options, &k->src, &why);
	if (r < 0) {
		*err = why;
		return r == -ERR_LIMIT ? r : 1;
	}
	r = clip_plan_make(k->src, c->q->from, c->q->to, may_join(k->src), clip_tick, c, &k->plan, err);
	const struct clip_plan *p = &k->plan;
	k->joined = p->head || p->tail;
	return r < 0 ? r : p->first == p->end || p->start != c->made.from;
}

int clip_copy(struct clip *c, struct err *err)
{
	AUTO(copy_clear) struct copy k = {.clip = c};
	int r = plan(&k, err);
	if (r == 0)
		r = set_parameters(&k, err);
	if (r == 0)
		r = encode_ends(&k, err);
	if (r == 0)
		r = check(&k, err);
	if (r == 0) {
		c->made.to = clip_end(c, k.plan.next);
		r = set_times(&k);
	}
	if (r != 0) {
		c->made.concealed = 0;
		c->made.to = clip_end(c, CLOCK_NONE);
		return r;
	}
	c->made.frames = (int64_t)k.n;
	snprintf(c->made.codec, sizeof c->made.codec, "%s", avcodec_get_name(k.par->codec_id));
	return write_clip(&k, err);
}
