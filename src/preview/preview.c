/* SPDX-License-Identifier: Apache-2.0 */
#include "preview/preview.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "decoder/decoder-output.h"
#include "protocol/media-wire.h"

enum {
	CANDIDATES = 9, /* for a poster */
	POSTER_QUALITY = 85,
	SHEET_QUALITY = 75,
	SHEET_SIDE = 10, /* pictures in a row, and rows */
};

/* For longer videos only keyframes are shown, however far apart: decoding
 * everything would take too long. */
static const int64_t EXACT_UP_TO = 120 * CLOCK_SECOND;

static void tell(const struct preview_options *o, double fraction)
{
	if (o->progress)
		o->progress(o->ctx, fraction);
}

/* The child for this file, and the properties of the file. */
static int begin(int fd, const struct preview_options *o, struct cancel *cancel,
                 struct decoder **ret, struct video_info *info, struct err *err)
{
	AUTO(decoder_freep) struct decoder *d = NULL;
	int r = decoder_open(fd, &o->decoder, cancel, &d, err);
	if (r == 0)
		r = decoder_probe(d, info, err);
	if (r == 0)
		*ret = TAKE(d);
	return r;
}

/* ---- the poster ---- */

struct poster {
	unsigned char *jpeg;
	size_t len;
	char *fault; /* the error of the last picture that failed */
};

static void poster_clear(struct poster *p)
{
	free(p->jpeg);
	free(p->fault);
}

/* At equal quality, the picture with the largest JPEG has the most detail: it
 * is not black, blurred or empty. */
static int keep_richest(void *ctx, size_t i, struct frame *f)
{
	struct poster *p = ctx;
	(void)i;
	if (f->fault) {
		free(p->fault);
		p->fault = TAKE(f->fault);
	} else if (f->jpeg_len > p->len) {
		free(p->jpeg);
		p->jpeg = TAKE(f->jpeg);
		p->len = f->jpeg_len;
	}
	return 0;
}

int preview_poster(int fd, const struct preview_options *o, int64_t at, int size,
                   struct cancel *cancel, struct buf *out, struct err *err)
{
	AUTO(decoder_freep) struct decoder *d = NULL;
	AUTO(video_info_clear) struct video_info info = {0};
	AUTO(poster_clear) struct poster p = {0};
	int64_t times[CANDIDATES] = {at};
	int r = begin(fd, o, cancel, &d, &info, err);
	for (int i = 0; i < CANDIDATES && r == 0 && at < 0; i++)
		times[i] = info.duration * (2 * i + 1) / (2 * CANDIDATES);
	const struct frame_request req = {.times = times,
	                                  .n = at < 0 ? CANDIDATES : 1,
	                                  .size = size,
	                                  .quality = POSTER_QUALITY,
	                                  .keyframes = true};
	if (r == 0)
		r = decoder_frames(d, &req, keep_richest, &p, err);
	if (r < 0)
		return r;
	if (!p.jpeg)
		return err_set(err, ERR_FORMAT, "no picture could be decoded: %s", p.fault);
	tell(o, 1);
	return buf_add(out, p.jpeg, p.len) < 0 ? buf_check(out, "the poster", err) : 0;
}

/* ---- the storyboard ---- */

void storyboard_clear(struct storyboard *s)
{
	for (size_t i = 0; i < STORYBOARD_SHEETS; i++)
		buf_free(&s->sheets[i]);
	*s = (struct storyboard){0};
}

/* A round interval, chosen so that the number of pictures is within the limit. */
static int64_t choose_interval(int64_t duration, int64_t most)
{
	static const int seconds[] = {1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600};
	for (size_t i = 0; i < ARRAY_LEN(seconds); i++)
		if (duration / (seconds[i] * CLOCK_SECOND) < most)
			return seconds[i] * CLOCK_SECOND;
	return duration / most + 1;
}

static int even(int64_t n)
{
	return n < MEDIA_SIZE_MIN ? MEDIA_SIZE_MIN : (int)(n + n % 2);
}

static void lay_out(const struct video_info *v, int size, struct storyboard *s)
{
	int side = v->width > v->height ? v->width : v->height;
	s->width = even((int64_t)v->width * size / side);
	s->height = even((int64_t)v->height * size / side);
	s->columns = s->rows = SHEET_SIDE;
	while (s->columns * s->width > MEDIA_SIZE_MAX)
		s->columns--;
	while (s->rows * s->height > MEDIA_SIZE_MAX)
		s->rows--;
	s->duration = v->duration;
	s->interval = choose_interval(v->duration, (int64_t)STORYBOARD_SHEETS * s->columns * s->rows);
	s->n = (size_t)((v->duration - 1) / s->interval + 1);
	if ((size_t)s->columns > s->n)
		s->columns = (int)s->n;
}

