/* SPDX-License-Identifier: Apache-2.0 */
/* The state of the board in memory: locks, lookup, publishing, saving. The
 * other files of the board need this one; it needs none of them but
 * board-json.c. */
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/clock.h"
#include "base/log.h"
#include "board/board-internal.h"

void board_set_text(char **to, const char *text)
{
	free(*to);
	*to = mem_strdup(text ? text : "");
}

char *board_video_path(const struct board *b, int64_t id, const char *name)
{
	return mem_printf("%s/%lld%s%s", b->videos_dir, (long long)id, *name ? "/" : "", name);
}

struct board *board_lock(struct board *b)
{
	pthread_mutex_lock(&b->lock);
	return b;
}

void board_unlockp(struct board **b)
{
	pthread_mutex_unlock(&(*b)->lock);
}

struct board *board_disk(struct board *b)
{
	pthread_mutex_lock(&b->disk);
	return b;
}

void board_undiskp(struct board **b)
{
	pthread_mutex_unlock(&(*b)->disk);
}

/* ---- disk */

void board_check_disk(struct board *b)
{
	struct statvfs fs;

	if (statvfs(b->videos_dir, &fs) < 0)
		return;
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	bool was_full = locked->disk_full;
	b->disk_free = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
	b->disk_full = b->disk_free < BOARD_SPACE_MIN;
	if (b->disk_full && !was_full)
		log_warning("the disk of %s is full; jobs wait until there is space", b->setup.data_dir);
	else if (was_full && !b->disk_full)
		log_info("the disk of %s has space again; jobs continue", b->setup.data_dir);
	if (b->disk_full != was_full)
		board_wake(b);
}

static json_t *tags_of(const struct video *v)
{
	return v->row.tags ? json_loads(v->row.tags, 0, NULL) : NULL;
}

static bool is_chat_tag(const json_t *tag)
{
	return json_is_string(tag) && strcmp(json_string_value(tag), BOARD_CHAT) == 0;
}

bool board_is_temporary(const struct video *v)
{
	size_t i;
	json_t *tag;
	json_auto_t *tags = strcmp(v->row.origin, BOARD_CHAT) == 0 ? tags_of(v) : NULL;
	bool marked = false;
	json_array_foreach (tags, i, tag)
		marked = marked || is_chat_tag(tag);
	return marked && !v->gone;
}

void board_keep_video(struct video *v)
{
	json_auto_t *tags = tags_of(v);
	if (!board_is_temporary(v))
		return;
	for (size_t i = json_array_size(tags); i-- > 0;)
		if (is_chat_tag(json_array_get(tags, i)))
			json_array_remove(tags, i);
	AUTO(mem_freep) char *text = json_dumps(tags, JSON_COMPACT);
	board_set_text(&v->row.tags, text);
	v->unsaved = true;
}

int64_t board_disk_used(struct board *b, const struct video *except)
{
	int64_t sum = 0;
	AUTO(board_unlockp) struct board *locked = board_lock(b);

	for (size_t i = 0; i < locked->n_videos; i++)
		if (b->videos[i] != except && !b->videos[i]->gone &&
		    strcmp(b->videos[i]->row.origin, "path") != 0)
			sum += b->videos[i]->row.size;
	return sum;
}

/* ---- what is listed */

enum report_detail board_detail(const struct board *b)
{
	return report_detail_of(b->setup.analyze->detail);
}

int64_t board_listed(const struct board *b, const struct store_summary *s)
{
	return board_detail(b) == REPORT_ALL ? s->statements : s->events;
}

/* ---- lookup and publishing */

struct job *board_find_job(struct board *b, int64_t id)
{
	for (size_t i = 0; i < b->n_jobs; i++)
		if (b->jobs[i]->row.id == id && !b->jobs[i]->gone)
			return b->jobs[i];
	return NULL;
}

struct video *board_find_video(struct board *b, int64_t id)
{
	for (size_t i = 0; i < b->n_videos; i++)
		if (b->videos[i]->row.id == id && !b->videos[i]->gone)
			return b->videos[i];
	return NULL;
}

