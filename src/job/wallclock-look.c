/* SPDX-License-Identifier: Apache-2.0 */
#include "job/wallclock-look.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

enum { FRAME_SIZE = 1920, QUALITY = 92, BATCH = 32, TEXT_BYTES = 190 };

int clock_view_open(const struct wallclock_file *file, struct cancel *cancel, struct clock_view *v,
                    struct err *err)
{
	*v = (struct clock_view){.file = file, .cancel = cancel};
	int r = decoder_open(file->fd, &file->decoder, cancel, &v->decoder, err);
	if (r == 0)
		r = decoder_probe(v->decoder, &v->video, err);
	if (r < 0)
		return r;
	v->from = file->from;
	v->to = file->to > 0 && file->to < v->video.duration ? file->to : v->video.duration;
	v->frame = v->video.fps > 0 ? (int64_t)llround(1e6 / v->video.fps) : CLOCK_SECOND / 25;
	v->frame = v->frame > 0 ? v->frame : 1;
	return v->from < v->to ? 0 : err_set(err, ERR_ARG, "the part is empty");
}

void clock_view_clear(struct clock_view *v)
{
	decoder_free(v->decoder);
	text_reader_free(v->reader);
	video_info_clear(&v->video);
	free(v->fault);
	*v = (struct clock_view){0};
}

static void note_fault(struct clock_view *v, const char *why)
{
	if (v->unread++ > 0)
		return;
	free(v->fault);
	v->fault = mem_strdup(why);
}

struct passing {
	struct clock_view *view;
	int (*fn)(void *ctx, size_t i, struct frame *f);
	void *ctx;
	size_t first;
};

static int pass_frame(void *ctx, size_t i, struct frame *f)
{
	struct passing *p = ctx;
	if (!f->jpeg)
		note_fault(p->view, f->fault ? f->fault : "a frame was not decoded");
	return p->fn(p->ctx, p->first + i, f);
}

int clock_view_frames(struct clock_view *v, const int64_t *times, size_t n, bool near,
                      int (*fn)(void *ctx, size_t i, struct frame *f), void *ctx, struct err *err)
{
	int r = 0;
	for (size_t at = 0; at < n && r == 0; at += BATCH) {
		struct passing p = {.view = v, .fn = fn, .ctx = ctx, .first = at};
		const struct frame_request q = {.times = times + at,
		                                .n = n - at < BATCH ? n - at : BATCH,
		                                .size = FRAME_SIZE,
		                                .quality = QUALITY,
		                                .keyframes = near};
		r = decoder_frames(v->decoder, &q, pass_frame, &p, err);
		if (r == 0 || r == -ERR_CANCELED)
			continue;
		/* the child is gone: these frames are lost, the next ones are not */
		note_fault(v, err->msg);
		decoder_free(TAKE(v->decoder));
		r = decoder_open(v->file->fd, &v->file->decoder, v->cancel, &v->decoder, err);
	}
	return r;
}

static bool is_gone(int r)
{
	return r == -ERR_CANCELED || r == -ERR_NOENT;
}

int clock_view_read(struct clock_view *v, const struct frame *f, const struct text_region *region,
                    enum text_mode mode, struct text_lines *ret, struct err *err)
{
	*ret = (struct text_lines){0};
	v->reads++;
	int r = text_reader_read(v->reader, f->jpeg, f->jpeg_len, region, mode, ret, err);
	if (r < 0 && !is_gone(r)) {
		note_fault(v, err->msg);
		r = 0;
	}
	return r;
}

static int add_text(struct clock_view *v, const struct frame *f, const struct text_region *region,
                    struct buf *out, struct err *err)
{
	AUTO(text_lines_clear) struct text_lines lines = {0};
	if (region->w == 0)
		return 0;
	int r = clock_view_read(v, f, region, TEXT_CLOCK, &lines, err);
	for (size_t i = 0; i < lines.n; i++)
		buf_addf(out, "%s%s", out->len ? " " : "", lines.lines[i].text);
	return r;
}

int clock_view_text(struct clock_view *v, const struct frame *f, const struct clock_place *place,
                    char **ret, struct err *err)
{
	AUTO(buf_free) struct buf text = BUF(TEXT_BYTES);
	*ret = NULL;
	if (!f->jpeg)
		return 0;
	int r = add_text(v, f, &place->date, &text, err);
	if (r == 0)
		r = add_text(v, f, &place->time, &text, err);
	if (r == 0 && text.len > 0)
		*ret = text_line(buf_str(&text), TEXT_BYTES);
	return r;
}

/* ---- looks ---- */

struct looking {
	struct clock_view *view;
	struct wallclock_look *looks;
	struct err *err;
};

/* How much of a clock a text is: its time, and its date. */
static size_t points(const char *text)
{
	struct wallclock_reading r;
	if (!text || !wallclock_parse(text, &r))
		return 0;
	return (r.timed ? 2 : 0) + r.dated;
}

static int look_at(void *ctx, size_t i, struct frame *f)
{
	struct looking *l = ctx;
	if (f->jpeg)
		l->looks[i].time = f->pts - l->view->from;
	AUTO(mem_freep) char *second = NULL;
	int r = clock_view_text(l->view, f, &l->view->place, &l->looks[i].text, l->err);
	size_t first = points(l->looks[i].text);
	l->view->points = first > l->view->points ? first : l->view->points;
	if (r < 0 || first >= l->view->points)
		return r;
	r = clock_view_text(l->view, f, &l->view->second, &second, l->err);
	if (points(second) <= first)
		return r;
	free(l->looks[i].text);
	l->looks[i].text = TAKE(second);
	return r;
}

int clock_view_look(void *ctx, struct wallclock_look *looks, size_t n, bool near, struct err *err)
{
	struct clock_view *v = ctx;
	struct looking l = {.view = v, .looks = looks, .err = err};
	AUTO(mem_freep) int64_t *times = mem_alloc(n, sizeof *times);
	for (size_t i = 0; i < n; i++)
		times[i] = v->from + looks[i].time;
	return clock_view_frames(v, times, n, near, look_at, &l, err);
}
