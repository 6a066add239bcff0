/* SPDX-License-Identifier: Apache-2.0 */
/* Files of watched folders come to the queue by themselves: a thread waits for
 * them (watch/folders.h), reads each for its SHA-256, and adds video and job,
 * as an upload does. The journal keeps what came, so that a file comes once:
 * also after a restart, or as a copy, or after its video was deleted here. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "board/board-internal.h"
#include "cases/walk.h"
#include "watch/folders.h"

#define SCAN_PERIOD (60 * CLOCK_SECOND) /* where there is no watch.scan */

/* ---- the queue, with `disk` held */

/* The video of this path, or one of the same content: *ret_moved is then its
 * path. */
static struct video *find_video(struct board *b, const struct file_identity *f, char **ret_moved)
{
	struct video *like = NULL;
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	for (size_t i = 0; i < locked->n_videos; i++) {
		struct video *v = b->videos[i];
		const char *sha256 = v->row.sha256; /* "" before its first job */
		bool here = strcmp(v->row.path, f->path) == 0, same = strcmp(sha256, f->sha256) == 0;
		if (v->gone || strcmp(v->row.origin, "path") != 0)
			continue;
		if (here && (same || (!*sha256 && v->row.state != STORE_VIDEO_FAILED)))
			return v;
		if (same)
			like = v;
	}
	*ret_moved = like ? mem_strdup(like->row.path) : NULL;
	return like;
}

/* The path of the video with this content, if the content is still there: the
 * file that was found is a copy of it. Without `disk`, as the file may be
 * read. */
static char *find_original(struct board *b, const struct file_identity *f)
{
	AUTO(mem_freep) char *path = NULL;
	AUTO(file_identity_clear) struct file_identity there = {0};
	struct err ignored;
	find_video(b, f, &path);
	if (!path || board_identify(b, path, b->folders_stop, &there, &ignored) < 0 ||
	    strcmp(there.sha256, f->sha256) != 0)
		return NULL;
	return TAKE(path);
}

/* If its file was moved, the video is at the new path. */
static struct video *take_known(struct board *b, const struct file_identity *f,
                                const char *original)
{
	AUTO(mem_freep) char *path = NULL;
	struct video *v = find_video(b, f, &path);
	if (!v || (path && original && strcmp(path, original) == 0))
		return NULL; /* new, or a copy */
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	board_move_file(locked, v, f);
	board_prepare_again(b, v);
	return v;
}

/* The job is tried again if it could not read the file. */
static int try_again(struct board *b, struct job *j, struct err *err)
{
	pthread_mutex_lock(&b->lock);
	bool again = !j->gone && (!j->has_thread || j->ended) && j->row.state == STORE_ENTRY_FAILED &&
	             board_is_away(j->row.fault) && !board_find_same(b, j->video, j->row.options);
	if (again)
		board_requeue(b, j);
	pthread_mutex_unlock(&b->lock);
	if (!again)
		return 0;
	int r = board_save_job(b, j, err);
	log_info("its file is there again: job %lld is queued", (long long)j->row.id);
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	board_publish_job(locked, j);
	board_wake(b);
	return r;
}

static int try_jobs_again(struct board *b, const struct video *v, struct err *err)
{
	int r = 0;
	for (size_t i = 0; r == 0; i++) {
		pthread_mutex_lock(&b->lock);
		struct job *j = i < b->n_jobs ? b->jobs[i] : NULL;
		bool its = j && j->video == v;
		pthread_mutex_unlock(&b->lock);
		if (!j)
			break;
		if (its)
			r = try_again(b, j, err);
	}
	if (r == 0)
		board_publish_summaries(b, v->row.id);
	return r;
}

/* Video and job are added in one transaction with the note that the file
 * came. */
static int add(struct board *b, const struct file_identity *f, struct video *v,
               const struct new_job *n, struct err *err)
{
	AUTO(store_video_clear) struct store_video row = {0};
	const struct board_receipt what = {
		.path = f->path, .name = file_base(f->path), .sha256 = f->sha256, .origin = "path"};
	int r = v ? 0 : board_describe_file(&what, &row, err);
	if (r < 0)
		return r;
	if (!v) /* that of the SHA-256 */
		board_set_text(&row.stamp, f->stamp);
	pthread_mutex_lock(&b->lock);
	struct job *same = v ? board_find_same(b, v, n->text) : NULL;
	pthread_mutex_unlock(&b->lock);

	struct job *j = same ? NULL : board_make_job(b, n);
	int64_t id = v ? v->row.id : 0;
	r = store_found_add(b->setup.store, f->sha256, &id, v ? NULL : &row, j ? &j->row : NULL, err);
	if (r < 0) {
		if (j)
			board_free_job(j);
		return r;
	}
	row.id = id;
	if (!v)
		v = board_insert_video(b, &row);
	AUTO(mem_freep) char *name = text_line(f->path, 1000);
	log_info("%s was found: it is video %lld", name, (long long)id);
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	if (j)
		board_insert_job(locked, j, v);
	return 0;
}

/* ---- one file */