/* The pictures from number `from` on, up to one sheet. */
static int make_sheet(struct decoder *d, struct storyboard *s, size_t from, struct err *err)
{
	size_t left = s->n - from, columns = (size_t)s->columns, most = columns * (size_t)s->rows;
	size_t n = left < most ? left : most;
	AUTO(mem_freep) int64_t *times = mem_alloc(n, sizeof(*times));

	for (size_t i = 0; i < n; i++) {
		int64_t middle = (int64_t)(from + i) * s->interval + s->interval / 2;
		times[i] = middle < s->duration ? middle : s->duration - 1;
	}

	const struct decoder_tiles tiles = {
		.times = times,
		.n = n,
		.width = s->width,
		.height = s->height,
		.columns = s->columns,
		.quality = SHEET_QUALITY,
		.keyframes = s->duration > EXACT_UP_TO,
	};
	struct buf sheet = {0};
	int r = decoder_tile(d, &tiles, &sheet, err);
	if (r == 0)
		s->sheets[s->n_sheets++] = sheet;
	return r;
}

int preview_storyboard(int fd, const struct preview_options *o, int size, struct cancel *cancel,
                       struct storyboard *ret, struct err *err)
{
	AUTO(decoder_freep) struct decoder *d = NULL;
	AUTO(video_info_clear) struct video_info info = {0};
	AUTO(storyboard_clear) struct storyboard s = {0};
	if (size < MEDIA_SIZE_MIN || size > 1024)
		return err_set(err, ERR_ARG,
		               "the size of storyboard pictures must be from 16 to 1024 pixels, not %d",
		               size);
	int r = begin(fd, o, cancel, &d, &info, err);
	if (r < 0)
		return r;
	lay_out(&info, size, &s);
	size_t step = (size_t)s.columns * (size_t)s.rows;
	for (size_t from = 0; from < s.n; from += step) {
		r = make_sheet(d, &s, from, err);
		if (r < 0)
			return r;
		tell(o, (double)(from + step < s.n ? from + step : s.n) / (double)s.n);
	}
	*ret = s;
	s = (struct storyboard){0};
	return 0;
}

/* Encodes a file name as part of a URL. */
static void add_escaped(struct buf *out, const char *name)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
	for (; *name; name++)
		if (strchr(plain, *name))
			buf_add(out, name, 1);
		else
			buf_addf(out, "%%%02X", (unsigned char)*name);
}

void storyboard_vtt(const struct storyboard *s, const char *name, struct buf *out)
{
	const size_t columns = (size_t)s->columns, step = columns * (size_t)s->rows;
	buf_adds(out, "WEBVTT\n");
	for (size_t i = 0; i < s->n; i++) {
		char from[CLOCK_TEXT_MAX], to[CLOCK_TEXT_MAX];
		int64_t begin = (int64_t)i * s->interval, end = begin + s->interval;
		size_t at = i % step;
		buf_addf(out, "\n%s --> %s\n", clock_text(begin, from),
		         clock_text(end < s->duration ? end : s->duration, to));
		add_escaped(out, name);
		buf_addf(out, "-%zu.jpg#xywh=%zu,%zu,%d,%d\n", i / step + 1,
		         at % columns * (size_t)s->width, at / columns * (size_t)s->height, s->width,
		         s->height);
	}
}

/* ---- the proxy and the sound ---- */

struct share {
	const struct preview_options *o;
	int64_t duration;
};

static void on_done(void *ctx, int64_t at)
{
	const struct share *s = ctx;
	if (s->duration)
		tell(s->o, at < s->duration ? (double)at / (double)s->duration : 1);
}

int preview_proxy(int fd, const struct preview_options *o, int side, int out_fd,
                  struct cancel *cancel, struct err *err)
{
	AUTO(decoder_freep) struct decoder *d = NULL;
	AUTO(video_info_clear) struct video_info info = {0};
	int r = begin(fd, o, cancel, &d, &info, err);
	struct share share = {o, info.duration};
	/* Far above the limit of the encoder. */
	const int64_t max = (256 << 20) + info.duration / CLOCK_SECOND * (2 << 20);
	const struct decoder_output out = {
		.fd = out_fd, .max = max, .progress = on_done, .ctx = &share};
	return r < 0 ? r : decoder_proxy(d, side, info.has_audio, info.duration, &out, err);
}

int preview_sound(int fd, const struct preview_options *o, int out_fd, struct cancel *cancel,
                  struct err *err)
{
	enum { RATE = 16000 };
	AUTO(decoder_freep) struct decoder *d = NULL;
	struct share share = {o, 0};
	const struct decoder_output out = {
		.fd = out_fd, .max = UINT32_MAX, .progress = on_done, .ctx = &share};
	int r = decoder_open(fd, &o->decoder, cancel, &d, err);
	return r < 0 ? r : decoder_sound(d, RATE, &out, err);
}
