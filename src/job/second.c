/* SPDX-License-Identifier: Apache-2.0 */
#include "job/second.h"

#include <jansson.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "job/statements.h"
#include "report/chunk-json.h"
#include "report/second.h"
#include "report/subject-text.h"
#include "store/second.h"
#include "story/second.h"

enum {
	LINES = SECOND_LINES / 2, /* of the context, from each side of the chunk */
	CONTEXT_MAX = 16 << 10,   /* bytes */
	MORE_SHARE = 4,           /* one new frame for so many */
	MORE_LEAST = 2,
};

/* ---- which chunks, and with what */

struct choosing {
	const struct run_context *run;
	const struct second_options *options;
	struct report *report;
	struct statements statements;
	size_t *numbers; /* of the chunks in the story */
	unsigned *ranks; /* of the statements */
};

/* What a check shows counts more than what the neighbours say. */
static unsigned rank_of(const struct report_part *p, enum check_doubt doubt)
{
	switch (p->check.verdict) {
	case VERDICT_SHOWN: return 0;
	case VERDICT_UNSURE: return DOUBTS;
	case VERDICT_WITHDRAWN: return DOUBTS + 1;
	default: return doubt;
	}
}

/* Sets the ranks; of chunks that were chosen before, none is in doubt. */
static void rank(struct choosing *c, const struct store_second *before, size_t n_before)
{
	const struct check_video *v = &c->statements.video;
	AUTO(mem_freep) enum check_doubt *doubts = mem_alloc(v->n + 1, sizeof *doubts);
	AUTO(mem_freep) bool *chosen = mem_alloc(v->n_chunks + 1, sizeof *chosen);
	for (size_t i = 0; i < n_before; i++)
		if (before[i].chunk >= 0 && (size_t)before[i].chunk < v->n_chunks)
			chosen[before[i].chunk] = true;

	check_doubts(v, doubts);
	c->ranks = mem_alloc(v->n + 1, sizeof *c->ranks);
	for (size_t i = 0; i < v->n; i++)
		if (!chosen[v->statements[i].part.chunk])
			c->ranks[i] = rank_of(c->statements.parts[i], doubts[i]);
}

/* Who a statement is about: as a person named it, else as the model did. */
static const char *name_of(const struct report_event *e, const struct report_part *p)
{
	return e->subject && *e->subject->name ? e->subject->name : p->subject;
}

/* A statement near a chunk. */
struct near {
	const struct report_event *event;
	const struct report_part *part;
};

static void collect_near(const struct choosing *c, const struct report_event *events, size_t n,
                         size_t number, struct near *to, size_t *ret_n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < events[i].n_parts; k++) {
			const struct report_part *p = &events[i].parts[k];
			if (c->numbers[p->chunk] == number)
				to[(*ret_n)++] = (struct near){&events[i], p};
		}
}

static int by_time(const void *x, const void *y)
{
	const struct report_part *a = ((const struct near *)x)->part,
							 *b = ((const struct near *)y)->part;
	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return (a->index > b->index) - (a->index < b->index);
}

/* What was reported of one neighbour: what is nearest to the chunk. */
static void add_neighbour(const struct choosing *c, size_t number, bool before, struct buf *to)
{
	const struct report *r = c->report;
	size_t n = 0;
	AUTO(mem_freep) struct near *all = mem_alloc(c->statements.video.n + 1, sizeof *all);
	collect_near(c, r->events, r->n_events, number, all, &n);
	collect_near(c, r->states, r->n_states, number, all, &n);
	qsort(all, n, sizeof *all, by_time);

	size_t first = before && n > LINES ? n - LINES : 0;
	for (size_t i = first; i < n && i < first + LINES; i++) {
		struct story_part p = report_story_part(r, all[i].part);
		p.subject = name_of(all[i].event, all[i].part);
		statement_print(&p, to);
		buf_adds(to, "\n");
	}
}

static char *make_context(const struct choosing *c, size_t chunk)
{
	struct buf text = BUF(CONTEXT_MAX);
	size_t number = c->numbers[chunk];
	if (number)
		add_neighbour(c, number - 1, true, &text);
	add_neighbour(c, number + 1, false, &text);
	return buf_take(&text);
}

size_t second_frames(size_t first)
{
	size_t more = first / MORE_SHARE;
	return first + (more > MORE_LEAST ? more : MORE_LEAST);
}

/* More frames than the first pass had, but not more than the engine takes in
 * one request. */
static size_t most_times(const struct choosing *c, size_t n)
{
	size_t limit = engine_most_images(c->run->engine), most = second_frames(n);
	return limit && most > limit ? (limit > n ? limit : n) : most;
}

