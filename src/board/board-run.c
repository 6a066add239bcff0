/* SPDX-License-Identifier: Apache-2.0 */
/* One turn of a job: analyze_file() on a thread of its own, what it tells on
 * the way, and how it ended. */
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

enum { RETRY = 5000000, ENGINE_RETRY = 15000000, ENGINE_TRIES = 6 };

/* ---- what it tells, with the lock held */

static void on_begin(struct job *j, json_t *e)
{
	const char *journal = json_string_value(json_object_get(e, "job"));
	board_set_text(&j->dots, json_string_value(json_object_get(e, "states")));
	bool first = !j->in_chunks;
	j->in_chunks = true;
	j->tries = 0;
	if (journal && strcmp(journal, j->row.journal) != 0) {
		board_set_text(&j->row.journal, journal);
		j->unsaved = true;
	}
	/* it was told to rest before it had anything worth finishing */
	if (first && j->stop != STOP_NONE)
		cancel_fire(j->cancel);
}

static void on_hash(struct job *j, json_t *e)
{
	struct video *v = j->video;
	const char *sha256 = json_string_value(json_object_get(e, "sha256"));
	if (sha256 && strcmp(sha256, v->row.sha256) != 0) {
		board_set_text(&v->row.sha256, sha256);
		v->unsaved = true;
		board_publish_video(j->board, v);
	}
}

static void on_chunk(struct job *j, json_t *e)
{
	const char *state = json_string_value(json_object_get(e, "state"));
	size_t i = (size_t)json_integer_value(json_object_get(e, "chunk")) - 1;
	if (!state || !j->dots || i >= strlen(j->dots))
		return;
	bool done = strcmp(state, "done") == 0, hole = strcmp(state, "hole") == 0;
	j->board->chunks_done += done;
	j->board->chunks_holes += hole;
	j->dots[i] = done ? 'd' : hole ? 'h' : 'r';
	json_t *data = json_pack("{s:I, s:O, s:O, s:s}", "index", (json_int_t)i, "start",
	                         json_object_get(e, "start"), "end", json_object_get(e, "end"), "state",
	                         done || hole ? state : "running");
	if (!done && !hole)
		json_object_set_new(data, "stage", json_string(state));
	if (!j->gone)
		events_post(j->board->setup.events, "chunk", "job", j->row.id, data);
	else
		json_decref(data);
}

static void on_result(struct job *j, json_t *e)
{
	json_t *events = json_object_get(e, "events");
	j->events += (int64_t)json_array_size(events);
	if (!j->gone)
		events_post(j->board->setup.events, "results", "job", j->row.id,
		            json_pack("{s:I, s:O, s:O}", "chunk",
		                      json_integer_value(json_object_get(e, "chunk")) - 1, "summary",
		                      json_object_get(e, "summary"), "events", events));
}

static void on_phase(struct job *j, json_t *e)
{
	const char *phase = json_string_value(json_object_get(e, "phase"));
	const char *detail = json_string_value(json_object_get(e, "detail"));
	snprintf(j->phase, sizeof j->phase, "%s", phase ? phase : "");
	snprintf(j->detail, sizeof j->detail, "%s", detail ? detail : "");
	if (strcmp(j->phase, "chunks") != 0)
		j->in_chunks = false;
}

void board_on_progress(void *ctx, json_t *e)
{
	static const struct {
		const char *type;
		void (*on)(struct job *, json_t *);
	} known[] = {
		{"begin", on_begin},   {"hash", on_hash},   {"chunk", on_chunk},
		{"result", on_result}, {"phase", on_phase},
	};
	struct job *j = ctx;
	const char *type = json_string_value(json_object_get(e, "type"));
	AUTO(board_unlockp) struct board *b = board_lock(j->board);
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strcmp(known[i].type, type) == 0)
			known[i].on(j, e);
	j->dirty = true;
	board_wake(b);
}

/* ---- how it ended */

