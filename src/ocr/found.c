/* SPDX-License-Identifier: Apache-2.0 */
#include "ocr/found.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"

/* A line is taken as read above this. */
static const double sure = 0.85;
/* Below this nothing is reported, not even as doubtful. */
static const double least = 0.25;

void found_clear(struct found_lines *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->items[i].text);
	f->n = 0;
}

void found_freep(struct found_lines **f)
{
	if (*f)
		found_clear(*f);
	free(*f);
}

/* Whether it has a letter or a digit; each character beyond ASCII counts as
 * one. */
static bool has_letter(const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		if (isalnum(*p) || *p >= 0xc3)
			return true;
	return false;
}

/* What is beside a line is often read as a word of it. */
static bool is_noise(const struct found_word *w)
{
	return w->conf < 0.45 || (!has_letter(w->text) && w->conf < 0.8);
}

/* From U+2E80 on: writing without spaces between words. */
static bool is_wide(const char *p)
{
	return (unsigned char)*p >= 0xe3 || (unsigned char)*p == 0xe2;
}

static const char *last_character(const char *text)
{
	const char *p = text + strlen(text);
	while (p > text && ((unsigned char)*--p & 0xc0) == 0x80)
		;
	return p;
}

static void unite(struct image_box *a, const struct image_box *b)
{
	int x1 = a->x + a->w > b->x + b->w ? a->x + a->w : b->x + b->w;
	int y1 = a->y + a->h > b->y + b->h ? a->y + a->h : b->y + b->h;
	a->x = a->x < b->x ? a->x : b->x;
	a->y = a->y < b->y ? a->y : b->y;
	a->w = x1 - a->x;
	a->h = y1 - a->y;
}

/* Adds a line of n > 0 words: its confidence is their mean, by length. */
static void add_line(const struct found_word *words, size_t n, struct found_lines *to)
{
	AUTO(buf_free) struct buf text = BUF(4 * TEXT_LINE_BYTES_MAX);
	struct found_line l = {.box = words[0].box};
	double sum = 0, length = 0;
	for (size_t i = 0; i < n; i++) {
		double len = (double)strlen(words[i].text);
		bool close = i && is_wide(words[i].text) && is_wide(last_character(words[i - 1].text));
		buf_addf(&text, "%s%s", i && !close ? " " : "", words[i].text);
		unite(&l.box, &words[i].box);
		sum += len * words[i].conf;
		length += len;
	}
	l.conf = length > 0 ? sum / length : 0;
	l.conf = l.conf > 1 ? 1 : l.conf;
	if (to->n == TEXT_LINES_MAX || l.conf < least || l.box.w < 1 || l.box.h < 1)
		return;
	l.text = text_line(buf_str(&text), TEXT_LINE_BYTES_MAX);
	to->items[to->n++] = l;
}

void found_add(struct found_lines *f, const struct found_word *words, size_t n)
{
	size_t from = 0, end = n;
	while (from < end && is_noise(&words[from]))
		from++;
	while (end > from && is_noise(&words[end - 1]))
		end--;
	if (end > from)
		add_line(words + from, end - from, f);
}

/* How much was read, and how surely. */
static double evidence(const struct found_line *l)
{
	return l->text ? (l->conf - 0.5) * (double)strlen(l->text) : -1;
}

double found_best(const struct found_lines *f)
{
	double best = -1;
	for (size_t i = 0; i < f->n; i++)
		best = evidence(&f->items[i]) > best ? evidence(&f->items[i]) : best;
	return best;
}

bool found_covers(const struct found_lines *f, const struct image_box *b)
{
	double covered = 0;
	for (size_t i = 0; i < f->n; i++) {
		const struct image_box *l = &f->items[i].box;
		int middle = l->y + l->h / 2;
		int x0 = l->x > b->x ? l->x : b->x,
			x1 = l->x + l->w < b->x + b->w ? l->x + l->w : b->x + b->w;
		if (f->items[i].conf >= sure && middle > b->y && middle < b->y + b->h && x1 > x0)
			covered += x1 - x0;
	}
	return covered > 0.75 * b->w;
}

/* From top to bottom, then from left to right. */
static int compare_lines(const void *a, const void *b)
{
	const struct found_line *x = a, *y = b;
	int dy = (x->box.y + x->box.h / 2) - (y->box.y + y->box.h / 2);
	int row = x->box.h < y->box.h ? x->box.h / 2 : y->box.h / 2;
	return abs(dy) > row ? dy : x->box.x - y->box.x;
}

/* Of two lines at one place only the better one is kept. */
static void drop_doubles(struct found_lines *f)
{
	for (size_t i = 0; i < f->n; i++)
		for (size_t k = 0; k < f->n && f->items[i].text; k++) {
			struct found_line *a = &f->items[i], *b = &f->items[k];
			double mine = evidence(a), other = evidence(b);
			if (i == k || !b->text || mine > other || (mine >= other && i < k) ||
			    (image_overlap(&b->box, &a->box) <= 0.5 && image_overlap(&a->box, &b->box) <= 0.5))
				continue;
			free(a->text);
			a->text = NULL;
		}
}

/* Parts of one line: side by side with a gap of at most about a letter. */
static bool are_parts(const struct found_line *a, const struct found_line *b)
{
	int dy = abs((a->box.y + a->box.h / 2) - (b->box.y + b->box.h / 2));
	int low = a->box.h < b->box.h ? a->box.h : b->box.h;
	int high = a->box.h > b->box.h ? a->box.h : b->box.h, gap = b->box.x - a->box.x - a->box.w;
	return 4 * dy <= high && 2 * high <= 3 * low && gap > -low / 2 && gap <= low &&
	       a->conf >= 0.5 && b->conf >= 0.5;
}

/* Appends b to a, and takes it out. */
static void join(struct found_line *a, struct found_line *b)
{
	double n = (double)strlen(a->text), m = (double)strlen(b->text);
	int gap = b->box.x - a->box.x - a->box.w;
	char *text = mem_printf("%s%s%s", a->text, 5 * gap > a->box.h ? " " : "", b->text);
	free(a->text);
	a->text = text_line(text, TEXT_LINE_BYTES_MAX);
	free(text);
	a->conf = (n * a->conf + m * b->conf) / (n + m);
	unite(&a->box, &b->box);
	free(TAKE(b->text));
}

void found_settle(struct found_lines *f)
{
	size_t n = 0;
	drop_doubles(f);
	for (size_t i = 0; i < f->n; i++)
		for (size_t k = 0; k < f->n && f->items[i].text; k++)
			if (i != k && f->items[k].text && are_parts(&f->items[i], &f->items[k])) {
				join(&f->items[i], &f->items[k]);
				k = (size_t)-1; /* what is now beside it may be another part */
			}
	for (size_t i = 0; i < f->n; i++)
		if (f->items[i].text)
			f->items[n++] = f->items[i];
	f->n = n;
	if (n)
		qsort(f->items, n, sizeof *f->items, compare_lines);
}