static struct store_second make_second(const struct choosing *c, size_t chunk)
{
	const struct report_chunk *from = &c->report->chunks[chunk];
	AUTO(mem_freep) int64_t *times = mem_alloc(from->n_samples + 1, sizeof *times);
	for (size_t i = 0; i < from->n_samples; i++)
		times[i] = from->samples[i].time;
	size_t n = mem_sort_times(times, from->n_samples);
	const struct second_chunk from_first = {.index = chunk,
	                                        .start = from->start,
	                                        .end = from->end,
	                                        .from = c->options->from,
	                                        .to = c->options->to,
	                                        .times = times,
	                                        .n_times = n,
	                                        .seen = c->statements.seen,
	                                        .n_seen = c->statements.n_seen,
	                                        .most = most_times(c, n)};
	struct store_second s = {.chunk = (int64_t)chunk,
	                         .context = make_context(c, chunk),
	                         .times = mem_alloc(from_first.most + 1, sizeof *s.times)};
	s.n_times = second_times(&c->statements.video, c->ranks, &from_first, s.times);
	return s;
}

static int choose_from(struct choosing *c, struct store_job *job, struct err *err)
{
	const struct check_video *v = &c->statements.video;
	struct store_second *before = NULL;
	size_t n_before = 0;
	int r = store_seconds_load(c->run->store, job->id, &before, &n_before, err);
	if (r < 0)
		return r;
	rank(c, before, n_before);
	store_seconds_free(before, n_before);

	size_t limit = second_limit(v->n_chunks);
	AUTO(mem_freep) size_t *chunks = mem_alloc(limit + 1, sizeof *chunks);
	size_t n = second_chunks(v, c->ranks, limit > n_before ? limit - n_before : 0, chunks);
	struct store_second *chosen = mem_alloc(n + 1, sizeof *chosen);
	for (size_t i = 0; i < n; i++)
		chosen[i] = make_second(c, chunks[i]);
	r = store_seconds_add(c->run->store, job->id, chosen, n, err);
	store_seconds_free(chosen, n);
	return r;
}

/* A run that ends before the mark chooses again, and only what is missing. */
static int mark(const struct run_context *run, struct store_job *job, struct err *err)
{
	json_auto_t *facts = json_loads(job->facts, 0, NULL);
	if (!facts || json_object_get(facts, REPORT_SECOND_PASS))
		return 0;
	json_object_set_new(facts, REPORT_SECOND_PASS, json_true());
	store_job_set_facts(job, facts);
	return store_job_extend(run->store, job, NULL, 0, err);
}

static bool is_chosen(const struct store_job *job)
{
	json_auto_t *facts = json_loads(job->facts, 0, NULL);
	return json_object_get(facts, REPORT_SECOND_PASS);
}

static int choose(const struct run_context *run, const struct second_options *o,
                  struct store_job *job, struct err *err)
{
	struct choosing c = {.run = run, .options = o};
	int r = report_load_text(run->store, job->id, REPORT_NORMAL, &c.report, err);
	if (r < 0)
		return r;
	statements_collect(c.report, job->key, &c.statements);
	c.numbers = report_chunk_numbers(c.report);
	r = choose_from(&c, job, err);
	if (r == 0)
		r = mark(run, job, err);
	statements_clear(&c.statements);
	report_free(c.report);
	free(c.numbers);
	free(c.ranks);
	return r;
}

/* ---- describing them */

struct second {
	const struct run_context *run;
	const char *job;
	int fd;
	const char *stamp;
	struct store_chunk *chunks; /* as the first pass left them */
	size_t n_chunks;
	struct store_second *rows;
	size_t n_rows;
	const struct store_second **todo; /* for each chunk; NULL = it is left alone */
	size_t n_todo;
	atomic_size_t done;
};

static void second_clear(struct second *s)
{
	for (size_t i = 0; i < s->n_chunks; i++)
		store_chunk_clear(&s->chunks[i]);
	free(s->chunks);
	free(s->todo);
	store_seconds_free(s->rows, s->n_rows);
}

static const char *context_of(void *ctx, size_t chunk)
{
	const struct second *s = ctx;
	return *s->todo[chunk]->context ? s->todo[chunk]->context : NULL;
}

/* What the first pass said of a chunk. */
static char *print_earlier(const struct store_chunk *c)
{
	json_auto_t *events = json_array();
	for (size_t i = 0; i < c->n_events; i++) {
		const struct store_event *e = &c->events[i];
		json_t *frames = json_array();
		for (size_t k = 0; k < e->n_samples; k++)
			json_array_append_new(frames, json_real(result_seconds(c->samples[e->samples[k]].pts)));
		json_array_append_new(events, json_pack("{s:s?, s:s, s:o}", "subject",
		                                        e->subject && *e->subject ? e->subject : NULL,
		                                        "what", e->what, "frames", frames));
	}
	json_auto_t *o = json_pack("{s:s, s:O}", "summary", c->summary, "events", events);
	return json_dumps(o, JSON_COMPACT);
}

