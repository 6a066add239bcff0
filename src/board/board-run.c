/* SPDX-License-Identifier: Apache-2.0 */
/* One turn of a job: analyze_file() on its own thread, its progress, and its
 * end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "board/board-internal.h"
#include "report/chunk-json.h"

enum {
	BUSY_RETRY = 5000000,
	ENGINE_RETRY = 15000000, /* times the number of failures */
	ENGINE_TRIES = 6,
	SPACE_RETRY = 15000000,
	SPACE_RETRY_MAX = 300000000,
};

/* ---- progress, with the lock held */

static void on_phase(struct job *j, const struct progress_event *e)
{
	if (e->view->phase != PHASE_CHUNKS)
		j->in_chunks = false;
}

static void on_hash(struct job *j, const struct progress_event *e)
{
	struct video *v = j->video;
	bool same = strcmp(e->sha256, v->row.sha256) == 0;

	if (same && (!*j->stamp || strcmp(v->row.stamp, j->stamp) == 0))
		return;
	if (*j->stamp)
		board_set_text(&v->row.stamp, j->stamp);
	board_set_text(&v->row.sha256, e->sha256);
	v->unsaved = true;
	board_publish_video(j->board, v);
}

static void on_begin(struct job *j, const struct progress_event *e)
{
	bool first = !j->in_chunks;

	j->states = mem_grow(j->states, e->begin.n + 1, sizeof *j->states);
	memcpy(j->states, e->begin.states, e->begin.n * sizeof *j->states);
	j->n_chunks = e->begin.n;
	j->in_chunks = true;
	j->tries = 0;
	if (strcmp(e->begin.job, j->row.journal) != 0) {
		board_set_text(&j->row.journal, e->begin.job);
		j->unsaved = true;
	}

	/* It was asked to stop before there was a chunk worth finishing. */
	if (first && j->stop != STOP_NONE)
		cancel_fire(j->cancel);
}

static void on_chunk(struct job *j, const struct progress_event *e)
{
	enum chunk_state state = e->chunk.state;
	bool running = chunk_is_running(state);

	if (e->chunk.index >= j->n_chunks)
		return;
	j->board->chunks_done += state == CHUNK_DONE;
	j->board->chunks_holes += state == CHUNK_HOLE;
	j->states[e->chunk.index] = state;
	if (j->gone)
		return;
	json_t *data = json_pack("{s:I, s:f, s:f, s:s}", "index", (json_int_t)e->chunk.index, "start",
	                         (double)e->chunk.start / 1e6, "end", (double)e->chunk.end / 1e6,
	                         "state", chunk_state_name(running ? CHUNK_RUNNING : state));
	if (running && state != CHUNK_RUNNING)
		json_object_set_new(data, "stage", json_string(chunk_state_name(state)));
	events_post(j->board->setup.events, EVENT_CHUNK, j->row.id, data);
}

static void on_result(struct job *j, const struct progress_event *e)
{
	const struct store_chunk *c = e->result;

	j->events += (int64_t)c->n_events;
	if (j->gone)
		return;
	json_auto_t *chunk = result_chunk(c);
	json_t *events = json_array();
	result_events(c, events);
	events_post(j->board->setup.events, EVENT_RESULTS, j->row.id,
	            json_pack("{s:I, s:O, s:O, s:O, s:O, s:O, s:o}", "chunk", (json_int_t)c->index,
	                      "state", json_object_get(chunk, "state"), "summary",
	                      json_object_get(chunk, "summary"), "reason",
	                      json_object_get(chunk, "reason"), "attempts",
	                      json_object_get(chunk, "attempts"), "samples",
	                      json_object_get(chunk, "samples"), "events", events));
}

void board_on_progress(void *ctx, const struct progress_event *e)
{
	struct job *j = ctx;
	AUTO(board_unlockp) struct board *b = board_lock(j->board);

	j->view = *e->view;
	switch (e->type) {
	case PROGRESS_PHASE: on_phase(j, e); break;
	case PROGRESS_HASH: on_hash(j, e); break;
	case PROGRESS_BEGIN: on_begin(j, e); break;
	case PROGRESS_CHUNK: on_chunk(j, e); break;
	case PROGRESS_RESULT: on_result(j, e); break;
	default: break;
	}
	if (e->type == PROGRESS_UPDATE)
		j->moved = true;
	else
		j->dirty = true;
	board_wake(b);
}

