/* SPDX-License-Identifier: Apache-2.0 */
/* Files of videos in folders that others change: where they may be, and whether
 * they are still what they were. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "board/board-internal.h"
#include "store/ask.h"

/* ---- where they may be */

/* The same error for files outside and files that do not exist, so that clients
 * cannot find out which files exist. */
int board_check_path(const struct board *b, const char *path, char **ret_real, struct err *err)
{
	const char *folders = b->setup.options->folders;
	AUTO(mem_freep) char *real = NULL;
	for (const char *p = folders; *p && !real;) {
		size_t n = strcspn(p, ":");
		AUTO(mem_freep) char *folder = mem_printf("%.*s", (int)n, p);
		AUTO(mem_freep) char *root = *folder ? realpath(folder, NULL) : NULL;
		AUTO(mem_freep)
		char *at = path[0] == '/' || !root ? mem_strdup(path) : file_join(root, path);
		AUTO(mem_freep) char *found = root ? realpath(at, NULL) : NULL;
		if (found && file_is_below(found, root))
			real = TAKE(found);
		p += n + (p[n] == ':');
	}
	if (!real)
		return err_set(err, ERR_NOENT, "no file %.200s in %s", path,
		               *folders ? "the folders that serve.folders names"
		                        : "reach: serve.folders names no folder");
	*ret_real = TAKE(real);
	return 0;
}

/* ---- watched folders */

/* Whether `name` is the path's last part, or more of them. */
static bool ends_with_name(const char *path, const char *name)
{
	size_t n = strlen(path), m = strlen(name);
	return m && *name != '/' && n > m && strcmp(path + n - m, name) == 0 && path[n - m - 1] == '/';
}

bool board_is_watched_name(const struct board *b, const char *name)
{
	for (size_t i = 0; i < b->n_watched; i++)
		if (ends_with_name(b->watched[i], name))
			return true;
	return false;
}

char **board_watched_roots(const struct board *b, const char *name, size_t *ret_n)
{
	char **roots = mem_alloc(b->n_watched + 1, sizeof *roots);
	*ret_n = 0;
	for (size_t i = 0; i < b->n_watched; i++) {
		bool wanted = !name || ends_with_name(b->watched[i], name);
		char *real = wanted ? realpath(b->watched[i], NULL) : NULL;
		if (real)
			roots[(*ret_n)++] = real;
	}
	return roots;
}

void board_free_roots(char **roots, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(roots[i]);
	free(roots);
}

int board_check_video_path(const struct board *b, const char *path, char **ret_real,
                           struct err *err)
{
	size_t n = 0;
	AUTO(mem_freep) char *real = realpath(path, NULL);
	if (!real && errno != EACCES && errno != ELOOP && errno != ENAMETOOLONG)
		return board_file_away(path, err);
	char **roots = board_watched_roots(b, NULL, &n);
	bool found = false;
	for (size_t i = 0; i < n && real && !found; i++)
		found = file_is_below(real, roots[i]);
	board_free_roots(roots, n);
	if (!found)
		return board_check_path(b, path, ret_real, err);
	*ret_real = TAKE(real);
	return 0;
}

/* ---- whether they are still what they were */

int board_file_away(const char *path, struct err *err)
{
	AUTO(mem_freep) char *name = text_line(file_base(path), 200);
	return err_set(err, ERR_NOENT,
	               BOARD_AWAY "%s is not where it was found; put it back, then try again", name);
}

int board_file_replaced(const char *path, struct err *err)
{
	AUTO(mem_freep) char *name = text_line(file_base(path), 200);
	return err_set(err, ERR_NOENT,
	               BOARD_AWAY "%s has another content now; put the former one back, then try "
	                          "again",
	               name);
}

bool board_is_away(const char *fault)
{
	return strncmp(fault, BOARD_AWAY, strlen(BOARD_AWAY)) == 0;
}

void file_identity_clear(struct file_identity *f)
{
	free(f->path);
	*f = (struct file_identity){0};
}

void board_stamp_path(const char *path, char stamp[static FILE_STAMP_MAX])
{
	AUTO(fd_closep) int fd = -1;
	struct err ignored;
	*stamp = '\0';
	if (file_open_input(path, &fd, &ignored) == 0)
		file_stamp(fd, stamp);
}