/* Both passes count. */
static struct store_chunk with_costs(const struct store_chunk *first, const struct store_chunk *c)
{
	struct store_chunk sum = *c;
	sum.decode_time += first->decode_time;
	sum.engine_time += first->engine_time;
	sum.prompt_tokens += first->prompt_tokens;
	sum.cached_tokens += first->cached_tokens;
	sum.output_tokens += first->output_tokens;
	return sum;
}

/* Frames of another content must not replace what is known of this one. */
static bool has_changed(const struct second *s)
{
	char now[FILE_STAMP_MAX];
	file_stamp_all(s->fd, now);
	return strcmp(now, s->stamp) != 0;
}

static int save(void *ctx, const struct store_chunk *c, struct err *err)
{
	struct second *s = ctx;
	const struct store_chunk *first = &s->chunks[c->index];
	const char *reason = c->state != CHUNK_DONE ? c->reason
	                     : has_changed(s)       ? "the file was changed meanwhile"
	                                            : NULL;
	if (reason) {
		log_warning("[job %s chunk %zu] cannot be described again: %s", s->job,
		            (size_t)c->index + 1, reason);
		return store_second_fail(s->run->store, s->job, c->index, reason, err);
	}
	AUTO(mem_freep) char *earlier = print_earlier(first);
	const struct store_chunk sum = with_costs(first, c);
	int r = store_second_save(s->run->store, s->job, &sum, earlier, err);
	if (r == 0)
		atomic_fetch_add(&s->done, 1);
	return r;
}

/* A journal may have been changed by others. */
static bool is_sound(const struct store_second *row, const struct store_chunk *c)
{
	bool sound = row->n_times && strlen(row->context) <= CONTEXT_MAX;
	for (size_t i = 0; i < row->n_times; i++)
		sound = sound && row->times[i] >= c->start && row->times[i] < c->end &&
		        (!i || row->times[i] > row->times[i - 1]);
	return sound;
}

static int load(struct second *s, struct err *err)
{
	int r = store_seconds_load(s->run->store, s->job, &s->rows, &s->n_rows, err);
	if (r == 0)
		r = store_chunks_load(s->run->store, s->job, STORE_TEXT, &s->chunks, &s->n_chunks, err);
	if (r < 0)
		return r;
	s->todo = mem_alloc(s->n_chunks + 1, sizeof(struct store_second *));
	for (size_t i = 0; i < s->n_rows; i++) {
		const struct store_second *row = &s->rows[i];
		bool known = row->chunk >= 0 && (size_t)row->chunk < s->n_chunks;
		if (!known || *row->earlier || s->chunks[row->chunk].state != CHUNK_DONE)
			continue;
		if (!is_sound(row, &s->chunks[row->chunk]))
			return err_set(err, ERR_FORMAT,
			               "the journal of job %s is damaged: the second pass over its chunk %lld "
			               "names other frames than the chunk has; analyze the video again with "
			               "--fresh",
			               s->job, (long long)row->chunk + 1);
		s->todo[row->chunk] = row;
		s->n_todo++;
	}
	return 0;
}

/* The chunks that are left alone count as done before. */
static int describe(struct second *s, const struct second_options *o, int fd, struct err *err)
{
	AUTO(chunks_outcome_clear) struct chunks_outcome outcome = {0};
	AUTO(mem_freep) struct plan_chunk *chunks = mem_alloc(s->n_chunks, sizeof *chunks);
	AUTO(mem_freep) struct store_chunk *before = mem_alloc(s->n_chunks, sizeof *before);
	for (size_t i = 0; i < s->n_chunks; i++) {
		const struct store_second *row = s->todo[i];
		before[i].state = row ? CHUNK_TODO : CHUNK_DONE;
		chunks[i] = (struct plan_chunk){.start = s->chunks[i].start, .end = s->chunks[i].end};
		if (row) {
			chunks[i].times = row->times;
			chunks[i].n_times = row->n_times;
		}
	}

	const struct chunks_second second = {.context = context_of, .save = save, .ctx = s};
	const struct plan plan = {.chunks = chunks, .n_chunks = s->n_chunks};
	struct chunks_options options = o->chunks;
	options.second = &second;
	AUTO(chunks_freep) struct chunks *c = chunks_new(s->run, &options, fd, NULL);
	chunks_open(c, s->job);
	chunks_extend(c, &plan, before, s->n_chunks, s->n_chunks);
	return chunks_finish(c, &outcome, err);
}

int second_run(const struct run_context *run, const struct second_options *o, int fd,
               struct store_job *job, bool *ret_changed, struct err *err)
{
	AUTO(second_clear)
	struct second s = {.run = run, .job = job->id, .fd = fd, .stamp = o->stamp};
	*ret_changed = false;
	int r = o->fresh || !is_chosen(job) ? choose(run, o, job, err) : 0;
	if (r == 0)
		r = load(&s, err);
	if (r < 0 || !s.n_todo)
		return r;
	progress_phase(run->progress, PHASE_SECOND_PASS, "");
	r = describe(&s, o, fd, err);
	*ret_changed = atomic_load(&s.done) > 0;
	return r;
}
