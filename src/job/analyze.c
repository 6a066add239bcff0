/* SPDX-License-Identifier: Apache-2.0 */
#include "job/analyze.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "decoder/decoder.h"
#include "job/after-chunks.h"
#include "job/budget.h"
#include "job/chunks.h"
#include "job/embed.h"
#include "job/entry.h"
#include "job/facts.h"
#include "job/merge.h"
#include "job/output.h"
#include "job/source-note.h"
#include "job/source-open.h"
#include "job/startup.h"
#include "job/step-options.h"
#include "job/streams.h"
#include "job/survey.h"
#include "job/texts.h"
#include "plan/plan.h"
#include "report/folder.h"
#include "report/joins.h"
#include "report/second.h"
#include "report/summary.h"
#include "report/text.h"

/* The state when the run began: its time and requests are counted from there,
 * those of the summary included. */
struct start {
	int64_t clock, busy;
	json_t *endpoints;
};

static int count_run(const struct analyze *a, struct store_job *job, const struct start *s,
                     struct err *err)
{
	json_auto_t *facts = json_loads(job->facts, 0, NULL);
	if (facts) {
		facts_count_endpoints(facts, s->endpoints, a->engine);
		store_job_set_facts(job, facts);
	}
	return store_job_update(a->store, job, clock_now() - s->clock,
	                        engine_busy_time(a->engine) - s->busy, err);
}

/* Keeps how many events there are, also where the report lists statements. */
static int count_events(const struct analyze *a, const struct report *report, struct err *err)
{
	AUTO(report_freep) struct report *joined = NULL;
	int r = report->detail == REPORT_ALL
	            ? report_load_text(a->store, report->job, REPORT_NORMAL, &joined, err)
	            : 0;
	return r < 0 ? r
	             : store_job_count_events(a->store, report->job,
	                                      (int64_t)(joined ? joined : report)->n_events, err);
}

static int64_t deadline_of(const struct analyze *a, const struct start *start)
{
	return a->options->job_timeout ? start->clock + a->options->job_timeout : 0;
}

/* Everything about a file that is about to be analyzed. */
struct source {
	const char *path, *name;
	const struct source_open *from;
	int fd; /* of `from` */
	int64_t size;
	char stamp[FILE_STAMP_MAX]; /* when it was opened */
	char sha256[HASH_HEX];
	struct video_info video;
};

/* One run. */
struct run {
	const struct analyze *a;
	const struct run_context *context;
	struct decoder *decoder; /* that probed the source; NULL once passed to the chunks */
	struct source *src;
	char *dir;  /* of the report; NULL until the hash is known; owned */
	bool given; /* the plan was */
	struct startup *startup;
	struct chunks *chunks; /* NULL until the first of them is known */
	struct survey survey;
	json_t *context_key;        /* of texts_key(); owned */
	struct texts *texts;        /* what is said and written, which is read beside the chunks */
	char reference[HASH_HEX];   /* of the file of media.reference */
	struct entry entry;         /* its job has no id until it was entered */
	bool open;                  /* it is in the journal */
	bool continued;             /* it was before this run */
	bool other_content;         /* the file does not have the expected hash */
	size_t journaled;           /* chunks of the plan that are */
	struct store_chunk *before; /* what an earlier run did of them */
	size_t n_before;
};

static void run_clear(struct run *c)
{
	texts_stop(c->texts);
	json_decref(c->context_key);
	chunks_free(c->chunks);
	decoder_free(c->decoder);
	startup_free(c->startup);
	survey_clear(&c->survey);
	entry_clear(&c->entry);
	for (size_t i = 0; i < c->n_before; i++)
		store_chunk_clear(&c->before[i]);
	free(c->before);
	free(c->dir);
}

static struct facts_input facts_input(const struct run *c)
{
	return (struct facts_input){.options = c->a->options,
	                            .sha256 = c->src->sha256,
	                            .video = &c->src->video,
	                            .engine = engine_info(c->a->engine),
	                            .given = c->given ? c->survey.plan : NULL,
	                            .reference = c->reference,
	                            .context = c->context_key};
}

static int note_source(const struct run *c, struct err *err)
{
	const struct source *src = c->src;
	const struct source_note note = {src->path, src->stamp, src->sha256,
	                                 src->from->video ? -1 : src->fd, src->size};
	int r = source_note(c->context, &note, err);
	return r == 0 && src->from->video ? remote_video_keep(src->from->video, err) : r;
}

