/* SPDX-License-Identifier: Apache-2.0 */
/* From the events of a report to its subjects; numbers and edits from the
 * journal. Internal. */
#ifndef VDET_REPORT_SUBJECT_H
#define VDET_REPORT_SUBJECT_H

#include "report/report.h"
#include "store/subject.h"
#include "subjects/subjects.h"

/* The subjects of a report while they are worked on. */
struct registry {
	const struct report *report;
	struct subject_event *events; /* in order; of statements that were joined */
	int64_t **frames;             /* of each */
	size_t n_events;
	struct subject_follow *follows; /* events that may go on with others */
	size_t n_follows;
	size_t *of_statement; /* event of each number of report_part.event; SUBJECT_NONE */
	struct subject_known *known;
	size_t n_known;
	struct subject_edit *edits;
	const char **faults; /* of each edit; NULL: it applies */
	size_t n_edits;
	struct store_subjects saved;
	struct subjects *subjects;
};
void registry_clear(struct registry *g);

struct store_source report_store_source(const struct report *r);

/* From `report` and `saved`. */
void registry_make(struct registry *g);
/* Blocks for the disk; the report is borrowed until registry_clear(). */
int registry_load(struct store *s, const struct report *r, struct registry *ret, struct err *err);
/* Saves the numbers, with the edit (NULL = none). ERR_CANCELED as
 * store_subjects_save(). */
int registry_save(struct store *s, const struct registry *g, const struct store_subject_edit *edit,
                  struct err *err);

/* Sets subjects, edits, and the subjects of events and states. */
void report_subjects_set(struct report *r, const struct registry *g);
int report_subjects_load(struct store *s, struct report *r, struct err *err);
void report_subjects_free(struct report *r);

#endif
