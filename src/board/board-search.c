/* SPDX-License-Identifier: Apache-2.0 */
/* Search in what the jobs of the board found. */
#include <string.h>

#include "base/text.h"
#include "board/board-internal.h"
#include "search/search.h"

enum { HITS_MAX = 500 };

/* With the lock held: the job of the board that shows this journal; the latest,
 * should there be several. */
static const struct job *shown_by(const struct board *b, const char *journal)
{
	for (size_t i = b->n_jobs; i > 0; i--)
		if (!b->jobs[i - 1]->gone && strcmp(b->jobs[i - 1]->row.journal, journal) == 0)
			return b->jobs[i - 1];
	return NULL;
}

static json_t *hits_json(struct board *b, const struct search_result *found)
{
	json_t *all = json_array();
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	for (size_t i = 0; i < found->n; i++) {
		const struct search_hit *h = &found->hits[i];
		const struct job *j = shown_by(locked, h->job);
		if (!j) /* removed meanwhile */
			continue;
		const char *verdict = check_verdict_name(h->verdict);
		json_array_append_new(
			all, json_pack("{s:o, s:o, s:s, s:s, s:b, s:I, s:o, s:o, s:o, s:s, s:s?}", "job",
		                   board_id_json(j->row.id), "video", board_id_json(j->video->row.id),
		                   "name", j->video->row.name, "kind", search_kind_name(h->kind),
		                   "recognized", (int)h->recognized, "chunk", (json_int_t)h->chunk,
		                   "sample", h->sample < 0 ? json_null() : json_integer(h->sample), "start",
		                   board_seconds(h->start), "end", board_seconds(h->end), "text", h->text,
		                   "verdict", *verdict ? verdict : NULL));
	}
	return all;
}

/* The runs of the jobs of a video, as a JSON array; the caller frees. */
static int list_runs(struct board *b, int64_t video, char **ret, struct err *err)
{
	json_auto_t *runs = json_array();
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	if (!board_find_video(locked, video))
		return err_set(err, ERR_NOENT, "there is no video %lld", (long long)video);
	for (size_t i = 0; i < locked->n_jobs; i++) {
		const struct job *j = locked->jobs[i];
		if (!j->gone && j->video->row.id == video && *j->row.journal)
			json_array_append_new(runs, json_string(j->row.journal));
	}
	*ret = json_dumps(runs, JSON_COMPACT);
	return 0;
}

int board_search(struct board *b, const struct board_query *q, json_t **ret, struct err *err)
{
	AUTO(mem_freep) char *runs = NULL;
	AUTO(search_result_clear) struct search_result found = {0};
	int kind = search_kind_of_name(q->kind);
	if (kind < 0 || kind == SEARCH_VIDEOS) {
		AUTO(mem_freep) char *shown = text_line(q->kind, 40);
		return err_set(err, ERR_ARG, "kind=%s: expected any, event, summary, said or written",
		               shown);
	}
	int r = q->video ? list_runs(b, q->video, &runs, err) : 0;
	const struct search_query query = {.words = q->words,
	                                   .scope = SEARCH_QUEUE,
	                                   .jobs = runs,
	                                   .kind = (enum search_kind)kind,
	                                   .from = q->from,
	                                   .to = q->to,
	                                   .skip = q->skip,
	                                   .limit = q->limit < 1          ? 1
	                                            : q->limit > HITS_MAX ? HITS_MAX
	                                                                  : q->limit};
	if (r == 0)
		r = search_run(b->setup.store, &query, &found, err);
	if (r == 0)
		*ret = json_pack("{s:o, s:b}", "hits", hits_json(b, &found), "more", (int)found.more);
	return r;
}
