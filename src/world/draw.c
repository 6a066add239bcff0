/* SPDX-License-Identifier: Apache-2.0 */
#include "draw.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "font.h"
#include "random.h"

enum { NOISE_LEN = 1 << 16, LIGHT_STEPS = 64 };

struct draw {
	const struct world *w;
	/* strip: width of the background with extra space for panning */
	int width, height, strip;
	uint8_t *back;               /* strip x height x 3 */
	const struct world_cut *cut; /* what `back` shows; NULL = nothing yet */
	int light;
	int8_t *noise; /* NOISE_LEN + width * 3 values, or NULL */
};

static const double colors[WORLD_COLORS][3] = {
	{225, 30, 30}, {30, 205, 60}, {40, 70, 255}, {245, 225, 40}, {245, 245, 245}, {170, 50, 205},
};

struct rgb {
	double c[3];
};

/* ---- backgrounds: u is along the width (above 1 in what panning uncovers), v
 * along the height, 0 to 1 ---- */

static double wave(double x)
{
	return x - floor(x);
}

static struct rgb street(double u, double v, double phase)
{
	if (v > 0.76 && v < 0.80 && wave(u * 6 + phase) < 0.5)
		return (struct rgb){{205, 205, 195}};
	return v > 0.55 ? (struct rgb){{75, 75, 80}} : (struct rgb){{105, 105, 110}};
}

static struct rgb grass(double u, double v, double phase)
{
	return wave(u * 9 + v * 4 + phase) < 0.5 ? (struct rgb){{88, 118, 58}}
	                                         : (struct rgb){{100, 132, 66}};
}

static struct rgb water(double u, double v, double phase)
{
	double w = 14 * sin((v * 14 + phase * 6 + sin(u * 9) * 0.6) * 2.2);
	return (struct rgb){{45 + 0.7 * w, 95 + w, 140 + w}};
}

static struct rgb room(double v)
{
	return v > 0.72 ? (struct rgb){{122, 88, 62}} : (struct rgb){{200, 180, 150}};
}

static struct rgb mix(struct rgb a, struct rgb b, double t)
{
	for (int i = 0; i < 3; i++)
		a.c[i] += (b.c[i] - a.c[i]) * t;
	return a;
}

/* The color of the sky, or of a window, shows day or night; everything else is
 * darker and bluer by night. */
static struct rgb background(const struct world_cut *c, double light, double u, double v)
{
	static const struct rgb night = {{13, 17, 43}}, sky = {{150, 200, 240}},
							pane = {{165, 210, 245}};
	if (c->place == WORLD_ROOM && u > 0.70 && u < 0.92 && v > 0.06 && v < 0.30)
		return mix(night, pane, light);
	if (c->place != WORLD_ROOM && v < 0.18)
		return mix(night, sky, light);
	struct rgb p = c->place == WORLD_STREET  ? street(u, v, c->phase)
	               : c->place == WORLD_GRASS ? grass(u, v, c->phase)
	               : c->place == WORLD_WATER ? water(u, v, c->phase)
	                                         : room(v);
	double k = 0.38 + 0.62 * light;
	return (struct rgb){{p.c[0] * k, p.c[1] * k, p.c[2] * k * (1.12 - 0.12 * light)}};
}

static uint8_t level(double x)
{
	return x <= 0 ? 0 : x >= 255 ? 255 : (uint8_t)(x + 0.5);
}

/* Two by two samples per pixel for smooth edges. */
static void draw_back(struct draw *d, const struct world_cut *c, int light)
{
	double l = (double)light / LIGHT_STEPS;
	uint8_t *p = d->back;
	for (int y = 0; y < d->height; y++) {
		for (int x = 0; x < d->strip; x++, p += 3) {
			struct rgb sum = {{0, 0, 0}};
			for (int k = 0; k < 4; k++) {
				struct rgb s = background(c, l, (x + 0.25 + 0.5 * (k & 1)) / d->width,
				                          (y + 0.25 + 0.25 * (k & 2)) / d->height);
				sum = mix(sum, s, 1.0 / (k + 1));
			}
			for (int i = 0; i < 3; i++)
				p[i] = level(sum.c[i]);
		}
	}
	d->cut = c;
	d->light = light;
}

/* ---- objects ---- */

