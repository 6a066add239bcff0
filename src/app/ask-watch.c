/* SPDX-License-Identifier: Apache-2.0 */
#include "app/ask-watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/ask-scope.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "base/wakeup.h"
#include "cases/walk.h"
#include "job/analyze.h"
#include "search/scope.h"
#include "store/watch.h"
#include "watch/folders.h"
#include "watch/hit.h"
#include "watch/limit.h"

/* What failed, and is tried again later. */
struct failed {
	char *what; /* path, or SHA-256 */
	int tries;
	int64_t at; /* clock_now() */
};

struct watching {
	const struct ask_watch *w;
	struct cancel *cancel;
	struct engine *engine;
	struct memory *memory;
	struct notifier *notifier;
	struct folders *folders; /* NULL: of the journal */
	struct wakeup *idle;     /* never signalled */
	int64_t watch;
	struct failed *failed;
	size_t n_failed, cap_failed;
	int64_t limited; /* the day whose tokens are used up, and that was logged */
};

/* A video that may be asked. */
struct found {
	char *path, *name, *sha256;
};

static void found_clear(struct found *v)
{
	free(v->path);
	free(v->name);
	free(v->sha256);
}

/* ---- hits */

/* Also those that were found before the last end, and not printed. */
static int print_hits(struct watching *c, struct err *err)
{
	struct store_watched *hits = NULL;
	size_t n = 0;
	int r = store_hits_open(c->w->store, c->watch, STORE_WAY_PRINT, false, &hits, &n, err);
	for (size_t i = 0; i < n && r == 0; i++) {
		AUTO(mem_freep) char *line = hit_line(hits[i].message);
		if (c->w->json) {
			puts(hits[i].message);
			fflush(stdout);
		} else {
			ui_say(c->w->ui, "%s", line);
		}
		r = store_hit_mark(c->w->store, hits[i].id, STORE_WAY_PRINT, NULL, err);
	}
	store_watched_free(hits, n);
	return r;
}

static int note(struct watching *c, const struct found *v, const struct answer *a,
                const char *fault, struct err *err)
{
	bool is_new, is_hit = a && hit_is(a);
	const struct hit_video video = {v->name, v->path, v->sha256};
	json_auto_t *message = is_hit ? hit_message(c->watch, a, &video, clock_wall()) : NULL;
	AUTO(mem_freep) char *text = is_hit ? json_dumps(message, JSON_COMPACT) : mem_strdup("");
	const struct store_watched row = {.watch = c->watch,
	                                  .source = v->sha256,
	                                  .answer = a ? a->id : "",
	                                  .fault = (char *)fault,
	                                  .tokens = a ? a->spent.prompt_tokens : 0,
	                                  .message = text ? text : "",
	                                  .ways = notify_needless(&c->w->app->notify)};
	int r = text ? store_watched_add(c->w->store, &row, &is_new, err)
	             : err_set(err, ERR_INTERNAL, "a hit cannot be written");
	if (r == 0 && is_hit) {
		r = print_hits(c, err);
		notifier_wake(c->notifier);
	}
	return r;
}

/* ---- a video */

static int analyze(struct watching *c, const char *path, struct err *err)
{
	struct app *app = c->w->app;
	char none[] = "";
	struct analyze_options options = app->analyze;
	AUTO(analyze_result_clear) struct analyze_result result = {0};
	options.output = options.budget = none;
	const struct speech_places speech = app_speech_places(app);
	const struct analyze a = {.options = &options,
	                          .speech = &app->speech,
	                          .speech_places = &speech,
	                          .engine = c->engine,
	                          .store = c->w->store,
	                          .memory = c->memory,
	                          .reports_dir = *app->analyze.output ? app->analyze.output : NULL,
	                          .locks_dir = app->locks_dir,
	                          .progress = ui_progress(c->w->ui),
	                          .runner = c->w->runner,
	                          .cancel = c->cancel};
	int r = analyze_file(&a, path, &result, err);
	if (r == 0 && result.outcome == ANALYZE_EMPTY)
		return err_set(err, ERR_ENGINE, "every chunk is a hole; the first: %s", result.first_hole);
	return r;
}

