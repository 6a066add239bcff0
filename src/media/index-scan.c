/* SPDX-License-Identifier: Apache-2.0 */
#include "media/index-scan.h"

#include <string.h>

#include "base/clock.h"
#include "media/compat.h"
#include "media/index-picture.h"
#include "media/still.h"

struct index_scan {
	struct source *src;
	struct reader *reader;
	struct index_picture *picture;
	struct still *still; /* NULL until needed */
	AVPacket *pkt;
	AVFrame *frame;
};

struct index_scan *index_scan_new(struct source *s, struct reader *r)
{
	struct index_scan *x = mem_alloc(1, sizeof *x);
	x->src = s;
	x->reader = r;
	x->picture = index_picture_new();
	return x;
}

void index_scan_free(struct index_scan *x)
{
	if (!x)
		return;
	still_free(x->still);
	av_packet_free(&x->pkt);
	av_frame_free(&x->frame);
	index_picture_free(x->picture);
	mem_freep(&x);
}

static int ensure_still(struct index_scan *x, struct err *err)
{
	x->pkt = x->pkt ? x->pkt : av_packet_alloc();
	x->frame = x->frame ? x->frame : av_frame_alloc();
	if (!x->pkt || !x->frame)
		return err_set(err, ERR_LIMIT, "no memory for a frame");
	return x->still ? 0 : still_open(x->src, true, &x->still, err);
}

/* The result for a keyframe. */
struct key_result {
	bool found;
	struct signature signature;
	struct grid grid;
};

static void set_key(struct key_result *r, int64_t time, bool torn)
{
	r->signature.pts = r->grid.pts = time;
	r->signature.flags = (uint8_t)(SIGNATURE_KEY | (torn ? SIGNATURE_TORN : 0));
}

/* 0 if the packet gave a picture, 1 if not. */
static int read_alone(struct index_scan *x, int64_t time, struct key_result *ret, struct err *err)
{
	bool torn;
	int r = still_decode(x->still, x->pkt, x->frame, &torn, err);
	if (r == 0)
		r = index_picture_read(x->picture, x->frame, &ret->signature, &ret->grid, err);
	ret->found = r == 0;
	set_key(ret, time, torn);
	av_frame_unref(x->frame);
	return r;
}

/* When other packets are discarded, demuxers no longer return every time: mov
 * loses presentation times, Matroska decoding times. One of the two is enough
 * to identify a keyframe, and if both are later, the keyframe was passed. */
static bool is_key(const struct packet_key *k, int64_t pts, int64_t dts)
{
	return (pts != CLOCK_NONE && pts == k->pts) || (dts != CLOCK_NONE && dts == k->dts);
}

static bool is_passed(const struct packet_key *k, int64_t pts, int64_t dts)
{
	return pts != CLOCK_NONE && pts > k->pts &&
	       (dts == CLOCK_NONE || k->dts == CLOCK_NONE || dts > k->dts);
}

/* Reads on and decodes the requested keyframes. Stops after the last, or at the
 * end. */
static int scan_on(struct index_scan *x, const struct packet_key *keys, size_t n,
                   struct key_result *ret, struct err *err)
{
	size_t at = 0;
	while (at < n && source_packet(x->src, x->pkt) == 0) {
		int64_t pts = source_packet_time(x->src, x->pkt), dts = source_time(x->src, x->pkt->dts);
		int r = 0;
		if (x->pkt->flags & AV_PKT_FLAG_KEY) {
			pts = pts < 0 && pts != CLOCK_NONE ? 0 : pts;
			while (at < n && !is_key(&keys[at], pts, dts) && is_passed(&keys[at], pts, dts))
				at++; /* not found */
			if (at < n && is_key(&keys[at], pts, dts)) {
				r = read_alone(x, keys[at].pts, &ret[at], err);
				at++;
			}
		}
		av_packet_unref(x->pkt);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Seeks to a keyframe at or before t. False if the demuxer cannot, or does not
 * report its position. */
static bool seek_before(struct index_scan *x, int64_t t)
{
	return t > 0 &&
	       source_seek(x->src, source_seeks_blindly(x->src) ? t - 2 * CLOCK_SECOND : t) >= 0;
}

/* Some keyframes give no picture alone: one field of a picture, or a keyframe
 * hidden by an edit list. They are decoded with the packets that follow. What
 * fails then too is damaged. */
static int read_missing(struct index_scan *x, const struct packet_key *keys, size_t n,
                        struct key_result *ret, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		struct shown shown;
		if (ret[i].found)
			continue;
		int r = reader_at(x->reader, keys[i].pts, &shown, err);
		if (r == -ERR_LIMIT)
			return r;
		if (r < 0 || shown.pts < keys[i].pts - CLOCK_SECOND)
			return 0;
		r = index_picture_read(x->picture, shown.frame, &ret[i].signature, &ret[i].grid, err);
		if (r < 0)
			return r;
		set_key(&ret[i], keys[i].pts, !strcmp(shown.decode_path, "concealed"));
		ret[i].found = true;
	}
	return 0;
}

int index_scan_keys(struct index_scan *x, const struct packet_key *keys, size_t n,
                    index_scan_fn *fn, void *ctx, struct err *err)
{
	int r = ensure_still(x, err);
	if (r < 0)
		return r;
	AUTO(mem_freep) struct key_result *results = mem_alloc(n, sizeof *results);
	reader_moved(x->reader, CLOCK_NONE);
	if (!seek_before(x, keys[0].pts))
		r = source_reopen(x->src, err);
	if (r == 0) {
		x->src->st->discard = AVDISCARD_NONKEY;
		r = scan_on(x, keys, n, results, err);
		x->src->st->discard = AVDISCARD_DEFAULT;
	}
	reader_moved(x->reader, CLOCK_NONE);
	if (r == 0)
		r = read_missing(x, keys, n, results, err);
	for (size_t i = 0; i < n && r == 0; i++)
		if (results[i].found)
			r = fn(ctx, &results[i].signature, &results[i].grid, err);
	return r;
}

static int tell(struct index_scan *x, const struct shown *s, bool with_grid, index_scan_fn *fn,
                void *ctx, struct err *err)
{
	struct signature sig = {0};
	struct grid grid = {.pts = s->pts};
	int r = index_picture_read(x->picture, s->frame, &sig, with_grid ? &grid : NULL, err);
	sig.pts = s->pts;
	sig.flags = (uint8_t)((compat_key_frame(s->frame) ? SIGNATURE_KEY : 0) |
	                      (strcmp(s->decode_path, "concealed") ? 0 : SIGNATURE_TORN));
	return r < 0 ? r : fn(ctx, &sig, with_grid ? &grid : NULL, err);
}

int index_scan_stretch(struct index_scan *x, int64_t from, int64_t to, bool all, index_scan_fn *fn,
                       void *ctx, struct err *err)
{
	struct shown s;
	int r = reader_at(x->reader, from, &s, err);
	if (r < 0)
		return r;
	int64_t last = INT64_MIN, grid_due = INT64_MIN;
	while (r == 0 && s.pts <= to) {
		if (s.pts > last)
			r = tell(x, &s, s.pts >= grid_due, fn, ctx, err);
		if (s.pts > last && s.pts >= grid_due)
			grid_due = s.pts + GRID_APART;
		last = s.pts > last ? s.pts : last;
		if (r == 0)
			r = reader_next(x->reader, all ? INT64_MIN : to, &s, err);
	}
	return r < 0 ? r : 0;
}
