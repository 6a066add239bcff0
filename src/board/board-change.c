/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that change the queue. Each change is saved before the reply. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "board/board-internal.h"

/* ---- a new job */

static int read_priority(const json_t *request, int64_t *ret, struct err *err)
{
	const json_t *p = json_object_get(request, "priority");
	*ret = 0;
	if (!p || json_is_null(p))
		return 0;
	*ret = json_integer_value(p);
	if (!json_is_integer(p) || *ret < -BOARD_PRIORITY_MAX || *ret > BOARD_PRIORITY_MAX)
		return err_set(err, ERR_ARG, "\"priority\" has to be a whole number from %d to %d",
		               -BOARD_PRIORITY_MAX, BOARD_PRIORITY_MAX);
	return 0;
}

int board_read_job(struct board *b, const json_t *request, const char *const *keys,
                   struct new_job *ret, struct err *err)
{
	json_t *options = NULL;
	int64_t priority;
	int r = board_check_keys(request, keys, err);
	if (r == 0)
		r = read_priority(request, &priority, err);
	if (r < 0)
		return r;
	json_auto_t *full =
		b->settings ? settings_apply(b->settings, request) : json_incref((json_t *)request);
	r = board_read_options(b->setup.analyze, full, &options, err);
	if (r == 0)
		*ret = (struct new_job){.options = options,
		                        .text = json_dumps(options, JSON_COMPACT | JSON_SORT_KEYS),
		                        .priority = priority};
	return r;
}

int board_default_options(struct board *b, struct analyze_options *ret, struct err *err)
{
	static const char *const no_keys[] = {NULL};
	AUTO(board_clear_new_job) struct new_job defaults = {0};
	json_auto_t *nothing = json_object();
	int r = board_read_job(b, nothing, no_keys, &defaults, err);
	return r < 0 ? r : board_make_options(b->setup.analyze, defaults.options, ret, err);
}

int board_submit(struct board *b, const json_t *request, json_t **ret_job, struct err *err)
{
	static const char *const keys[] = {"video",   "path",     "url", "prompt",
	                                   "options", "priority", NULL};
	AUTO(board_clear_new_job) struct new_job n = {0};
	struct video *v;
	int r = board_read_job(b, request, keys, &n, err);
	if (r < 0)
		return r;
	AUTO(board_undiskp) struct board *disk = board_disk(b);
	r = board_get_video(disk, request, &v, err);
	if (r < 0)
		return r;

	pthread_mutex_lock(&b->lock);
	struct job *j = board_find_same(b, v, n.text);
	pthread_mutex_unlock(&b->lock);
	if (!j && (r = board_add_job(b, v, &n, &j, err)) < 0)
		return r;
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	(void)locked; /* until the end of the function */
	*ret_job = board_job_json(j);
	return 0;
}

/* ---- controls */

static const char *const action_names[] = {"pause", "resume", "cancel", "retry"};

int board_action_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(action_names); i++)
		if (strcmp(name, action_names[i]) == 0)
			return (int)i;
	return -1;
}

static int refuse(const struct job *j, const char *what, struct err *err)
{
	static const char *const names[] = {"queued",          "running", "paused",  "done",
	                                    "done with holes", "failed",  "canceled"};
	return err_set(err, ERR_BUSY, "job %lld cannot be %s: it is %s", (long long)j->row.id, what,
	               names[j->row.state]);
}

void board_requeue(struct board *b, struct job *j)
{
	j->row.state = STORE_ENTRY_QUEUED;
	j->row.ended = 0;
	j->retry_at = 0;
	free(j->row.fault);
	j->row.fault = mem_strdup("");
	board_level(b, j);
}

static int pause_job(struct board *b, struct job *j, struct err *err)
{
	(void)b;
	if (j->has_thread && !j->ended)
		board_stop_job(j, STOP_PAUSE);
	else if (j->row.state == STORE_ENTRY_QUEUED)
		j->row.state = STORE_ENTRY_PAUSED;
	else if (j->row.state != STORE_ENTRY_PAUSED)
		return refuse(j, "paused", err);
	return 0;
}

static int resume_job(struct board *b, struct job *j, struct err *err)
{
	if (j->has_thread && !j->ended) {
		if (j->stop == STOP_PAUSE) /* it has begun to leave: it comes again at once */
			j->stop = STOP_YIELD;
	} else if (j->row.state == STORE_ENTRY_PAUSED || j->row.state == STORE_ENTRY_CANCELED) {
		board_requeue(b, j);
	} else if (j->row.state != STORE_ENTRY_QUEUED) {
		return refuse(j, "resumed", err);
	}
	return 0;
}