static int enter(struct run *c, struct err *err)
{
	const struct analyze *a = c->a;
	struct source *src = c->src;
	const struct report_source source = {.sha256 = src->sha256, .stream = a->options->media_stream};
	int r = startup_hash(c->startup, c->chunks, src->sha256, err);
	c->other_content = r == 0 && a->expected && strcmp(src->sha256, a->expected) != 0;
	if (c->other_content)
		r = err_set(err, ERR_NOENT, "the file has another content than expected");
	if (r == 0)
		progress_emit(a->progress,
		              &(struct progress_event){.type = PROGRESS_HASH, .sha256 = src->sha256});
	if (r == 0)
		r = startup_engine(c->startup, err);
	if (r == 0)
		r = facts_hash_reference(a->options, a->cancel, c->reference, err);
	if (r == 0)
		r = output_choose(a->options->output, a->reports_dir, src->path, &source, &c->dir, err);
	if (r < 0)
		return r;

	if (c->given)
		survey_find_index(&c->survey, src->sha256);
	const struct facts_input in = facts_input(c);
	r = entry_find(a->store, a->locks_dir, &in, src->name, c->dir, &c->entry, err);
	if (r == 0) /* with a run that is discarded it is forgotten where the file was */
		r = note_source(c, err);
	if (r == 0 && c->entry.job.facts && c->chunks)
		r = err_set(err, ERR_BUSY,
		            "job %s was started by another process just now; run the same command again "
		            "to continue it",
		            c->entry.job.id);
	return r;
}

/* A report of an older version was shown with numbers that are not kept yet. */
static int keep_numbers(const struct run *c, struct err *err)
{
	AUTO(report_freep) struct report *report = NULL;
	int r = report_load_text(c->a->store, c->entry.job.id, REPORT_NORMAL, &report, err);
	return r < 0 ? r : report_subjects_keep(c->a->store, report, err);
}

/* Loads the results of an earlier run. */
static int recall(struct run *c, struct err *err)
{
	int r = survey_recall(&c->survey, c->entry.job.facts, err);
	if (r == 0)
		r = store_chunks_load(c->a->store, c->entry.job.id, false, &c->before, &c->n_before, err);
	if (r == 0 && c->entry.job.state != STORE_JOB_RUNNING)
		r = keep_numbers(c, err);
	if (r == 0 && c->n_before > c->survey.plan->n_chunks)
		r = err_set(
			err, ERR_FORMAT,
			"the journal of this job has more chunks than its plan; --fresh starts it again");
	c->journaled = r == 0 ? c->n_before : 0;
	return r;
}

/* The expected number of chunks of the whole plan. */
static size_t expected_chunks(const struct run *c)
{
	const struct plan *p = c->survey.plan;
	return plan_expected(p, c->a->options->chunk_duration);
}

static struct chunks *new_chunks(struct run *c)
{
	struct chunks_options o = analyze_chunks(c->a);
	o.time_limit = c->a->options->job_timeout;
	o.only = c->a->only;
	o.n_only = c->a->n_only;
	o.source = c->src->sha256;
	return chunks_new(c->context, &o, c->src->fd, TAKE(c->decoder));
}

/* Passes the current plan to the workers, without the chunks that an earlier
 * run finished. */
static int hand_over(struct run *c, struct err *err)
{
	int r = 0;
	if (!c->chunks) {
		r = startup_engine(c->startup, err);
		if (r == 0 && *engine_info(c->a->engine)->news)
			log_warning("%s", engine_info(c->a->engine)->news);
		if (r == 0)
			r = output_check(c->a->options->output, c->a->reports_dir, err);
		if (r < 0)
			return r;
		c->chunks = new_chunks(c);
		c->survey.quiet = true;
		progress_phase(c->a->progress, PHASE_CHUNKS, "");
	}
	chunks_extend(c->chunks, c->survey.plan, c->before, c->n_before, expected_chunks(c));
	return 0;
}

