/* SPDX-License-Identifier: Apache-2.0 */
#include "media/nearest.h"

#include "base/clock.h"
#include "media/still.h"

enum { PACKETS_MAX = 3000 }; /* limit when searching for a keyframe */

struct nearest {
	struct source *src;
	struct reader *reader;
	struct still *still; /* NULL until needed */
	AVPacket *pkt, *best;
	AVFrame *frame;
	int64_t pts; /* of the frame; CLOCK_NONE if there is none */
};

struct nearest *nearest_new(struct source *s, struct reader *r)
{
	struct nearest *n = mem_alloc(1, sizeof *n);
	*n = (struct nearest){.src = s, .reader = r, .pts = CLOCK_NONE};
	return n;
}

void nearest_free(struct nearest *n)
{
	if (!n)
		return;
	still_free(n->still);
	av_packet_free(&n->pkt);
	av_packet_free(&n->best);
	av_frame_free(&n->frame);
	mem_freep(&n);
}

static int ensure(struct nearest *n, struct err *err)
{
	n->pkt = n->pkt ? n->pkt : av_packet_alloc();
	n->best = n->best ? n->best : av_packet_alloc();
	n->frame = n->frame ? n->frame : av_frame_alloc();
	if (!n->pkt || !n->best || !n->frame)
		return err_set(err, ERR_LIMIT, "no memory for a frame");
	return n->still ? 0 : still_open(n->src, false, &n->still, err);
}

static int64_t away(int64_t a, int64_t b)
{
	return a > b ? a - b : b - a;
}

/* The time to seek to for the nearest keyframe, if the container's index
 * contains it; otherwise t. *ret_known: the index contained it. */
static int64_t aim_at(const struct source *s, int64_t t, bool *ret_known)
{
	int64_t ts = source_ts(s, t);
	*ret_known = false;
	if (s->timeline.n_parts)
		return t; /* the index has the container's times */
	int i = av_index_search_timestamp(s->st, ts, AVSEEK_FLAG_BACKWARD);
	int k = av_index_search_timestamp(s->st, ts, 0);
	const AVIndexEntry *before = i >= 0 ? avformat_index_get_entry(s->st, i) : NULL;
	const AVIndexEntry *after = k >= 0 ? avformat_index_get_entry(s->st, k) : NULL;
	*ret_known = before && after;
	if (!*ret_known || away(before->timestamp, ts) <= away(after->timestamp, ts))
		return t;
	return source_time(s, after->timestamp) + 1; /* rounding must not select the previous one */
}

/* Reads the packet of the nearest keyframe into n->best. False if none is
 * found. Reads past the keyframe of the seek only as far as a nearer one is
 * possible. */
static bool find_packet(const struct nearest *n, int64_t t, int64_t *ret_pts)
{
	struct source *s = n->src;
	bool known, blind = source_seeks_blindly(s);
	int64_t aim = aim_at(s, t, &known), best = CLOCK_NONE;
	if (source_seek(s, blind ? aim - 2 * CLOCK_SECOND : aim) < 0)
		return false;
	reader_moved(n->reader, CLOCK_NONE);
	for (int i = 0; i < PACKETS_MAX && source_packet(s, n->pkt) == 0; i++) {
		int64_t time = source_packet_time(s, n->pkt);
		bool key = n->pkt->flags & AV_PKT_FLAG_KEY && time != CLOCK_NONE;
		if (key && (best == CLOCK_NONE || away(time, t) < away(best, t))) {
			av_packet_unref(n->best);
			av_packet_move_ref(n->best, n->pkt);
			best = time;
		}
		av_packet_unref(n->pkt);
		if (best != CLOCK_NONE &&
		    ((known && !blind) || best >= t || (time != CLOCK_NONE && time - t >= t - best)))
			break;
	}
	*ret_pts = best;
	return best != CLOCK_NONE;
}

static int show(const struct nearest *n, struct shown *ret)
{
	*ret = (struct shown){.frame = n->frame, .pts = n->pts, .decode_path = "keyframe"};
	return 0;
}

int nearest_at(struct nearest *n, int64_t t, struct shown *ret, struct err *err)
{
	bool torn = true;
	int64_t pts = CLOCK_NONE;
	if (reader_beyond(n->reader, t) || reader_unsorted(n->reader))
		return reader_at(n->reader, t, ret, err);
	int r = ensure(n, err);
	if (r < 0)
		return r;
	bool found = find_packet(n, t, &pts);
	if (found && pts == n->pts)
		return show(n, ret);
	n->pts = CLOCK_NONE;
	r = found ? still_decode(n->still, n->best, n->frame, &torn, err) : 1;
	if (r < 0)
		return r;
	/* An entry point for decoding is not always a complete picture. */
	if (r == 1 || torn || n->frame->pict_type == AV_PICTURE_TYPE_P ||
	    n->frame->pict_type == AV_PICTURE_TYPE_B)
		return reader_at(n->reader, t, ret, err);
	n->frame->pts = n->pts = pts < 0 ? 0 : pts;
	return show(n, ret);
}
