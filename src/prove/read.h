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
	struct cited_frame *frames;
	size_t n_frames;
	char *text; /* what is said of it */
	enum check_verdict verdict;
};

struct cited_file {
	bool is_report;
	char *question; /* "" of a report */
	char *text;     /* of the answer, or the summary of the report */
	struct cited_source *sources;
	size_t n_sources;
	struct cited *cites;
	size_t n_cites;
};
void cited_file_free(struct cited_file *f);
DEFINE_FREEP(struct cited_file, cited_file)

/* Of all frames together. */
enum { CITED_FRAMES_MAX = 200000 };

/* ERR_FORMAT says what is wrong, and where; ERR_UNSUPPORTED: another format, or
 * another version of it. */
int cited_read(const json_t *json, struct cited_file **ret, struct err *err);

#endif
