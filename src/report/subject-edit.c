/* SPDX-License-Identifier: Apache-2.0 */
/* What a person changes of the subjects. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "report/subject.h"

enum { TRIES = 50 };

/* ---- the subjects and events that it names */

static int find(const struct registry *g, int64_t number, size_t *ret, struct err *err)
{
	*ret = subjects_find(g->subjects, number);
	return *ret != SUBJECT_NONE
	           ? 0
	           : err_set(err, ERR_NOENT, "subject %lld not found in job %s (see: vdet subject %s)",
	                     (long long)number, g->report->job, g->report->job);
}

static int cite_subjects(const struct registry *g, const struct report_subject_change *c,
                         struct subject_edit *edit, struct err *err)
{
	for (size_t i = 0; i < c->n; i++) {
		size_t one;
		int r = find(g, c->numbers[i], &one, err);
		if (r < 0)
			return r;
		for (size_t k = 0; k < i; k++)
			if (c->numbers[k] == c->numbers[i])
				return err_set(err, ERR_ARG, "subject %lld cannot be merged with itself",
				               (long long)c->numbers[i]);
		subjects_cite(g->subjects, one, i, edit);
	}
	return 0;
}

/* An event of the list, which has to be one of the subject's. */
static int cite_event(const struct registry *g, const struct report_event *list, size_t n,
                      size_t index, const char *kind, int64_t number, struct subject_edit *edit,
                      struct err *err)
{
	const struct report *r = g->report;
	if (index >= n)
		return err_set(err, ERR_NOENT,
		               "%s %zu not found in job %s, which has %zu (see: vdet "
		               "subject %s)",
		               kind, index + 1, r->job, n, r->job);
	size_t event = g->of_statement[list[index].parts[0].event];
	if (g->subjects->of[event] != subjects_find(g->subjects, number))
		return err_set(err, ERR_ARG, "%s %zu is not about subject %lld (see: vdet subject %s)",
		               kind, index + 1, (long long)number, r->job);
	subject_cite_event(edit, 1, &g->events[event]);
	return 0;
}

static size_t count_distinct(const size_t *items, size_t n)
{
	AUTO(mem_freep) size_t *copy = mem_alloc(n, sizeof *copy);
	for (size_t i = 0; i < n; i++)
		copy[i] = items[i];
	return mem_sort_distinct(copy, n);
}

static int cite_events(const struct registry *g, const struct report_subject_change *c,
                       struct subject_edit *edit, struct err *err)
{
	const struct report *x = g->report;
	size_t one, begin = edit->n_cites;
	int r = find(g, c->numbers[0], &one, err);
	for (size_t i = 0; r == 0 && i < c->n_events; i++)
		r = cite_event(g, x->events, x->n_events, c->events[i], "event", c->numbers[0], edit, err);
	for (size_t i = 0; r == 0 && i < c->n_states; i++)
		r = cite_event(g, x->states, x->n_states, c->states[i], "state", c->numbers[0], edit, err);
	if (r < 0)
		return r;
	size_t distinct = count_distinct(c->events, c->n_events);
	distinct += count_distinct(c->states, c->n_states);
	if (edit->n_cites == begin)
		return err_set(err, ERR_ARG, "name at least one event of subject %lld to split off",
		               (long long)c->numbers[0]);
	if (distinct >= g->subjects->all[one].n_events)
		return err_set(err, ERR_ARG,
		               "these are all %zu events of subject %lld; leave at least one of them",
		               g->subjects->all[one].n_events, (long long)c->numbers[0]);
	return 0;
}

static int make_edit(const struct registry *g, const struct report_subject_change *c,
                     struct subject_edit *edit, struct err *err)
{
	*edit = (struct subject_edit){
		.id = STORE_THIS_EDIT, .op = c->op, .text = mem_strdup(c->text ? c->text : "")};
	if (c->op == SUBJECT_RENAME) {
		int r = text_check_name(edit->text, "name", err);
		if (r < 0)
			return r;
	}
	if (c->op == SUBJECT_MERGE && c->n < 2)
		return err_set(err, ERR_ARG, "a merge takes at least two subjects");
	if (c->op != SUBJECT_MERGE && c->n != 1)
		return err_set(err, ERR_ARG, "a %s takes one subject", subject_op_name(c->op));
	return c->op == SUBJECT_SPLIT ? cite_events(g, c, edit, err) : cite_subjects(g, c, edit, err);
}

/* ---- to the journal */

static char *write_edit(const struct subject_edit *e)
{
	json_t *cites = json_array();
	for (size_t i = 0; i < e->n_cites; i++) {
		const struct subject_cite *c = &e->cites[i];
		json_array_append_new(cites,
		                      json_pack("{s:I, s:s, s:s, s:o}", "which", (json_int_t)c->which,
		                                "subject", c->description, "what", c->what, "frames",
		                                json_times(c->frames, c->n_frames)));
	}
	json_auto_t *data = json_pack("{s:s, s:o}", "text", e->text, "cites", cites);
	return json_dumps(data, JSON_COMPACT);
}

/* Whether the subjects that were named are those that its evidence finds. */
static int try_edit(struct registry *g, const struct report_subject_change *c,
                    const struct subject_edit *edit, struct err *err)
{
	const char *fault = subjects_apply(g->subjects, edit);
	if (fault)
		return err_set(err, ERR_UNSUPPORTED,
		               "cannot %s subject %lld: it looks the same as another one in the same "
		               "frames, so the change could not be applied to it again",
		               subject_op_name(edit->op), (long long)c->numbers[0]);
	return 0;
}

static int change_once(struct store *s, const struct report *r,
                       const struct report_subject_change *c, struct err *err)
{
	AUTO(registry_clear) struct registry g = {0};
	AUTO(subject_edit_clear) struct subject_edit edit = {0};
	int e = registry_load(s, r, &g, err);
	if (e == 0)
		e = make_edit(&g, c, &edit, err);
	if (e == 0)
		e = try_edit(&g, c, &edit, err);
	if (e < 0)
		return e;
	AUTO(mem_freep) char *data = write_edit(&edit);
	const struct store_subject_edit row = {.kind = (char *)subject_op_name(edit.op), .data = data};
	e = registry_save(s, &g, &row, err);
	return e < 0 && e != -ERR_CANCELED
	           ? err_wrap(err, "cannot save the edit of subject %lld", (long long)c->numbers[0])
	           : e;
}

static int undo(struct store *s, const struct report *r, struct err *err)
{
	const struct store_source source = report_store_source(r);
	AUTO(mem_freep) char *kind = NULL;
	int e = report_subjects_keep(s, r, err); /* numbers that only this edit made */
	return e < 0 ? e : store_subjects_undo(s, &source, &kind, err);
}

int report_subjects_change(struct store *s, const char *job, const struct report_subject_change *c,
                           struct report **ret, struct err *err)
{
	AUTO(report_freep) struct report *r = NULL;
	int e = report_load_text(s, job, REPORT_NORMAL, &r, err);
	if (e < 0)
		return e;
	e = c->undo ? undo(s, r, err) : -ERR_CANCELED;
	/* Another process may change them at the same time. */
	for (int i = 0; !c->undo && e == -ERR_CANCELED && i < TRIES; i++)
		e = change_once(s, r, c, err);
	if (e == -ERR_CANCELED)
		return err_set(err, ERR_BUSY, "other processes change the subjects of job %s; try again",
		               r->job);
	return e < 0 ? e : report_load_text(s, job, REPORT_NORMAL, ret, err);
}
