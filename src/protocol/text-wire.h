/* SPDX-License-Identifier: Apache-2.0 */
/* What the reader of writing (screentext/reader.c) and the program vdet-text
 * (ocr/text-worker.c) exchange over proc/wire.h. Arguments of its only role,
 * `text`: MEMORY (bytes, 0 = no limit), SANDBOX ("on" or "off"), LANGUAGES
 * ("eng+deu"), DATA (folder of the language data; "" = that of the library),
 * ENGINE (path of the library of PP-OCR; "" = Tesseract), MODELS (its folder).
 *
 * The child speaks first: HELLO {version, engine, data, sandbox} (its name and
 * version, the SHA-256 of its languages' data or models), or ERROR, after which
 * it ends. Then one request at a time:
 *   READ {mode, x, y, w, h, turn} (blob: a JPEG): an enum text_wire_mode, and
 *   the part of the picture in 1/TEXT_SCALE
 *     -> LINES {lines: [[x, y, w, h, conf, text], …]} or ERROR. The box in
 *     1/TEXT_SCALE of the whole picture, conf in 1/TEXT_CONF
 * ERROR {code, msg} ends a request, and not the child; code is an enum
 * err_code. */
#ifndef VDET_PROTOCOL_TEXT_WIRE_H
#define VDET_PROTOCOL_TEXT_WIRE_H

/* The beginning of the name of an engine that is not Tesseract. */
#define TEXT_PPOCR "PP-OCRv4"

enum { TEXT_WIRE_VERSION = 3 };

enum text_msg {
	TEXT_MSG_HELLO = 1,
	TEXT_MSG_ERROR,
	TEXT_MSG_READ = 16,
	TEXT_MSG_LINES,
};

enum text_wire_mode { TEXT_WIRE_PAGE, TEXT_WIRE_LINE, TEXT_WIRE_CLOCK, TEXT_WIRE_MODES };

enum {
	TEXT_SCALE = 10000,
	TEXT_CONF = 1000,
	TEXT_LINES_MAX = 400,       /* of one picture */
	TEXT_LINE_BYTES_MAX = 1000, /* of one line */
	TEXT_JPEG_MAX = 32 << 20,
	TEXT_PIXELS_MAX = 64 << 20, /* of a picture */
	TEXT_ERROR_MAX = 590,       /* of a message for people */
};

#endif
