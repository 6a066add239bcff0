/* SPDX-License-Identifier: Apache-2.0 */
#include "ocr/ocr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tesseract/capi.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "ocr/image.h"
#include "ocr/found.h"
#include "ocr/letters.h"
#include "ocr/part.h"
#include "protocol/text-wire.h"
#include "wallclock/parse.h"

enum {
	CANDIDATES = 16,
	FIRST = 4,         /* of them decide whether there is writing at all */
	LINE_HEIGHT = 110, /* pixels of a line that is read by itself, with its margins */
	PAGE_HEIGHT = 900, /* a smaller picture is enlarged up to it, at most threefold */
};

/* of found_best(): three letters that are read with some confidence */
static const double something = 0.9;

struct ocr {
	TessBaseAPI *api;
};

const char *ocr_version(void)
{
	static char text[64];
	snprintf(text, sizeof text, "Tesseract %s", TessVersion());
	return text;
}

/* The words of the line at which `it` is. */
static size_t take_words(TessResultIterator *it, struct found_word words[static FOUND_WORDS_MAX])
{
	const TessPageIterator *at = TessResultIteratorGetPageIteratorConst(it);
	size_t n = 0;
	for (;;) {
		int x0, y0, x1, y1;
		struct found_word w = {.text = TessResultIteratorGetUTF8Text(it, RIL_WORD),
		                       .conf = (double)TessResultIteratorConfidence(it, RIL_WORD) / 100};
		bool whole = w.text && TessPageIteratorBoundingBox(at, RIL_WORD, &x0, &y0, &x1, &y1);
		if (whole && n < FOUND_WORDS_MAX) {
			w.box = (struct image_box){x0, y0, x1 - x0, y1 - y0};
			words[n++] = w;
		} else {
			TessDeleteText(w.text);
		}
		if (TessPageIteratorIsAtFinalElement(at, RIL_TEXTLINE, RIL_WORD) ||
		    !TessResultIteratorNext(it, RIL_WORD))
			return n;
	}
}

/* Adds the line at which `it` is. */
static void take_line(TessResultIterator *it, struct found_lines *to)
{
	struct found_word words[FOUND_WORDS_MAX];
	size_t n = take_words(it, words);
	found_add(to, words, n);
	for (size_t i = 0; i < n; i++)
		TessDeleteText(words[i].text);
}

/* Reads a picture, adding what is found. */
static int recognize(struct ocr *o, PIX *pix, TessPageSegMode mode, const char *letters,
                     struct found_lines *to, struct err *err)
{
	TessBaseAPISetVariable(o->api, "tessedit_char_whitelist", letters);
	TessBaseAPISetPageSegMode(o->api, mode);
	TessBaseAPISetImage2(o->api, pix);
	TessBaseAPISetSourceResolution(o->api, 150);
	int r = TessBaseAPIRecognize(o->api, NULL);
	TessResultIterator *it = r ? NULL : TessBaseAPIGetIterator(o->api);
	if (it) {
		do
			take_line(it, to);
		while (TessResultIteratorNext(it, RIL_TEXTLINE));
		TessResultIteratorDelete(it);
	}
	TessBaseAPIClear(o->api);
	return r ? err_set(err, ERR_FORMAT, "the engine could not read the picture") : 0;
}

static bool is_good(const struct found_lines *f)
{
	return f->n == 1 && f->items[0].conf >= 0.92 && strlen(f->items[0].text) >= 6;
}

/* Ways to separate writing from what is behind it: what is light, as it is,
 * what is nearly white. */
static const int ways[] = {170, 0, 220};

/* Reads one line in each of these ways until the result is good, and keeps the
 * best one. */
static int read_line(struct ocr *o, PIX *gray, const char *letters, struct found_lines *to,
                     struct err *err)
{
	AUTO(found_freep) struct found_lines *best = mem_alloc(1, sizeof *best);
	int r = 0;
	for (size_t i = 0; i < ARRAY_LEN(ways) && r == 0 && !is_good(best); i++) {
		AUTO(found_freep) struct found_lines *now = mem_alloc(1, sizeof *now);
		AUTO(image_freep) PIX *line = image_line(gray, LINE_HEIGHT, ways[i]);
		if (!line)
			return err_set(err, ERR_LIMIT, "no memory for a line");
		r = recognize(o, line, PSM_SINGLE_LINE, letters, now, err);
		if (found_best(now) > found_best(best)) {
			struct found_lines *other = best;
			best = now;
			now = other;
		}
	}
	for (size_t i = 0; r == 0 && i < best->n && to->n < TEXT_LINES_MAX; i++) {
		best->items[i].box = (struct image_box){0, 0, pixGetWidth(gray), pixGetHeight(gray)};
		to->items[to->n++] = best->items[i];
		best->items[i].text = NULL;
	}
	return r;
}

