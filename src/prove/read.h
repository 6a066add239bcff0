/* SPDX-License-Identifier: Apache-2.0 */
/* What can be proven of an answer (vdet-answer/1) or of a report
 * (vdet-report/2): its sources, and where it cites them. The JSON may be
 * hostile; nothing in it is opened or sent. Pure functions. */
#ifndef VDET_PROVE_READ_H
#define VDET_PROVE_READ_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "story/check.h"

/* Strings are valid UTF-8 in one line, and never NULL; hashes are hexadecimal
 * or "". Times: microseconds. */
struct cited_source {
	char *sha256, *name;
	int stream; /* -1 = the default one */
	/* The options --frame-rate and --gaps of an analysis, as a report has them;
	 * gaps is NULL if the file does not say. A literal. */
	double rate;
	const char *gaps;
};

struct cited_frame {
	int64_t pts;
	char *planes_sha256, *planes_format, *decode_path, *gray; /* as in answer/answer.h */
};

struct cited {
	size_t source;
	int64_t start, end;
	bool seen; /* in frames; otherwise it was said or written */
	/* of what was said or written; and where it comes from, "subtitle",
	 * "speech" or "written"; "" = none, or not known */
	char *quote, *quote_source;
	struct cited_frame *frames;
	size_t n_frames;
	char *text; /* what is said of it */
	enum check_verdict verdict;
};

/* A text that a report lists as said or written. */
struct cited_text {
	int64_t start;
	char *source; /* as above */
	char *text;
};

struct cited_file {
	bool is_report;
	char *question; /* "" of a report */
	char *text;     /* of the answer, or the summary of the report */
	struct cited_source *sources;
	size_t n_sources;
	struct cited *cites;
	size_t n_cites;
	struct cited_text *texts; /* of a report */
	size_t n_texts;
	bool subtitles_read; /* the report says that subtitles were looked for */
	int64_t from, to;    /* the part of the video that a report is about */
};
void cited_file_free(struct cited_file *f);
DEFINE_FREEP(struct cited_file, cited_file)

/* Of all frames together; of all texts. */
enum { CITED_FRAMES_MAX = 200000, CITED_TEXTS_MAX = 1000000 };

/* ERR_FORMAT says what is wrong, and where; ERR_UNSUPPORTED: another format, or
 * another version of it. */
int cited_read(const json_t *json, struct cited_file **ret, struct err *err);

#endif
