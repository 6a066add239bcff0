/* SPDX-License-Identifier: Apache-2.0 */
/* Complete uploads become videos. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "board/board-internal.h"

/* ---- moving the file into the folder of its video */

static void sync_folder(const char *path)
{
	AUTO(fd_closep) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		fsync(fd);
}

bool board_move_upload(struct board *b, struct store_video *row)
{
	AUTO(mem_freep) char *dir = board_video_path(b, row->id, "");
	AUTO(mem_freep) char *to = file_join(dir, row->name);
	const char *from = *row->path ? row->path : row->source; /* of versions before 0.2 */
	struct err err;
	if (strcmp(row->path, to) == 0)
		return false;

	/* After a kill between rename and saving, the file is there already. */
	bool moved = !file_exists(from) && file_exists(to);
	if (!moved && file_mkdirs(dir, true, &err) < 0) {
		log_warning("[video %lld] %s", (long long)row->id, err.msg);
		return false;
	}
	if (!moved && rename(from, to) < 0) {
		log_warning("[video %lld] cannot move %s to %s: %s; trying again at the next start",
		            (long long)row->id, from, to, strerror(errno));
		return false;
	}
	sync_folder(dir);
	board_set_text(&row->path, to);
	board_set_text(&row->source, "");
	return true;
}

/* ---- the same video again */

/* With the lock: a video in our data folder with this hash; its file, open. */
static struct video *find_copy(struct board *b, const char *sha256, int64_t except, int *ret_fd)
{
	struct err ignored;
	for (size_t i = 0; i < b->n_videos; i++) {
		struct video *v = b->videos[i];
		bool ours = strcmp(v->row.origin, "path") != 0; /* others can change or vanish */
		if (!v->gone && ours && v->row.id != except && strcmp(v->row.sha256, sha256) == 0 &&
		    file_open_input(v->row.path, ret_fd, &ignored) == 0)
			return v;
	}
	return NULL;
}

/* Finds a video whose file was read again and has this hash. With `disk` held,
 * which is released while the file is read; the video is valid while it is held
 * afterwards. NULL: there is none. */
static struct video *find_verified(struct board *b, const char *sha256)
{
	int64_t good = 0, bad = 0;
	while (sha256) {
		AUTO(fd_closep) int fd = -1;
		char hash[HASH_HEX];
		struct err err;
		pthread_mutex_lock(&b->lock);
		struct video *v = find_copy(b, sha256, bad, &fd);
		int64_t id = v ? v->row.id : 0;
		pthread_mutex_unlock(&b->lock);
		if (!v || id == good)
			return v;

		pthread_mutex_unlock(&b->disk);
		bool same = hash_fd(fd, NULL, NULL, hash, &err) == 0 && strcmp(hash, sha256) == 0;
		pthread_mutex_lock(&b->disk);
		*(same ? &good : &bad) = id;
		if (!same)
			log_warning("[video %lld] its file is damaged: an upload of the same video is kept",
			            (long long)id);
	}
	return NULL;
}

static void add_name(struct video *v, const char *name)
{
	size_t i;
	json_t *known;
	if (!v->names)
		v->names = json_pack("[s]", v->row.name);
	json_array_foreach (v->names, i, known)
		if (strcmp(json_string_value(known), name) == 0)
			return;
	json_array_append_new(v->names, json_string(name));
}

int board_load_names(struct board *b, struct err *err)
{
	struct store_upload *all;
	size_t n;
	int r = store_uploads_load(b->setup.store, &all, &n, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		struct video *v = board_find_video(b, all[i].video);
		if (v)
			add_name(v, all[i].name);
		store_upload_clear(&all[i]);
	}
	free(all);
	return 0;
}

/* ---- one upload */

struct arrival {
	struct store_upload row;
	const char *path, *sha256, *origin;
	bool wants_job;
	const struct new_job *wanted;
	struct video *video; /* the same one; then the one that was added */
	struct job *job;     /* the same one, or the one that was added */
};

int board_describe_file(const struct board_receipt *what, struct store_video *ret, struct err *err)
{
	char stamp[FILE_STAMP_MAX] = "";
	AUTO(fd_closep) int fd = -1;
	bool chat = strcmp(what->origin, BOARD_CHAT) == 0;
	int r = file_open_input(what->path, &fd, err);
	if (r < 0)
		return r;
	file_stamp(fd, stamp);
	*ret = (struct store_video){.name = board_file_name(what->name),
	                            .origin = mem_strdup(what->origin),
	                            .tags = chat ? mem_strdup(CHAT_TAGS) : NULL,
	                            .source = mem_strdup(""),
	                            .path = mem_strdup(what->path),
	                            .sha256 = mem_strdup(what->sha256 ? what->sha256 : ""),
	                            .stamp = mem_strdup(stamp),
	                            .facts = mem_strdup(""),
	                            .fault = mem_strdup(""),
	                            .size = lseek(fd, 0, SEEK_END),
	                            .state = STORE_VIDEO_READY,
	                            .created = clock_wall()};
	return 0;
}

/* The job of the same video with the same options, or a new one that is not yet
 * saved: *ret_new. */
