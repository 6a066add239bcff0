/* SPDX-License-Identifier: Apache-2.0 */
#include "media/planes.h"

#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

/* Layouts of devices, and those of decoders with the same samples. */
static const struct apart {
	enum AVPixelFormat from;
	const char *name;
	int size;  /* of a sample, in bytes */
	int shift; /* that the samples have to the left */
} layouts[] = {
	{AV_PIX_FMT_NV12, "yuv420p", 1, 0},
	{AV_PIX_FMT_P010LE, "yuv420p10le", 2, 6},
};

/* The value of a sample, as it is in the other layout. */
static void copy_sample(const struct apart *a, const uint8_t *from, uint8_t *to)
{
	unsigned value = a->size == 1 ? from[0] : (from[0] | (unsigned)from[1] << 8) >> a->shift;
	to[0] = (uint8_t)value;
	if (a->size == 2)
		to[1] = (uint8_t)(value >> 8);
}

/* Every `step`-th sample of a plane, from number `first` on. */
static void add_samples(struct hash *h, const AVFrame *f, const struct apart *a, int plane,
                        int first, int step, int width, int height)
{
	size_t len = (size_t)width * (size_t)a->size;
	AUTO(mem_freep) uint8_t *row = mem_alloc(len + 1, 1);
	for (int y = 0; y < height; y++) {
		const uint8_t *from = f->data[plane] + (ptrdiff_t)y * f->linesize[plane];
		for (int x = 0; x < width; x++)
			copy_sample(a, from + (ptrdiff_t)(x * step + first) * a->size, row + x * a->size);
		hash_add(h, row, len);
	}
}

static void add_apart(struct hash *h, const AVFrame *f, const struct apart *a)
{
	int w = AV_CEIL_RSHIFT(f->width, 1), height = AV_CEIL_RSHIFT(f->height, 1);
	add_samples(h, f, a, 0, 0, 1, f->width, f->height);
	add_samples(h, f, a, 1, 0, 2, w, height);
	add_samples(h, f, a, 1, 1, 2, w, height);
}

static void add_planes(struct hash *h, const AVFrame *f, const AVPixFmtDescriptor *d)
{
	int planes = av_pix_fmt_count_planes(f->format);
	for (int p = 0; p < planes; p++) {
		bool chroma = p == 1 || p == 2;
		int len = av_image_get_linesize(f->format, f->width, p),
			rows = chroma ? AV_CEIL_RSHIFT(f->height, d->log2_chroma_h) : f->height;
		for (int y = 0; f->data[p] && y < rows && len > 0; y++)
			hash_add(h, f->data[p] + (ptrdiff_t)y * f->linesize[p], (size_t)len);
	}
	if (d->flags & AV_PIX_FMT_FLAG_PAL && f->data[1])
		hash_add(h, f->data[1], AVPALETTE_SIZE);
}

static const struct apart *layout_of(const AVFrame *f)
{
	for (size_t i = 0; i < ARRAY_LEN(layouts); i++)
		if (layouts[i].from == f->format)
			return &layouts[i];
	return NULL;
}

/* "yuvj420p" only says that the range is full: the samples are the same. */
static void name_format(const AVFrame *f, const char *name, struct planes_id *ret)
{
	bool full = !strncmp(name, "yuvj", 4);
	snprintf(ret->format, sizeof ret->format, "%s%s %dx%d", full ? "yuv" : "",
	         full ? name + 4 : name, f->width, f->height);
}

bool planes_identify(const AVFrame *f, struct planes_id *ret)
{
	const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(f->format);
	*ret = (struct planes_id){0};
	if (!d || d->flags & AV_PIX_FMT_FLAG_HWACCEL || !f->data[0])
		return false;
	const struct apart *a = layout_of(f);
	AUTO(hash_freep) struct hash *h = hash_new();
	if (a)
		add_apart(h, f, a);
	else
		add_planes(h, f, d);
	hash_end(h, ret->sha256);
	name_format(f, a ? a->name : d->name, ret);
	return true;
}

/* Part number i of n of a length, which has at least one element. */
static void part_of(int length, int i, int n, int *from, int *to)
{
	*from = (int)((int64_t)length * i / n);
	*to = (int)((int64_t)length * (i + 1) / n);
	if (*to <= *from)
		*to = *from + 1;
}

static unsigned mean_of(const AVFrame *pic, int column, int row)
{
	int x0, x1, y0, y1;
	uint64_t sum = 0;
	part_of(pic->width, column, MEDIA_GRAY_COLUMNS, &x0, &x1);
	part_of(pic->height, row, MEDIA_GRAY_ROWS, &y0, &y1);
	for (int y = y0; y < y1; y++)
		for (int x = x0; x < x1; x++)
			sum += pic->data[0][(ptrdiff_t)y * pic->linesize[0] + x];
	uint64_t n = (uint64_t)(x1 - x0) * (uint64_t)(y1 - y0);
	return (unsigned)((sum + n / 2) / n);
}

void planes_gray(const AVFrame *pic, char out[static MEDIA_GRAY_HEX + 1])
{
	for (int i = 0; i < MEDIA_GRAY_COLUMNS * MEDIA_GRAY_ROWS; i++)
		snprintf(out + (ptrdiff_t)2 * i, 3, "%02x",
		         mean_of(pic, i % MEDIA_GRAY_COLUMNS, i / MEDIA_GRAY_COLUMNS));
}

void planes_prepare(void)
{
	char hex[HASH_HEX];
	hash_texts(NULL, 0, hex);
}
