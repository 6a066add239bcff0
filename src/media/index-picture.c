/* SPDX-License-Identifier: Apache-2.0 */
#include "media/index-picture.h"

#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
#include <math.h>
#include <string.h>

#include "media/note.h"

enum { W = INDEX_PICTURE_W, H = INDEX_PICTURE_H, ROWS = 8, BLOCK = 32, HASH = 32 };

struct index_picture {
	struct SwsContext *sws; /* for formats without separate planes */
	uint32_t *sums;         /* of the columns of one row of cells */
	size_t width;
};

struct index_picture *index_picture_new(void)
{
	return mem_alloc(1, sizeof(struct index_picture));
}

void index_picture_free(struct index_picture *p)
{
	if (!p)
		return;
	sws_freeContext(p->sws);
	mem_freep(&p->sums);
	mem_freep(&p);
}

/* One component of a frame. */
struct plane {
	const uint8_t *data;
	ptrdiff_t stride;
	int width, height, step, shift;
	bool wide;     /* 16 bits, little-endian */
	int low, high; /* black and white level */
};

/* Levels of black and white of the result. */
struct span {
	int low, high;
};
static const struct span full_range = {0, 255}, limited = {16, 235}, limited_chroma = {16, 240};

static void add_row8(uint32_t *restrict sums, const uint8_t *restrict row, int width)
{
	int x = 0;
	/* A constant count allows vectorization. */
	for (; x + BLOCK <= width; x += BLOCK)
		for (int k = 0; k < BLOCK; k++)
			sums[x + k] += row[x + k];
	for (; x < width; x++)
		sums[x] += row[x];
}

static void add_row(uint32_t *sums, const struct plane *p, int y)
{
	const uint8_t *row = p->data + y * p->stride;
	if (p->step == 1 && !p->wide) {
		add_row8(sums, row, p->width);
		return;
	}
	for (int x = 0; x < p->width; x++) {
		const uint8_t *at = row + (ptrdiff_t)x * p->step;
		sums[x] += p->wide ? (uint32_t)(at[0] | at[1] << 8) >> p->shift : at[0];
	}
}

/* Bounds of n cells of a side of `length` pixels; a cell has at least one. */
struct bounds {
	int begin[W + 1], end[W + 1];
};

static void divide(int length, int n, struct bounds *ret)
{
	for (int i = 0; i < n; i++) {
		ret->begin[i] = (int)((int64_t)i * length / n);
		ret->end[i] = (int)((int64_t)(i + 1) * length / n);
		if (ret->end[i] <= ret->begin[i])
			ret->end[i] = ret->begin[i] + 1;
	}
}

/* Means over a grid of w x h cells; at most ROWS rows of each cell are read. In
 * a picture smaller than the grid, each cell takes its nearest pixel. */
static void average(const struct plane *p, uint32_t *sums, int w, int h, struct span to,
                    uint8_t *out)
{
	struct bounds x, y;
	divide(p->width, w, &x);
	divide(p->height, h, &y);
	const float scale = (float)(to.high - to.low) / (float)(p->high - p->low);
	const float shift = (float)to.low - (float)p->low * scale + 0.5f;

	for (int cy = 0; cy < h; cy++) {
		int rows = 0, by = (y.end[cy] - y.begin[cy] + ROWS - 1) / ROWS;
		memset(sums, 0, (size_t)p->width * sizeof *sums);
		for (int k = y.begin[cy]; k < y.end[cy]; k += by, rows++)
			add_row(sums, p, k);
		for (int cx = 0; cx < w; cx++) {
			uint32_t sum = 0;
			for (int k = x.begin[cx]; k < x.end[cx]; k++)
				sum += sums[k];
			float n = (float)(rows * (x.end[cx] - x.begin[cx]));
			float v = (float)sum / n * scale + shift;
			out[cy * w + cx] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
		}
	}
}

/* The lowest frequencies of a 32x32 picture (DCT-II) compared with their
 * median, a common hash for near duplicates. */
