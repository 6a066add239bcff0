/* SPDX-License-Identifier: Apache-2.0 */
/* The subjects of a video: who or what appears in it, when, and in which
 * events.
 *
 * Made from the descriptions of events by rules, never by a guess:
 * - What goes on over the border of two chunks is about one subject, if only
 *   one event on either side can be about it (look_agrees()).
 * - Events whose descriptions say the same (look.h) are about one subject, as
 *   long as no two of them overlap in time.
 * - Two that overlap are about two subjects of one look, as are two that have
 *   one frame in common at which the first leaves or the second comes. From
 *   then on it is not known which of them an event is about: it is about a
 *   subject of its own, which is possibly the same as the others.
 * - A subject whose description is less precise than that of another one, "car"
 *   and "red car", is possibly the same.
 *
 * Numbers are given by evidence: a number of an earlier analysis stays with the
 * subject that looks the same and cites the same frames; new ones follow the
 * highest that was ever given. Then a person's edits apply, by evidence, too.
 *
 * Pure. Times are microseconds of the video. Everything takes O(n log n)
 * steps. */
#ifndef VDET_SUBJECTS_SUBJECTS_H
#define VDET_SUBJECTS_SUBJECTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

#define SUBJECT_NONE SIZE_MAX

enum {
	SUBJECT_POSSIBLE_MAX = 8, /* listed of those that a subject may be the same as */
	/* Of a subject, as evidence of an edit: so many events, and frames of each. */
	SUBJECT_CITES_MAX = 64,
	SUBJECT_FRAMES_MAX = 16,
};

/* An event in which a subject appears. Borrowed. */
struct subject_event {
	int64_t start, end;
	const char *description; /* "" = none, so no subject */
	const char *what;
	const int64_t *frames; /* that it cites, ascending */
	size_t n_frames;
	/* It says that the subject comes into view where it begins, or leaves it
	 * where it ends. */
	bool comes, leaves;
};

struct subject {
	int64_t number; /* 0 until subjects_number() */
	size_t look;    /* internal: how it is described; SUBJECT_NONE where an edit made it */
	size_t *events; /* in order; none: it was merged into another one */
	size_t n_events, cap;
	size_t possible[SUBJECT_POSSIBLE_MAX]; /* subjects that it may be the same as */
	size_t n_possible;
	bool more;        /* and others that are not listed */
	const char *name; /* that a person gave, of the edit; NULL = none */
	int64_t split;    /* edit that made it; 0 = the rules did */
	size_t merged;    /* subject that it is part of; SUBJECT_NONE = it is one itself */
};

struct subjects {
	struct subject *all; /* in order of their first events; then those of edits */
	size_t n, cap;
	size_t *of;   /* subject of each event; SUBJECT_NONE */
	size_t steps; /* comparisons that were made; for tests */
	struct subjects_index *index;
};

/* Two events, as indices, of which the second may go on with the first: they
 * meet at a border of chunks, and neither says that somebody leaves or comes. */
struct subject_follow {
	size_t earlier, later;
};

/* The given events are in order of start, and then end; borrowed until
 * subjects_free(). `follows` has all that may follow each other. */
struct subjects *subjects_make(const struct subject_event *events, size_t n,
                               const struct subject_follow *follows, size_t n_follows);
void subjects_free(struct subjects *s); /* NULL is fine */
DEFINE_FREEP(struct subjects, subjects)

/* A number that was given. */
struct subject_known {
	int64_t number, split; /* as in struct subject */
	char *description;
	int64_t *frames; /* that its events cite */
	size_t n_frames;
};

/* Gives the subjects of the rules their numbers; once, before the edits. A
 * known number stays with the subject that looks as described and cites the
 * most of the frames. `known` is in order of number, and borrowed until
 * subjects_free(). */
void subjects_number(struct subjects *s, const struct subject_known *known, size_t n);

/* What the journal has to keep of the numbers that were given here: each
 * number, also of a subject that an edit merged into another one. */
struct subject_known *subjects_known(const struct subjects *s, size_t *ret_n);
void subjects_known_free(struct subject_known *known, size_t n); /* NULL is fine */

/* What stands for an event, or an event of a subject: where analyses differ, it
 * is found by these. */
struct subject_cite {
	size_t which; /* of the subjects that an edit names, from 0 */
	char *description;
	char *what; /* decides between two events of one look */
	int64_t frames[SUBJECT_FRAMES_MAX];
	size_t n_frames;
};

enum subject_op { SUBJECT_RENAME, SUBJECT_MERGE, SUBJECT_SPLIT, SUBJECT_OPS };
const char *subject_op_name(enum subject_op op);      /* "rename" */
enum subject_op subject_op_of_name(const char *name); /* SUBJECT_OPS: it is none */

/* What a person changed. */
struct subject_edit {
	int64_t id; /* ascending; never used twice */
	enum subject_op op;
	char *text; /* the new name; "" of other edits */
	/* Of a merge the first subject is the one that stays. Of a split, `which` 0
	 * is the subject, 1 the events that get a subject of their own. */
	struct subject_cite *cites;
	size_t n_cites;
};
void subject_edit_clear(struct subject_edit *e);

/* Applies an edit where what it cites is cited here: by an event that looks the
 * same and cites one of the frames; of several subjects, the one that has the
 * most. NULL, or why it does not apply (a literal); then nothing changed. The
 * edit is borrowed until subjects_free(). */
const char *subjects_apply(struct subjects *s, const struct subject_edit *edit);

/* The subject with this number; SUBJECT_NONE. */
size_t subjects_find(const struct subjects *s, int64_t number);
/* Adds the evidence of an event, or of all events of a subject, to an edit. */
void subject_cite_event(struct subject_edit *edit, size_t which, const struct subject_event *e);
void subjects_cite(const struct subjects *s, size_t subject, size_t which,
                   struct subject_edit *edit);
/* The numbers of those that a subject may be the same as, ascending; returns
 * how many. *ret_more: there are others. */
size_t subjects_possible(const struct subjects *s, size_t subject,
                         int64_t ret[static SUBJECT_POSSIBLE_MAX], bool *ret_more);

#endif
