/* SPDX-License-Identifier: Apache-2.0 */
#include "media/plant.h"

#include <math.h>

enum {
	BLACK = 16,
	WHITE = 235,
	GRAY = 128,
	STRIPES = 3,     /* bands of luma, so that an object is not flat */
	STRIPE_STEP = 8, /* levels between neighboring bands */
};

struct planting {
	const struct plant *plants;
	size_t n;
	int *luma; /* of each object; 0 = it was not visible yet */
};

struct planting *planting_new(const struct plant *plants, size_t n)
{
	struct planting *p = mem_alloc(1, sizeof *p);
	p->plants = plants;
	p->n = n;
	p->luma = mem_alloc(n, sizeof *p->luma);
	return p;
}

void planting_free(struct planting *p)
{
	if (!p)
		return;
	free(p->luma);
	free(p);
}

/* An ellipse in pixels of a plane. */
struct ellipse {
	double x, y, rx, ry;
	int left, right, top, bottom; /* pixels that it may touch, clipped; right and bottom excluded */
};

static struct ellipse place(const struct plant *o, int64_t time, int plane_w, int plane_h)
{
	double done = (double)(time - o->start) / (double)(o->end - o->start);
	struct ellipse e = {
		.x = (o->x0 + (o->x1 - o->x0) * done) * plane_w,
		.y = (o->y0 + (o->y1 - o->y0) * done) * plane_h,
		.rx = fmax(o->width * plane_w / 2, 1),
		.ry = fmax(o->height * plane_w / 2, 1),
	};
	e.left = (int)fmax(floor(e.x - e.rx), 0);
	e.top = (int)fmax(floor(e.y - e.ry), 0);
	e.right = (int)fmin(ceil(e.x + e.rx) + 1, plane_w);
	e.bottom = (int)fmin(ceil(e.y + e.ry) + 1, plane_h);
	return e;
}

/* How much of a pixel the ellipse covers, 0 to 1; its edge is a pixel wide. */
static double cover(const struct ellipse *e, int x, int y)
{
	double dx = (x - e->x) / e->rx, dy = (y - e->y) / e->ry;
	double inside = (1 - sqrt(dx * dx + dy * dy)) * fmin(e->rx, e->ry) + 0.5;
	return fmin(fmax(inside, 0), 1);
}

static void blend(AVFrame *f, int plane, const struct ellipse *e, int x, int y, double level)
{
	uint8_t *pixel = f->data[plane] + (ptrdiff_t)y * f->linesize[plane] + x;
	double share = cover(e, x, y);
	*pixel = (uint8_t)lrint(*pixel * (1 - share) + level * share);
}

/* The luma of an object differs from what is behind it where it appears; it is
 * brighter if there is room for that. */
static int choose_luma(const struct plant *o, const AVFrame *f, const struct ellipse *e)
{
	int64_t sum = 0, n = 0;
	for (int y = e->top; y < e->bottom; y++)
		for (int x = e->left; x < e->right; x++, n++)
			sum += f->data[0][(ptrdiff_t)y * f->linesize[0] + x];
	int behind = n ? (int)(sum / n) : GRAY, bright = behind + o->contrast;
	int margin = STRIPES * STRIPE_STEP / 2;
	int level = bright + margin <= WHITE ? bright : behind - o->contrast;
	return level < BLACK + margin ? BLACK + margin : level;
}

static void draw_object(struct planting *p, size_t i, int64_t time, AVFrame *f)
{
	const struct plant *o = &p->plants[i];
	const struct ellipse e = place(o, time, f->width, f->height);
	if (!p->luma[i])
		p->luma[i] = choose_luma(o, f, &e);

	for (int y = e.top; y < e.bottom; y++) {
		double down = fmin(fmax((y - (e.y - e.ry)) / (2 * e.ry), 0), 0.99);
		int band = (int)(down * STRIPES);
		int level = p->luma[i] + (band - STRIPES / 2) * STRIPE_STEP;
		for (int x = e.left; x < e.right; x++)
			blend(f, 0, &e, x, y, level);
	}

	const struct ellipse half = place(o, time, (f->width + 1) / 2, (f->height + 1) / 2);
	for (int y = half.top; y < half.bottom; y++)
		for (int x = half.left; x < half.right; x++) {
			blend(f, 1, &half, x, y, GRAY + o->blue);
			blend(f, 2, &half, x, y, GRAY + o->red);
		}
}

static int limit(int v, int low, int high)
{
	return v < low ? low : v > high ? high : v;
}

/* Turns a plane by 180 degrees, and replaces each level by `sum` minus it; 0:
 * the levels stay. */
static void turn_plane(uint8_t *data, ptrdiff_t stride, int w, int h, int sum)
{
	for (int y = 0; y < (h + 1) / 2; y++) {
		uint8_t *a = data + y * stride, *b = data + (h - 1 - y) * stride + w - 1;
		int n = y == h - 1 - y ? w / 2 : w; /* the row in the middle meets itself */
		for (int x = 0; x < n; x++, a++, b--) {
			uint8_t other = *b;
			*b = *a;
			*a = other;
		}
	}
	for (int y = 0; sum && y < h; y++)
		for (int x = 0; x < w; x++)
			data[y * stride + x] = (uint8_t)limit(sum - data[y * stride + x], 0, 255);
}

void planting_draw(struct planting *p, int64_t time, AVFrame *f)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct plant *one = &p->plants[i];
		if (time < one->start || time >= one->end)
			continue;
		if (one->kind == PLANT_OBJECT) {
			draw_object(p, i, time, f);
			continue;
		}
		turn_plane(f->data[0], f->linesize[0], f->width, f->height, BLACK + WHITE);
		for (int c = 1; c <= 2; c++)
			turn_plane(f->data[c], f->linesize[c], (f->width + 1) / 2, (f->height + 1) / 2, 0);
	}
}
