/* SPDX-License-Identifier: Apache-2.0 */
#include "ocr/ppocr-data.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

enum {
	STEP = 32,
	LONG_SIDE = 960,
	SMALL_SIDE = 640, /* smaller pictures are enlarged up to it, at most threefold */
	ENLARGE = 3,
	LETTERS_MAX = 100000,
	LETTER_BYTES = 16,
	LEAST_SIDE = 3, /* of what is connected in the map */
};

static const float probable = 0.3F; /* of a point */
static const double sure = 0.5;     /* mean of what is connected */
/* How far a line goes beyond what is connected: this much of its area by its
 * circumference. */
static const double beyond = 1.6;
/* The network gives spaces between words little probability, less than "no
 * letter", but much more than inside a word. Beside other characters, as in
 * 13:45, there has to be more of it. */
static const float space_in_text = 0.02F, space_beside_marks = 0.15F;

static int step_of(double x)
{
	int n = (int)lround(x / STEP) * STEP;
	return n < STEP ? STEP : n;
}

void ppocr_size(int w, int h, int *ret_w, int *ret_h)
{
	int side = w > h ? w : h;
	double scale = side > LONG_SIDE    ? (double)LONG_SIDE / side
	               : side < SMALL_SIDE ? (double)SMALL_SIDE / side
	                                   : 1;
	scale = scale > ENLARGE ? ENLARGE : scale;
	*ret_w = step_of(w * scale);
	*ret_h = step_of(h * scale);
}

/* Where the middle of a point is in the part, as index and share of the next
 * one. */
struct between {
	int at, next;
	float share;
};

static struct between find_between(int i, int n, int from, int len)
{
	double x = (i + 0.5) * len / n - 0.5;
	x = x < 0 ? 0 : x > len - 1 ? len - 1 : x;
	int at = (int)x, next = at + 1 < len ? at + 1 : at;
	return (struct between){from + at, from + next, (float)(x - at)};
}

void ppocr_fill(const struct ppocr_pixels *from, const struct image_box *part,
                enum ppocr_scale scale, int w, int h, float *ret)
{
	static const struct {
		float mean, deviation;
	} of[2][3] = {{{0.485F, 0.229F}, {0.456F, 0.224F}, {0.406F, 0.225F}},
	              {{0.5F, 0.5F}, {0.5F, 0.5F}, {0.5F, 0.5F}}};
	size_t plane = (size_t)w * (size_t)h;
	for (int y = 0; y < h; y++) {
		struct between v = find_between(y, h, part->y, part->h);
		const uint32_t *upper = from->words + (size_t)v.at * (size_t)from->stride;
		const uint32_t *lower = from->words + (size_t)v.next * (size_t)from->stride;
		for (int x = 0; x < w; x++) {
			struct between u = find_between(x, w, part->x, part->w);
			for (unsigned c = 0; c < 3; c++) {
				unsigned shift = 8 * (c + 1); /* blue, green, red */
				float a = (float)(upper[u.at] >> shift & 255),
					  b = (float)(upper[u.next] >> shift & 255);
				float d = (float)(lower[u.at] >> shift & 255),
					  e = (float)(lower[u.next] >> shift & 255);
				float up = a + (b - a) * u.share, low = d + (e - d) * u.share;
				float value = (up + (low - up) * v.share) / 255;
				ret[c * plane + (size_t)y * (size_t)w + (size_t)x] =
					(value - of[scale][c].mean) / of[scale][c].deviation;
			}
		}
	}
}

/* What is connected in a map. */
struct patch {
	int x0, y0, x1, y1; /* the last two are included */
	size_t n;
	double sum;
};

struct search {
	const float *map;
	int w, h;
	bool *seen;
	int *stack; /* points to be visited; each is pushed once */
	size_t depth;
};

static void push(struct search *s, int x, int y)
{
	int at = y * s->w + x;
	if (x < 0 || y < 0 || x >= s->w || y >= s->h || s->seen[at] || !(s->map[at] > probable))
		return;
	s->seen[at] = true;
	s->stack[s->depth++] = at;
}

/* All that is connected with a point. */
static struct patch follow(struct search *s, int x, int y)
{
	struct patch p = {x, y, x, y, 0, 0};
	push(s, x, y);
	while (s->depth) {
		int at = s->stack[--s->depth], i = at % s->w, k = at / s->w;
		p.x0 = i < p.x0 ? i : p.x0;
		p.x1 = i > p.x1 ? i : p.x1;
		p.y0 = k < p.y0 ? k : p.y0;
		p.y1 = k > p.y1 ? k : p.y1;
		p.sum += (double)s->map[at];
		p.n++;
		push(s, i - 1, k);
		push(s, i + 1, k);
		push(s, i, k - 1);
		push(s, i, k + 1);
	}
	return p;
}

