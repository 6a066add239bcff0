/* SPDX-License-Identifier: Apache-2.0 */
#include "ocr/part.h"

static int in_scale(int value, int whole)
{
	int64_t x = ((int64_t)value * TEXT_SCALE + whole / 2) / whole;
	return x < 0 ? 0 : x > TEXT_SCALE ? TEXT_SCALE : (int)x;
}

json_t *part_lines(const struct found_lines *f, const struct image_box *at, int turn, PIX *whole)
{
	int w = pixGetWidth(whole), h = pixGetHeight(whole);
	json_t *list = json_array();
	for (size_t i = 0; i < f->n; i++) {
		const struct found_line *l = &f->items[i];
		const struct image_box b = image_uncut(at, turn, &l->box);
		int x0 = in_scale(b.x, w), y0 = in_scale(b.y, h);
		int x1 = in_scale(b.x + b.w, w), y1 = in_scale(b.y + b.h, h);
		if (x1 > x0 && y1 > y0)
			json_array_append_new(list, json_pack("[i i i i i s]", x0, y0, x1 - x0, y1 - y0,
			                                      (int)(l->conf * TEXT_CONF), l->text));
	}
	return list;
}

static struct image_box part_of(const struct ocr_request *q, PIX *pix)
{
	int64_t w = pixGetWidth(pix), h = pixGetHeight(pix);
	struct image_box b = {(int)(q->x * w / TEXT_SCALE), (int)(q->y * h / TEXT_SCALE),
	                      (int)((q->w * w + TEXT_SCALE - 1) / TEXT_SCALE),
	                      (int)((q->h * h + TEXT_SCALE - 1) / TEXT_SCALE)};
	b.w = b.x + b.w > w ? (int)w - b.x : b.w;
	b.h = b.y + b.h > h ? (int)h - b.y : b.h;
	return b;
}

int part_cut(const struct ocr_request *q, PIX *whole, struct image_box *ret_at, PIX **ret,
             struct err *err)
{
	*ret_at = part_of(q, whole);
	*ret = ret_at->w > 2 && ret_at->h > 2 ? image_cut(whole, ret_at, q->turn) : NULL;
	return *ret ? 0 : err_set(err, ERR_ARG, "the part of the picture is too small to be read");
}
