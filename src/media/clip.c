/* SPDX-License-Identifier: Apache-2.0 */
#include "media/clip.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "media/clip-coder.h"
#include "media/clip-internal.h"
#include "media/note.h"

/* ---- encoding everything ---- */

struct whole {
	struct clip *clip;
	struct clip_coder *coder;
	AVPacket *pkt, *held; /* the last one, of which the duration is not known */
	bool begun;
};

static void whole_clear(struct whole *w)
{
	clip_coder_free(w->coder);
	av_packet_free(&w->pkt);
	av_packet_free(&w->held);
}

/* Opens the file, when the encoder is open. */
static int begin_whole(struct whole *w, struct err *err)
{
	struct clip *c = w->clip;
	const AVCodecContext *enc = clip_coder_context(w->coder);
	AVCodecParameters *par = avcodec_parameters_alloc();
	int r = par ? avcodec_parameters_from_context(par, enc) : AVERROR(ENOMEM);
	const struct clip_stream video = {
		.par = par,
		.time_base = c->src->st->time_base,
		.like = clip_coder_keeps_rotation(w->coder) ? c->src->st : NULL,
		.rotation = true,
	};
	double seconds = (double)(c->made.to - c->made.from) / 1e6;
	int64_t frames = (int64_t)(seconds * 2 * av_q2d(source_rate(c->src)));
	if (r < 0)
		r = note_error(err, r, "cannot begin the clip");
	else
		r = clip_begin(c, &video, frames, err);
	snprintf(c->made.codec, sizeof c->made.codec, "%s", avcodec_get_name(enc->codec_id));
	avcodec_parameters_free(&par);
	w->begun = true;
	return r;
}

/* Writes the packet that is held, which lasts until `next`. */
static int write_held(struct whole *w, int64_t next, struct err *err)
{
	if (!w->held->data)
		return 0;
	w->held->duration = next > w->held->pts ? next - w->held->pts : 1;
	return clip_put(w->clip, w->held, err);
}

static int take_packets(struct whole *w, struct err *err)
{
	int r;
	while ((r = clip_coder_packet(w->coder, w->pkt, err)) == 0) {
		r = write_held(w, w->pkt->pts, err);
		if (r < 0)
			return r;
		av_packet_move_ref(w->held, w->pkt);
	}
	return r < 0 ? r : 0;
}

static int encode_frame(struct whole *w, const struct shown *s, struct err *err)
{
	struct clip *c = w->clip;
	int r = clip_coder_frame(w->coder, s, clip_pts(c, s->pts), err);
	if (r == 0 && !w->begun)
		r = begin_whole(w, err);
	c->made.frames++;
	c->made.encoded++;
	c->made.concealed += strcmp(s->decode_path, "concealed") == 0;
	return r < 0 ? r : take_packets(w, err);
}

/* `s` is the first frame of the clip. */
static int encode_whole(struct clip *c, struct shown *s, struct err *err)
{
	AUTO(whole_clear)
	struct whole w = {.clip = c, .coder = clip_coder_new(c->src, false)};
	w.pkt = av_packet_alloc();
	w.held = av_packet_alloc();
	if (!w.pkt || !w.held)
		return err_set(err, ERR_LIMIT, "no memory for a packet");

	int r = 0;
	while (r == 0 && s->pts < c->q->to) {
		r = encode_frame(&w, s, err);
		if (r == 0)
			r = clip_next(c, s, err);
	}
	if (r < 0)
		return r;
	c->made.to = clip_end(c, r == 0 ? s->pts : CLOCK_NONE);
	r = clip_coder_end(w.coder, err);
	if (r == 0)
		r = take_packets(&w, err);
	if (r == 0)
		r = write_held(&w, clip_pts(c, c->made.to), err);
	c->made.lost = clip_coder_lost(w.coder);
	return r;
}

/* ---- both ---- */

/* The first frame that begins in the range. */
static int find_first(struct clip *c, struct shown *s, struct err *err)
{
	char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX], before[CLOCK_TEXT_MAX];
	int r = reader_at(c->reader, c->q->from, s, err);
	int64_t shown = r == 0 ? s->pts : 0;
	while (r == 0 && s->pts < c->q->from)
		r = reader_next(c->reader, INT64_MIN, s, err);
	if (r < 0)
		return r;
	if (r == 0 && s->pts < c->q->to)
		return 0;
	return err_set(err, ERR_NOENT,
	               "no frame begins from %s to %s; the frame that is shown then begins at %s",
	               clock_text(c->q->from, a), clock_text(c->q->to, b), clock_text(shown, before));
}

static int make(struct clip *c, struct err *err)
{
	struct shown s;
	int r = find_first(c, &s, err);
	if (r < 0)
		return r;
	c->made.from = s.pts;
	c->made.to = clip_end(c, CLOCK_NONE);
	r = clip_copy(c, err);
	if (r == 1) {
		c->made.frames = c->made.encoded = 0;
		r = find_first(c, &s, err);
		if (r == 0)
			r = encode_whole(c, &s, err);
	}
	if (r == 0 && c->track)
		r = clip_track_write(c->track, c->mux, INT64_MAX, err);
	return r < 0 ? r : clip_mux_finish(c->mux, err);
}

int clip_make(struct input *in, struct source *s, struct reader *r, const struct clip_request *q,
              struct clip_made *ret, struct err *err)
{
	struct clip c = {.in = in, .src = s, .reader = r, .q = q, .options = *q->source};
	c.options.timeline = s->timeline.duration > 0 ? &s->timeline : NULL;
	int e = make(&c, err);
	*ret = c.made;
	clip_track_free(c.track);
	clip_mux_free(c.mux);
	return e;
}
