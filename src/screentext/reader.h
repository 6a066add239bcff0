/* SPDX-License-Identifier: Apache-2.0 */
/* The parent's side of the reader: a sandboxed child (the program vdet-text)
 * that reads the writing in pictures (OCR).
 *
 * The child is not trusted: everything that it sends is checked, and a child
 * that breaks the protocol, takes too long or ends is killed. That costs one
 * picture: the next call starts another child. One reader belongs to one thread
 * at a time. All calls block, observe `cancel`, and end by their time limit. */
#ifndef VDET_SCREENTEXT_READER_H
#define VDET_SCREENTEXT_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/mem.h"

struct text_reader;

#define TEXT_LANGUAGES_DEFAULT "eng"

struct text_reader_options {
	/* Names of Tesseract's language data, joined by "+": "eng+deu"; NULL or ""
	 * = TEXT_LANGUAGES_DEFAULT. */
	const char *languages;
	const char *data; /* folder of the language data; NULL or "" = that of the system */
	/* ONNX Runtime's library and the folder of the models of PP-OCR, both
	 * absolute paths; NULL or "" = Tesseract. From the command line and the
	 * file only. Languages have no meaning then. */
	const char *engine, *models;
	/* microseconds for one picture, by the clock, or in the background of
	 * processor time; 0 = 30 seconds */
	int64_t timeout;
	int64_t memory;      /* limit of the child's memory in bytes; 0 = 1 GiB */
	const char *sandbox; /* "on" (or NULL), or "off" (the null sandbox, for sanitizers) */
	const char *exe;     /* that has the role `text`; NULL: $VDET_EXE, else this program */
	bool background;     /* lower scheduling priority than requests that somebody waits for */
};

/* Part of a picture, in 1/10000 of its width and height; at most the whole. */
struct text_region {
	int x, y, w, h;
	/* Degrees clockwise by which it is turned before it is read: 0, 90, 180,
	 * 270. Writing that is upside down is read with 180. */
	int turn;
};

enum text_mode {
	TEXT_PAGE,  /* lines anywhere in it; none if the picture has nothing like writing */
	TEXT_LINE,  /* it is one line */
	TEXT_CLOCK, /* it is one line of a clock: digits, :/-. and the letters of days, months, AM/PM */
	TEXT_MODES
};

struct text_line {
	struct text_region box; /* in 1/10000 of the whole picture; turn: as requested */
	char *text;  /* valid UTF-8 in reading order, not empty, without control characters */
	double conf; /* 0 to 1, of the line: mean of its words, weighted by length */
};

struct text_lines {
	struct text_line *lines;
	size_t n;
};
void text_lines_clear(struct text_lines *l);

/* Starts a child, and waits until it has loaded its languages. ERR_NOENT if the
 * data of a language is missing, or the program; the message names the package.
 * What the options point to is copied; cancel is borrowed. */
int text_reader_open(const struct text_reader_options *o, struct cancel *cancel,
                     struct text_reader **ret, struct err *err);
void text_reader_free(struct text_reader *r); /* kills the child; NULL is allowed */
DEFINE_FREEP(struct text_reader, text_reader)

/* Engine with version and languages, as they are to be recorded: "Tesseract
 * 5.3.0, eng+deu"; "PP-OCRv4, ONNX Runtime 1.21.0". Owned by the reader. */
const char *text_reader_name(const struct text_reader *r);
/* Likewise: "eng+deu", or "" for PP-OCR. */
const char *text_reader_languages(const struct text_reader *r);
/* SHA-256 of the data that it reads with: of its languages, or its models. */
const char *text_reader_data(const struct text_reader *r);

/* Reads a JPEG. region: NULL = the whole picture. The caller clears `ret`,
 * which is overwritten. ERR_DIED, ERR_TIMEOUT, ERR_LIMIT, ERR_FORMAT,
 * ERR_PROTO: nothing is known of this picture, and the reader can be used for
 * others; an error of starting another child is that of text_reader_open(). */
int text_reader_read(struct text_reader *r, const void *jpeg, size_t len,
                     const struct text_region *region, enum text_mode mode, struct text_lines *ret,
                     struct err *err);

#endif