/* ---- how it ended */

static void stop_as_asked(struct job *j, int64_t now)
{
	switch (j->stop) {
	case STOP_PAUSE: j->row.state = STORE_ENTRY_PAUSED; break;
	case STOP_CANCEL:
		j->row.state = STORE_ENTRY_CANCELED;
		j->row.ended = clock_wall();
		break;
	default: j->row.state = STORE_ENTRY_QUEUED; j->retry_at = j->board->stopping ? 0 : now;
	}
}

static void fail(struct job *j, const char *why)
{
	j->row.state = STORE_ENTRY_FAILED;
	j->row.ended = clock_wall();
	board_set_text(&j->row.fault, why);
}

/* Full disk: the queue waits until the disk has space. If it has, the limit is
 * another one, such as a disk quota: back-off. */
static void wait_for_space(struct job *j, const struct err *err, int64_t now)
{
	AUTO(mem_freep)
	char *why = mem_printf("%s; the job continues when there is space", err->msg);
	int64_t delay = ++j->tries * (int64_t)SPACE_RETRY;

	j->row.state = STORE_ENTRY_QUEUED;
	if (j->board->disk_full)
		j->retry_at = 0;
	else
		j->retry_at = now + (delay < SPACE_RETRY_MAX ? delay : SPACE_RETRY_MAX);
	board_set_text(&j->row.fault, why);
}

/* An engine that cannot be reached may come back: back-off instead of failing
 * every job. */
static void try_later(struct job *j, const struct err *err, int64_t now)
{
	AUTO(mem_freep) char *why = NULL;
	if (++j->tries > ENGINE_TRIES) {
		fail(j, err->msg);
		return;
	}
	why = mem_printf("%s (next attempt in %d s)", err->msg, j->tries * ENGINE_RETRY / 1000000);
	j->row.state = STORE_ENTRY_QUEUED;
	j->retry_at = now + (int64_t)j->tries * ENGINE_RETRY;
	board_set_text(&j->row.fault, why);
}

static void finish(struct job *j, const struct analyze_result *result)
{
	static const enum store_entry_state states[] = {[ANALYZE_COMPLETE] = STORE_ENTRY_DONE,
	                                                [ANALYZE_HOLES] = STORE_ENTRY_HOLES,
	                                                [ANALYZE_EMPTY] = STORE_ENTRY_FAILED};
	j->row.state = states[result->outcome];
	j->row.ended = clock_wall();
	board_set_text(&j->row.fault, result->first_hole);
}

static void reset_running(struct job *j)
{
	for (size_t i = 0; i < j->n_chunks; i++)
		if (chunk_is_running(j->states[i]))
			j->states[i] = CHUNK_TODO;
}

/* A turn that ended early, so that another one is due, unless somebody has
 * stopped the job meanwhile. */
static void end_early(struct job *j, const struct err *err, int64_t now)
{
	bool full = err->code == ERR_NOSPC || (err->code == ERR_IO && j->board->disk_full);

	if (err->code == ERR_CANCELED || j->stop == STOP_PAUSE || j->stop == STOP_CANCEL) {
		stop_as_asked(j, now);
	} else if (err->code == ERR_BUSY ||
	           board_is_away(err->msg)) { /* another process, or the same run of another job */
		j->row.state = STORE_ENTRY_QUEUED;
		j->retry_at = now + BUSY_RETRY;
		board_set_text(&j->row.fault, err->msg);
	} else if (full) {
		wait_for_space(j, err, now);
	} else {
		try_later(j, err, now);
	}
}

/* Of an attempt that failed: whether another one may succeed. */
static bool is_passing(const struct job *j, const struct err *err)
{
	switch (err->code) {
	case ERR_CANCELED:
	case ERR_BUSY:
	case ERR_NOSPC:
	case ERR_ENGINE:
	case ERR_DIED: return true;
	default: return err->code == ERR_IO && j->board->disk_full;
	}
}