/* Whether the model has said something of it. */
static bool is_usable(struct watching *c, const char *job)
{
	AUTO(store_job_clear) struct store_job row = {0};
	struct err ignored;
	return store_job_find(c->w->store, job, &row, &ignored) == 0 && row.done > 0;
}

static int load_runs(struct watching *c, const struct found *v, struct ask_video **ret,
                     size_t *ret_n, struct err *err)
{
	AUTO(scope_clear) struct scope scope = {0};
	int r = scope_load(c->w->store, v->sha256, &scope, err);
	if (r < 0)
		return r;
	struct ask_video *videos = mem_alloc(scope.n + 1, sizeof *videos);
	size_t n = 0;
	for (size_t i = 0; i < scope.n; i++) {
		const struct scope_run *run = &scope.runs[i];
		if (strcmp(run->sha256, v->sha256) == 0 && is_usable(c, run->job))
			videos[n++] =
				(struct ask_video){.job = mem_strdup(run->job), .path = mem_strdup(v->path)};
	}
	*ret = videos;
	*ret_n = n;
	return 0;
}

/* The runs of this video, analyzed first if there is none. */
static int find_runs(struct watching *c, const struct found *v, struct ask_video **ret,
                     size_t *ret_n, struct err *err)
{
	int r = load_runs(c, v, ret, ret_n, err);
	if (r < 0 || *ret_n)
		return r;
	free(TAKE(*ret));
	r = analyze(c, v->path, err);
	if (r == 0)
		r = load_runs(c, v, ret, ret_n, err);
	if (r < 0 || *ret_n)
		return r;
	free(TAKE(*ret));
	return err_set(err, ERR_BUSY, "%s was changed while it was analyzed", v->name);
}

static int ask(struct watching *c, const struct found *v, struct answer **ret, struct err *err)
{
	struct ask_request q = *c->w->question;
	struct ask_video *videos = NULL;
	AUTO(mem_freep) char *json = NULL;
	const struct ask_context context = {.engine = c->engine,
	                                    .store = c->w->store,
	                                    .memory = c->memory,
	                                    .options = &c->w->app->analyze,
	                                    .runner = c->w->runner,
	                                    .cancel = c->cancel,
	                                    .progress = c->w->progress,
	                                    .ctx = c->w->ctx};
	int r = find_runs(c, v, &videos, &q.n_videos, err);
	if (r < 0)
		return r;
	q.videos = videos;
	r = ask_run(&context, &q, ret, &json, err);
	ask_videos_free(videos, q.n_videos);
	if (r == 0 && (*ret)->state == ANSWER_FAILED)
		return err_set(err, ERR_ENGINE, "%s: nothing could be examined", v->name);
	return r;
}

/* ---- what has to wait */

static struct failed *find_failed(struct watching *c, const char *what)
{
	for (size_t i = 0; i < c->n_failed; i++)
		if (strcmp(c->failed[i].what, what) == 0)
			return &c->failed[i];
	return NULL;
}

static void put_off(struct watching *c, const char *path, const char *what, int64_t at)
{
	struct failed *f = find_failed(c, what);
	if (!f) {
		c->failed = mem_room(c->failed, c->n_failed, &c->cap_failed, sizeof *c->failed);
		f = &c->failed[c->n_failed++];
		*f = (struct failed){.what = mem_strdup(what)};
	}
	f->at = at;
	if (c->folders)
		folders_again(c->folders, path, at);
}

static void forget_failed(struct watching *c, const char *what)
{
	struct failed *f = find_failed(c, what);
	if (!f)
		return;
	free(f->what);
	*f = c->failed[--c->n_failed];
}

/* A failure that says something of the file, not of what it was examined
 * with. */
static bool is_final(int r)
{
	return r == -ERR_FORMAT || r == -ERR_UNSUPPORTED;
}

