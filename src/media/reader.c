/* SPDX-License-Identifier: Apache-2.0 */
#include "media/reader.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "media/compat.h"
#include "media/feed.h"
#include "media/note.h"

enum {
	SEEK_TRIES = 5,   /* each one further back; then the file is decoded from its start */
	SECOND_TRIES = 8, /* if the seek itself might have caused damage */
};

struct reader {
	struct source *src;
	struct feed *feed;
	/* allocated; those with `have_` hold a frame. cur is shown until next */
	AVFrame *prev, *cur, *next;
	bool have_prev, have_cur, have_next;
	bool cur_tainted, next_tainted;
	bool moved;      /* the position of the source has changed */
	bool ended;      /* no more frames */
	bool sequential; /* the file was opened again from the start */
	int64_t end;     /* true duration, 0 if unknown */
	int second_tries;
	int64_t tried_twice; /* keyframe of a range whose damage was confirmed */
};

int reader_open(struct source *s, struct reader **ret, struct err *err)
{
	AUTO(reader_freep) struct reader *r = mem_alloc(1, sizeof *r);
	r->src = s;
	r->second_tries = SECOND_TRIES;
	r->tried_twice = CLOCK_NONE;
	r->prev = av_frame_alloc();
	r->cur = av_frame_alloc();
	r->next = av_frame_alloc();
	if (!r->prev || !r->cur || !r->next)
		return err_set(err, ERR_LIMIT, "no memory for frames");
	int e = feed_open(s, &r->feed, err);
	if (e < 0)
		return e;
	*ret = TAKE(r);
	return 0;
}

void reader_free(struct reader *r)
{
	if (!r)
		return;
	av_frame_free(&r->prev);
	av_frame_free(&r->cur);
	av_frame_free(&r->next);
	feed_free(r->feed);
	mem_freep(&r);
}

void reader_moved(struct reader *r, int64_t end)
{
	r->moved = true;
	if (end != CLOCK_NONE)
		r->end = end;
}

bool reader_beyond(const struct reader *r, int64_t t)
{
	return r->end && t > r->end + CLOCK_SECOND / 10;
}

bool reader_unsorted(const struct reader *r)
{
	return r->feed->unsorted;
}

bool reader_knows_rate(const struct reader *r)
{
	return r->feed->dec->framerate.num > 0;
}

static void forget(struct reader *r)
{
	av_frame_unref(r->prev);
	av_frame_unref(r->cur);
	av_frame_unref(r->next);
	r->have_prev = r->have_cur = r->have_next = r->ended = false;
	r->moved = false;
}

/* How far back to seek: about one GOP, then more. */
static int64_t step_back(const struct reader *r, int attempt)
{
	int64_t gop = r->feed->gop > 0 ? r->feed->gop + r->feed->gop / 4 : 2 * CLOCK_SECOND;
	if (!attempt)
		return source_seeks_blindly(r->src) ? gop : 0;
	return gop << (2 * attempt - 1);
}

static int seek_back(struct reader *r, int64_t t, int attempt)
{
	int64_t aim = t - step_back(r, attempt);
	/* The first retry: the keyframe just before the one that was too late. */
	if (attempt == 1 && !source_seeks_blindly(r->src) && r->feed->landed != CLOCK_NONE &&
	    r->feed->landed > t)
		aim = t - (r->feed->landed - t) - CLOCK_SECOND / 10;
	bool to_start = r->feed->first_key != CLOCK_NONE && aim <= r->feed->first_key;
	if (to_start)
		aim = r->feed->first_key;
	forget(r);
	r->sequential = false;
	bool rewound = to_start && source_rewind(r->src) >= 0;
	if (!rewound && source_seek(r->src, aim) < 0)
		return -1;
	feed_restart(r->feed, rewound);
	return 0;
}

static int start_over(struct reader *r, struct err *err)
{
	forget(r);
	int e = source_reopen(r->src, err);
	if (e < 0)
		return e;
	feed_restart(r->feed, true);
	r->sequential = true;
	return 0;
}