/* Saves the job with its current plan. A new one is added to the journal. */
static int write_journal(struct run *c, struct err *err)
{
	const struct plan *plan = c->survey.plan;
	bool is_new = !c->entry.job.facts;
	const struct facts_input in = facts_input(c);
	json_auto_t *facts = facts_make(&in, c->src->name, c->src->size, &c->survey, c->entry.key);
	json_auto_t *old = c->entry.job.facts ? json_loads(c->entry.job.facts, 0, NULL) : NULL;
	static const char *const kept[] = {
		"endpoints",       "checks", REPORT_JOINS, REPORT_JOINS_OPEN, REPORT_SUMMARY_WITHOUT,
		REPORT_SECOND_PASS};
	size_t n = plan->n_chunks - c->journaled;
	for (size_t i = 0; i < ARRAY_LEN(kept); i++)
		if (json_object_get(old, kept[i]))
			json_object_set(facts, kept[i], json_object_get(old, kept[i]));

	AUTO(mem_freep) struct store_chunk *chunks = mem_alloc(n, sizeof *chunks);
	for (size_t i = 0; i < n; i++) {
		const struct plan_chunk *p = &plan->chunks[c->journaled + i];
		chunks[i] = (struct store_chunk){
			.index = (int64_t)(c->journaled + i), .start = p->start, .end = p->end};
	}

	store_job_set_facts(&c->entry.job, facts);
	int r = is_new ? store_job_add(c->a->store, &c->entry.job, chunks, n, c->a->queue_entry, err)
	        : n || !c->open ? store_job_extend(c->a->store, &c->entry.job, chunks, n, err)
	                        : 0;
	if (r < 0)
		return r;

	c->journaled = plan->n_chunks;
	if (!c->open) {
		chunks_open(c->chunks, c->entry.job.id);
		memory_attach(c->a->memory, c->a->store, c->entry.job.id);
	}
	c->open = true;
	return 0;
}

static int open_journal(struct run *c, struct err *err)
{
	int r = c->entry.job.id ? 0 : enter(c, err);
	return r < 0 ? r : write_journal(c, err);
}

/* Passes the chunks of the last step to the lanes, and saves them once the key
 * is known. A chunk is in the journal before its lane may save it. */
static int take_step(struct run *c, struct err *err)
{
	int r = 0;
	if (!c->survey.plan || !c->survey.plan->n_chunks)
		return 0;
	if (c->open)
		r = write_journal(c, err);
	if (r == 0)
		r = hand_over(c, err);
	bool ready = c->entry.job.id || c->survey.whole || startup_hashed(c->startup);
	return r == 0 && ready && !c->open ? open_journal(c, err) : r;
}

static bool is_ending(const struct run *c)
{
	return c->chunks ? chunks_ending(c->chunks) : cancel_fired(c->a->drain);
}

/* What is said and written is read beside the chunks. */
static void begin_texts(struct run *c)
{
	const struct source *src = c->src;
	const struct texts_source from = {
		.fd = src->fd, .stamp = src->stamp, .sha256 = src->sha256, .video = &src->video};
	texts_begin(c->texts, &from, c->entry.job.id);
}

static int end_texts(struct run *c, struct err *err)
{
	progress_phase(c->a->progress, PHASE_TEXTS, "");
	return texts_end(c->texts, err);
}

/* The engine must not wait: hashing and the engine's start run beside the
 * survey, the survey runs beside the first chunks, and these may be worked on
 * before the hash gives the key of the run. Only a file of a size that is known
 * here may be in the journal already, so its hash is waited for first. */
static int go(struct run *c, struct chunks_outcome *ret, struct err *err)
{
	bool known = true;
	int r = store_source_known(c->a->store, c->src->size, &known, err);
	/* A runner needs the hash of the video with each chunk. */
	known = known || c->a->sha256 || c->a->expected || c->a->runner;
	c->startup = startup_begin(c->context, c->src->fd, c->src->size, c->a->sha256);
	if (r == 0 && known)
		r = enter(c, err);
	c->continued = r == 0 && c->entry.job.facts;
	if (c->continued)
		r = recall(c, err);
	if (r == 0)
		r = take_step(c, err);
	while (r == 0 && !c->survey.whole && !is_ending(c)) {
		r = survey_step(&c->survey, known ? c->src->sha256 : NULL, err);
		if (r == 0)
			r = source_open_check(c->src->from, err);
		if (r == 0)
			r = take_step(c, err);
	}
	if (r == 0 && !c->chunks)
		return err_set(err, ERR_CANCELED, "interrupted");
	if (r == 0 && !c->open)
		r = open_journal(c, err);
	if (r == 0)
		r = survey_keep(&c->survey, c->src->sha256, err);
	if (r == 0)
		begin_texts(c);
	if (r == 0)
		r = chunks_finish(c->chunks, ret, err);
	if (r == 0)
		r = source_open_check(c->src->from, err);
	if (r == 0)
		r = end_texts(c, err);
	return r == 0 && !c->survey.whole ? err_set(err, ERR_CANCELED, "interrupted") : r;
}

/* Takes back what this run wrote. Of a run that was continued, what was there
 * before is of the video that the journal says. */