static void try_later(struct watching *c, const char *path, const char *what, struct err *why)
{
	char t[CLOCK_TEXT_MAX];
	const struct failed *known = find_failed(c, what);
	int tries = known ? known->tries + 1 : 1;
	/* The first pause is that of the third failure, four seconds. */
	int64_t pause = limit_pause(tries + 2);
	log_warning("%s; trying again in %s", why->msg, clock_short(pause, t));
	put_off(c, path, what, clock_now() + pause);
	find_failed(c, what)->tries = tries;
}

/* True: the tokens of this day are used up. */
static bool must_wait(struct watching *c, const struct found *v, struct err *err)
{
	int64_t used = 0, now = clock_wall(), limit = c->w->app->notify.tokens;
	if (store_watch_tokens(c->w->store, c->watch, limit_day(now), &used, err) < 0)
		log_warning("%s", err->msg);
	int64_t wait = limit_wait(used, limit, now);
	if (!wait)
		return false;
	if (c->limited != limit_day(now))
		log_warning("%lld prompt tokens were used today: new videos wait for the next day "
		            "(watch.tokens is %lld)",
		            (long long)used, (long long)limit);
	c->limited = limit_day(now);
	put_off(c, v->path, c->folders ? v->path : v->sha256, clock_now() + wait);
	return true;
}

static int ask_once(struct watching *c, const struct found *v, struct err *err)
{
	AUTO(answer_freep) struct answer *answer = NULL;
	bool known = false;
	int r = store_watched_has(c->w->store, c->watch, v->sha256, &known, err);
	if (r < 0 || known || must_wait(c, v, err))
		return r;
	r = ask(c, v, &answer, err);
	if (r == -ERR_CANCELED || cancel_fired(c->cancel))
		return err_set(err, ERR_CANCELED, "interrupted");
	if (is_final(r))
		log_warning("%s; it is not asked", err->msg);
	if (r < 0 && !is_final(r))
		return r;
	if (r == 0)
		log_info("%s: %s", v->name, answer_state_name(answer->state));
	AUTO(mem_freep) char *fault = text_line(r < 0 ? err->msg : "", sizeof err->msg);
	return note(c, v, answer, fault, err);
}

/* ERR_CANCELED; what failed is tried again later. */
static int handle(struct watching *c, const struct found *v, struct err *err)
{
	const char *what = c->folders ? v->path : v->sha256;
	const struct failed *before = find_failed(c, what);
	int64_t at = before ? before->at : 0;
	int r = ask_once(c, v, err);
	if (r < 0 && r != -ERR_CANCELED)
		try_later(c, v->path, what, err);
	before = find_failed(c, what);
	if (r == 0 && before && before->at == at) /* it was not put off again */
		forget_failed(c, what);
	return r == -ERR_CANCELED ? r : 0;
}

/* ---- where videos come from */

static int next_of_folders(struct watching *c, struct err *err)
{
	AUTO(found_clear) struct found v = {0};
	AUTO(mem_freep) char *real = NULL;
	char sha256[65];
	int r = folders_next(c->folders, -1, c->cancel, &v.path, err);
	if (r == 0)
		r = ask_identify(c->w->store, v.path, c->cancel, sha256, &real, err);
	if (r == -ERR_CANCELED)
		return r;
	if (r < 0) {
		if (file_exists(v.path))
			try_later(c, v.path, v.path, err);
		return 0;
	}
	v.name = text_line(file_base(v.path), 1000);
	v.sha256 = mem_strdup(sha256);
	return handle(c, &v, err);
}

/* All videos of the journal that were not asked, then a pause. */
static int next_of_journal(struct watching *c, struct err *err)
{
	AUTO(scope_clear) struct scope scope = {0};
	int r = scope_load(c->w->store, "", &scope, err);
	for (size_t i = scope.n; r == 0 && i-- > 0;) {
		AUTO(found_clear)
		struct found v = {.name = mem_strdup(scope.runs[i].name),
		                  .sha256 = mem_strdup(scope.runs[i].sha256)};
		const struct failed *f = find_failed(c, v.sha256);
		if (f && f->at > clock_now())
			continue;
		r = ask_scope_path(c->w->store, v.sha256, &v.path, err);
		if (r == 0)
			r = handle(c, &v, err);
	}
	if (r == 0)
		wakeup_wait(c->idle, c->cancel, c->w->app->notify.scan);
	return r == 0 && cancel_fired(c->cancel) ? err_set(err, ERR_CANCELED, "interrupted") : r;
}