/* Whether the frames held, or decoding on from here, is the cheapest way to t. */
static bool forward_is_best(const struct reader *r, int64_t t)
{
	const struct feed *f = r->feed;
	if (r->have_next && t < r->next->pts)
		return r->have_cur ? t >= r->cur->pts : f->from_start;
	if (r->have_cur && t < r->cur->pts)
		return false;
	if (r->ended)
		return r->have_cur || r->sequential;
	if (r->moved)
		return false;
	if (f->unsorted)
		return true;
	int64_t here = r->have_next ? r->next->pts : r->have_cur ? r->cur->pts : 0;
	int64_t gop = f->gop > 0 ? f->gop + f->gop / 2 : 4 * CLOCK_SECOND;
	if (source_seeks_blindly(r->src))
		return t - here <= 2 * gop;
	AVStream *st = r->src->st;
	int64_t ts = source_ts(r->src, t);
	int i = av_index_search_timestamp(st, ts, AVSEEK_FLAG_BACKWARD),
		n = avformat_index_get_entries_count(st);
	const AVIndexEntry *key = i >= 0 ? avformat_index_get_entry(st, i) : NULL;
	if (key && (f->read_dts == AV_NOPTS_VALUE ? key->timestamp > source_ts(r->src, 0)
	                                          : key->timestamp > f->read_dts))
		return false;
	const AVIndexEntry *last = n > 0 ? avformat_index_get_entry(st, n - 1) : NULL;
	return (last && last->timestamp > ts) || t - here <= gop;
}

/* Decodes until the frame shown at t is held, and also the next one unless it
 * is the `last` for now. Frames that no frame refers to are skipped if others
 * follow them up to `until`. Returns 0, an error, or FEED_FELL. */
static int advance_to(struct reader *r, int64_t t, int64_t until, bool last, struct err *err)
{
	while (!r->ended && (!r->have_next || r->next->pts <= t)) {
		if (r->have_next) {
			AVFrame *old = r->prev;
			r->prev = r->cur;
			r->cur = r->next;
			r->next = old;
			r->have_prev = r->have_cur;
			r->have_cur = true;
			r->cur_tainted = r->next_tainted;
		}
		int e = feed_next(r->feed, until, last, r->next, err);
		if (e < 0) {
			r->have_next = false;
			return e;
		}
		if (e == FEED_FELL)
			forget(r);
		r->have_next = e == FEED_FRAME;
		r->ended = e == FEED_END;
		if (e == FEED_CUT || e == FEED_FELL) {
			r->moved = true;
			return e == FEED_FELL ? e : 0;
		}
		r->next_tainted = r->feed->tainted;
	}

	if (r->feed->cut) {
		r->moved = true;
		/* Put out early: packets of frames before it were not sent. */
		if (r->have_cur && r->cur->pts <= t)
			r->have_next = false;
	}
	return 0;
}

/* Whether the step from t to `then` begins with a seek to a keyframe after
 * everything that will have been read for t. */
static bool will_jump(const struct reader *r, int64_t t, int64_t then)
{
	AVStream *st = r->src->st;
	if (then <= t || then - t < CLOCK_SECOND || r->feed->unsorted || source_seeks_blindly(r->src))
		return false;
	int i = av_index_search_timestamp(st, source_ts(r->src, then), AVSEEK_FLAG_BACKWARD);
	const AVIndexEntry *key = i >= 0 ? avformat_index_get_entry(st, i) : NULL;
	return key && key->timestamp > source_ts(r->src, t);
}

/* Interlacing, which requires the next frame, may be detected only after the
 * decision not to read it. */
static bool stopped_too_early(const struct reader *r)
{
	return r->feed->cut && r->feed->interlaced && !r->have_next;
}

static void show(struct reader *r, int64_t t, struct shown *ret)
{
	bool use_cur = r->have_cur && r->cur->pts <= t;
	bool tainted = use_cur ? r->cur_tainted : r->next_tainted;
	*ret = (struct shown){
		.frame = use_cur ? r->cur : r->next,
		.before = use_cur && r->have_prev ? r->prev : NULL,
		.after = use_cur && r->have_next ? r->next : NULL,
		.decode_path = r->src->salvage.in  ? "salvage"
	                   : tainted           ? "concealed"
	                   : r->sequential     ? "sequential"
	                   : r->feed->hardware ? "hardware"
	                                       : "software",
	};
	ret->pts = ret->frame->pts;
}