/* What was counted while it ran were statements of the model. */
static void count_events(struct job *j)
{
	struct store_summary summary = {0};
	struct err ignored;
	if (store_summary(j->board->setup.store, j->row.journal, &summary, &ignored) < 0)
		return;
	free(summary.states);
	AUTO(board_unlockp) struct board *b = board_lock(j->board);
	j->events = board_listed(b, &summary);
}

/* Whether what is at the path of the video now is not what this turn opened, or
 * could not open: the folders do not deliver it again. With `disk` held. */
static bool is_back(const struct job *j)
{
	char stamp[FILE_STAMP_MAX];
	pthread_mutex_lock(&j->board->lock);
	AUTO(mem_freep) char *path = mem_strdup(j->video->row.path);
	pthread_mutex_unlock(&j->board->lock);
	board_stamp_path(path, stamp);
	return strcmp(path, j->path) != 0 || strcmp(stamp, j->stamp) != 0;
}

static void end_turn(struct job *j, int r, const struct analyze_result *result,
                     const struct err *err)
{
	struct board *b = j->board;
	struct err why;
	if (r < 0)
		board_check_disk(b);
	else
		count_events(j);
	AUTO(board_undiskp) struct board *disk = board_disk(b);
	bool again = r < 0 && board_is_away(err->msg) && is_back(j);
	pthread_mutex_lock(&b->lock);
	int64_t now = clock_now();
	j->row.served += now - j->began;
	if (r == 0)
		finish(j, result);
	else if (again || is_passing(j, err))
		end_early(j, err, now);
	else
		fail(j, err->msg);
	j->in_chunks = false;
	j->view = (struct progress_view){0};
	reset_running(j);
	if (j->row.state != STORE_ENTRY_QUEUED && j->row.state != STORE_ENTRY_PAUSED) {
		free(TAKE(j->only));
		j->n_only = 0;
	}
	pthread_mutex_unlock(&b->lock);

	/* Saved before it is published. */
	if (!j->gone && board_save_job(disk, j, &why) < 0)
		board_note_saving(disk, -why.code, &why);
	board_publish_summaries(disk, j->video->row.id);
	pthread_mutex_lock(&b->lock);
	j->stop = STOP_NONE;
	j->ended = true;
	b->watches_due = true;
	board_publish_job(b, j);
	board_wake(b);
	pthread_mutex_unlock(&b->lock);
}

/* ---- doing it */

/* What is known of the file before it is analyzed. */
struct known {
	char sha256[HASH_HEX]; /* "" = not known */
	/* that it has to have, since it was found in a watched folder with it;
	 * "" = any */
	char expected[HASH_HEX];
};

/* Of any other file, notes what it is now. */
static void examine(struct job *j, const char *path, struct known *ret)
{
	char stamp[FILE_STAMP_MAX], sha256[HASH_HEX];
	bool found = board_is_found(j->board, j->video, sha256);
	board_stamp_path(path, stamp);
	AUTO(board_unlockp) struct board *b = board_lock(j->board);
	struct store_video *v = &j->video->row;
	(void)b;
	*ret = (struct known){0};
	board_set_text(&j->stamp, stamp);
	if (found)
		memcpy(ret->expected, sha256, HASH_HEX);
	if (*stamp && strlen(v->sha256) == HASH_HEX - 1 && strcmp(v->stamp, stamp) == 0) {
		memcpy(ret->sha256, v->sha256, HASH_HEX);
	} else if (!found && *stamp && strcmp(v->stamp, stamp) != 0) {
		board_set_text(&v->stamp, stamp);
		board_set_text(&v->sha256, "");
		j->video->unsaved = true;
	}
}

static int find_file(struct job *j, char **ret, struct err *err)
{
	pthread_mutex_lock(&j->board->lock);
	const struct store_video *v = &j->video->row;
	bool named = strcmp(v->origin, "path") == 0,
		 failed = v->state == STORE_VIDEO_FAILED && !*v->path;
	AUTO(mem_freep) char *path = mem_strdup(v->path);
	board_set_text(&j->path, path);
	board_set_text(&j->stamp, "");
	if (failed)
		err_set(err, ERR_NOENT, "the video is not here: %s", v->fault);
	pthread_mutex_unlock(&j->board->lock);
	if (failed)
		return -ERR_NOENT;
	/* Folders and links may have changed since the request was judged. */
	if (named)
		return board_check_video_path(j->board, path, ret, err);
	*ret = TAKE(path);
	return 0;
}