/* ---- start and end */

static int real_folders(const struct ask_watch *w, char **ret, struct err *err)
{
	for (size_t i = 0; i < w->n; i++) {
		if (!file_is_dir(w->folders[i]))
			return err_set(err, ERR_ARG, "%s is not a folder; --watch watches folders",
			               w->folders[i]);
		ret[i] = realpath(w->folders[i], NULL);
		if (!ret[i])
			return err_set(err, ERR_NOENT, "%s cannot be found", w->folders[i]);
	}
	return 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The same question of the same folders is the same standing question. */
static int open_watch(const struct ask_watch *w, char **folders, int64_t *ret, struct err *err)
{
	const struct ask_request *q = w->question;
	AUTO(store_watch_clear) struct store_watch found = {0};
	char key[HASH_HEX];
	json_auto_t *o = json_pack("{s:s, s:[], s:[], s:b, s:s}", "question", q->question, "folders",
	                           "choices", "thorough", q->thorough, "language", q->language);
	for (size_t i = 0; i < q->n_choices; i++)
		json_array_append_new(json_object_get(o, "choices"), json_string(q->choices[i]));
	if (w->n)
		qsort(folders, w->n, sizeof *folders, by_text);
	for (size_t i = 0; i < w->n; i++) {
		AUTO(buf_free) struct buf utf8 = BUF(1 << 16);
		text_utf8(&utf8, folders[i], strlen(folders[i]));
		json_array_append_new(json_object_get(o, "folders"), json_string(buf_str(&utf8)));
	}
	AUTO(mem_freep) char *text = json_dumps(o, JSON_COMPACT);
	if (!text)
		return err_set(err, ERR_ARG, "the question has to be valid UTF-8");
	hash_texts((const char *[]){"watch", text}, 2, key);
	const struct store_watch add = {.key = key, .request = text, .who = ""};
	int r = store_watch_open(w->store, &add, &found, err);
	*ret = found.id;
	return r;
}

static void end(struct watching *c)
{
	notifier_free(c->notifier);
	folders_free(c->folders);
	wakeup_free(c->idle);
	memory_free(c->memory);
	engine_free(c->engine);
	for (size_t i = 0; i < c->n_failed; i++)
		free(c->failed[i].what);
	free(c->failed);
}

static int start(struct watching *c, char **folders, struct err *err)
{
	const struct ask_watch *w = c->w;
	const struct folders_options o = {
		.roots = folders, .n = w->n, .takes = walk_takes, .period = w->app->notify.scan};
	int r = ask_check_question(w->question->question, err);
	if (r == 0)
		r = open_watch(w, folders, &c->watch, err);
	if (r == 0)
		r = notifier_new(&w->app->notify, w->store, c->watch, &c->notifier, err);
	if (r == 0)
		r = app_new_engine(w->app, NULL, NULL, &c->engine, err);
	if (r < 0)
		return r;
	app_count_spending(c->engine, w->store);
	app_warn_about(engine_info(c->engine), w->app);
	c->memory = memory_open(&w->app->memory, c->engine);
	c->folders = w->n ? folders_new(&o) : NULL;
	c->idle = wakeup_new();
	return print_hits(c, err);
}

int ask_watch_run(const struct ask_watch *w, struct err *err)
{
	AUTO(end) struct watching c = {.w = w, .cancel = w->app->cancel, .limited = -1};
	char **folders = mem_alloc(w->n + 1, sizeof *folders);
	int r = real_folders(w, folders, err);
	if (r == 0)
		r = start(&c, folders, err);
	while (r == 0) {
		progress_phase(ui_progress(w->ui), PHASE_ASKING, "waiting for new videos");
		r = c.folders ? next_of_folders(&c, err) : next_of_journal(&c, err);
	}
	folders_free(TAKE(c.folders));
	for (size_t i = 0; i < w->n; i++)
		free(folders[i]);
	free(folders);
	return r;
}
