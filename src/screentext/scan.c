/* SPDX-License-Identifier: Apache-2.0 */
#include "screentext/scan.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "screentext/alike.h"

enum {
	FRAME_SIZE = 1920, /* the long side; writing that is legible in more is rare */
	QUALITY = 92,
	FAILURES_MAX = 8, /* one after the other, after which no frame can be read */
};

/* From a frame with an unconfirmed text to the one that confirms it. */
static const int64_t confirm = CLOCK_SECOND * 6 / 10;
/* Writing that is turned is looked for this often. */
static const int64_t turned_step = 60 * CLOCK_SECOND;

/* Which of these stretches a time is in. Counted from the beginning of the
 * video, so that it does not matter where a scan begins. */
static int64_t stretch_of(int64_t time)
{
	return time / turned_step;
}

bool text_scan_cut(const struct text_sample *before, const struct text_sample *sample)
{
	return stretch_of(before->time) != stretch_of(sample->time);
}

struct scan {
	const struct text_scan_options *o;
	struct cancel *cancel;
	struct decoder *decoder; /* NULL after a failure: opened again for the next frame */
	struct text_merge *merge;
	struct text_scan *to;
	int failures;        /* in a row */
	int turn;            /* of the writing that was found last, if it is not upright */
	int64_t next_turned; /* time from which turned writing is looked for */
	struct frame frame;  /* that was decoded last; of no picture if there is none */
	int64_t time;        /* that was asked for */
};

void text_scan_clear(struct text_scan *s)
{
	text_passages_clear(&s->passages);
	free(s->fault);
	*s = (struct text_scan){0};
}

static void scan_clear(struct scan *s)
{
	frame_clear(&s->frame);
	decoder_free(s->decoder);
	text_merge_free(s->merge);
}

static int take_frame(void *ctx, size_t i, struct frame *f)
{
	struct frame *to = ctx;
	(void)i;
	*to = *f;
	*f = (struct frame){0};
	return 0;
}

/* Counts a frame that could not be read; an error if too many could not. */
static int fail(struct scan *s, struct err *err)
{
	if (err->code == ERR_CANCELED)
		return -ERR_CANCELED;
	s->to->unread++;
	if (!s->to->fault)
		s->to->fault = mem_strdup(err->msg);
	return ++s->failures < FAILURES_MAX ? 0 : -(int)err->code;
}

static int decode(struct scan *s, int64_t time, struct err *err)
{
	const struct frame_request q = {.times = &time, .n = 1, .size = FRAME_SIZE, .quality = QUALITY};
	if (s->frame.jpeg && s->time == time)
		return 0;
	frame_clear(&s->frame);
	int r = s->decoder ? 0 : decoder_open(s->o->fd, &s->o->decoder, s->cancel, &s->decoder, err);
	if (r == 0)
		r = decoder_frames(s->decoder, &q, take_frame, &s->frame, err);
	if (r < 0) {
		decoder_free(TAKE(s->decoder));
		return r;
	}
	s->time = time;
	return s->frame.fault ? err_set(err, ERR_FORMAT, "%s", s->frame.fault) : 0;
}

/* The lines of a frame, from who knows them already, or else by reading it. */
static int read_lines(struct scan *s, int64_t time, int turn, struct text_lines *ret,
                      struct err *err)
{
	const struct text_region whole = {0, 0, 10000, 10000, turn};
	if (s->o->known && s->o->known(s->o->ctx, time, turn, ret))
		return 0;
	int r = decode(s, time, err);
	if (r < 0)
		return r;
	int64_t began = clock_now();
	r = text_reader_read(s->o->reader, s->frame.jpeg, s->frame.jpeg_len, &whole, TEXT_PAGE, ret,
	                     err);
	s->to->reading += clock_now() - began;
	if (r == 0 && s->o->note)
		s->o->note(s->o->ctx, time, turn, ret);
	return r;
}