static uint64_t hash_of(const float pic[HASH][HASH])
{
	static float basis[8][HASH];
	float rows[8][HASH], low[64], sorted[64];
	if (basis[0][0] == 0)
		for (int u = 0; u < 8; u++)
			for (int x = 0; x < HASH; x++)
				basis[u][x] = (float)cos(M_PI * (2 * x + 1) * (u + 1) / (2.0 * HASH));

	/* Frequencies 1 to 8 in each direction, without the mean. */
	for (int u = 0; u < 8; u++)
		for (int y = 0; y < HASH; y++) {
			rows[u][y] = 0;
			for (int x = 0; x < HASH; x++)
				rows[u][y] += basis[u][x] * pic[y][x];
		}

	for (int v = 0; v < 8; v++)
		for (int u = 0; u < 8; u++) {
			float sum = 0;
			for (int y = 0; y < HASH; y++)
				sum += basis[v][y] * rows[u][y];
			low[v * 8 + u] = sorted[v * 8 + u] = sum;
		}

	for (int i = 1; i < 64; i++) {
		float x = sorted[i];
		int k = i;
		for (; k > 0 && sorted[k - 1] > x; k--)
			sorted[k] = sorted[k - 1];
		sorted[k] = x;
	}

	uint64_t hash = 0;
	for (int i = 0; i < 64; i++)
		hash |= (uint64_t)(low[i] > (sorted[31] + sorted[32]) / 2) << i;
	return hash;
}

static void shrink_for_hash(const uint8_t *luma, float pic[HASH][HASH])
{
	for (int y = 0; y < HASH; y++)
		for (int x = 0; x < HASH; x++) {
			int y0 = y * H / HASH, y1 = (y + 1) * H / HASH, x0 = x * W / HASH,
				x1 = (x + 1) * W / HASH, sum = 0;
			for (int v = y0; v < y1; v++)
				for (int u = x0; u < x1; u++)
					sum += luma[v * W + u];
			pic[y][x] = (float)sum / (float)((y1 - y0) * (x1 - x0));
		}
}

static float sharpness_of(const uint8_t *l)
{
	int64_t sum = 0, squares = 0;
	for (int y = 1; y < H - 1; y++)
		for (int x = 1; x < W - 1; x++) {
			const uint8_t *c = l + y * W + x;
			int v = 4 * c[0] - c[-1] - c[1] - c[-W] - c[W];
			sum += v;
			squares += v * v;
		}
	double n = (W - 2) * (H - 2), mean = (double)sum / n;
	return (float)((double)squares / n - mean * mean);
}

void index_picture_luma(const uint8_t luma[static W * H], struct signature *s)
{
	uint32_t levels[SIGNATURE_LEVELS] = {0};
	uint64_t sum = 0, squares = 0;
	float pic[HASH][HASH];
	for (int i = 0; i < W * H; i++) {
		levels[luma[i] / 8]++;
		sum += luma[i];
		squares += (uint64_t)luma[i] * luma[i];
	}
	double mean = (double)sum / (W * H), variance = (double)squares / (W * H) - mean * mean;
	s->mean = (uint8_t)(mean + 0.5);
	s->deviation = (uint8_t)(sqrt(variance > 0 ? variance : 0) + 0.5);
	for (int i = 0; i < SIGNATURE_LEVELS; i++)
		s->levels[i] = (uint16_t)((uint64_t)levels[i] * 65535 / (W * H));
	for (int y = 0; y < SIGNATURE_H; y++)
		for (int x = 0; x < SIGNATURE_W; x++) {
			int cell = 0;
			for (int k = 0; k < 16; k++)
				cell += luma[(y * 4 + k / 4) * W + x * 4 + k % 4];
			s->luma[y * SIGNATURE_W + x] = (uint8_t)((cell + 8) / 16);
		}
	s->sharpness = sharpness_of(luma);
	shrink_for_hash(luma, pic);
	s->hash = hash_of((const float(*)[HASH])pic);
}

static bool is_simple(const AVPixFmtDescriptor *d)
{
	const uint64_t odd = AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_BITSTREAM |
	                     AV_PIX_FMT_FLAG_BE | AV_PIX_FMT_FLAG_HWACCEL | AV_PIX_FMT_FLAG_FLOAT |
	                     AV_PIX_FMT_FLAG_BAYER;
	return d && !(d->flags & odd) && (d->nb_components == 1 || d->nb_components >= 3) &&
	       d->comp[0].depth <= 16;
}

