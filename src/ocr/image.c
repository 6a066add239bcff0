/* SPDX-License-Identifier: Apache-2.0 */
#include "ocr/image.h"

#include <stdlib.h>

#include "base/mem.h"
#include "protocol/text-wire.h"

enum {
	SEARCH_WIDTH = 960, /* lines are searched in a picture of at most this width */
	FOUND_MAX = 400,
	STRONG = 110, /* contrast of captions, in levels */
	WEAK = 44,
	MARGIN = 12,
};

struct candidate {
	struct image_box box;
	double score;
};

struct candidates {
	struct candidate items[FOUND_MAX];
	size_t n;
};

void image_freep(PIX **p)
{
	pixDestroy(p);
}

static void boxa_freep(BOXA **p)
{
	boxaDestroy(p);
}

static void box_freep(BOX **p)
{
	boxDestroy(p);
}

double image_overlap(const struct image_box *a, const struct image_box *b)
{
	int x0 = a->x > b->x ? a->x : b->x, y0 = a->y > b->y ? a->y : b->y;
	int x1 = a->x + a->w < b->x + b->w ? a->x + a->w : b->x + b->w;
	int y1 = a->y + a->h < b->y + b->h ? a->y + a->h : b->y + b->h;
	if (x1 <= x0 || y1 <= y0)
		return 0;
	return (double)(x1 - x0) * (y1 - y0) / ((double)b->w * b->h);
}

int image_decode(const void *jpeg, size_t len, bool color, PIX **ret, struct err *err)
{
	l_int32 w = 0, h = 0, samples = 0;
	if (readHeaderMemJpeg(jpeg, len, &w, &h, &samples, NULL, NULL) || w < 1 || h < 1)
		return err_set(err, ERR_FORMAT, "the picture is not a JPEG that can be read");
	if ((int64_t)w * h > TEXT_PIXELS_MAX)
		return err_set(err, ERR_LIMIT, "the picture has too many pixels (%d x %d)", w, h);
	PIX *pix = pixReadMemJpeg(jpeg, len, 0, 1, NULL, color ? 0 : L_JPEG_READ_LUMINANCE);
	AUTO(image_freep) PIX *given = pix;
	*ret = !given ? NULL : color ? pixConvertTo32(given) : pixConvertTo8(given, 0);
	return *ret ? 0 : err_set(err, ERR_FORMAT, "the picture could not be decoded");
}

PIX *image_cut(PIX *from, const struct image_box *b, int turn)
{
	AUTO(box_freep) BOX *box = boxCreate(b->x, b->y, b->w, b->h);
	AUTO(image_freep) PIX *part = box ? pixClipRectangle(from, box, NULL) : NULL;
	return part && turn ? pixRotateOrth(part, turn / 90) : TAKE(part);
}

struct image_box image_uncut(const struct image_box *cut, int turn, const struct image_box *b)
{
	struct image_box r = *b;
	if (turn == 90)
		r = (struct image_box){b->y, cut->h - b->x - b->w, b->h, b->w};
	else if (turn == 180)
		r = (struct image_box){cut->w - b->x - b->w, cut->h - b->y - b->h, b->w, b->h};
	else if (turn == 270)
		r = (struct image_box){cut->w - b->y - b->h, b->x, b->h, b->w};
	r.x += cut->x;
	r.y += cut->y;
	return r;
}

/* How much a box looks like a line of writing: 0 = not at all. Strokes cover
 * some of it, neither little nor nearly all. */
static double looks(PIX *strokes, const struct image_box *b)
{
	l_float32 share = 0;
	if (b->h < 6 || b->h > pixGetHeight(strokes) / 4 || b->w < 10 || b->w * 2 < b->h * 3)
		return 0;
	AUTO(image_freep) PIX *part = image_cut(strokes, b, 0);
	if (!part || pixForegroundFraction(part, &share) || share < 0.14F || share > 0.8F)
		return 0;
	return (double)share * b->w / b->h;
}

/* Adds the boxes of where brightness changes by this contrast from left to
 * right, often and close together. */
static void find(PIX *gray, int contrast, struct candidates *to)
{
	AUTO(image_freep) PIX *edges = pixSobelEdgeFilter(gray, L_VERTICAL_EDGES);
	AUTO(image_freep) PIX *strokes = edges ? pixThresholdToBinary(edges, contrast / 2) : NULL;
	if (!strokes)
		return;
	pixInvert(strokes, strokes);
	AUTO(image_freep) PIX *closed = pixCloseSafeBrick(NULL, strokes, 13, 3);
	AUTO(image_freep) PIX *opened = closed ? pixOpenBrick(NULL, closed, 7, 5) : NULL;
	AUTO(boxa_freep) BOXA *all = opened ? pixConnCompBB(opened, 8) : NULL;
	l_int32 n = all ? boxaGetCount(all) : 0;
	for (l_int32 i = 0; i < n && to->n < FOUND_MAX; i++) {
		struct candidate c;
		boxaGetBoxGeometry(all, i, &c.box.x, &c.box.y, &c.box.w, &c.box.h);
		c.score = looks(strokes, &c.box);
		if (c.score > 0)
			to->items[to->n++] = c;
	}
}