/* Distance from the edge of the shape, negative inside; in pixels. */
static double distance(enum world_shape s, double dx, double dy, double r)
{
	switch (s) {
	case WORLD_CIRCLE: return sqrt(dx * dx + dy * dy) - r;
	case WORLD_SQUARE: return fmax(fabs(dx), fabs(dy)) - 0.88 * r;
	case WORLD_TRIANGLE: return fmax(dy - 0.8 * r, (fabs(dx) - (dy + r) / 1.8) * 0.87);
	case WORLD_SHAPES: break;
	}
	return 1;
}

static void draw_object(const struct draw *d, const struct world_sight *s, double light,
                        uint8_t *rgb, size_t stride)
{
	double cx = s->x * d->width, cy = s->y * d->height, r = s->r * d->height,
		   k = 0.62 + 0.38 * light;
	const double *color = colors[s->color];
	int x0 = (int)fmax(0, floor(cx - r - 1)), x1 = (int)fmin(d->width, ceil(cx + r + 1));
	int y0 = (int)fmax(0, floor(cy - r - 1)), y1 = (int)fmin(d->height, ceil(cy + r + 1));
	for (int y = y0; y < y1; y++) {
		uint8_t *p = rgb + (size_t)y * stride + (size_t)x0 * 3;
		for (int x = x0; x < x1; x++, p += 3) {
			double cover = 0.5 - distance(s->event->shape, x + 0.5 - cx, y + 0.5 - cy, r);
			if (cover <= 0)
				continue;
			if (cover > 1)
				cover = 1;
			for (int i = 0; i < 3; i++)
				p[i] = level(p[i] + (color[i] * k - p[i]) * cover);
		}
	}
}

/* White letters on a dark bar, as in camera recordings. */
static void draw_text(const struct draw *d, const char *text, int scale, int x0, int y0,
                      uint8_t *rgb, size_t stride)
{
	int n = (int)strlen(text), cell = FONT_W + 1;
	if (scale < 1)
		return; /* too small to read */
	int w = (n * cell + 1) * scale, h = (FONT_H + 2) * scale;
	for (int y = 0; y < h && y0 + y < d->height; y++) {
		uint8_t *p = rgb + (size_t)(y0 + y) * stride + (size_t)x0 * 3;
		for (int x = 0; x < w && x0 + x < d->width; x++, p += 3) {
			int col = x / scale - 1, row = y / scale - 1, in = col % cell;
			bool dot = col >= 0 && row >= 0 && row < FONT_H && in < FONT_W &&
			           (font_rows(text[col / cell])[row] >> (FONT_W - 1 - in) & 1);
			for (int i = 0; i < 3; i++)
				p[i] = dot ? 235 : (uint8_t)(p[i] / 3);
		}
	}
}

/* 1 where the text has a dot; a zero looks like an O. */
static double dot_at(const char *text, int n, int col, int row)
{
	int cell = FONT_W + 1, in = col % cell;
	if (col < 0 || row < 0 || row >= FONT_H || in >= FONT_W || col / cell >= n)
		return 0;
	char c = text[col / cell];
	return font_rows(c == '0' ? 'O' : c)[row] >> (FONT_W - 1 - in) & 1;
}

/* Likewise, with edges as smooth as those of a camera, so that programs that
 * recognize text can read it. */
static void draw_dial(const struct draw *d, const char *text, int scale, int x0, int y0,
                      uint8_t *rgb, size_t stride)
{
	int n = (int)strlen(text), w = (n * (FONT_W + 1) + 3) * scale, h = (FONT_H + 4) * scale;
	for (int y = 0; y < h && y0 + y < d->height; y++) {
		uint8_t *p = rgb + (size_t)(y0 + y) * stride + (size_t)x0 * 3;
		double v = (y + 0.5) / scale - 2.5, fy = v - floor(v);
		for (int x = 0; x < w && x0 + x < d->width; x++, p += 3) {
			double u = (x + 0.5) / scale - 2.5, fx = u - floor(u);
			int col = (int)floor(u), row = (int)floor(v);
			double dot = (1 - fy) * ((1 - fx) * dot_at(text, n, col, row) +
			                         fx * dot_at(text, n, col + 1, row)) +
			             fy * ((1 - fx) * dot_at(text, n, col, row + 1) +
			                   fx * dot_at(text, n, col + 1, row + 1));
			double cover = fmin(fmax((dot - 0.45) * scale + 0.5, 0), 1);
			for (int i = 0; i < 3; i++)
				p[i] = level(p[i] / 3.0 + (235 - p[i] / 3.0) * cover);
		}
	}
}

