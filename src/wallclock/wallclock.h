/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of the time of day of a recording: clocks, each with where it
 * comes from, which line fits its readings, and where it jumps. Plain data; the
 * journal has it as JSON (store/clock.h), docs/clock.md is for users. Pure; any
 * thread.
 *
 * Times of the video: microseconds of its timeline. Times of a clock:
 * microseconds from 1970-01-01 00:00:00 as the clock shows them, whatever its
 * zone is; without a date from 00:00:00 of the first day, which can be more
 * than 24 hours. */
#ifndef VDET_WALLCLOCK_WALLCLOCK_H
#define VDET_WALLCLOCK_WALLCLOCK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

/* In order of trust: the first clock is the one that counts. */
enum wallclock_source {
	WALLCLOCK_PICTURE, /* burnt into the picture */
	WALLCLOCK_CREATED, /* the creation time that the file states: of its beginning or its end */
	/* the timecode of the file, which need not be the time of day */
	WALLCLOCK_TIMECODE,
	WALLCLOCK_SOURCES
};
/* "picture", "created", "timecode" */
extern const char *const wallclock_source_name[WALLCLOCK_SOURCES];

/* A part of the recording in which the clock runs evenly. */
struct wallclock_piece {
	int64_t start, end; /* of the video; pieces are ascending, and do not overlap */
	int64_t at;         /* what the clock shows at `start` */
	double speed;       /* seconds of the clock in a second of the video */
	int64_t residual;   /* readings are this far from the line (root mean square) */
	size_t readings;
	/* Seconds that the clock is ahead of UTC; WALLCLOCK_NO_OFFSET = not known:
	 * it is the local clock of the recording. */
	int offset;
};
#define WALLCLOCK_NO_OFFSET INT32_MIN

/* One way to read the date: of a clock "05/06/26" there can be three. */
struct wallclock_fit {
	char *order; /* "ymd", "dmy", "mdy"; "" = it shows no date, or a source without doubt */
	struct wallclock_piece *pieces;
	size_t n_pieces;
};

enum wallclock_verdict {
	WALLCLOCK_CANNOT_TELL,
	WALLCLOCK_INTERRUPTED, /* the picture jumps, too: a part of the recording is missing */
	WALLCLOCK_SET,         /* the picture continues: somebody set the clock, or a program did */
	WALLCLOCK_VERDICTS
};
/* "cannot tell", "recording interrupted", "clock set" */
extern const char *const wallclock_verdict_name[WALLCLOCK_VERDICTS];

/* The clock jumps between two frames. */
struct wallclock_break {
	int64_t before, after; /* of the video: the frames before and after it */
	/* what the clock shows in them, in the first way to read its date */
	int64_t clock_before, clock_after;
	int64_t jump; /* by how much; negative: back */
	enum wallclock_verdict verdict;
	/* It is the change of daylight saving time: of the stated zone, or, where
	 * none is stated, of one that would change in this hour. */
	bool daylight;
	char *why; /* what the verdict is based on, one line for people */
};

/* One time at which the clock was read. */
struct wallclock_sample {
	int64_t time; /* of the video */
	char *text;   /* as read; "" = nothing that is a time */
	bool used;    /* it is on the line */
};

struct wallclock_clock {
	enum wallclock_source source;
	char *name;     /* for people: "the clock in the picture", "the creation time in the file" */
	int box[4];     /* x, y, width, height in 1/10000 of the displayed picture; all 0 = none */
	int turn;       /* degrees clockwise by which it has to be turned to be read */
	char *format;   /* "YYYY-MM-DD hh:mm:ss"; "" = not a text */
	bool dated;     /* it shows a date; otherwise day 0 is the first one */
	int64_t unit;   /* what it shows at least: a second, a minute, a frame */
	int64_t period; /* 0, or jumps are known up to this: 24 h without a date, 12 h without AM */
	/* ways to read the date that no reading excludes; the first one counts */
	struct wallclock_fit *fits;
	size_t n_fits;                  /* at least 1 */
	struct wallclock_break *breaks; /* ascending */
	size_t n_breaks;
	struct wallclock_sample *samples; /* ascending */
	size_t n_samples;
};

struct wallclock {
	struct wallclock_clock *clocks;
	size_t n_clocks;
	char *zone;   /* as it was stated: "Europe/Berlin", "+01:00"; "" = none */
	char *fault;  /* why nothing was found, or not everything was read; "" = nothing to say */
	size_t reads; /* pictures that were read for it */
};
void wallclock_free(struct wallclock *w);
DEFINE_FREEP(struct wallclock, wallclock)
void wallclock_drop(struct wallclock *w, size_t i); /* removes clock i */

/* The text that the journal keeps, see docs/clock.md; the caller frees. */
char *wallclock_write(const struct wallclock *w);
/* The same as JSON, for reports; the caller owns it. */
json_t *wallclock_json(const struct wallclock *w);
/* Reads what wallclock_write() has written; NULL or "" gives an empty one. The
 * caller frees *ret. ERR_FORMAT. */
int wallclock_read(const char *text, struct wallclock **ret, struct err *err);

/* The time of the first clock that has one at this time of the video. */
struct wallclock_time {
	int64_t at;        /* what the clock shows */
	bool dated;        /* it has a date */
	bool half;         /* it can be 12 hours later: the clock shows no AM or PM */
	int offset;        /* as in a piece */
	int64_t others[2]; /* other ways to read the date, which no reading excludes */
	size_t n_others;
	int64_t error; /* microseconds by which it can be wrong: unit and residual of the clock */
	const struct wallclock_clock *clock; /* whose time it is; borrowed */
};
/* False if no clock has a time there. In the gap between two pieces it is the
 * time of the piece before. */
bool wallclock_at(const struct wallclock *w, int64_t time, struct wallclock_time *ret);

/* The first time of the video, before `end`, at which the first clock that has
 * times shows this time of day (microseconds from midnight). False if it never
 * does. */
bool wallclock_find(const struct wallclock *w, int64_t of_day, int64_t end, int64_t *ret);

#define WALLCLOCK_TEXT_MAX 128
/* "2026-11-30 14:05:09", "14:05:09" without a date, with " UTC" or " +01:00"
 * where that is known; where the date is ambiguous: "2026-06-05 or 2026-05-06,
 * 14:05:09"; without AM and PM "02:05:09 AM or PM". Returns out. */
const char *wallclock_text(const struct wallclock_time *t, char out[static WALLCLOCK_TEXT_MAX]);
/* "the clock jumps by +37 s here"; the caller frees. */
char *wallclock_break_text(const struct wallclock_clock *c, const struct wallclock_break *b);

#endif
