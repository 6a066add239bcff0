/* SPDX-License-Identifier: Apache-2.0 */
/* Requests about the subjects of a job. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "board/board-internal.h"

/* The run of a job in the journal; "" if there is none yet. The caller frees. */
static int find_journal(struct board *b, int64_t id, char **ret, struct err *err)
{
	struct job *j;
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	int r = board_need_job(locked, id, &j, err);
	if (r == 0)
		*ret = mem_strdup(j->row.journal);
	return r;
}

static json_t *reply(struct board *b, const struct report *r)
{
	return json_pack("{s:I, s:o, s:o}", "seq", (json_int_t)events_last(b->setup.events), "subjects",
	                 report_subjects_json(r), "edits", report_subject_edits_json(r));
}

int board_subjects(struct board *b, int64_t id, json_t **ret, struct err *err)
{
	AUTO(mem_freep) char *journal = NULL;
	AUTO(report_freep) struct report *report = NULL;
	int r = find_journal(b, id, &journal, err);
	if (r == 0 && *journal)
		r = report_load_text(b->setup.store, journal, REPORT_NORMAL, &report, err);
	if (r < 0)
		return r;
	const struct report none = {0};
	*ret = reply(b, report ? report : &none);
	return 0;
}

/* ---- edits */

struct change {
	struct report_subject_change c;
	int64_t *numbers;
	size_t *events, *states;
};

static void change_clear(struct change *x)
{
	free(x->numbers);
	free(x->events);
	free(x->states);
}

/* Whole numbers from `least` on; the caller frees. No list where there is none. */
static int read_list(const json_t *body, const char *key, int64_t least, int64_t **ret,
                     size_t *ret_n, struct err *err)
{
	const json_t *list = json_object_get(body, key), *item;
	AUTO(mem_freep) int64_t *all = mem_alloc(json_array_size(list) + 1, sizeof *all);
	size_t i;
	if (list && !json_is_array(list))
		return err_set(err, ERR_ARG, "\"%s\" has to be a list of numbers", key);
	json_array_foreach (list, i, item) {
		all[i] = json_integer_value(item);
		if (!json_is_integer(item) || all[i] < least)
			return err_set(err, ERR_ARG, "\"%s\" has to be a list of whole numbers from %d on", key,
			               (int)least);
	}
	*ret_n = json_array_size(list);
	*ret = TAKE(all);
	return 0;
}

static int read_indices(const json_t *body, const char *key, size_t **ret, size_t *ret_n,
                        struct err *err)
{
	AUTO(mem_freep) int64_t *list = NULL;
	size_t n = 0;
	int r = read_list(body, key, 0, &list, &n, err);
	if (r < 0)
		return r;
	*ret = mem_alloc(n + 1, sizeof **ret);
	for (size_t i = 0; i < n; i++)
		(*ret)[i] = (size_t)list[i];
	*ret_n = n;
	return 0;
}

static int read_subjects(const json_t *body, struct change *x, struct err *err)
{
	const json_t *one = json_object_get(body, "subject");
	if (x->c.op == SUBJECT_MERGE)
		return read_list(body, "subjects", 1, &x->numbers, &x->c.n, err);
	if (!json_is_integer(one))
		return err_set(err, ERR_ARG, "\"subject\" has to be the number of a subject");
	x->numbers = mem_alloc(1, sizeof *x->numbers);
	x->numbers[0] = json_integer_value(one);
	x->c.n = 1;
	return 0;
}

static int read_change(const json_t *body, struct change *x, struct err *err)
{
	static const char *const keys[][5] = {[SUBJECT_RENAME] = {"kind", "subject", "text"},
	                                      [SUBJECT_MERGE] = {"kind", "subjects"},
	                                      [SUBJECT_SPLIT] = {"kind", "subject", "events", "states"},
	                                      [SUBJECT_OPS] = {"kind"}};
	const char *kind = json_string_value(json_object_get(body, "kind"));
	const char *text = json_string_value(json_object_get(body, "text"));
	x->c.undo = kind && strcmp(kind, "undo") == 0;
	x->c.op = kind ? subject_op_of_name(kind) : SUBJECT_OPS;
	if (x->c.op == SUBJECT_OPS && !x->c.undo)
		return err_set(err, ERR_ARG, "\"kind\" is one of rename, merge, split, undo");
	const char *unknown = json_unknown_key(body, keys[x->c.op]);
	if (unknown)
		return err_set(err, ERR_ARG, "the request has an unknown member \"%.60s\"", unknown);
	if (x->c.op == SUBJECT_RENAME && !text)
		return err_set(err, ERR_ARG, "\"text\" has to be the new name");
	int r = x->c.undo ? 0 : read_subjects(body, x, err);
	if (r == 0)
		r = read_indices(body, "events", &x->events, &x->c.n_events, err);
	if (r == 0)
		r = read_indices(body, "states", &x->states, &x->c.n_states, err);
	x->c.numbers = x->numbers;
	x->c.events = x->events;
	x->c.states = x->states;
	x->c.text = text;
	return r;
}

int board_subjects_edit(struct board *b, int64_t id, const json_t *body, json_t **ret,
                        struct err *err)
{
	AUTO(change_clear) struct change x = {0};
	AUTO(mem_freep) char *journal = NULL;
	AUTO(report_freep) struct report *report = NULL;
	struct job *j;
	int r = find_journal(b, id, &journal, err);
	if (r == 0)
		r = read_change(body, &x, err);
	if (r == 0 && !*journal)
		r = err_set(err, ERR_BUSY, "job %lld has no events yet: it has not begun with its chunks",
		            (long long)id);
	if (r == 0)
		r = report_subjects_change(b->setup.store, journal, &x.c, &report, err);
	if (r < 0)
		return r;
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	if (board_need_job(locked, id, &j, NULL) == 0)
		board_publish_job(b, j); /* so that other clients load them again */
	*ret = reply(b, report);
	return 0;
}