int board_need_job(struct board *b, int64_t id, struct job **ret, struct err *err)
{
	*ret = board_find_job(b, id);
	return *ret ? 0 : err_set(err, ERR_NOENT, "no job has the id %lld", (long long)id);
}

int board_need_video(struct board *b, int64_t id, struct video **ret, struct err *err)
{
	*ret = board_find_video(b, id);
	return *ret ? 0 : err_set(err, ERR_NOENT, "no video has the id %lld", (long long)id);
}

void board_wake(struct board *b)
{
	b->changed = true;
	pthread_cond_signal(&b->wake);
}

void board_publish_job(struct board *b, struct job *j)
{
	j->dirty = j->moved = false;
	j->last_published = clock_now();
	if (!j->gone)
		events_post(b->setup.events, EVENT_JOB, j->row.id, board_job_json(j));
}

void board_publish_video(struct board *b, struct video *v)
{
	if (!v->gone)
		events_post(b->setup.events, EVENT_VIDEO, v->row.id, board_video_json(v));
}

void board_publish_video_and_jobs(struct board *b, struct video *v)
{
	board_publish_video(b, v);
	for (size_t i = 0; i < b->n_jobs; i++)
		if (b->jobs[i]->video == v)
			board_publish_job(b, b->jobs[i]);
}

static bool is_active(enum store_entry_state s)
{
	return s == STORE_ENTRY_QUEUED || s == STORE_ENTRY_RUNNING || s == STORE_ENTRY_PAUSED;
}

/* Active jobs in the order of the queue, then the others, the latest first. */
static int by_order(const void *x, const void *y)
{
	const struct job *a = *(struct job *const *)x, *b = *(struct job *const *)y;
	bool first = is_active(a->row.state), second = is_active(b->row.state);
	if (first != second)
		return first ? -1 : 1;
	if (!first)
		return a->row.ended != b->row.ended ? (a->row.ended > b->row.ended ? -1 : 1) : 0;
	const struct queue_job p = {.priority = a->row.priority, .place = a->row.place};
	const struct queue_job q = {.priority = b->row.priority, .place = b->row.place};
	return queue_before(&p, &q) ? -1 : queue_before(&q, &p);
}

struct job **board_order(struct board *b, size_t *ret_n)
{
	struct job **all = mem_alloc(b->n_jobs + 1, sizeof(struct job *));
	size_t n = 0;
	for (size_t i = 0; i < b->n_jobs; i++)
		if (!b->jobs[i]->gone)
			all[n++] = b->jobs[i];
	if (n)
		qsort(all, n, sizeof *all, by_order);
	*ret_n = n;
	return all;
}

struct queue_job *board_queue(struct board *b, int64_t now)
{
	struct queue_job *q = mem_alloc(b->n_jobs + 1, sizeof *q);
	for (size_t i = 0; i < b->n_jobs; i++) {
		const struct job *j = b->jobs[i];
		enum queue_state state = QUEUE_IDLE;
		if (j->has_thread)
			state = j->stop == STOP_NONE && !j->ended ? QUEUE_RUNNING : QUEUE_LEAVING;
		else if (j->row.state == STORE_ENTRY_QUEUED && !j->gone && !b->disk_full &&
		         now >= j->retry_at && j->video->row.state != STORE_VIDEO_FETCHING)
			state = QUEUE_WAITING;
		q[i] = (struct queue_job){.state = state,
		                          .priority = j->row.priority,
		                          .place = j->row.place,
		                          .served = j->row.served,
		                          .began = j->began};
	}
	return q;
}

/* ---- saving */

static struct store_entry copy_entry(const struct store_entry *e)
{
	struct store_entry c = *e;
	c.options = mem_strdup(e->options);
	c.journal = mem_strdup(e->journal);
	c.fault = mem_strdup(e->fault);
	return c;
}

