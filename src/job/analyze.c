#include "job/analyze.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "job/chunks.h"
#include "job/decoder.h"
#include "job/describe.h"
#include "job/facts.h"
#include "job/merge.h"
#include "job/plan.h"
#include "job/report.h"
#include "job/survey.h"

/* What is known of the file before any chunk; filled by two threads. */
struct opening {
	const struct analyze *a;
	int fd;
	int64_t size;
	_Atomic int64_t hashed;
	atomic_int busy; /* threads still at work */
	char sha256[HASH_HEX];
	int hash_result, engine_result;
	struct err hash_err, engine_err;
	char note[100]; /* what the engine is doing; guarded by lock */
	pthread_mutex_t lock;
};

static void *hash_source(void *arg)
{
	struct opening *o = arg;
	o->hash_result = hash_fd(o->fd, o->a->cancel, &o->hashed, o->sha256, &o->hash_err);
	atomic_fetch_sub(&o->busy, 1);
	return NULL;
}

static void note_engine(void *ctx, const char *what)
{
	struct opening *o = ctx;
	pthread_mutex_lock(&o->lock);
	snprintf(o->note, sizeof o->note, "%s", what);
	pthread_mutex_unlock(&o->lock);
}

static void *start_engine(void *arg)
{
	struct opening *o = arg;
	o->engine_result = engine_start(o->a->engine, note_engine, o, &o->engine_err);
	atomic_fetch_sub(&o->busy, 1);
	return NULL;
}

static void tell_opening(struct opening *o)
{
	char done[TEXT_SIZE_MAX], all[TEXT_SIZE_MAX], text[160];
	int64_t hashed = atomic_load(&o->hashed);
	if (!o->a->sha256 && hashed < o->size) {
		snprintf(text, sizeof text, "%s of %s", text_size((double)hashed, done), text_size((double)o->size, all));
		progress_phase(o->a->progress, "hashing", text);
		return;
	}
	pthread_mutex_lock(&o->lock);
	snprintf(text, sizeof text, "%s", o->note);
	pthread_mutex_unlock(&o->lock);
	progress_phase(o->a->progress, "engine", text);
}

/* The probe comes first: a file that cannot be read should say so at once. Then hashing reads the disk while the
 * engine loads its model. */
static int open_source(struct opening *o, struct describe_worker *w, struct video_info *video, struct err *err)
{
	pthread_t hasher, starter;
	int r = describe_open(w, err);
	if (r == 0)
		r = decoder_probe(w->decoder, video, err);
	if (r < 0)
		return r;
	bool hash = !o->a->sha256;
	atomic_store(&o->busy, 1 + hash);
	if (hash)
		pthread_create(&hasher, NULL, hash_source, o);
	else
		snprintf(o->sha256, sizeof o->sha256, "%s", o->a->sha256);
	pthread_create(&starter, NULL, start_engine, o);
	while (atomic_load(&o->busy) > 0) {
		tell_opening(o);
		usleep(20000); /* only how often the display is renewed; the work is awaited by the joins */
	}
	if (hash)
		pthread_join(hasher, NULL);
	pthread_join(starter, NULL);
	*err = o->hash_result < 0 ? o->hash_err : o->engine_err;
	return o->hash_result < 0 ? o->hash_result : o->engine_result;
}

