/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the writing in JPEGs with the reader of an analysis, for
 * test/bench/screentext.py, and by hand: VDET LANGUAGES MODE FILE…, MODE being
 * page, line or clock, or with a part of the picture line@X,Y,W,H in 1/10000.
 * Prints a line of JSON for each file: {file, ms, lines: [[x, y, w, h, conf,
 * text], …]} or {file, fault}. OCR_ENGINE and OCR_MODELS: the library and the
 * models of another engine. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "screentext/reader.h"

static enum text_mode mode_of(const char *name)
{
	return !strncmp(name, "line", 4)    ? TEXT_LINE
	       : !strncmp(name, "clock", 5) ? TEXT_CLOCK
	                                    : TEXT_PAGE;
}

static json_t *read_one(struct text_reader *r, const char *path, const char *how)
{
	struct text_region at;
	const char *part = strchr(how, '@');
	bool has_part = part && sscanf(part, "@%d,%d,%d,%d", &at.x, &at.y, &at.w, &at.h) == 4;
	at.turn = 0;
	AUTO(buf_free) struct buf jpeg = BUF(64 << 20);
	AUTO(text_lines_clear) struct text_lines lines = {0};
	struct err err;
	int e = file_read(path, &jpeg, &err);
	int64_t began = clock_now();
	if (e == 0)
		e = text_reader_read(r, jpeg.data, jpeg.len, has_part ? &at : NULL, mode_of(how), &lines,
		                     &err);
	if (e < 0)
		return json_pack("{s:s s:s}", "file", path, "fault", err.msg);
	double ms = (double)(clock_now() - began) / 1000;
	json_t *list = json_array();
	for (size_t i = 0; i < lines.n; i++) {
		const struct text_line *l = &lines.lines[i];
		json_array_append_new(list, json_pack("[i i i i f s]", l->box.x, l->box.y, l->box.w,
		                                      l->box.h, l->conf, l->text));
	}
	return json_pack("{s:s s:f s:o}", "file", path, "ms", ms, "lines", list);
}

int main(int argc, char **argv)
{
	AUTO(text_reader_freep) struct text_reader *r = NULL;
	struct err err;
	if (argc < 5)
		return 2;
	const struct text_reader_options o = {.exe = argv[1],
	                                      .languages = argv[2],
	                                      .engine = getenv("OCR_ENGINE"),
	                                      .models = getenv("OCR_MODELS")};
	if (text_reader_open(&o, NULL, &r, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		return 1;
	}
	for (int i = 4; i < argc; i++) {
		json_auto_t *out = read_one(r, argv[i], argv[3]);
		json_dumpf(out, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
		puts("");
	}
	return 0;
}