/* Component c of a frame with separate planes; values are scaled to 8 bits. */
static struct plane plane_of(const AVFrame *f, const AVPixFmtDescriptor *d, int c)
{
	const AVComponentDescriptor *k = &d->comp[c];
	bool full = f->color_range == AVCOL_RANGE_JPEG || !strncmp(d->name, "yuvj", 4);
	int scale = 1 << (k->depth - 8 > 0 ? k->depth - 8 : 0);
	struct plane p = {
		.data = f->data[k->plane] + k->offset,
		.stride = f->linesize[k->plane],
		.step = k->step,
		.shift = k->shift,
		.wide = k->depth > 8,
		.width = f->width,
		.height = f->height,
		.low = full ? 0 : 16 * scale,
		.high = (full ? 255
	             : c  ? 240
	                  : 235) *
	            scale,
	};
	if (c) {
		p.width = AV_CEIL_RSHIFT(f->width, d->log2_chroma_w);
		p.height = AV_CEIL_RSHIFT(f->height, d->log2_chroma_h);
	}
	return p;
}

static void read_grid(struct index_picture *p, const AVFrame *f, const AVPixFmtDescriptor *d,
                      struct grid *grid)
{
	struct plane y = plane_of(f, d, 0);
	average(&y, p->sums, GRID_W, GRID_H, limited, grid->luma);
	memset(grid->chroma, 128, sizeof grid->chroma);
	for (int c = 1; c <= 2 && d->nb_components >= 3; c++) {
		struct plane u = plane_of(f, d, c);
		average(&u, p->sums, GRID_W / 2, GRID_H / 2, limited_chroma, grid->chroma[c - 1]);
	}
}

static void read_simple(struct index_picture *p, const AVFrame *f, const AVPixFmtDescriptor *d,
                        struct signature *s, struct grid *grid)
{
	uint8_t luma[W * H];
	struct plane y = plane_of(f, d, 0);
	if ((size_t)f->width > p->width) {
		p->width = (size_t)f->width;
		p->sums = mem_grow(p->sums, p->width, sizeof *p->sums);
	}
	average(&y, p->sums, W, H, full_range, luma);
	index_picture_luma(luma, s);
	memset(s->chroma, 128, sizeof s->chroma);
	for (int c = 1; c <= 2 && d->nb_components >= 3; c++) {
		struct plane u = plane_of(f, d, c);
		average(&u, p->sums, 16, 9, full_range, s->chroma[c - 1]);
	}
	if (grid)
		read_grid(p, f, d, grid);
}

int index_picture_read(struct index_picture *p, const AVFrame *f, struct signature *ret,
                       struct grid *grid, struct err *err)
{
	const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(f->format);
	if (f->width < 1 || f->height < 1)
		return err_set(err, ERR_FORMAT, "a frame without a size");
	if (is_simple(d)) {
		read_simple(p, f, d, ret, grid);
		return 0;
	}
	AUTO(av_frame_free) AVFrame *small = av_frame_alloc();
	if (!small)
		return err_set(err, ERR_LIMIT, "no memory for a frame");
	small->format = AV_PIX_FMT_YUVJ444P;
	small->width = W;
	small->height = H;
	p->sws = sws_getCachedContext(p->sws, f->width, f->height, f->format, W, H, AV_PIX_FMT_YUVJ444P,
	                              SWS_AREA, NULL, NULL, NULL);
	int r = p->sws ? av_frame_get_buffer(small, 0) : AVERROR(EINVAL);
	if (r >= 0)
		r = sws_scale(p->sws, (const uint8_t *const *)f->data, f->linesize, 0, f->height,
		              small->data, small->linesize);
	if (r < 0)
		return note_error(err, r, "cannot convert a %dx%d picture of format %s", f->width,
		                  f->height, d ? d->name : "?");
	read_simple(p, small, av_pix_fmt_desc_get(AV_PIX_FMT_YUVJ444P), ret, grid);
	return 0;
}
