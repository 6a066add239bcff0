/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that read: jobs, videos, chunks, events, reports, index. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "board/board-internal.h"
#include "index/form.h"
#include "index/index.h"
#include "report/chunk-json.h"
#include "report/report.h"
#include "store/transcript.h"
#include "transcript/export.h"

enum { ACTIVITY_MAX = 4000 };

static json_t *seq_json(struct board *b)
{
	return json_integer((json_int_t)events_last(b->setup.events));
}

json_t *board_jobs(struct board *b)
{
	size_t n;
	json_t *all = json_array();
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	AUTO(mem_freep) struct job **order = board_order(locked, &n);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(all, board_job_json(order[i]));
	return json_pack("{s:o, s:o}", "seq", seq_json(b), "jobs", all);
}

int board_job(struct board *b, int64_t id, json_t **ret, struct err *err)
{
	struct job *j;
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	int r = board_need_job(locked, id, &j, err);
	if (r == 0)
		*ret = board_job_json(j);
	return r;
}

json_t *board_videos(struct board *b)
{
	json_t *all = json_array();
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	for (size_t i = 0; i < locked->n_videos; i++)
		if (!b->videos[i]->gone)
			json_array_append_new(all, board_video_json(b->videos[i]));
	return json_pack("{s:o, s:o}", "seq", seq_json(b), "videos", all);
}

int board_video(struct board *b, int64_t id, json_t **ret, struct err *err)
{
	struct video *v;
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	int r = board_need_video(locked, id, &v, err);
	if (r == 0)
		*ret = board_video_json(v);
	return r;
}

/* ---- results */

/* What is needed to read the results of a job. */
struct results {
	char *journal;   /* "" if there is none yet */
	bool *running;   /* for each chunk */
	size_t n_chunks; /* in memory */
	json_t *seq;     /* of the last event that is included */
};

static void results_clear(struct results *r)
{
	free(r->journal);
	free(r->running);
	json_decref(r->seq);
}

static int find_results(struct board *b, int64_t id, struct results *ret, struct err *err)
{
	struct job *j;
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	int r = board_need_job(locked, id, &j, err);

	if (r < 0)
		return r;
	*ret = (struct results){.journal = mem_strdup(j->row.journal),
	                        .running = mem_alloc(j->n_chunks + 1, sizeof(bool)),
	                        .n_chunks = j->n_chunks,
	                        .seq = seq_json(b)};
	for (size_t i = 0; i < j->n_chunks; i++)
		ret->running[i] = chunk_is_running(j->states[i]);
	return 0;
}

static void add_chunk(const struct store_chunk *chunk, bool running, json_t *all)
{
	json_t *c = result_chunk(chunk);
	if (chunk->state != CHUNK_DONE && running)
		json_object_set_new(c, "state", json_string("running"));
	json_array_append_new(all, c);
}

int board_chunks(struct board *b, int64_t id, json_t **ret, struct err *err)
{
	AUTO(results_clear) struct results results = {0};
	struct store_chunk *chunks = NULL;
	size_t n = 0;
	int r = find_results(b, id, &results, err);
	if (r == 0 && *results.journal)
		r = store_chunks_load(b->setup.store, results.journal, STORE_TEXT, &chunks, &n, err);
	if (r < 0)
		return r;

	json_t *all = json_array();
	for (size_t i = 0; i < n; i++) {
		add_chunk(&chunks[i], i < results.n_chunks && results.running[i], all);
		store_chunk_clear(&chunks[i]);
	}
	free(chunks);
	*ret = json_pack("{s:O, s:o}", "seq", results.seq, "chunks", all);
	return 0;
}

int board_events(struct board *b, int64_t id, enum report_detail detail, json_t **ret,
                 struct err *err)
{
	AUTO(results_clear) struct results results = {0};
	AUTO(report_freep) struct report *report = NULL;
	int r = find_results(b, id, &results, err);
	if (r == 0 && *results.journal)
		r = report_load_text(b->setup.store, results.journal, detail, &report, err);
	if (r < 0)
		return r;
	const struct report none = {0}, *from = report ? report : &none;
	*ret = json_pack("{s:O, s:o, s:o, s:o, s:o}", "seq", results.seq, "events",
	                 report_events_json(from, from->events, from->n_events), "states",
	                 report_events_json(from, from->states, from->n_states), "withdrawn",
	                 report_events_json(from, from->withdrawn, from->n_withdrawn), "checks",
	                 report_checks_json(from));
	return 0;
}

int board_thumb(struct board *b, int64_t id, int64_t chunk, int64_t sample, struct buf *out,
                struct err *err)
{
	AUTO(results_clear) struct results results = {0};
	int r = find_results(b, id, &results, err);
	return r < 0 ? r : store_thumb(b->setup.store, results.journal, chunk, sample, out, err);
}