static struct store_video copy_video(const struct store_video *v)
{
	struct store_video c = *v;
	char **strings[] = {&c.name,   &c.origin, &c.source, &c.path,
	                    &c.sha256, &c.stamp,  &c.facts,  &c.fault};
	for (size_t i = 0; i < ARRAY_LEN(strings); i++)
		*strings[i] = mem_strdup(*strings[i]);
	c.tags = v->tags ? mem_strdup(v->tags) : NULL;
	return c;
}

int board_save_job(struct board *b, struct job *j, struct err *err)
{
	pthread_mutex_lock(&b->lock);
	AUTO(store_entry_clear) struct store_entry row = copy_entry(&j->row);
	/* A pause or cancellation that was acknowledged survives a kill before the
	 * job has ended. */
	if (row.state == STORE_ENTRY_RUNNING && j->stop == STOP_PAUSE)
		row.state = STORE_ENTRY_PAUSED;
	else if (row.state == STORE_ENTRY_RUNNING && j->stop == STOP_CANCEL)
		row.state = STORE_ENTRY_CANCELED;
	j->unsaved = false;
	pthread_mutex_unlock(&b->lock);

	int r = store_entry_update(b->setup.store, &row, err);
	if (r == 0)
		return 0;
	pthread_mutex_lock(&b->lock);
	j->unsaved = true;
	pthread_mutex_unlock(&b->lock);
	return r;
}

int board_save_video(struct board *b, struct video *v, struct err *err)
{
	pthread_mutex_lock(&b->lock);
	AUTO(store_video_clear) struct store_video row = copy_video(&v->row);
	v->unsaved = false;
	pthread_mutex_unlock(&b->lock);

	int r = store_video_update(b->setup.store, &row, err);
	if (r == 0)
		return 0;
	pthread_mutex_lock(&b->lock);
	v->unsaved = true;
	pthread_mutex_unlock(&b->lock);
	return r;
}

static bool save_next(struct board *b, struct err *err, int *ret)
{
	struct job *job = NULL;
	struct video *video = NULL;

	pthread_mutex_lock(&b->lock);
	for (size_t i = 0; i < b->n_jobs && !job; i++)
		if (b->jobs[i]->unsaved && !b->jobs[i]->gone)
			job = b->jobs[i];
	for (size_t i = 0; i < b->n_videos && !video && !job; i++)
		if (b->videos[i]->unsaved && !b->videos[i]->gone)
			video = b->videos[i];
	pthread_mutex_unlock(&b->lock);
	*ret = job ? board_save_job(b, job, err) : video ? board_save_video(b, video, err) : 0;
	return job || video;
}

int board_save_changes(struct board *b, struct err *err)
{
	int r = 0;

	while (r == 0 && save_next(b, err, &r))
		;
	return r;
}

void board_note_saving(struct board *b, int r, const struct err *err)
{
	if (r < 0 && !b->save_failed)
		log_error("cannot save the queue in %s: %s; trying again until it works", b->setup.data_dir,
		          err->msg);
	else if (r == 0 && b->save_failed)
		log_warning("the queue in %s is saved again", b->setup.data_dir);
	b->save_failed = r < 0;
}

/* ---- jobs and videos */

void board_stop_job(struct job *j, enum stop_reason reason)
{
	/* Cancel beats pause, pause beats yield. */
	if (reason > j->stop)
		j->stop = reason;
	cancel_fire(j->drain);

	/* Only chunks are worth waiting for; every other phase is repeated
	 * quickly. */
	if (!j->in_chunks || reason == STOP_CANCEL)
		cancel_fire(j->cancel);
	j->dirty = true;
	board_wake(j->board);
}

void board_free_job(struct job *j)
{
	store_entry_clear(&j->row);
	json_decref(j->options);
	progress_free(j->progress);
	cancel_free(j->cancel);
	cancel_free(j->drain);
	free(j->states);
	free(j->only);
	free(j->path);
	free(j->stamp);
	free(j);
}

void board_free_video(struct video *v)
{
	store_video_clear(&v->row);
	json_decref(v->names);
	json_decref(v->facts);
	cancel_free(v->cancel);
	free(v);
}