/* The path of the file, which may have been moved in a watched folder. */
static int locate(struct job *j, char **ret, struct known *known, struct err *err)
{
	int r = find_file(j, ret, err);
	if (r == 0)
		examine(j, *ret, known);
	bool found = r == 0 ? *known->expected : board_is_found(j->board, j->video, known->expected);
	if (!found || *known->sha256 ||
	    !board_find_place(j->board, j->video, known->expected, j->cancel))
		return r;
	free(TAKE(*ret));
	r = find_file(j, ret, err);
	if (r == 0)
		examine(j, *ret, known);
	return r;
}

/* The address of a video that is read in place, as far as the options allow it
 * now. */
static int locate_away(struct job *j, char **ret, struct known *known, bool *ret_is,
                       struct err *err)
{
	struct board *b = j->board;
	AUTO(away_clear) struct away a = {0};
	AUTO(mem_freep) char *name = NULL;
	pthread_mutex_lock(&b->lock);
	*ret_is = board_take_away(j->video, &a);
	if (*ret_is) {
		board_set_text(&j->path, "");
		board_set_text(&j->stamp, "");
	}
	pthread_mutex_unlock(&b->lock);
	if (!*ret_is)
		return 0;
	int r = board_check_address(b, a.address, &name, err);
	if (r < 0)
		return r;
	*ret = TAKE(a.address);
	memcpy(known->expected, a.sha256, HASH_HEX);
	return b->setup.web ? 0 : err_set(err, ERR_PERM, "this server reads no videos at addresses");
}

static int run_turn(struct job *j, struct analyze_result *result, struct err *err)
{
	struct board *b = j->board;
	struct analyze_options o;
	AUTO(mem_freep) char *path = NULL;
	char id[32];
	struct known known = {0};
	bool away;
	int r = locate_away(j, &path, &known, &away, err);
	if (r == 0 && !away)
		r = locate(j, &path, &known, err);
	if (r == 0)
		r = board_make_options(b->setup.analyze, j->options, &o, err);
	if (r < 0)
		return r;

	if (o.media_stream == MEDIA_STREAM_ALL)
		r = board_split_streams(j, path, &o, err);
	if (r < 0) {
		board_clear_options(&o);
		return r;
	}
	snprintf(id, sizeof id, "%lld", (long long)j->row.id);
	free(o.output);
	o.output = file_join(b->reports_dir, id);
	const struct analyze a = {.options = &o,
	                          .speech = b->setup.speech,
	                          .speech_places = b->setup.speech_places,
	                          .engine = b->setup.engine,
	                          .store = b->setup.store,
	                          .memory = b->setup.memory,
	                          .runner = b->setup.runner,
	                          .web = away ? b->setup.web : NULL,
	                          .locks_dir = b->setup.locks_dir,
	                          .progress = j->progress,
	                          .cancel = j->cancel,
	                          .drain = j->drain,
	                          .queue_entry = j->row.id,
	                          .sha256 = *known.sha256 ? known.sha256 : NULL,
	                          .stamp = j->stamp,
	                          .expected = *known.expected ? known.expected : NULL,
	                          .only = j->only,
	                          .n_only = j->n_only};

	r = analyze_file(&a, path, result, err);
	board_clear_options(&o);
	if (away)
		return r;
	if (r < 0 && result->other_content)
		r = board_file_replaced(path, err);
	else if (r < 0 && *known.expected && !*j->stamp)
		r = board_file_away(path, err);
	return r;
}

void *board_run_job(void *arg)
{
	struct job *j = arg;
	AUTO(analyze_result_clear) struct analyze_result result = {0};
	struct err err = {0};
	int r = run_turn(j, &result, &err);
	if (r < 0 && err.code != ERR_CANCELED)
		log_warning("[job %lld] %s", (long long)j->row.id, err.msg);
	end_turn(j, r, &result, &err);
	return NULL;
}