/* A candidate with some room around it; at its ends thin letters may be
 * missing. */
static struct image_box widen(const struct image_box *b, PIX *in)
{
	int up = b->h / 3 + 2, out = b->h, w = pixGetWidth(in), h = pixGetHeight(in);
	int x0 = b->x - out, y0 = b->y - up, x1 = b->x + b->w + out, y1 = b->y + b->h + up;
	x0 = x0 < 0 ? 0 : x0;
	y0 = y0 < 0 ? 0 : y0;
	x1 = x1 > w ? w : x1;
	y1 = y1 > h ? h : y1;
	return (struct image_box){x0, y0, x1 - x0, y1 - y0};
}

/* Reads a part of a picture that may be a line. */
static int read_candidate(struct ocr *o, PIX *gray, const struct image_box *b,
                          struct found_lines *to, struct err *err)
{
	const struct image_box at = widen(b, gray);
	size_t before = to->n;
	AUTO(image_freep) PIX *part = image_cut(gray, &at, 0);
	int r = part ? read_line(o, part, "", to, err)
	             : err_set(err, ERR_LIMIT, "no memory for a part of a picture");
	for (size_t i = before; i < to->n; i++)
		to->items[i].box = *b;
	return r;
}

/* Reads the whole by the layout analysis of the library. */
static int read_layout(struct ocr *o, PIX *gray, struct found_lines *to, struct err *err)
{
	float scale = (float)PAGE_HEIGHT / (float)pixGetHeight(gray);
	scale = scale < 1 ? 1 : scale > 3 ? 3 : scale;
	AUTO(image_freep) PIX *page = scale > 1 ? pixScale(gray, scale, scale) : pixClone(gray);
	if (!page)
		return err_set(err, ERR_LIMIT, "no memory for a picture");
	size_t before = to->n;
	int r = recognize(o, page, PSM_AUTO, "", to, err);
	for (size_t i = before; i < to->n; i++) {
		struct image_box *b = &to->items[i].box;
		*b = (struct image_box){(int)((float)b->x / scale), (int)((float)b->y / scale),
		                        (int)((float)b->w / scale), (int)((float)b->h / scale)};
	}
	return r;
}

/* The layout analysis reads slides well, and misses captions over pictures;
 * those are read line by line. If the likeliest lines are not writing, nothing
 * else is: most pictures of a film cost no more than that. */
static int read_page(struct ocr *o, PIX *gray, struct found_lines *to, struct err *err)
{
	struct image_box candidates[CANDIDATES];
	size_t n = image_find_lines(gray, CANDIDATES, candidates), i = 0;
	int r = 0;
	for (; i < n && i < FIRST && r == 0 && found_best(to) < something; i++)
		r = read_candidate(o, gray, &candidates[i], to, err);
	if (r < 0 || found_best(to) < something)
		return r;
	r = read_layout(o, gray, to, err);
	for (; i < n && r == 0; i++)
		if (!found_covers(to, &candidates[i]))
			r = read_candidate(o, gray, &candidates[i], to, err);
	return r;
}

/* ---- clocks ---- */

/* A line with its margins, in pixels, and how writing is separated from what is
 * behind it, as in `ways`. Digits that are read wrong in one of them are seldom
 * read wrong in the same way in another one. */
static const struct clock_way {
	int height, least;
} clock_ways[] = {{56, 0}, {80, 0}, {56, 170}, {110, 170}, {80, 170}, {80, 220}, {40, 0}};

/* What was read in one of them. */
struct clock_read {
	struct wallclock_reading reading;
	struct found_lines lines; /* one, or none if there is no clock */
};

struct clock_reads {
	struct clock_read items[ARRAY_LEN(clock_ways)];
};

