/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the registry share. */
#ifndef VDET_SUBJECTS_SUBJECTS_INTERNAL_H
#define VDET_SUBJECTS_SUBJECTS_INTERNAL_H

#include "subjects/subjects.h"

/* Events that are about one subject for sure, in order; most often one. */
struct run {
	size_t first; /* event; the others by index.next */
	size_t last;
	size_t look;               /* class of the most precise description */
	struct subject_event span; /* start of the first to end of the last */
};

/* Events whose descriptions say the same. */
struct look_class {
	char *key;
	size_t first, n;          /* of index.sorted: its events, in order */
	size_t first_run, n_runs; /* of index.runs, in order */
	size_t *subjects;         /* of this class, in order of their first events */
	size_t n_subjects, cap;
};

/* A frame that an event cites. */
struct cited {
	int64_t pts;
	size_t look, event;
};

struct subjects_index {
	const struct subject_event *events;
	size_t n_events;
	struct look_class *classes; /* by key */
	size_t n_classes;
	size_t *look;     /* class of each event; SUBJECT_NONE */
	size_t *sorted;   /* events by class and time */
	size_t *next;     /* event that goes on with it; SUBJECT_NONE */
	struct run *runs; /* by class and time */
	size_t n_runs;
	struct cited *cited;
	size_t n_cited;
	const struct subject_known *known;
	size_t n_known;
	size_t *by_rules; /* subject of each event before the edits */
	int64_t last;     /* highest number that was given */
	/* of each subject while they are counted; 0 in between */
	size_t *votes, n_votes;
};

/* The class of a description; SUBJECT_NONE if no event has it. */
size_t subjects_look(const struct subjects *s, const char *description);
/* Adds a subject, of the class unless that is SUBJECT_NONE. */
size_t subjects_add(struct subjects *s, size_t look);
void subjects_give(struct subjects *s, size_t subject, size_t event);

/* ---- subjects-runs.c */

/* Sets the runs of the index, and those of its classes. */
void subjects_set_runs(struct subjects_index *x, const struct subject_follow *follows,
                       size_t n_follows);

/* ---- subjects-links.c */

/* Whether two events are about two at one time: what only touches is not,
 * unless one leaves there or the other comes. */
bool subjects_overlap(const struct subject_event *a, const struct subject_event *b);
/* Notes that `later` may be the same as `earlier`; false if there is no more
 * room for it. */
bool subjects_link(struct subjects *s, size_t later, size_t earlier);
/* Of looks of which one is less precise. */
void subjects_link_looks(struct subjects *s);

#endif
