/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of a video whose writing is read, as a unit of work for another
 * machine, and what was read in them. Pure. Neither side is trusted:
 * everything that is read is checked. Times: microseconds of the video. */
#ifndef VDET_JOB_TEXT_UNIT_H
#define VDET_JOB_TEXT_UNIT_H

#include <jansson.h>

#include "base/err.h"
#include "base/hash.h"
#include "decoder/decoder.h"
#include "runner/runner.h"
#include "screentext/reader.h"
#include "screentext/times.h"

#define TEXT_UNIT_KIND "text"
/* Another one wherever the same frame may be read in another way: its size, how
 * it is prepared, which frames are read a second time. */
enum { TEXT_UNIT_SCHEMA = 1, TEXT_UNIT_SAMPLES_MAX = 256 };

struct text_unit {
	struct decoder_options decoder; /* stream, rate and gaps; see struct chunk_unit */
	struct text_sample *samples;    /* ascending by time */
	size_t n;
	int64_t end;  /* of the last one: a second frame is read before */
	json_t *root; /* of a unit that was read: owns the strings and `samples`; else NULL */
};
void text_unit_clear(struct text_unit *u); /* of one that was read */

/* As chunk_unit_write() and chunk_unit_read(). */
int text_unit_write(const struct text_unit *u, char **ret, struct err *err);
int text_unit_read(const char *body, struct text_unit *ret, struct err *err);

/* What must be the same so that the same frame is read in the same way: engine,
 * version, languages and data. */
void text_unit_model(const struct text_reader *r, char out[static HASH_HEX]);

/* What was read in frames, each with a turn: see text_scan_options.known. */
struct text_readings {
	struct text_seen {
		int64_t time;
		int turn;
		struct text_lines lines;
	} * items;
	size_t n, cap;
};
void text_readings_clear(struct text_readings *r);
/* Copies the lines; the second of a time and turn is not kept. */
void text_readings_add(struct text_readings *r, int64_t time, int turn, const struct text_lines *l);
/* Sets a copy, which the caller clears; false if there is none. */
bool text_readings_find(const struct text_readings *r, int64_t time, int turn,
                        struct text_lines *ret);

/* The result of a unit. Reading adds to `ret`. ERR_FORMAT; ERR_PROTO. */
int text_result_write(const struct text_readings *r, struct runner_result *ret, struct err *err);
int text_result_read(const struct text_unit *u, const struct runner_result *result,
                     struct text_readings *ret, struct err *err);

#endif