static void rest_as(struct job *j, int64_t now)
{
	switch (j->stop) {
	case STOP_PAUSE: j->row.state = STORE_ENTRY_PAUSED; break;
	case STOP_CANCEL:
		j->row.state = STORE_ENTRY_CANCELLED;
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

/* An engine that cannot be reached may come back: the queue must not burn down
 * for it. */
static void try_later(struct job *j, const struct err *err, int64_t now)
{
	AUTO(mem_freep) char *why = NULL;
	if (++j->tries > ENGINE_TRIES) {
		fail(j, err->msg);
		return;
	}
	why = mem_printf("%s (it is tried again in %d s)", err->msg, j->tries * ENGINE_RETRY / 1000000);
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

/* Nothing runs any more, whatever was in work. */
static void settle_dots(struct job *j)
{
	for (char *p = j->dots; p && *p; p++)
		if (*p == 'r')
			*p = '.';
}

static void end_turn(struct job *j, int r, const struct analyze_result *result,
                     const struct err *err)
{
	struct board *b = j->board;
	struct err why;
	AUTO(board_undiskp) struct board *disk = board_disk(b);
	pthread_mutex_lock(&b->lock);
	int64_t now = clock_now();
	j->row.served += now - j->began;
	if (r == 0) {
		finish(j, result);
	} else if (err->code == ERR_CANCELED) {
		rest_as(j, now);
		/* the same job of another video, or of another program: it waits for it */
	} else if (err->code == ERR_BUSY) {
		j->row.state = STORE_ENTRY_QUEUED;
		j->retry_at = now + RETRY;
		board_set_text(&j->row.fault, err->msg);
	} else if (err->code == ERR_ENGINE || err->code == ERR_DIED) {
		try_later(j, err, now);
	} else {
		fail(j, err->msg);
	}
	j->in_chunks = false;
	j->phase[0] = j->detail[0] = '\0';
	j->view = (struct progress_view){0};
	settle_dots(j);
	if (j->row.state != STORE_ENTRY_QUEUED && j->row.state != STORE_ENTRY_PAUSED) {
		free(TAKE(j->only));
		j->n_only = 0;
	}
	pthread_mutex_unlock(&b->lock);
	/* First it is written down, then it is told. */
	if (!j->gone && board_save_job(disk, j, &why) < 0)
		log_error("[job %lld] the queue cannot be written down: %s", (long long)j->row.id, why.msg);
	pthread_mutex_lock(&b->lock);
	j->stop = STOP_NONE;
	j->ended = true;
	board_publish_job(b, j);
	board_wake(b);
	pthread_mutex_unlock(&b->lock);
}

/* ---- doing it */

/* The SHA-256 of the file, if it is known and the file is still what it was;
 * else notes what the file is now. */
static bool is_known(struct job *j, const char *path, char sha256[static HASH_HEX])
{
	char stamp[100] = "";
	int fd;
	struct err ignored;
	if (file_open_input(path, &fd, &ignored) == 0) {
		board_stamp(fd, stamp);
		close(fd);
	}
	AUTO(board_unlockp) struct board *b = board_lock(j->board);
	struct store_video *v = &j->video->row;
	bool known = *stamp && strlen(v->sha256) == HASH_HEX - 1 && strcmp(v->stamp, stamp) == 0;
	if (known) {
		memcpy(sha256, v->sha256, HASH_HEX);
	} else if (strcmp(v->stamp, stamp) != 0) {
		board_set_text(&v->stamp, stamp);
		board_set_text(&v->sha256, "");
		j->video->unsaved = true;
	}
	(void)b;
	return known;
}

static int find_file(struct job *j, char **ret, struct err *err)
{
	pthread_mutex_lock(&j->board->lock);
	const struct store_video *v = &j->video->row;
	bool named = strcmp(v->origin, "path") == 0,
		 failed = v->state == STORE_VIDEO_FAILED && !*v->path;
	AUTO(mem_freep) char *path = mem_strdup(v->path);
	if (failed)
		err_set(err, ERR_NOENT, "the video is not here: %s", v->fault);
	pthread_mutex_unlock(&j->board->lock);
	if (failed)
		return -ERR_NOENT;
	/* Folders and links may have changed since the request was judged. */
	if (named)
		return board_check_path(j->board, path, ret, err);
	*ret = TAKE(path);
	return 0;
}

static int run_turn(struct job *j, struct analyze_result *result, struct err *err)
{
	struct board *b = j->board;
	struct analyze_options o;
	AUTO(mem_freep) char *path = NULL;
	char id[32], sha256[HASH_HEX];
	int r = find_file(j, &path, err);
	if (r == 0)
		r = board_make_options(b->setup.analyze, j->options, &o, err);
	if (r < 0)
		return r;
	snprintf(id, sizeof id, "%lld", (long long)j->row.id);
	free(o.output);
	o.output = file_join(b->reports_dir, id);
	const struct analyze a = {.options = &o,
	                          .engine = b->setup.engine,
	                          .store = b->setup.store,
	                          .memory = b->setup.memory,
	                          .locks_dir = b->setup.locks_dir,
	                          .progress = j->progress,
	                          .cancel = j->cancel,
	                          .drain = j->drain,
	                          .sha256 = is_known(j, path, sha256) ? sha256 : NULL,
	                          .only = j->only,
	                          .n_only = j->n_only};
	r = analyze_file(&a, path, result, err);
	board_clear_options(&o);
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