static int take_back(const struct run *c, struct err *err)
{
	size_t n = 0;
	const char *job = c->entry.job.id;
	if (!c->continued)
		return store_job_remove(c->a->store, job, err);
	AUTO(mem_freep) int64_t *saved = chunks_saved(c->chunks, &n);
	return store_chunks_reset(c->a->store, job, saved, n, err);
}

/* Frames are read over hours. If the file became another one meanwhile, some
 * are not of the video that the journal says. If only its time changed, its
 * hash is still the same. */
static int check_source(const struct run *c, struct err *err)
{
	char stamp[FILE_STAMP_MAX], sha256[HASH_HEX];
	const struct source *src = c->src;
	file_stamp_all(src->fd, stamp);
	if (strcmp(stamp, src->stamp) == 0)
		return source_open_check(src->from, err);
	struct err why;
	progress_phase(c->a->progress, PHASE_HASHING, src->name);
	int r = hash_fd(src->fd, NULL, NULL, sha256, &why); /* even of a run that was canceled */
	if (r == 0 && strcmp(sha256, src->sha256) == 0)
		return 0;

	if (take_back(c, &why) < 0)
		log_warning("what was written cannot be removed from the journal: %s", why.msg);
	return err_set(err, ERR_BUSY,
	               "the file was changed while it was analyzed, so nothing of this run is kept%s; "
	               "analyze it again when it is no longer written to",
	               c->continued ? ", but what was known before" : "");
}

/* Writes the summary, if it is outdated. */
static int sum_up(struct run *c, bool changed, struct err *err)
{
	const struct analyze_options *o = c->a->options;
	const struct merge_options merge = {.prompt = o->prompt, .language = o->language};
	bool outdated = false;
	int r = merge_needed(c->context, &merge, &c->entry.job, &outdated, err);
	if (r < 0 || !(outdated || changed))
		return r;
	progress_phase(c->a->progress, PHASE_SUMMARY, "");
	return merge_summary(c->context, &merge, &c->entry.job, err);
}

static int finish(struct run *c, const struct chunks_outcome *done, const struct start *start,
                  struct analyze_result *ret, struct err *err)
{
	const struct analyze *a = c->a;
	const struct run_context *context = c->context;
	const struct source *src = c->src;
	struct store_job *job = &c->entry.job;
	bool complete = !done->holes;
	const struct after_source from = {.fd = src->fd,
	                                  .stamp = src->stamp,
	                                  .sha256 = src->sha256,
	                                  .duration = src->video.duration,
	                                  .deadline = deadline_of(a, start),
	                                  .fresh = done->fresh};
	struct after_done after;
	job->state = complete ? STORE_JOB_COMPLETE : STORE_JOB_HOLES;
	int r = after_chunks(a, context, &from, job, &after, err);
	if (r == 0 || r == -ERR_CANCELED) {
		int same = check_source(c, err);
		r = same < 0 ? same : r;
	}
	if (r == 0)
		r = sum_up(c, after.joined || after.again || done->fresh, err);
	if (r == 0)
		r = embed_after(context, job->id, err);
	if (r == 0)
		r = count_run(a, job, start, err);

	AUTO(report_freep) struct report *report = NULL;
	AUTO(mem_freep) char *earlier = NULL;
	progress_phase(a->progress, PHASE_REPORT, "");
	if (r == 0)
		r = report_load(a->store, job->id, report_detail_of(a->options->detail), &report, err);
	if (r == 0)
		r = count_events(a, report, err);
	if (r == 0)
		r = report_subjects_keep(a->store, report, err);
	if (r == 0)
		r = report_folder_write(report, job->output, a->options->format, &earlier, err);
	if (r < 0)
		return r;

	struct report_sums sums;
	report_sum(report, &sums);
	*ret = (struct analyze_result){.outcome = complete                     ? ANALYZE_COMPLETE
	                                          : done->holes < done->chunks ? ANALYZE_HOLES
	                                                                       : ANALYZE_EMPTY,
	                               .job = mem_strdup(job->id),
	                               .dir = mem_strdup(job->output),
	                               .earlier = TAKE(earlier),
	                               .first_hole = mem_strdup(done->first_hole),
	                               .chunks = done->chunks,
	                               .holes = done->holes,
	                               .resumed = done->resumed,
	                               .unchecked = after.unchecked,
	                               .left_out = report_left_out(report),
	                               .missed = report_count_missed(report),
	                               .pictures = sums.pictures,
	                               .damaged = sums.damaged};
	return 0;
}