static void clock_reads_freep(struct clock_reads **c)
{
	for (size_t i = 0; *c && i < ARRAY_LEN(clock_ways); i++)
		found_clear(&(*c)->items[i].lines);
	free(*c);
}

static int read_clock_way(struct ocr *o, PIX *gray, const struct clock_way *way,
                          const char *letters, struct found_lines *to, struct err *err)
{
	AUTO(image_freep) PIX *line = image_line(gray, way->height, way->least);
	return line ? recognize(o, line, PSM_SINGLE_LINE, letters, to, err)
	            : err_set(err, ERR_LIMIT, "no memory for a line");
}

/* Whether nothing is left that could be the rest of it: a date has 8 digits, a
 * time at most as many, but for fractions. */
static bool is_whole(const struct clock_read *c)
{
	size_t digits = 0;
	for (const char *p = c->lines.items[0].text; *p; p++)
		digits += *p >= '0' && *p <= '9';
	return digits <= 8 || (c->reading.timed && c->reading.dated);
}

/* The surer one of an earlier line and of this one, if both are the same time
 * and date. */
static struct clock_read *find_agreement(struct clock_reads *reads, size_t n)
{
	struct clock_read *now = &reads->items[n];
	for (size_t i = 0; i < n && now->lines.n == 1; i++) {
		struct clock_read *before = &reads->items[i];
		if (before->lines.n == 1 && wallclock_same(&before->reading, &now->reading))
			return found_best(&now->lines) > found_best(&before->lines) ? now : before;
	}
	return NULL;
}

/* Nothing is read until two ways agree in the time and the date: a wrong one is
 * worse than none. With letters only if the first way finds a word of a clock:
 * else an 8 would be read as a B. */
static int read_clock(struct ocr *o, PIX *gray, struct found_lines *to, struct err *err)
{
	AUTO(clock_reads_freep) struct clock_reads *reads = mem_alloc(1, sizeof *reads);
	const char *letters = letters_clock;
	struct clock_read *best = NULL;
	for (size_t i = 0; i < ARRAY_LEN(clock_ways) && !(best && is_whole(best)); i++) {
		struct clock_read *now = &reads->items[i];
		int r = read_clock_way(o, gray, &clock_ways[i], letters, &now->lines, err);
		if (r < 0)
			return r;
		const char *text = now->lines.n == 1 ? now->lines.items[0].text : "";
		letters = letters_has_clock_word(text) ? letters : letters_digits;
		if (!wallclock_parse(text, &now->reading))
			found_clear(&now->lines);
		struct clock_read *agreed = find_agreement(reads, i);
		best = agreed && (!best || is_whole(agreed)) ? agreed : best;
	}
	if (!best)
		return 0;
	to->items[0] = best->lines.items[0];
	to->items[0].box = (struct image_box){0, 0, pixGetWidth(gray), pixGetHeight(gray)};
	to->n = 1;
	best->lines.items[0].text = NULL;
	return 0;
}

int ocr_read(struct ocr *o, const void *jpeg, size_t len, const struct ocr_request *q, json_t **ret,
             struct err *err)
{
	AUTO(found_freep) struct found_lines *found = mem_alloc(1, sizeof *found);
	AUTO(image_freep) PIX *whole = NULL, *pix = NULL;
	struct image_box at;
	int r = image_decode(jpeg, len, false, &whole, err);
	if (r == 0)
		r = part_cut(q, whole, &at, &pix, err);
	if (r < 0)
		return r;
	if (q->mode == TEXT_WIRE_PAGE)
		r = read_page(o, pix, found, err);
	else if (q->mode == TEXT_WIRE_CLOCK)
		r = read_clock(o, pix, found, err);
	else
		r = read_line(o, pix, "", found, err);
	if (r < 0)
		return r;
	found_settle(found);
	*ret = part_lines(found, &at, q->turn, whole);
	return 0;
}

void ocr_free(struct ocr *o)
{
	if (!o)
		return;
	TessBaseAPIEnd(o->api);
	TessBaseAPIDelete(o->api);
	free(o);
}

static bool is_loaded(char **loaded, const char *name, size_t len)
{
	for (size_t i = 0; loaded && loaded[i]; i++)
		if (strlen(loaded[i]) == len && !strncmp(loaded[i], name, len))
			return true;
	return false;
}

