/* SPDX-License-Identifier: Apache-2.0 */
/* Options: one table, from which everything that a person can set is made.
 *
 * A module owns a struct, and an array of rows that name its members. From the
 * row "chunk.duration" come the flag --chunk-duration, the key `duration` in
 * section [chunk] of vdet.conf, the variable VDET_CHUNK_DURATION, the line in
 * --help and the entry in docs/options.md. Order: default, file, environment,
 * command line; the last one wins. An unknown key or a bad value is an error
 * that names where it came from. Values are stored by offset into the group's
 * target struct. Not thread-safe; after opt_parse() any thread may read the
 * values. Functions that fail return ERR_ARG unless they say otherwise. */
#ifndef VDET_BASE_OPT_H
#define VDET_BASE_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum opt_type {
	OPT_BOOL,   /* bool; a flag without value means true, --no-NAME false */
	OPT_INT,    /* int64_t within [min, max]; words of `choices` name min, min + 1, … */
	OPT_DOUBLE, /* double within [min, max] */
	OPT_TIME,   /* int64_t microseconds; min and max in seconds; see clock_parse() */
	OPT_SIZE,   /* int64_t bytes; min and max in bytes; suffixes K M G T (1024) */
	OPT_STRING, /* char *, owned by the table's user through opt_free(); "" rather than NULL */
	OPT_CHOICE, /* char *, one of the words in `choices`, separated by '|' */
};

enum {
	/* only on the command line: what belongs to one run, not to a configuration */
	OPT_COMMAND_ONLY = 1,
	OPT_SECRET = 2, /* never printed */
	/* a string; each further value is a further line of it, and "none" empties
	 * it */
	OPT_APPEND = 4,
	/* Changes what is found: part of the key of a run (job/facts.h). Options
	 * that only change the speed, or where results go, are not. */
	OPT_RESULT = 8,
	/* A client of the server may set it for one job; names no file of this
	 * machine and takes none of its memory. */
	OPT_PER_JOB = 16,
};

struct opt_row {
	const char *name; /* "section.key" */
	/* Long flag without dashes; NULL = name with '.' and '_' as '-'. No two
	 * rows that one command takes have the same. */
	const char *flag;
	enum opt_type type;
	size_t offset;       /* into the group's target */
	const char *def;     /* default, written as a user would write it */
	double min, max;     /* inclusive; for INT, DOUBLE, TIME, SIZE */
	const char *choices; /* for CHOICE; of INT and DOUBLE, words for the numbers from min on */
	const char *metavar; /* "SECONDS", for help */
	const char *help;    /* one sentence or two, no newline */
	unsigned flags;
};

struct opt_group {
	const char *title; /* "Engine" */
	const struct opt_row *rows;
	size_t n;
};

/* A group bound to the struct that receives its values. */
struct opt_bind {
	const struct opt_group *group;
	void *target;
};

struct opt_set {
	const struct opt_bind *binds;
	size_t n;
};

/* Fills defaults, then file (NULL = none; a missing file is an error), then
 * environment (names beginning "VDET_"), then argv[1…]. Arguments that are no
 * option are moved, in order, to argv[0…*ret_n-1] ("--" ends options). `known`
 * is the full set of rows that exist in the program: a file or environment may
 * hold keys of other commands; NULL = as `set`. The caller zeroes the targets
 * first; after an error they hold what was read so far, and are freed as usual.
 * ERR_NOENT if the file cannot be opened. */
int opt_parse(const struct opt_set *set, const struct opt_set *known, const char *file, char **env,
              char **argv, int *ret_n, struct err *err);
void opt_free(const struct opt_set *set); /* frees the strings of all targets */

/* The row of this name ("section.key"), or NULL. */
const struct opt_row *opt_find(const struct opt_set *set, const char *name);

/* One value from text; `where` begins the error message, as in `vdet.conf:3` or
 * `--workers`. Replaces and frees the former string; after an error the target
 * is as it was. */
int opt_set_value(const struct opt_row *row, void *target, const char *value, const char *where,
                  struct err *err);
/* Whether opt_set_value() would accept the value; changes nothing. */
int opt_check(const struct opt_row *row, const char *value, const char *where, struct err *err);
/* true, yes, on, 1, or false, no, off, 0, in any case; -1 for any other text. */
int opt_bool(const char *s, bool *ret);
/* Copies all values of a group. `to` is zeroed, or holds values of the group,
 * whose strings are freed; opt_free() frees the copies. */
void opt_copy(const struct opt_group *group, const void *from, void *to);
/* The smallest number of a row that no word stands for. */
double opt_least(const struct opt_row *row);
/* Whether the value in `target` is that of `def`. */
bool opt_is_default(const struct opt_row *row, const void *target);
/* Current value as text that opt_set_value() would read back the same; secrets
 * as "***". */
void opt_get_text(const struct opt_row *row, const void *target, struct buf *out);

void opt_help(const struct opt_set *set, struct buf *out);          /* for --help */
void opt_markdown(const struct opt_set *set, struct buf *out);      /* for docs/options.md */
void opt_flag_name(const struct opt_row *row, char out[static 64]); /* without the dashes */

/* The word of `words` nearest to `s` by edit distance (about a third of its
 * letters may differ), or NULL. */
const char *opt_nearest(const char *s, const char *const *words, size_t n);

#endif