static void choose_job(struct board *b, struct arrival *a, struct job **ret_new)
{
	*ret_new = NULL;
	if (!a->wants_job)
		return;
	pthread_mutex_lock(&b->lock);
	a->job = a->video ? board_find_same(b, a->video, a->wanted->text) : NULL;
	a->row.job = a->job ? a->job->row.id : 0;
	pthread_mutex_unlock(&b->lock);
	if (!a->job)
		*ret_new = board_make_job(b, a->wanted);
}

/* The upload brought a video that is there: its file is not needed. */
static void drop_file(struct board *b, struct arrival *a)
{
	if (unlink(a->path) < 0)
		log_warning("cannot remove %s: %s", a->path, strerror(errno));
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	add_name(a->video, a->row.name);
	if (strcmp(a->origin, BOARD_CHAT) != 0)
		board_keep_video(a->video);
	board_publish_video(locked, a->video);
}

static void keep_file(struct board *b, struct arrival *a, struct store_video *row)
{
	struct err err;
	row->id = a->row.video;
	bool moved = board_move_upload(b, row);
	if (moved && store_video_update(b->setup.store, row, &err) < 0)
		log_warning("[video %lld] %s", (long long)row->id, err.msg); /* at the next start again */
	a->video = board_insert_video(b, row);
}

static int take(struct board *b, struct arrival *a, struct err *err)
{
	AUTO(store_video_clear) struct store_video row = {0};
	struct job *new_job;
	a->video = find_verified(b, a->sha256);
	bool known = a->video != NULL;
	const struct board_receipt what = {
		.path = a->path, .name = a->row.name, .sha256 = a->sha256, .origin = a->origin};
	int r = known ? 0 : board_describe_file(&what, &row, err);
	if (r < 0)
		return r;

	choose_job(b, a, &new_job);
	a->row.video = known ? a->video->row.id : 0;
	r = store_upload_add(b->setup.store, &a->row, known ? NULL : &row,
	                     new_job ? &new_job->row : NULL, err);
	if (r < 0) {
		if (new_job)
			board_free_job(new_job);
		return r;
	}

	if (known)
		drop_file(b, a);
	else
		keep_file(b, a, &row);
	if (new_job) {
		AUTO(board_unlockp) struct board *locked = board_lock(b);
		new_job->row.id = a->row.job;
		board_insert_job(locked, new_job, a->video);
		a->job = new_job;
	}
	return 0;
}

static const char *const request_keys[] = {"analyze", "prompt", "options", "priority", NULL};

int board_check_upload(struct board *b, const json_t *request, struct err *err)
{
	AUTO(board_clear_new_job) struct new_job ignored = {0};
	return board_read_job(b, request, request_keys, &ignored, err);
}

void board_arrival_clear(struct board_arrival *a)
{
	json_decref(a->video);
	json_decref(a->job);
	free(a->fault);
	*a = (struct board_arrival){0};
}

int board_receive(struct board *b, const struct board_receipt *what, struct board_arrival *ret,
                  struct err *err)
{
	json_auto_t *asked = what->request ? json_incref((json_t *)what->request) : json_object();
	AUTO(mem_freep) char *safe = board_file_name(what->name);
	AUTO(mem_freep) char *fault = NULL;
	AUTO(board_clear_new_job) struct new_job wanted = {0};
	struct arrival a = {
		.path = what->path, .sha256 = what->sha256, .origin = what->origin, .wanted = &wanted};
	struct err why;
	a.row = (struct store_upload){.id = (char *)what->id, .name = safe, .completed = clock_wall()};
	a.wants_job = !json_is_false(json_object_get(asked, "analyze"));

	/* Settings may have changed since the request was checked: a file that is
	 * here is kept all the same. */
	if (a.wants_job && board_read_job(b, asked, request_keys, &wanted, &why) < 0) {
		log_warning("upload %s: its video is not analyzed: %s", what->id, why.msg);
		a.wants_job = false;
		fault = mem_strdup(why.msg);
	}
	AUTO(board_undiskp) struct board *disk = board_disk(b);
	int r = take(disk, &a, err);
	if (r < 0)
		return r;
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	(void)locked; /* until the end of the function */
	*ret = (struct board_arrival){.video = board_video_json(a.video),
	                              .job = a.job ? board_job_json(a.job) : NULL,
	                              .fault = TAKE(fault)};
	return 0;
}

int board_upload(struct board *b, const char *id, const char *path, const char *name,
                 const char *sha256, const json_t *request, struct board_arrival *ret,
                 struct err *err)
{
	const struct board_receipt what = {.id = id,
	                                   .path = path,
	                                   .name = name,
	                                   .sha256 = sha256,
	                                   .origin = "upload",
	                                   .request = request};
	return board_receive(b, &what, ret, err);
}

bool board_upload_find(struct board *b, const char *id, int64_t *ret_video, int64_t *ret_job)
{
	AUTO(store_upload_clear) struct store_upload u = {0};
	struct err ignored;
	if (store_upload_find(b->setup.store, id, &u, &ignored) < 0)
		return false;
	*ret_video = u.video;
	*ret_job = u.job;
	return true;
}

bool board_has_file(struct board *b, const char *path)
{
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	for (size_t i = 0; i < locked->n_videos; i++)
		if (!b->videos[i]->gone && strcmp(b->videos[i]->row.path, path) == 0)
			return true;
	return false;
}