int board_identify(const struct board *b, const char *path, struct cancel *cancel,
                   struct file_identity *ret, struct err *err)
{
	char after[FILE_STAMP_MAX];
	board_stamp_path(path, ret->stamp);
	int r = ask_identify(b->setup.store, path, cancel, ret->sha256, &ret->path, err);
	if (r < 0)
		return r;
	board_stamp_path(path, after);
	return *after && strcmp(after, ret->stamp) == 0
	           ? 0
	           : err_set(err, ERR_BUSY, "the file is being changed");
}

char *board_file_hash(const struct video *v)
{
	bool ours = strcmp(v->row.origin, "path") != 0;
	return mem_strdup(ours || !*v->row.stamp ? "" : v->row.sha256);
}

int board_open_file(struct store *s, const char *path, const char *sha256, const char *stamp,
                    int *ret_fd, struct err *err)
{
	char now[FILE_STAMP_MAX];
	AUTO(mem_freep) char *known = NULL;
	AUTO(fd_closep) int fd = -1;
	int r = file_open_input(path, &fd, err);
	if (r < 0)
		return r;
	file_stamp(fd, now);
	if (*sha256 && strcmp(now, stamp) != 0) {
		struct err ignored;
		file_stamp_all(fd, now);
		if (store_place_find(s, path, now, &known, &ignored) < 0)
			return err_set(err, ERR_BUSY, "%s was changed", file_base(path));
		if (strcmp(known, sha256) != 0)
			return board_file_replaced(path, err);
	}
	*ret_fd = fd;
	fd = -1;
	return 0;
}

int board_open_same(struct board *b, const struct video *v, const char *path, int *ret_fd,
                    struct err *err)
{
	pthread_mutex_lock(&b->lock);
	AUTO(mem_freep) char *sha256 = board_file_hash(v), *stamp = mem_strdup(v->row.stamp);
	pthread_mutex_unlock(&b->lock);
	return board_open_file(b->setup.store, path, sha256, stamp, ret_fd, err);
}

bool board_is_found(struct board *b, const struct video *v, char sha256[static HASH_HEX])
{
	bool found = false;
	struct err ignored;
	pthread_mutex_lock(&b->lock);
	bool may = strcmp(v->row.origin, "path") == 0 && strlen(v->row.sha256) == HASH_HEX - 1;
	if (may)
		memcpy(sha256, v->row.sha256, HASH_HEX);
	pthread_mutex_unlock(&b->lock);
	/* If it cannot be read, as if it was. */
	return may && (store_found_has(b->setup.store, sha256, &found, &ignored) < 0 || found);
}

void board_move_file(struct board *b, struct video *v, const struct file_identity *to)
{
	if (strcmp(v->row.path, to->path) == 0 && strcmp(v->row.stamp, to->stamp) == 0 &&
	    strcmp(v->row.sha256, to->sha256) == 0)
		return;
	board_set_text(&v->row.path, to->path);
	board_set_text(&v->row.stamp, to->stamp);
	board_set_text(&v->row.sha256, to->sha256);
	v->unsaved = true;
	board_publish_video(b, v);
	board_wake(b);
}

bool board_find_place(struct board *b, struct video *v, const char *sha256, struct cancel *cancel)
{
	char **paths = NULL;
	size_t n = 0;
	bool found = false;
	struct err ignored;
	if (store_place_of(b->setup.store, sha256, &paths, &n, &ignored) < 0)
		return false;
	for (size_t i = 0; i < n && !found; i++) {
		AUTO(mem_freep) char *real = NULL;
		AUTO(file_identity_clear) struct file_identity now = {0};
		found = board_check_video_path(b, paths[i], &real, &ignored) == 0 &&
		        board_identify(b, real, cancel, &now, &ignored) == 0 &&
		        strcmp(now.sha256, sha256) == 0;
		if (!found)
			continue;
		AUTO(board_undiskp) struct board *disk = board_disk(b);
		AUTO(board_unlockp) struct board *locked = board_lock(disk);
		board_move_file(locked, v, &now);
	}
	store_paths_free(paths, n);
	return found;
}
