/* SPDX-License-Identifier: Apache-2.0 */
#include "ocr/ppocr.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "ocr/found.h"
#include "ocr/image.h"
#include "ocr/letters.h"
#include "ocr/ort.h"
#include "ocr/ppocr-data.h"
#include "protocol/text-wire.h"

enum {
	MODEL_MAX = 256 << 20, /* bytes of a file */
	BOXES_MAX = 200,
	LEAST_WIDTH = 16, /* pixels of a line for recognition */
};

/* A line is reported above this. */
static const double least = 0.5;

#define DETECTION "ch_PP-OCRv4_det_infer.onnx"
#define RECOGNITION "ch_PP-OCRv4_rec_infer.onnx"
#define LETTERS "ppocr_keys_v1.txt"

struct ppocr {
	struct buf detection, recognition; /* files; empty once they are loaded */
	struct ppocr_letters letters;
	struct ort *ort;
	struct ort_model *finder, *reader;
	char *name;
	char data[HASH_HEX];
};

static int read_file(const char *folder, const char *name, struct buf *ret, struct err *err)
{
	AUTO(mem_freep) char *path = mem_printf("%s/%s", folder, name);
	*ret = BUF(MODEL_MAX);
	int r = file_read(path, ret, err);
	return r < 0 ? err_wrap(err, "the folder of --ocr-models needs " DETECTION ", " RECOGNITION
	                             " and " LETTERS)
	             : 0;
}

int ppocr_open(const char *models, struct ppocr **ret, struct err *err)
{
	AUTO(ppocr_freep) struct ppocr *p = mem_alloc(1, sizeof *p);
	AUTO(buf_free) struct buf letters = BUF(0);
	int r = read_file(models, DETECTION, &p->detection, err);
	if (r == 0)
		r = read_file(models, RECOGNITION, &p->recognition, err);
	if (r == 0)
		r = read_file(models, LETTERS, &letters, err);
	if (r < 0)
		return r;
	if (ppocr_letters_read(buf_str(&letters), letters.len, &p->letters, err) < 0)
		return err_wrap(err, "%s/%s", models, LETTERS);
	AUTO(hash_freep) struct hash *h = hash_new();
	hash_add(h, p->detection.data, p->detection.len);
	hash_add(h, p->recognition.data, p->recognition.len);
	hash_add(h, letters.data, letters.len);
	hash_end(h, p->data);
	*ret = TAKE(p);
	return 0;
}

const char *ppocr_data(const struct ppocr *p)
{
	return p->data;
}

void ppocr_free(struct ppocr *p)
{
	if (!p)
		return;
	buf_free(&p->detection);
	buf_free(&p->recognition);
	ppocr_letters_clear(&p->letters);
	ort_model_free(p->finder);
	ort_model_free(p->reader);
	ort_free(p->ort);
	free(p->name);
	free(p);
}

const char *ppocr_name(const struct ppocr *p)
{
	return p->name;
}

/* Runs a model on a part of a picture, resized to w x h. */
static int run(struct ort_model *m, const struct ppocr_pixels *from, const struct image_box *part,
               enum ppocr_scale scale, int w, int h, struct ort_output *ret, struct err *err)
{
	const int64_t dims[ORT_DIMS_MAX] = {1, 3, h, w};
	AUTO(mem_freep) float *input = calloc(3 * (size_t)w * (size_t)h, sizeof *input);
	if (!input)
		return err_set(err, ERR_LIMIT, "no memory for a picture");
	ppocr_fill(from, part, scale, w, h, input);
	return ort_model_run(m, input, dims, ret, err);
}

/* Boxes of lines in a picture. */
static int find_lines(struct ppocr *p, const struct ppocr_pixels *pix,
                      struct image_box ret[static BOXES_MAX], size_t *n, struct err *err)
{
	AUTO(ort_output_clear) struct ort_output map = {0};
	const struct image_box whole = {0, 0, pix->w, pix->h};
	int w, h;
	ppocr_size(pix->w, pix->h, &w, &h);
	int r = run(p->finder, pix, &whole, PPOCR_DETECTION, w, h, &map, err);
	if (r == 0 && (map.n_dims != 4 || map.dims[2] != h || map.dims[3] != w))
		r = err_set(err, ERR_FORMAT, DETECTION " is not a model that finds lines of text");
	if (r == 0)
		r = ppocr_boxes(map.data, w, h, BOXES_MAX, ret, n, err);
	for (size_t i = 0; r == 0 && i < *n; i++) {
		struct image_box *b = &ret[i];
		int x0 = b->x * pix->w / w, x1 = (b->x + b->w) * pix->w / w;
		int y0 = b->y * pix->h / h, y1 = (b->y + b->h) * pix->h / h;
		*b = (struct image_box){x0, y0, x1 > x0 ? x1 - x0 : 1, y1 > y0 ? y1 - y0 : 1};
	}
	return r;
}