static int queue_file(struct board *b, const struct file_identity *f, struct err *err)
{
	static const char *const no_keys[] = {NULL};
	AUTO(board_clear_new_job) struct new_job n = {0};
	json_auto_t *nothing = json_object();
	bool known = false;
	int r = board_read_job(b, nothing, no_keys, &n, err);
	if (r < 0)
		return r;
	AUTO(mem_freep) char *original = find_original(b, f);
	AUTO(board_undiskp) struct board *disk = board_disk(b);
	struct video *v = take_known(disk, f, original);
	r = store_found_has(b->setup.store, f->sha256, &known, err);
	if (r < 0)
		return r;
	if (!known)
		return add(b, f, v, &n, err);
	return v ? try_jobs_again(b, v, err) : 0;
}

/* What a link leads out of the folders to, while it is looked for, and what the
 * server itself writes. */
static bool is_foreign(const struct board *b, const char *path)
{
	size_t n = 0;
	AUTO(mem_freep) char *data = realpath(b->setup.data_dir, NULL);
	char **roots = board_watched_roots(b, NULL, &n);
	bool inside = false;
	for (size_t i = 0; i < n; i++)
		inside = inside || file_is_below(path, roots[i]);
	board_free_roots(roots, n);
	return !inside || (data && file_is_below(path, data));
}

static int take_file(struct board *b, const char *path, struct err *err)
{
	AUTO(file_identity_clear) struct file_identity f = {0};
	AUTO(mem_freep) char *real = realpath(path, NULL);
	if (!real || is_foreign(b, real))
		return 0;
	int r = board_identify(b, real, b->folders_stop, &f, err);
	if (r == 0 && strcmp(f.path, real) != 0)
		r = err_set(err, ERR_BUSY, "a folder above it was changed meanwhile");
	return r < 0 ? r : queue_file(b, &f, err);
}

/* ---- the thread */

static void *watch(void *ctx)
{
	struct board *b = ctx;
	const struct notify_options *notify = b->setup.notify;
	const struct folders_options o = {.roots = b->watched,
	                                  .n = b->n_watched,
	                                  .takes = walk_takes,
	                                  .period = notify ? notify->scan : SCAN_PERIOD};
	AUTO(folders_freep) struct folders *folders = folders_new(&o);
	for (;;) {
		AUTO(mem_freep) char *path = NULL;
		struct err err = {0};
		if (folders_next(folders, -1, b->folders_stop, &path, &err) < 0)
			return NULL;
		int r = take_file(b, path, &err);
		if (r == 0 || r == -ERR_CANCELED || !file_exists(path))
			continue;
		if (folders_failed(folders, path) > 1)
			continue;
		AUTO(mem_freep) char *name = text_line(path, 1000);
		log_warning("%s does not come to the queue, trying again: %s", name, err.msg);
	}
}

/* ---- start and end */

/* Absolute, without slashes at the end; the caller frees. */
static int whole_path(const char *path, char **ret, struct err *err)
{
	AUTO(mem_freep) char *here = NULL;
	if (*path != '/' && !(here = realpath(".", NULL)))
		return err_sys(err, errno, "cannot find the current folder");
	char *whole = here ? file_join(here, path) : mem_strdup(path);
	for (size_t n = strlen(whole); n > 1 && whole[n - 1] == '/';)
		whole[--n] = '\0';
	*ret = whole;
	return 0;
}

static bool is_in_data(const struct board *b, const char *path)
{
	AUTO(mem_freep) char *data = realpath(b->setup.data_dir, NULL), *real = realpath(path, NULL);
	return data && real && (strcmp(data, real) == 0 || file_is_below(real, data));
}

static int add_folder(struct board *b, const char *path, struct err *err)
{
	AUTO(mem_freep) char *whole = NULL;
	int r = whole_path(path, &whole, err);
	if (r < 0)
		return r;
	if (file_exists(whole) && !file_is_dir(whole))
		return err_set(err, ERR_ARG, "%s is not a folder; --watch-folder watches folders", whole);
	if (is_in_data(b, whole))
		return err_set(err, ERR_ARG, "%s cannot be watched: it is in the data folder", whole);
	for (size_t i = 0; i < b->n_watched; i++)
		if (strcmp(b->watched[i], whole) == 0)
			return 0;
	b->watched = mem_grow(b->watched, b->n_watched + 1, sizeof *b->watched);
	b->watched[b->n_watched++] = TAKE(whole);
	return 0;
}

int board_read_folders(struct board *b, struct err *err)
{
	int r = 0;
	for (const char *p = b->setup.options->watch_folders; *p && r == 0;) {
		size_t n = strcspn(p, "\n");
		AUTO(mem_freep) char *path = mem_printf("%.*s", (int)n, p);
		r = *path ? add_folder(b, path, err) : 0;
		p += n + (p[n] == '\n');
	}
	return r;
}

int board_watch_folders(struct board *b, struct err *err)
{
	if (!b->n_watched)
		return 0;
	if (pthread_create(&b->folders_thread, NULL, watch, b) != 0)
		return err_set(err, ERR_LIMIT, "cannot start a thread");
	b->watches_folders = true;
	return 0;
}

void board_unwatch_folders(struct board *b)
{
	if (b->watches_folders)
		pthread_join(b->folders_thread, NULL);
	b->watches_folders = false;
}