/* Whether it is a line; then its box. */
static bool take_patch(const struct search *s, const struct patch *p, struct image_box *ret)
{
	int w = p->x1 - p->x0 + 1, h = p->y1 - p->y0 + 1;
	if (w < LEAST_SIDE || h < LEAST_SIDE || p->sum < sure * (double)p->n)
		return false;
	int more = (int)lround(beyond * w * h / (2.0 * (w + h)));
	int x0 = p->x0 - more, y0 = p->y0 - more, x1 = p->x1 + 1 + more, y1 = p->y1 + 1 + more;
	x0 = x0 < 0 ? 0 : x0;
	y0 = y0 < 0 ? 0 : y0;
	x1 = x1 > s->w ? s->w : x1;
	y1 = y1 > s->h ? s->h : y1;
	*ret = (struct image_box){x0, y0, x1 - x0, y1 - y0};
	return true;
}

int ppocr_boxes(const float *map, int w, int h, size_t max, struct image_box *ret, size_t *ret_n,
                struct err *err)
{
	size_t all = (size_t)w * (size_t)h;
	AUTO(mem_freep) bool *seen = calloc(all, sizeof *seen);
	AUTO(mem_freep) int *stack = calloc(all, sizeof *stack);
	struct search s = {map, w, h, seen, stack, 0};
	size_t n = 0;
	if (!seen || !stack)
		return err_set(err, ERR_LIMIT, "no memory for the lines of a picture");
	for (int y = 0; y < h; y++)
		for (int x = 0; x < w && n < max; x++) {
			if (seen[(size_t)y * (size_t)w + (size_t)x])
				continue;
			struct patch p = follow(&s, x, y);
			if (p.n && take_patch(&s, &p, &ret[n]))
				n++;
		}
	*ret_n = n;
	return 0;
}

int ppocr_letters_read(const char *text, size_t len, struct ppocr_letters *ret, struct err *err)
{
	struct ppocr_letters l = {.text = mem_alloc(len + 1, 1)};
	if (len)
		memcpy(l.text, text, len);
	l.items = mem_alloc(LETTERS_MAX, sizeof *l.items);
	bool valid = strlen(l.text) == len && text_is_utf8(l.text);
	for (char *p = l.text; valid && *p;) {
		size_t n = strcspn(p, "\r\n");
		char *end = p + n + (p[n] == '\r');
		char *next = end + (*end == '\n');
		valid = n > 0 && n <= LETTER_BYTES && l.n < LETTERS_MAX;
		p[n] = '\0';
		if (valid)
			l.items[l.n++] = p;
		p = next;
	}
	if (valid && l.n) {
		*ret = l;
		return 0;
	}
	ppocr_letters_clear(&l);
	return err_set(err, ERR_FORMAT, "a list of letters has one a line, in UTF-8");
}

void ppocr_letters_clear(struct ppocr_letters *l)
{
	free(l->text);
	free((void *)l->items);
	*l = (struct ppocr_letters){0};
}

/* NULL for class 0. */
static const char *letter_of(const struct ppocr_letters *l, size_t class)
{
	return class == 0 ? NULL : class <= l->n ? l->items[class - 1] : " ";
}

static bool is_allowed(const char *letter, const char *only)
{
	return !only || !letter || (letter[0] && !letter[1] && strchr(only, letter[0]));
}

/* The likeliest class of a step. */
static size_t best_of(const float *probs, const struct ppocr_letters *l, const char *only)
{
	size_t best = 0;
	for (size_t i = 1; i < l->n + 2; i++)
		if (probs[i] > probs[best] && is_allowed(letter_of(l, i), only))
			best = i;
	return best;
}

/* Whether a space of this probability is one, between two letters. */
static bool is_space(float prob, const char *before, const char *after)
{
	unsigned char a = (unsigned char)*before, b = (unsigned char)*after;
	bool words = isalnum(a) && isalnum(b) && (isalpha(a) || isalpha(b));
	return prob > (words ? space_in_text : space_beside_marks);
}

double ppocr_text(const float *probs, size_t steps, const struct ppocr_letters *letters,
                  const char *only, struct buf *ret)
{
	size_t class_before = 0, n = 0;
	const char *before = NULL;
	double sum = 0;
	float space = 0; /* since the last letter */
	for (size_t i = 0; i < steps; i++) {
		const float *p = probs + i * (letters->n + 2);
		size_t class = best_of(p, letters, only);
		const char *letter = letter_of(letters, class);
		bool blank = class == letters->n + 1;
		if (blank || !letter)
			space = p[letters->n + 1] > space ? p[letters->n + 1] : space;
		if (letter && !blank && class != class_before) {
			buf_addf(ret, "%s%s", before && is_space(space, before, letter) ? " " : "", letter);
			before = letter;
			sum += (double)p[class];
			n++;
		}
		space = letter && !blank ? 0 : space;
		class_before = class;
	}
	return n ? sum / (double)n : 0;
}