int board_report(struct board *b, int64_t id, const char *format, enum report_detail detail,
                 struct buf *out, char **ret_name, struct err *err)
{
	AUTO(results_clear) struct results results = {0};
	AUTO(report_freep) struct report *report = NULL;
	int r = find_results(b, id, &results, err);
	if (r == 0)
		r = report_check_formats(format, err);
	if (r == 0 && !*results.journal)
		r = err_set(err, ERR_NOENT, "job %lld has no report yet: it has not begun with its chunks",
		            (long long)id);
	if (r == 0)
		r = report_load(b->setup.store, results.journal, detail, &report, err);
	if (r == 0)
		r = report_print(report, format, out, err);
	if (r < 0)
		return r;
	AUTO(mem_freep) char *stem = file_stem(report->source_name);
	*ret_name = mem_printf("%s.%s", stem, format);
	return 0;
}

int board_transcript(struct board *b, int64_t id, const char *format,
                     const struct said_choice *choice, struct buf *out, char **ret_name,
                     struct err *err)
{
	AUTO(results_clear) struct results results = {0};
	AUTO(store_job_clear) struct store_job job = {0};
	AUTO(store_transcript_clear) struct store_transcript t = {0};
	int r = find_results(b, id, &results, err);
	if (r == 0 && !*results.journal)
		r = err_set(err, ERR_NOENT, "job %lld has no transcript yet: it has not begun",
		            (long long)id);
	if (r == 0)
		r = store_job_find(b->setup.store, results.journal, &job, err);
	if (r == 0)
		r = store_transcript_load(b->setup.store, job.id, &t, err);
	if (r == 0)
		r = transcript_print(&t, format, choice, out, err);
	if (r < 0)
		return r;
	AUTO(mem_freep) char *stem = file_stem(job.source_name);
	*ret_name = mem_printf("%s.%s", stem, format);
	return 0;
}

/* ---- the index */

static json_t *activity_json(const struct video_index *x)
{
	size_t n = x->n_bins < ACTIVITY_MAX ? x->n_bins : ACTIVITY_MAX;
	float most = 0;
	json_t *a = json_array();
	for (size_t i = 0; i < x->n_bins; i++)
		most = x->activity[i] > most ? x->activity[i] : most;
	for (size_t k = 0; k < n; k++) {
		float top = 0;
		for (size_t i = k * x->n_bins / n; i < (k + 1) * x->n_bins / n; i++)
			top = x->activity[i] > top ? x->activity[i] : top;
		json_array_append_new(a, json_real(most > 0 ? (double)(int)(1000 * top / most) / 1000 : 0));
	}
	return a;
}

int board_index(struct board *b, int64_t id, int stream, json_t **ret, struct err *err)
{
	AUTO(video_index_freep) struct video_index *x = NULL;
	AUTO(buf_free) struct buf data = BUF(INDEX_FORM_MAX);
	AUTO(mem_freep) char *sha256 = NULL;
	struct store_source source = {0};
	struct video *v;
	pthread_mutex_lock(&b->lock);
	int r = board_need_video(b, id, &v, err);
	if (r == 0) {
		sha256 = mem_strdup(v->row.sha256);
		/* The default stream is stored as such. */
		const json_t *preferred = json_object_get(v->facts, "preferred");
		bool named = stream >= 0 && json_integer_value(preferred) != stream;
		source = (struct store_source){sha256, named || v->row.has_stream,
		                               named ? stream : v->row.stream};
	}
	pthread_mutex_unlock(&b->lock);
	if (r == 0)
		r = store_index_latest(b->setup.store, &source, &data, err);
	if (r == 0)
		r = index_parse(data.data, data.len, &x, err);
	if (r < 0)
		return r;
	json_t *cuts = json_array();
	for (size_t i = 0; i < x->n_cuts; i++)
		json_array_append_new(cuts, json_pack("{s:o, s:s}", "time", board_seconds(x->cuts[i].pts),
		                                      "kind", index_cut_name(x->cuts[i].kind)));
	*ret = json_pack("{s:o, s:o, s:o}", "duration", board_seconds(x->duration), "activity",
	                 activity_json(x), "cuts", cuts);
	return 0;
}

/* ---- figures */

static void count_job(struct board_figures *f, const struct job *j)
{
	int64_t *counts[] = {&f->queued, &f->running, &f->paused,  &f->done,
	                     &f->holes,  &f->failed,  &f->canceled};
	++*counts[j->row.state];
	f->jobs++;
	if (j->row.state == STORE_ENTRY_RUNNING) {
		f->prefill_rate += j->view.prefill_rate;
		f->decode_rate += j->view.decode_rate;
	}
}

void board_figures(struct board *b, struct board_figures *ret)
{
	*ret = (struct board_figures){.waiting = (int64_t)pool_waiting(b->pool),
	                              .slots = engine_slots(b->setup.engine),
	                              .busy_time = engine_busy_time(b->setup.engine)};
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	for (size_t i = 0; i < locked->n_videos; i++) {
		const struct video *v = b->videos[i];
		ret->videos += !v->gone;
		if (!v->gone && strcmp(v->row.origin, "path") != 0)
			ret->disk_used += v->row.size;
	}
	for (size_t i = 0; i < b->n_jobs; i++)
		if (!b->jobs[i]->gone)
			count_job(ret, b->jobs[i]);
	ret->chunks_done = b->chunks_done;
	ret->chunks_holes = b->chunks_holes;
	ret->disk_free = b->disk_free;
	ret->disk_full = b->disk_full;
	ret->stopping = b->stopping;
}