/* Words of one line: side by side, of about the same height, with a gap of at
 * most their height. */
static bool are_one_line(const struct image_box *a, const struct image_box *b)
{
	int y0 = a->y > b->y ? a->y : b->y;
	int y1 = a->y + a->h < b->y + b->h ? a->y + a->h : b->y + b->h;
	int low = a->h < b->h ? a->h : b->h, high = a->h > b->h ? a->h : b->h;
	int gap = a->x < b->x ? b->x - a->x - a->w : a->x - b->x - b->w;
	return 2 * (y1 - y0) > low && high < 2 * low && gap <= high;
}

static void join_words(struct candidates *c)
{
	for (size_t i = 0; i < c->n; i++)
		for (size_t k = 0; k < c->n;) {
			struct candidate *a = &c->items[i], *b = &c->items[k];
			if (k == i || !are_one_line(&a->box, &b->box)) {
				k++;
				continue;
			}
			int x1 = a->box.x + a->box.w > b->box.x + b->box.w ? a->box.x + a->box.w
			                                                   : b->box.x + b->box.w;
			int y1 = a->box.y + a->box.h > b->box.y + b->box.h ? a->box.y + a->box.h
			                                                   : b->box.y + b->box.h;
			a->box.x = a->box.x < b->box.x ? a->box.x : b->box.x;
			a->box.y = a->box.y < b->box.y ? a->box.y : b->box.y;
			a->box.w = x1 - a->box.x;
			a->box.h = y1 - a->box.y;
			a->score += b->score;
			*b = c->items[--c->n];
			/* The last one took the place of b: start again with what is now i. */
			i = i == c->n ? k : i;
			k = 0;
		}
}

static int compare(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	return (y->score > x->score) - (y->score < x->score);
}

size_t image_find_lines(PIX *gray, size_t max, struct image_box *ret)
{
	l_int32 w = pixGetWidth(gray);
	float scale = w > SEARCH_WIDTH ? (float)SEARCH_WIDTH / (float)w : 1;
	AUTO(image_freep) PIX *small = scale < 1 ? pixScaleAreaMap(gray, scale, scale) : pixClone(gray);
	AUTO(mem_freep) struct candidates *found = mem_alloc(1, sizeof *found);
	if (!small)
		return 0;
	find(small, STRONG, found);
	find(small, WEAK, found);
	join_words(found);
	qsort(found->items, found->n, sizeof *found->items, compare);

	size_t n = 0;
	for (size_t i = 0; i < found->n && n < max; i++) {
		const struct image_box *b = &found->items[i].box;
		struct image_box whole = {(int)((float)b->x / scale), (int)((float)b->y / scale),
		                          (int)((float)b->w / scale), (int)((float)b->h / scale)};
		bool twice = false;
		for (size_t j = 0; j < n; j++)
			twice |= image_overlap(&ret[j], &whole) > 0.6;
		if (!twice)
			ret[n++] = whole;
	}
	return n;
}

/* Whether most of it is dark: light writing on a dark ground. */
static bool is_mostly_dark(PIX *gray)
{
	l_float32 dark = 0;
	PIX *bin = NULL;
	pixOtsuAdaptiveThreshold(gray, pixGetWidth(gray), pixGetHeight(gray), 0, 0, 0, NULL, &bin);
	AUTO(image_freep) PIX *owned = bin;
	return owned && !pixForegroundFraction(owned, &dark) && dark > 0.5F;
}

PIX *image_line(PIX *gray, int height, int least)
{
	float scale = (float)height / (float)pixGetHeight(gray);
	scale = scale > 6 ? 6 : scale;
	AUTO(image_freep) PIX *sized = pixScale(gray, scale, scale);
	if (!sized)
		return NULL;
	if (least) {
		/* What is darker becomes the ground, as does what goes on beyond the
		 * line: letters have an outline, or are brighter than what is around. */
		AUTO(image_freep) PIX *bright = pixThresholdToBinary(sized, least);
		if (!bright)
			return NULL;
		pixInvert(bright, bright);
		AUTO(image_freep) PIX *inside = pixRemoveBorderConnComps(bright, 4);
		AUTO(image_freep) PIX *flat = inside ? pixConvert1To8(NULL, inside, 255, 0) : NULL;
		return flat ? pixAddBorder(flat, MARGIN, 255) : NULL;
	}
	if (is_mostly_dark(sized))
		pixInvert(sized, sized);
	return TAKE(sized);
}