/* `name`: up to its end or the next +. */
static int fail_language(const char *name, struct err *err)
{
	int n = (int)strcspn(name, "+");
	char package[64];
	snprintf(package, sizeof package, "%.*s", n, name);
	for (char *c = package; *c; c++)
		*c = *c == '_' ? '-' : *c;
	return err_set(
		err, ERR_NOENT,
		"Tesseract cannot load the data of the language \"%.*s\"; install it (Debian: the "
		"package tesseract-ocr-%s)",
		n, name, package);
}

/* Tesseract goes on without a language that is missing, as long as there is
 * another. */
static int check_languages(struct ocr *o, const char *languages, struct err *err)
{
	int r = 0;
	char **loaded = TessBaseAPIGetLoadedLanguagesAsVector(o->api);
	for (const char *p = languages; *p && r == 0;) {
		size_t n = strcspn(p, "+");
		if (!is_loaded(loaded, p, n))
			r = fail_language(p, err);
		p += n + (p[n] == '+');
	}
	TessDeleteTextArray(loaded);
	return r;
}

static int add_language(struct hash *h, const char *folder, const char *name, int n,
                        struct err *err)
{
	AUTO(mem_freep) char *file = mem_printf("%.*s.traineddata", n, name);
	AUTO(mem_freep) char *path = file_join(folder, file);
	AUTO(fd_closep) int fd = -1;
	char hex[HASH_HEX];
	int r = file_open_input(path, &fd, err);
	if (r == 0)
		r = hash_fd(fd, NULL, NULL, hex, err);
	if (r < 0)
		return err_wrap(err, "%s", path);
	hash_adds(h, file);
	hash_adds(h, hex);
	return 0;
}

int ocr_data(const struct ocr *o, const char *languages, char out[static HASH_HEX], struct err *err)
{
	AUTO(hash_freep) struct hash *h = hash_new();
	const char *folder = TessBaseAPIGetDatapath(o->api);
	int r = 0;
	for (const char *p = languages; *p && r == 0;) {
		size_t n = strcspn(p, "+");
		r = add_language(h, folder ? folder : "", p, (int)n, err);
		p += n + (p[n] == '+');
	}
	if (r == 0)
		hash_end(h, out);
	return r;
}

/* The library opens the file for its messages with the first one. That must be
 * now: once nothing can be opened any more, Tesseract 5.5 dies of it. A
 * language that is not there always causes a message. */
static void open_messages(void)
{
	TessBaseAPI *none = TessBaseAPICreate();
	TessBaseAPISetVariable(none, "debug_file", "/dev/null");
	TessBaseAPIInit2(none, "/dev/null", "none", OEM_LSTM_ONLY);
	TessBaseAPIEnd(none);
	TessBaseAPIDelete(none);
}

/* The first use initializes tables. */
static int warm_up(struct ocr *o, struct err *err)
{
	AUTO(image_freep) PIX *blank = pixCreate(320, 96, 8);
	AUTO(found_freep) struct found_lines *none = mem_alloc(1, sizeof *none);
	if (!blank)
		return err_set(err, ERR_LIMIT, "no memory for a picture");
	pixSetAll(blank);
	int r = recognize(o, blank, PSM_AUTO, "", none, err);
	for (int x = 40; x < 280; x += 16)
		pixRasterop(blank, x, 30, 4, 36, PIX_CLR, NULL, 0, 0);
	return r < 0 ? r : recognize(o, blank, PSM_SINGLE_LINE, letters_digits, none, err);
}

int ocr_open(const char *languages, const char *data, struct ocr **ret, struct err *err)
{
	AUTO(ocr_freep) struct ocr *o = mem_alloc(1, sizeof *o);
	setMsgSeverity(L_SEVERITY_NONE);
	open_messages();
	o->api = TessBaseAPICreate();
	if (TessBaseAPIInit2(o->api, *data ? data : NULL, languages, OEM_LSTM_ONLY) != 0)
		return fail_language(languages, err);
	int r = check_languages(o, languages, err);
	if (r == 0)
		r = warm_up(o, err);
	if (r == 0)
		*ret = TAKE(o);
	return r;
}