static int cancel_job(struct board *b, struct job *j, struct err *err)
{
	(void)b;
	if (j->has_thread && !j->ended) {
		board_stop_job(j, STOP_CANCEL);
	} else if (j->row.state == STORE_ENTRY_QUEUED || j->row.state == STORE_ENTRY_PAUSED) {
		j->row.state = STORE_ENTRY_CANCELED;
		j->row.ended = clock_wall();
	} else if (j->row.state != STORE_ENTRY_CANCELED) {
		return refuse(j, "canceled", err);
	}
	return 0;
}

/* The chunks that a retry names, each of them a hole. */
static int read_only(struct job *j, const json_t *body, struct err *err)
{
	const json_t *list = json_object_get(body, "chunks");
	size_t n = json_array_size(list), chunks = j->n_chunks;
	if (!list || json_is_null(list))
		return 0;
	if (!json_is_array(list) || !n)
		return err_set(err, ERR_ARG, "\"chunks\" has to be a list of the indices of holes");
	AUTO(mem_freep) int64_t *only = mem_alloc(n, sizeof *only);
	for (size_t i = 0; i < n; i++) {
		const json_t *v = json_array_get(list, i);
		only[i] = json_integer_value(v);
		if (!json_is_integer(v) || only[i] < 0 || (size_t)only[i] >= chunks)
			return err_set(err, ERR_ARG, "\"chunks\" has to list indices from 0 to %zu",
			               chunks ? chunks - 1 : 0);
		if (j->states[only[i]] == CHUNK_DONE)
			return err_set(err, ERR_BUSY, "chunk %lld is done; only holes are tried again",
			               (long long)only[i]);
	}
	free(j->only);
	j->only = TAKE(only);
	j->n_only = n;
	return 0;
}

static int retry_job(struct board *b, struct job *j, const json_t *body, struct err *err)
{
	enum store_entry_state s = j->row.state;
	bool over = s == STORE_ENTRY_HOLES || s == STORE_ENTRY_FAILED || s == STORE_ENTRY_CANCELED;
	if ((j->has_thread && !j->ended) || !over)
		return refuse(j, "tried again", err);
	int r = read_only(j, body, err);
	if (r == 0)
		board_requeue(b, j);
	return r;
}

static int act(struct board *b, struct job *j, enum board_action action, const json_t *body,
               struct err *err)
{
	switch (action) {
	case BOARD_PAUSE: return pause_job(b, j, err);
	case BOARD_RESUME: return resume_job(b, j, err);
	case BOARD_CANCEL: return cancel_job(b, j, err);
	default: return retry_job(b, j, body, err);
	}
}

/* With `disk` held, after a change in memory: saves and publishes it. */
static int changed(struct board *b, struct job *j, json_t **ret, struct err *err)
{
	int r = board_save_job(b, j, err);
	if (r < 0)
		return r;
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	board_publish_job(locked, j);
	board_wake(b);
	*ret = board_job_json(j);
	return 0;
}

int board_control(struct board *b, int64_t id, enum board_action action, const json_t *body,
                  json_t **ret, struct err *err)
{
	struct job *j;
	AUTO(board_undiskp) struct board *disk = board_disk(b);
	pthread_mutex_lock(&b->lock);
	int r = board_need_job(b, id, &j, err);
	if (r == 0)
		r = act(b, j, action, body, err);
	int64_t video = r == 0 ? j->video->row.id : 0;
	pthread_mutex_unlock(&b->lock);
	if (r == 0)
		r = changed(disk, j, ret, err);
	if (r == 0)
		board_publish_summaries(disk, video);
	return r;
}

/* ---- order */

/* Puts j before `target`, or at the end. */
static void move(struct board *b, struct job *j, const struct job *target)
{
	size_t n;
	double before = 0;
	AUTO(mem_freep) struct job **order = board_order(b, &n);
	if (!target) {
		j->row.place = board_last_place(b) + 1;
		return;
	}
	for (size_t i = 0; i < n && order[i] != target; i++)
		if (order[i] != j && order[i]->row.priority == target->row.priority)
			before = order[i]->row.place;
	j->row.priority = target->row.priority;
	j->row.place = before + (target->row.place - before) / 2;
	/* By place alone: earlier work does not count any more. */
	if (j->row.served > target->row.served)
		j->row.served = target->row.served;
}