static bool has_sure_line(const struct text_lines *l, size_t letters)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->lines[i].conf >= TEXT_CONF_LEAST && text_is_plausible(&l->lines[i]) &&
		    text_count_letters(l->lines[i].text).letters >= letters)
			return true;
	return false;
}

/* So many letters in a line are not there by chance: upside down, some words
 * are read as four. */
enum { LETTERS = 6 };

/* Reads with this turn; keeps the result only if there is writing in it. */
static int try_turn(struct scan *s, int64_t time, int turn, struct text_lines *lines,
                    struct err *err)
{
	AUTO(text_lines_clear) struct text_lines now = {0};
	int r = read_lines(s, time, turn, &now, err);
	if (r < 0 || !has_sure_line(&now, LETTERS))
		return r;
	text_lines_clear(lines);
	*lines = now;
	now = (struct text_lines){0};
	s->turn = turn;
	return 0;
}

/* Upside down and vertical, where nothing upright was found. */
static int read_turned(struct scan *s, int64_t time, struct text_lines *lines, struct err *err)
{
	static const int turns[] = {180, 90, 270};
	int r = 0, last = s->turn;
	if (has_sure_line(lines, LETTERS) || (!last && time < s->next_turned))
		return 0;
	s->turn = 0;
	if (last)
		r = try_turn(s, time, last, lines, err);
	if (r < 0 || time < s->next_turned)
		return r;
	s->next_turned = (stretch_of(time) + 1) * turned_step;
	for (size_t i = 0; i < ARRAY_LEN(turns) && r == 0 && !s->turn; i++)
		r = try_turn(s, time, turns[i], lines, err);
	return r;
}

/* Reads one frame, and adds what it shows. */
static int read_frame(struct scan *s, const struct text_sample *at, struct err *err)
{
	AUTO(text_lines_clear) struct text_lines lines = {0};
	int r = read_lines(s, at->time, 0, &lines, err);
	if (r == 0)
		r = read_turned(s, at->time, &lines, err);
	if (r < 0)
		return fail(s, err);
	s->failures = 0;
	s->to->frames++;
	const struct text_reading reading = {at->time, at->from, at->until, &lines};
	text_merge_add(s->merge, &reading);
	return 0;
}

/* The frame that confirms what the one of a sample shows, before the next. */
static bool choose_second(const struct text_sample *first, int64_t next, struct text_sample *ret)
{
	int64_t end = first->until > first->time && first->until < next ? first->until : next;
	*ret = *first;
	ret->time =
		first->time + confirm < end ? first->time + confirm : first->time + (end - first->time) / 2;
	if (first->until <= first->time)
		ret->from = ret->until = ret->time;
	return ret->time > first->time;
}

static int read_all(struct scan *s, struct err *err)
{
	const struct text_scan_options *o = s->o;
	const struct text_sample *samples = o->samples;
	size_t n = o->n_samples;
	struct text_sample second;
	int r = 0;
	for (size_t i = 0; i < n && r == 0; i++) {
		int64_t next = i + 1 < n ? samples[i + 1].time : o->to;
		size_t before = s->to->frames;
		r = read_frame(s, &samples[i], err);
		if (r == 0 && s->to->frames > before && text_merge_wants_more(s->merge) &&
		    choose_second(&samples[i], next, &second))
			r = read_frame(s, &second, err);
	}
	return r;
}

int text_scan_run(const struct text_scan_options *o, struct cancel *cancel, struct text_scan *ret,
                  struct err *err)
{
	AUTO(text_scan_clear) struct text_scan done = {0};
	AUTO(scan_clear)
	struct scan s = {.o = o, .cancel = cancel, .merge = text_merge_new(), .to = &done};
	int r = read_all(&s, err);
	if (r < 0)
		return r;
	text_merge_end(s.merge, &done.passages);
	*ret = done;
	done = (struct text_scan){0};
	return 0;
}