static int analyze_source(const struct analyze *a, struct run_context *context, struct source *src,
                          struct decoder *decoder, int64_t began, struct analyze_result *ret,
                          struct err *err)
{
	const struct survey_options wanted = analyze_survey(a->options);
	AUTO(chunks_outcome_clear) struct chunks_outcome outcome = {0};
	const struct texts_setup reading = {
		.options = a->options,
		.speech = a->speech,
		.speech_places = a->speech_places,
		.drain = a->drain,
		.deadline = a->options->job_timeout ? began + a->options->job_timeout : 0};
	AUTO(texts_freep) struct texts *texts = texts_new(context, &reading);
	const struct run_texts for_requests = {texts_context, texts};
	context->texts = &for_requests;
	AUTO(run_clear)
	struct run c = {.a = a,
	                .context = context,
	                .decoder = decoder,
	                .src = src,
	                .texts = texts,
	                .entry = ENTRY_NONE};
	c.survey = (struct survey){
		.run = context,
		.options = &wanted,
		.fd = src->fd,
		.duration = src->video.duration,
		.gaps = src->video.gaps,
	};

	source_open_report(a, src->name, &src->video);
	int r = texts_key(&reading, a->cancel, &c.context_key, err);
	if (r == 0)
		r = plan_check(&wanted.plan, src->video.duration, err);
	if (r == 0)
		r = survey_given(&wanted, src->video.duration, &c.survey.plan, err);
	c.given = c.survey.whole = c.survey.plan;
	if (r < 0)
		return r;

	json_auto_t *endpoints = engine_endpoints_json(a->engine);
	const struct start start = {
		.clock = began, .busy = engine_busy_time(a->engine), .endpoints = endpoints};
	r = go(&c, &outcome, err);
	ret->other_content = c.other_content;
	if (c.open)
		memory_detach(a->memory, c.entry.job.id);
	if (r == 0)
		return finish(&c, &outcome, &start, ret, err);
	if (r == -ERR_CANCELED && c.open && check_source(&c, err) < 0)
		return -(int)err->code;

	/* Time spent counts even if the run ends here; the next one continues it. */
	struct err ignored;
	if (c.open)
		count_run(a, &c.entry.job, &start, &ignored);
	return r;
}

int analyze_file(const struct analyze *a, const char *path, struct analyze_result *ret,
                 struct err *err)
{
	AUTO(source_close) struct source_open from;
	int64_t began = clock_now();
	int r = source_open(a, path, &from, err);
	if (r < 0)
		return r;

	AUTO(mem_freep)
	char *name = text_line(a->options->full_path ? from.path : file_base(from.path), 1000);
	struct analyze_options options = *a->options; /* a budget may change them */
	struct analyze with = *a;
	with.options = &options;
	with.sha256 = from.sha256;
	options.feed = from.video ? remote_video_feed(from.video) : NULL;
	struct run_context context = {.engine = a->engine,
	                              .store = a->store,
	                              .memory = a->memory,
	                              .progress = a->progress,
	                              .runner = a->runner,
	                              .cancel = a->cancel};
	struct source src = {
		.path = from.path, .name = name, .from = &from, .fd = from.fd, .size = from.size};
	file_stamp_all(src.fd, src.stamp);
	if (options.media_stream == MEDIA_STREAM_ALL)
		return err_set(err, ERR_ARG, "%s: one stream has to be named, not all of them", name);
	progress_phase(a->progress, PHASE_OPENING, name);
	AUTO(decoder_freep) struct decoder *decoder = NULL; /* what cannot be read fails at once */
	const struct decoder_options d = analyze_decoder(&options);
	r = decoder_open(src.fd, &d, a->cancel, &decoder, err);
	if (r == 0)
		r = decoder_probe(decoder, &src.video, err);
	if (r == 0)
		streams_settle(&options, &src.video);
	const struct estimate_model model = {.name = engine_info(a->engine)->model,
	                                     .shape = a->shape,
	                                     .demo = engine_info(a->engine)->demo_model};
	const struct budget_source budgeted = {
		.fd = src.fd, .sha256 = with.sha256, .video = &src.video, .model = &model};
	if (r == 0)
		r = budget_apply(&context, &budgeted, &options, err);
	if (r == 0)
		r = analyze_source(&with, &context, &src, TAKE(decoder), began, ret, err);
	video_info_clear(&src.video);
	return r < 0 && r != -ERR_CANCELED ? err_wrap(err, "%s", name) : r;
}

void analyze_result_clear(struct analyze_result *r)
{
	free(r->job);
	free(r->dir);
	free(r->earlier);
	free(r->first_hole);
	*r = (struct analyze_result){0};
}
