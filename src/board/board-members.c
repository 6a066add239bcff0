/* SPDX-License-Identifier: Apache-2.0 */
/* The videos of a case as its report takes them, each with one of its jobs. */
#include <stdlib.h>

#include "base/hash.h"
#include "board/board-internal.h"

/* A video as a member, with its latest run that ended, else its latest one;
 * with the lock held. */
static void take_video(const struct board *b, const struct video *v, struct store_member *ret)
{
	const struct job *shown = NULL, *last = NULL;
	bool shown_ended = false;
	for (size_t i = 0; i < b->n_jobs; i++) {
		const struct job *j = b->jobs[i];
		bool ended = j->row.state == STORE_ENTRY_DONE || j->row.state == STORE_ENTRY_HOLES;
		if (j->gone || j->video != v)
			continue;
		last = j;
		if (!*j->row.journal || (shown_ended && !ended))
			continue;
		shown = j;
		shown_ended = ended;
	}
	const char *fault = v->row.state == STORE_VIDEO_FETCHING      ? "it is not here yet"
	                    : *v->row.fault                           ? v->row.fault
	                    : !last                                   ? "it has no job"
	                    : last->row.state == STORE_ENTRY_FAILED   ? last->row.fault
	                    : shown                                   ? ""
	                    : last->row.state == STORE_ENTRY_CANCELED ? "its job was canceled"
	                                                              : "its job has not begun";
	json_int_t duration = json_integer_value(json_object_get(v->facts, "duration_us"));
	json_int_t recorded = json_integer_value(json_object_get(v->facts, "recorded"));
	json_int_t changed = json_integer_value(json_object_get(v->facts, "changed"));
	*ret = (struct store_member){.path = board_in_place(v)
	                                         ? board_video_path(b, v->row.id, v->row.name)
	                                         : mem_strdup(v->row.path),
	                             .stream = v->row.has_stream ? v->row.stream : -1,
	                             .name = mem_strdup(v->row.name),
	                             .kind = STORE_MEMBER_VIDEO,
	                             .stamp = mem_strdup(""),
	                             .source = mem_strdup(v->row.sha256),
	                             .job = mem_strdup(shown ? shown->row.journal : ""),
	                             .settings = mem_strdup(""),
	                             .fault = mem_strdup(fault),
	                             .start = recorded  ? recorded
	                                      : changed ? changed - duration
	                                                : v->row.created - duration,
	                             .clock = recorded ? STORE_CLOCK_METADATA : STORE_CLOCK_FILE,
	                             .duration = duration};
}

/* What a summary of the members is made of. The start of a video counts where
 * it has a result; before that it may not be known. */
static void hash_members(struct case_members *m, const int64_t *updated)
{
	AUTO(hash_freep) struct hash *h = hash_new();
	for (size_t i = 0; i < m->n; i++) {
		const struct store_member *row = &m->rows[i];
		long long start = updated[i] ? row->start : 0;
		AUTO(mem_freep)
		char *text = mem_printf("%s\n%lld %s %lld %lld\n", row->path, (long long)row->stream,
		                        updated[i] ? row->job : "-", (long long)updated[i], start);
		hash_adds(h, row->name);
		hash_add(h, "", 1);
		hash_adds(h, text);
		m->any_result |= updated[i] != 0;
	}
	hash_end(h, m->made_of);
}

int board_take_members(struct board *b, const struct store_board_case *c, struct case_members *ret,
                       struct err *err)
{
	AUTO(board_clear_members)
	struct case_members m = {.rows = mem_alloc(c->n + 1, sizeof *m.rows),
	                         .away = mem_alloc(c->n + 1, sizeof *m.away)};
	AUTO(mem_freep) int64_t *updated = mem_alloc(c->n + 1, sizeof *updated);
	AUTO(mem_freep) const char **runs = mem_alloc(c->n + 1, sizeof *runs);

	pthread_mutex_lock(&b->lock);
	for (size_t i = 0; i < c->n; i++) {
		const struct video *v = board_find_video(b, c->videos[i]);
		if (!v)
			continue;
		m.away[m.n] = board_in_place(v);
		take_video(b, v, &m.rows[m.n++]);
	}
	pthread_mutex_unlock(&b->lock);

	for (size_t i = 0; i < m.n; i++)
		runs[i] = m.rows[i].job;
	int r = store_jobs_updated(b->setup.store, runs, m.n, updated, err);
	if (r < 0)
		return r;
	hash_members(&m, updated);
	*ret = m;
	m = (struct case_members){0};
	return 0;
}

void board_clear_members(struct case_members *m)
{
	for (size_t i = 0; i < m->n; i++)
		store_member_clear(&m->rows[i]);
	free(m->rows);
	free(m->away);
	*m = (struct case_members){0};
}