static void draw_words(const struct draw *d, const struct world_scene *s, int64_t t_us,
                       uint8_t *rgb, size_t stride)
{
	int pad = d->height / 60, scale = d->height / 180;
	if (d->w->o.clock && d->w->o.dial.start_us) {
		char dial[WORLD_DIAL_TEXT];
		world_dial_text(&d->w->o.dial, t_us, dial);
		draw_dial(d, dial, scale + 1, pad, pad, rgb, stride);
	} else if (d->w->o.clock) {
		char clock[16];
		int t = (int)(s->hour * 3600 + 1e-6);
		snprintf(clock, sizeof clock, "%02d:%02d:%02d", t / 3600 % 24, t / 60 % 60, t % 60);
		draw_text(d, clock, scale, pad, pad, rgb, stride);
	}
	if (s->caption)
		draw_text(d, s->caption, scale, pad, d->height - (FONT_H + 2) * scale - pad, rgb, stride);
}

/* ---- camera noise: one long table, with another offset for each row of each
 * picture ---- */

static int8_t *make_noise(const struct world *w, int width)
{
	uint64_t rnd = random_mix((uint64_t)w->o.seed ^ 0x6e6f697365u);
	int8_t *t = malloc((size_t)NOISE_LEN + (size_t)width * 3);
	for (size_t i = 0; t && i < NOISE_LEN; i++) {
		double sum = 0;
		for (int k = 0; k < 4; k++)
			sum += random_in(&rnd, -1, 1);
		t[i] = (int8_t)lround(sum * 0.87 * w->o.noise); /* 4 uniform numbers: deviation 1.15 */
	}
	if (t)
		memcpy(t + NOISE_LEN, t, (size_t)width * 3 < NOISE_LEN ? (size_t)width * 3 : NOISE_LEN);
	return t;
}

static void add_noise(const struct draw *d, int64_t t_us, uint8_t *rgb, size_t stride)
{
	uint64_t rnd = random_mix((uint64_t)t_us + 1);
	int n = d->width * 3;
	for (int y = 0; y < d->height; y++) {
		const int8_t *noise = d->noise + random_next(&rnd) % NOISE_LEN;
		uint8_t *p = rgb + (size_t)y * stride;
		/* kept simple, so that compilers can vectorize it */
		for (int x = 0; x < n; x++) {
			int v = p[x] + noise[x];
			p[x] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
		}
	}
}

/* ---- drawing ---- */

struct draw *draw_new(const struct world *w, int width, int height)
{
	if (width < DRAW_MIN || width > DRAW_MAX || height < DRAW_MIN || height > DRAW_MAX)
		return NULL;
	struct draw *d = calloc(1, sizeof *d);
	if (!d)
		return NULL;
	d->w = w;
	d->width = width;
	d->height = height;
	d->strip = w->o.pan ? width + width / 4 + 1 : width;
	d->back = malloc((size_t)d->strip * (size_t)height * 3);
	if (w->o.noise > 0)
		d->noise = make_noise(w, width);
	if (d->back && (d->noise || !(w->o.noise > 0)))
		return d;
	draw_free(d);
	return NULL;
}

void draw_free(struct draw *d)
{
	if (!d)
		return;
	free(d->back);
	free(d->noise);
	free(d);
}

void draw_frame(struct draw *d, int64_t t, uint8_t *rgb, size_t stride)
{
	struct world_scene scene;
	struct world_sight seen[16];
	size_t row = (size_t)d->width * 3;
	world_scene(d->w, t, &scene);
	if (scene.black) {
		for (int y = 0; y < d->height; y++)
			memset(rgb + (size_t)y * stride, 0, row);
		return;
	}
	int light = (int)lround(scene.light * LIGHT_STEPS);
	if (d->cut != scene.cut || d->light != light)
		draw_back(d, scene.cut, light);
	const uint8_t *from = d->back + (size_t)(scene.pan * d->width) * 3;
	for (int y = 0; y < d->height; y++)
		memcpy(rgb + (size_t)y * stride, from + (size_t)y * (size_t)d->strip * 3, row);
	size_t n = world_visible(d->w, t, seen, sizeof seen / sizeof *seen);
	for (size_t i = 0; i < n && i < sizeof seen / sizeof *seen; i++)
		draw_object(d, &seen[i], scene.light, rgb, stride);
	draw_words(d, &scene, t, rgb, stride);
	if (d->noise)
		add_noise(d, t, rgb, stride);
}
