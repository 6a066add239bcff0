/* SPDX-License-Identifier: Apache-2.0 */
/* The journal's part about subjects: the numbers of a run, and the edits of a
 * source. As store.h: thread-safe, data is on disk when a call returns. */
#ifndef VDET_STORE_SUBJECT_H
#define VDET_STORE_SUBJECT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "store/store.h"

#define STORE_THIS_EDIT (-1) /* the one that is saved in the same call */

/* A number that was given in a run. */
struct store_subject {
	int64_t number;
	int64_t edit; /* that made the subject; 0 = none, or STORE_THIS_EDIT */
	char *description;
	char *frames; /* JSON array of times in microseconds */
};

struct store_subject_edit {
	int64_t id;
	char *kind; /* "rename", … */
	char *data; /* JSON object */
};

/* All that was saved of the subjects of a run and of its source. */
struct store_subjects {
	struct store_subject *subjects; /* in order of number */
	size_t n;
	struct store_subject_edit *edits; /* that apply, in order */
	size_t n_edits;
	int64_t revision; /* changes with each edit and undo of the source */
};
void store_subjects_clear(struct store_subjects *x);

/* The strings of `source` may be "". */
int store_subjects_load(struct store *s, const char *job, const struct store_source *source,
                        struct store_subjects *ret, struct err *err);
/* Saves the numbers, of which there may be some of `seen`, and adds the edit
 * (NULL = none), in one transaction. ERR_CANCELED if another process added a
 * number or an edit after `seen` was loaded: load again. ERR_NOENT if the job
 * was removed. */
int store_subjects_save(struct store *s, const char *job, const struct store_source *source,
                        const struct store_subjects *seen, const struct store_subject *subjects,
                        size_t n, const struct store_subject_edit *edit, struct err *err);
/* The last edit of a source that applies does not apply any more. ERR_NOENT if
 * there is none. *ret_kind (the caller frees) is what it was. */
int store_subjects_undo(struct store *s, const struct store_source *source, char **ret_kind,
                        struct err *err);

#endif