/* The probabilities of the letters of a line. */
static int read_line(struct ppocr *p, const struct ppocr_pixels *pix, const struct image_box *at,
                     struct ort_output *ret, struct err *err)
{
	int64_t width = (int64_t)PPOCR_LINE_HEIGHT * at->w / at->h;
	width = width < LEAST_WIDTH ? LEAST_WIDTH : width > PPOCR_LINE_WIDTH ? PPOCR_LINE_WIDTH : width;
	int r = run(p->reader, pix, at, PPOCR_RECOGNITION, (int)width, PPOCR_LINE_HEIGHT, ret, err);
	if (r == 0 &&
	    (ret->n_dims != 3 || ret->dims[0] != 1 || ret->dims[2] != (int64_t)p->letters.n + 2))
		r = err_set(err, ERR_FORMAT, RECOGNITION " does not recognize the %zu letters of " LETTERS,
		            p->letters.n);
	return r;
}

/* With letters only where they make a word of a clock, as ocr_read(). */
static double clock_text(const struct ppocr *p, const struct ort_output *of, struct buf *ret)
{
	size_t steps = (size_t)of->dims[1];
	double conf = ppocr_text(of->data, steps, &p->letters, letters_clock, ret);
	if (!strpbrk(buf_str(ret), letters_all) || letters_has_clock_word(buf_str(ret)))
		return conf;
	buf_clear(ret);
	return ppocr_text(of->data, steps, &p->letters, letters_digits, ret);
}

static int add_line(struct ppocr *p, const struct ppocr_pixels *pix, const struct image_box *at,
                    int mode, struct found_lines *to, struct err *err)
{
	AUTO(ort_output_clear) struct ort_output probs = {0};
	AUTO(buf_free) struct buf text = BUF(4 * TEXT_LINE_BYTES_MAX);
	int r = read_line(p, pix, at, &probs, err);
	if (r < 0)
		return r;
	double conf = mode == TEXT_WIRE_CLOCK
	                  ? clock_text(p, &probs, &text)
	                  : ppocr_text(probs.data, (size_t)probs.dims[1], &p->letters, NULL, &text);
	if (conf < least || !text.len || to->n == TEXT_LINES_MAX)
		return 0;
	to->items[to->n++] = (struct found_line){
		.box = *at,
		.text = text_line(buf_str(&text), TEXT_LINE_BYTES_MAX),
		.conf = conf > 1 ? 1 : conf,
	};
	return 0;
}

/* A line that is given is searched, too: recognition needs it without margins.
 * Where nothing is found it is read as it is. */
static int read_all(struct ppocr *p, PIX *pix, int mode, struct found_lines *to, struct err *err)
{
	const struct ppocr_pixels pixels = {.words = pixGetData(pix),
	                                    .w = pixGetWidth(pix),
	                                    .h = pixGetHeight(pix),
	                                    .stride = pixGetWpl(pix)};
	struct image_box boxes[BOXES_MAX];
	size_t n = 0;
	int r = find_lines(p, &pixels, boxes, &n, err);
	if (r == 0 && n == 0 && mode != TEXT_WIRE_PAGE)
		boxes[n++] = (struct image_box){0, 0, pixels.w, pixels.h};
	for (size_t i = 0; i < n && r == 0; i++)
		if (boxes[i].h <= 2 * boxes[i].w) /* else it is vertical: see `turn` */
			r = add_line(p, &pixels, &boxes[i], mode, to, err);
	return r;
}

int ppocr_read(struct ppocr *p, const void *jpeg, size_t len, const struct ocr_request *q,
               json_t **ret, struct err *err)
{
	AUTO(found_freep) struct found_lines *found = mem_alloc(1, sizeof *found);
	AUTO(image_freep) PIX *whole = NULL, *pix = NULL;
	struct image_box at;
	int r = image_decode(jpeg, len, true, &whole, err);
	if (r == 0)
		r = part_cut(q, whole, &at, &pix, err);
	if (r == 0)
		r = read_all(p, pix, q->mode, found, err);
	if (r < 0)
		return r;
	found_settle(found);
	*ret = part_lines(found, &at, q->turn, whole);
	return 0;
}

/* Uses both models once: their results have the expected shape, and what the
 * library opens when it is first used is open. */
static int try(struct ppocr *p, struct err *err)
{
	AUTO(image_freep) PIX *blank = pixCreate(320, 96, 32);
	AUTO(ort_output_clear) struct ort_output probs = {0};
	struct image_box boxes[BOXES_MAX];
	size_t n = 0;
	if (!blank)
		return err_set(err, ERR_LIMIT, "no memory for a picture");
	const struct ppocr_pixels pixels = {pixGetData(blank), 320, 96, pixGetWpl(blank)};
	const struct image_box line = {0, 0, 320, 48};
	int r = find_lines(p, &pixels, boxes, &n, err);
	return r < 0 ? r : read_line(p, &pixels, &line, &probs, err);
}

int ppocr_start(struct ppocr *p, const char *library, struct err *err)
{
	int r = ort_open(library, &p->ort, err);
	if (r == 0)
		r = ort_model_open(p->ort, p->detection.data, p->detection.len, DETECTION, &p->finder, err);
	if (r == 0)
		r = ort_model_open(p->ort, p->recognition.data, p->recognition.len, RECOGNITION, &p->reader,
		                   err);
	buf_free(&p->detection);
	buf_free(&p->recognition);
	if (r == 0)
		r = try(p, err);
	if (r == 0)
		p->name = mem_printf(TEXT_PPOCR ", ONNX Runtime %s", ort_version(p->ort));
	return r;
}