/* A frame for t is held, or the first one if t is before it. */
static bool holds(const struct reader *r, int64_t t)
{
	if (r->have_cur && r->cur->pts <= t)
		return true;
	return r->have_next && r->feed->from_start;
}

/* Damage after a seek may be caused by the seek: tries again from further back,
 * unless that was done already. */
static bool worth_second_try(struct reader *r, int64_t t)
{
	bool tainted = r->have_cur && r->cur->pts <= t ? r->cur_tainted : r->next_tainted;
	if (!tainted || r->feed->from_start || r->second_tries <= 0 ||
	    r->feed->landed <= r->tried_twice)
		return false;
	r->second_tries--;
	r->tried_twice = r->feed->landed;
	return true;
}

/* Decoders report a failed allocation as damage. To find out, allocates what
 * every decoder needs: a few frames. */
static bool lacks_memory(const struct reader *r)
{
	const AVCodecParameters *par = r->src->st->codecpar;
	void *room = malloc(4 * (size_t)par->width * (size_t)par->height * 3 / 2);
	free(room);
	return par->width > 0 && par->height > 0 && !room;
}

static int explain_nothing(struct reader *r, int64_t t, struct err *err)
{
	char text[CLOCK_TEXT_MAX], name[64];
	source_codec_name(r->src->st->codecpar, name);
	if (lacks_memory(r))
		return err_set(
			err, ERR_LIMIT,
			"cannot decode pictures of %dx%d: not enough memory within the decoder's limit",
			r->src->st->codecpar->width, r->src->st->codecpar->height);
	if (r->feed->fault)
		return note_error(err, r->feed->fault,
		                  "nothing could be decoded at %s: the %s data is damaged",
		                  clock_text(t, text), name);
	return err_set(err, ERR_FORMAT, "nothing could be decoded at %s: no usable %s data is there",
	               clock_text(t, text), name);
}

static bool past_the_end(const struct reader *r, int64_t t)
{
	if (!reader_beyond(r, t))
		return false;
	int64_t length =
		r->have_cur ? av_rescale_q(compat_duration(r->cur), r->src->st->time_base, AV_TIME_BASE_Q)
					: 0;
	return !r->have_cur || t > r->cur->pts + length;
}

int reader_at(struct reader *r, int64_t t, struct shown *ret, struct err *err)
{
	return reader_at_then(r, t, t, ret, err);
}

int reader_at_then(struct reader *r, int64_t t, int64_t then, struct shown *ret, struct err *err)
{
	char text[CLOCK_TEXT_MAX];
	if (past_the_end(r, t))
		return err_set(err, ERR_NOENT, "the video ends at %s", clock_text(r->end, text));
	note_clear();
	input_clear_error(r->src->in);

	for (int attempt = 0; attempt <= SEEK_TRIES; attempt++) {
		int e = 0;
		bool forward = !attempt && forward_is_best(r, t);
		if (!forward && (attempt == SEEK_TRIES || r->feed->unsorted))
			e = start_over(r, err);
		else if (!forward && seek_back(r, t, attempt) < 0)
			continue;

		if (e == 0)
			e = advance_to(r, t, t, will_jump(r, t, then), err);
		if (e < 0)
			return e;

		if (e == FEED_FELL || stopped_too_early(r)) {
			attempt = -1;
			continue;
		}
		if (r->ended && r->feed->from_start && !holds(r, t))
			break; /* nothing up to t in the whole file: other ways fail too */
		if (!holds(r, t) || r->feed->lied || (attempt < SEEK_TRIES - 1 && worth_second_try(r, t)))
			continue;
		show(r, t, ret);
		return 0;
	}

	return explain_nothing(r, t, err);
}

int reader_next(struct reader *r, int64_t until, struct shown *ret, struct err *err)
{
	if (!r->have_next)
		return 1;
	int64_t t = r->next->pts;
	int e = r->moved ? FEED_FELL : advance_to(r, t, until, false, err);
	if (e == FEED_FELL)
		return reader_at(r, t, ret, err);
	if (e < 0)
		return e;
	show(r, t, ret);
	return 0;
}
