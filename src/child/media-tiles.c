/* SPDX-License-Identifier: Apache-2.0 */
#include "child/media-tiles.h"

#include <string.h>

#include "media/jpeg.h"
#include "proc/wire.h"
#include "protocol/media-wire.h"

struct sheet {
	int64_t width, height, columns, rows, quality; /* size of a tile and of the sheet */
	bool keyframes;
	const json_t *times;
	AVFrame *canvas; /* owned */
};

static void sheet_clear(struct sheet *s)
{
	av_frame_free(&s->canvas);
}

static int read_request(const json_t *request, struct sheet *s, struct err *err)
{
	struct {
		const char *key;
		int64_t min, max, *ret;
	} ints[] = {
		{"width", MEDIA_SIZE_MIN, 1024, &s->width}, {"height", MEDIA_SIZE_MIN, 1024, &s->height},
		{"columns", 1, 100, &s->columns},           {"rows", 1, 100, &s->rows},
		{"quality", 1, 100, &s->quality},
	};
	for (size_t i = 0; i < ARRAY_LEN(ints); i++) {
		int r = wire_int(request, ints[i].key, ints[i].min, ints[i].max, ints[i].ret, err);
		if (r < 0)
			return r;
	}
	int r = wire_bool(request, "keyframes", &s->keyframes, err);
	if (r < 0)
		return r;
	s->times = json_object_get(request, "times");
	size_t n = json_array_size(s->times);
	if (!n || n > (size_t)(s->columns * s->rows) || s->columns * s->rows > MEDIA_TILES_MAX ||
	    s->width % 2 || s->height % 2 || s->width * s->columns > MEDIA_SIZE_MAX ||
	    s->height * s->rows > MEDIA_SIZE_MAX)
		return err_set(err, ERR_PROTO, "invalid size of a sheet of %zu pictures", n);
	return 0;
}

/* A dark sheet, for tiles that remain empty. */
static int make_canvas(struct sheet *s, struct err *err)
{
	AVFrame *c = s->canvas = av_frame_alloc();
	if (!c)
		return err_set(err, ERR_LIMIT, "no memory for a sheet");
	c->format = AV_PIX_FMT_YUV420P;
	c->width = (int)(s->width * s->columns);
	c->height = (int)(s->height * s->rows);
	c->color_range = AVCOL_RANGE_JPEG;
	if (av_frame_get_buffer(c, 0) < 0)
		return err_set(err, ERR_LIMIT, "no memory for a sheet");
	for (int plane = 0; plane < 3; plane++)
		for (int y = 0; y < (plane ? c->height / 2 : c->height); y++)
			memset(c->data[plane] + (ptrdiff_t)y * c->linesize[plane], plane ? 128 : 16,
			       (size_t)(plane ? c->width / 2 : c->width));
	return 0;
}

static int place_tile(const struct sheet *s, const struct media_tools *l, size_t i, struct err *err)
{
	int64_t t = json_integer_value(json_array_get(s->times, i));
	struct shown shown;
	AUTO(av_frame_free) AVFrame *pic = av_frame_alloc();
	int side = (int)(s->width > s->height ? s->width : s->height), at = (int)i,
		columns = (int)s->columns;
	if (!pic)
		return err_set(err, ERR_LIMIT, "no memory for a frame");
	int r = s->keyframes ? nearest_at(l->nearest, t, &shown, err)
	                     : reader_at(l->reader, t, &shown, err);
	if (r == 0)
		r = picture_make(l->picture, l->source, &shown, side, pic, err);
	if (r == 0)
		r = picture_place(l->picture, pic, s->canvas, at % columns * (int)s->width,
		                  at / columns * (int)s->height, (int)s->width, (int)s->height, err);
	return r;
}

int media_tiles(const struct media_tools *l, const json_t *request, struct buf *out,
                struct err *err)
{
	AUTO(sheet_clear) struct sheet sheet = {0};
	int r = read_request(request, &sheet, err);
	if (r == 0)
		r = make_canvas(&sheet, err);
	if (r < 0)
		return r;
	/* A tile whose picture cannot be decoded remains dark. */
	for (size_t i = 0; i < json_array_size(sheet.times) && r != -ERR_LIMIT; i++)
		r = place_tile(&sheet, l, i, err);
	if (r == -ERR_LIMIT)
		return r;
	AUTO(jpeg_freep) struct jpeg *j = jpeg_new();
	return jpeg_encode(j, sheet.canvas, (int)sheet.quality, out, err);
}