static int lock_job(const struct analyze *a, const char *id, int *ret_fd, struct err *err)
{
	AUTO(mem_freep) char *name = mem_printf("%s.lock", id);
	AUTO(mem_freep) char *path = file_join(a->locks_dir, name);
	int r = file_mkdirs(a->locks_dir, true, err);
	if (r < 0)
		return r;
	AUTO(fd_closep) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(err, errno, "cannot open %s", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return err_set(err, ERR_BUSY, "this very job (%s) is being done by another vdet; wait for it", id);
	*ret_fd = fd;
	fd = -1;
	return 0;
}

static int add_job(const struct analyze *a, struct store_job *job, const struct plan *plan, struct err *err)
{
	AUTO(mem_freep) struct store_chunk *chunks = mem_alloc(plan->n_chunks, sizeof *chunks);
	for (size_t i = 0; i < plan->n_chunks; i++)
		chunks[i] =
			(struct store_chunk){.index = (int64_t)i, .start = plan->chunks[i].start, .end = plan->chunks[i].end};
	return store_job_add(a->store, job, chunks, plan->n_chunks, err);
}

/* Locks the job of this key and finds it; its facts are NULL if it is new. With --fresh it always is. */
static int enter_job(const struct analyze *a, const char *key, const char *name, const char *dir, struct store_job *ret,
                     int *ret_lock, struct err *err)
{
	AUTO(store_job_clear)
	struct store_job job = {.id = mem_printf("%.12s", key),
	                        .key = mem_strdup(key),
	                        .source_name = mem_strdup(name),
	                        .output = mem_strdup(dir),
	                        .summary = mem_strdup(""),
	                        .summary_fallback = mem_strdup("")};
	AUTO(fd_closep) int lock = -1;
	int r = lock_job(a, job.id, &lock, err);
	if (r == 0 && a->options->fresh)
		r = store_job_remove(a->store, job.id, err);
	if (r < 0)
		return r;
	struct store_job found = {0};
	r = store_job_find(a->store, key, &found, err);
	if (r == 0) { /* the name and the place are this run's: the same video may have moved */
		free(job.summary);
		free(job.summary_fallback);
		job.summary = TAKE(found.summary);
		job.summary_fallback = TAKE(found.summary_fallback);
		job.summary_by_model = found.summary_by_model;
		job.facts = TAKE(found.facts);
		store_job_clear(&found);
	} else if (r != -ERR_NOENT) {
		return r;
	}
	*ret = job;
	job = (struct store_job){0};
	*ret_lock = lock;
	lock = -1;
	return 0;
}

/* The folder of the report: absolute, so that `vdet report` finds it from anywhere. */
static char *output_dir(const struct analyze_options *o, const char *path)
{
	AUTO(mem_freep) char *cwd = getcwd(NULL, 0);
	AUTO(mem_freep) char *stem = file_stem(path);
	AUTO(mem_freep) char *name = *o->output ? mem_strdup(o->output) : mem_printf("%s.vdet", stem);
	return name[0] == '/' || !cwd ? mem_strdup(name) : file_join(cwd, name);
}

/* Hours of work must not end at a folder that cannot be written. */
static int check_output(const char *dir, struct err *err)
{
	int r = file_mkdirs(dir, false, err);
	if (r < 0)
		return r;
	return access(dir, W_OK | X_OK) == 0 ? 0 : err_sys(err, errno, "cannot write into the folder %s", dir);
}

static void tell_source(const struct analyze *a, const char *name, const char *sha256, const struct video_info *v)
{
	progress_event(a->progress, "source",
	               json_pack("{s:s, s:s, s:f, s:i, s:i, s:s, s:f, s:s}", "name", name, "sha256", sha256, "duration",
	                         (double)v->duration / 1e6, "width", v->width, "height", v->height, "codec", v->codec,
	                         "fps", v->fps, "warning", v->warning));
	if (*v->warning)
		log_warning("%s: %s", name, v->warning);
}

static int finish(const struct analyze *a, struct store_job *job, const struct chunks_outcome *done, int64_t wall,
                  int64_t busy, struct analyze_result *ret, struct err *err)
{
	bool complete = !done->holes;
	int r = 0;
	job->state = complete ? STORE_JOB_COMPLETE : STORE_JOB_HOLES;
	if (!*job->summary || done->fresh) {
		progress_phase(a->progress, "summary", "");
		r = merge_summary(a, job, err);
	}
	if (r == 0)
		r = store_job_update(a->store, job, wall, busy, err);
	AUTO(report_freep) struct report *report = NULL;
	progress_phase(a->progress, "report", "");
	if (r == 0)
		r = report_load(a->store, job->id, &report, err);
	if (r == 0)
		r = report_write(report, job->output, a->options->format, err);
	if (r < 0)
		return r;
	*ret = (struct analyze_result){.outcome = complete                     ? ANALYZE_COMPLETE
	                                          : done->holes < done->chunks ? ANALYZE_HOLES
	                                                                       : ANALYZE_EMPTY,
	                               .job = mem_strdup(job->id),
	                               .dir = mem_strdup(job->output),
	                               .first_hole = mem_strdup(done->first_hole),
	                               .chunks = done->chunks,
	                               .holes = done->holes,
	                               .resumed = done->resumed};
	return 0;
}

static int run_job(const struct analyze *a, struct describe_worker *first, const struct plan *plan,
                   struct store_job *job, int64_t began, struct analyze_result *ret, struct err *err)
{
	AUTO(chunks_outcome_clear) struct chunks_outcome outcome = {0};
	int64_t busy = engine_busy_time(a->engine);
	progress_phase(a->progress, "chunks", "");
	int r = chunks_run(a, first, plan, job->id, &outcome, err);
	busy = engine_busy_time(a->engine) - busy;
	if (r == 0)
		return finish(a, job, &outcome, clock_now() - began, busy, ret, err);
	/* Time spent counts even if the run ends here; the job stays as it is, ready to go on. */
	struct err ignored;
	store_job_update(a->store, job, clock_now() - began, busy, &ignored);
	return r;
}

/* Everything about a file that is about to be analysed. */
struct source {
	const char *path, *name;
	int64_t size;
	char sha256[HASH_HEX];
	struct video_info video;
};

/* The plan of a job: the one that it began with, the one that was given, or a new one. A new job enters the journal
 * with it. */
static int plan_job(struct describe_worker *w, const struct source *src, struct plan **given, struct store_job *job,
                    struct survey *ret, struct err *err)
{
	const struct analyze *a = w->a;
	bool is_new = !job->facts;
	int r = 0;
	if (!is_new)
		r = survey_recall(job->facts, src->video.duration, ret, err);
	else if (*given)
		*ret = (struct survey){.plan = TAKE(*given)};
	else
		r = survey_make(w, src->sha256, &src->video, ret, err);
	if (r < 0)
		return r;
	const struct engine_info *engine = engine_info(a->engine);
	json_auto_t *facts = facts_make(a->options, src->name, src->size, src->sha256, &src->video, engine, ret);
	free(job->facts);
	job->facts = json_dumps(facts, JSON_COMPACT);
	return is_new ? add_job(a, job, ret->plan, err) : 0;
}

static int analyze_source(struct describe_worker *w, const struct source *src, int64_t began,
                          struct analyze_result *ret, struct err *err)
{
	const struct analyze *a = w->a;
	const struct analyze_options *o = a->options;
	const struct plan_options wanted = survey_options(o);
	AUTO(fd_closep) int lock = -1;
	AUTO(plan_freep) struct plan *given = NULL;
	AUTO(survey_clear) struct survey survey = {0};
	AUTO(store_job_clear) struct store_job job = {0};
	AUTO(mem_freep) char *dir = output_dir(o, src->path);
	char key[HASH_HEX];
	tell_source(a, src->name, src->sha256, &src->video);
	int r = plan_check(&wanted, src->video.duration, err);
	if (r == 0)
		r = survey_given(o, src->video.duration, &given, err);
	if (r == 0)
		r = check_output(dir, err);
	if (r == 0) {
		facts_key(o, src->sha256, engine_info(a->engine), src->video.duration, given, key);
		r = enter_job(a, key, src->name, dir, &job, &lock, err);
	}
	if (r == 0)
		r = plan_job(w, src, &given, &job, &survey, err);
	return r < 0 ? r : run_job(a, w, survey.plan, &job, began, ret, err);
}

int analyze_file(const struct analyze *a, const char *path, struct analyze_result *ret, struct err *err)
{
	AUTO(fd_closep) int fd = -1;
	int64_t began = clock_now();
	struct stat st;
	int r = file_open_input(path, &fd, err);
	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "cannot examine %s", path);

	AUTO(mem_freep) char *name = text_line(a->options->full_path ? path : file_base(path), 1000);
	struct describe_worker first = {.a = a, .fd = fd};
	struct source src = {.path = path, .name = name, .size = st.st_size};
	struct opening opening = {.a = a, .fd = fd, .size = st.st_size, .lock = PTHREAD_MUTEX_INITIALIZER};
	progress_phase(a->progress, "opening", name);
	r = open_source(&opening, &first, &src.video, err);
	if (r == 0) {
		memcpy(src.sha256, opening.sha256, sizeof src.sha256);
		r = analyze_source(&first, &src, began, ret, err);
	}
	describe_close(&first);
	video_info_clear(&src.video);
	return r < 0 && r != -ERR_CANCELED ? err_wrap(err, "%s", name) : r;
}

void analyze_result_clear(struct analyze_result *r)
{
	free(r->job);
	free(r->dir);
	free(r->first_hole);
	*r = (struct analyze_result){0};
}