static int change(struct board *b, struct job *j, const json_t *body, struct err *err)
{
	json_t *before = json_object_get(body, "before"), *priority = json_object_get(body, "priority");
	struct job *target = NULL;
	int64_t wanted = 0, id;
	int r = read_priority(body, &wanted, err);
	if (r == 0 && before && !json_is_null(before)) {
		r = board_parse_id(before, &id, err);
		if (r == 0)
			r = board_need_job(b, id, &target, err);
		if (r == 0 && target == j)
			r = err_set(err, ERR_ARG, "a job cannot be placed before itself");
	}
	if (r < 0)
		return r;
	if (before)
		move(b, j, target);
	if (priority && !json_is_null(priority))
		j->row.priority = wanted;
	return 0;
}

int board_change(struct board *b, int64_t id, const json_t *body, json_t **ret, struct err *err)
{
	static const char *const keys[] = {"priority", "before", NULL};
	struct job *j;
	int r = board_check_keys(body, keys, err);
	if (r < 0)
		return r;
	AUTO(board_undiskp) struct board *disk = board_disk(b);
	pthread_mutex_lock(&b->lock);
	r = board_need_job(b, id, &j, err);
	if (r == 0)
		r = change(b, j, body, err);
	pthread_mutex_unlock(&b->lock);
	return r < 0 ? r : changed(disk, j, ret, err);
}

/* ---- removing */

/* With `disk` held, after its row is gone. A running job ends by itself
 * afterwards; what it still writes goes nowhere. */
static void forget_job(struct board *b, struct job *j)
{
	AUTO(mem_freep) char *id = mem_printf("%lld", (long long)j->row.id);
	AUTO(mem_freep) char *dir = file_join(b->reports_dir, id);
	struct err why;

	if (file_remove_tree(dir, &why) < 0)
		log_warning("[job %s] %s", id, why.msg);
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	if (j->has_thread && !j->ended)
		board_stop_job(j, STOP_CANCEL);
	j->gone = true;
	events_post(locked->setup.events, EVENT_JOB_REMOVED, j->row.id, NULL);
	board_wake(b);
}

int board_remove(struct board *b, int64_t id, struct err *err)
{
	struct job *j;
	AUTO(board_undiskp) struct board *disk = board_disk(b);
	pthread_mutex_lock(&b->lock);
	int r = board_need_job(b, id, &j, err);
	int64_t video = r == 0 ? j->video->row.id : 0;
	pthread_mutex_unlock(&b->lock);
	if (r == 0) /* saved rows name the runs in the journal, which go with them */
		r = board_save_changes(disk, err);
	AUTO(hash_blocks_clear) struct hash_blocks blocks = {0};
	AUTO(away_clear) struct away a = {0};
	if (r == 0)
		board_load_blocks(disk, j->video, &a, &blocks);
	if (r == 0)
		r = store_entry_remove(disk->setup.store, id, err);
	if (r < 0)
		return r;
	board_keep_blocks(disk, &a, &blocks);
	forget_job(disk, j);
	board_publish_summaries(disk, video);
	return 0;
}

static struct job *job_of(struct board *b, const struct video *v)
{
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	for (size_t i = 0; i < locked->n_jobs; i++)
		if (b->jobs[i]->video == v && !b->jobs[i]->gone)
			return b->jobs[i];
	return NULL;
}

int board_video_remove(struct board *b, int64_t id, struct err *err)
{
	AUTO(mem_freep) char *name = mem_printf("%lld", (long long)id);
	AUTO(mem_freep) char *dir = file_join(b->videos_dir, name);
	struct video *v;
	struct job *j;
	struct err why;
	bool is_away = false;
	AUTO(away_clear) struct away a = {0};
	AUTO(hash_blocks_clear) struct hash_blocks blocks = {0};
	AUTO(board_undiskp) struct board *disk = board_disk(b);
	pthread_mutex_lock(&b->lock);
	int r = board_need_video(b, id, &v, err);
	pthread_mutex_unlock(&b->lock);
	if (r == 0)
		r = board_save_changes(disk, err);
	size_t n_cases = 0;
	AUTO(mem_freep) int64_t *cases = r == 0 ? board_cases_with(disk, id, &n_cases) : NULL;
	if (r == 0)
		is_away = board_load_blocks(disk, v, &a, &blocks);
	if (r == 0)
		r = store_video_remove(disk->setup.store, id, err);
	if (r < 0)
		return r;
	while ((j = job_of(disk, v)))
		forget_job(disk, j);
	if (is_away)
		board_forget_away(disk, &a, &blocks);
	if (file_remove_tree(dir, &why) < 0)
		log_warning("[video %s] %s", name, why.msg);
	for (size_t i = 0; i < n_cases; i++)
		board_publish_case(disk, cases[i]);
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	v->gone = true;
	cancel_fire(v->cancel);
	events_post(locked->setup.events, EVENT_VIDEO_REMOVED, id, NULL);
	board_wake(b);
	return 0;
}
