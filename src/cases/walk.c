/* SPDX-License-Identifier: Apache-2.0 */
#include "cases/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "cases/names.h"

enum { DEPTH_MAX = 200, NAME_MAX_BYTES = 1000 };

static bool ends_with(const char *s, const char *ending)
{
	size_t n = strlen(s), m = strlen(ending);
	return n > m && strcmp(s + n - m, ending) == 0;
}

enum walk_choice walk_choose(const char *name, unsigned mode)
{
	if (*name == '.')
		return WALK_LEAVE;
	if (S_ISLNK(mode))
		return WALK_LINK;
	if (S_ISDIR(mode))
		return ends_with(name, ".vdet") || ends_with(name, ".vdet-case") ? WALK_LEAVE : WALK_ENTER;
	return S_ISREG(mode) ? WALK_TAKE : WALK_LEAVE;
}

bool walk_is_video_name(const char *name)
{
	static const char *const endings[] = {
		"3g2",   "3gp",  "264",  "265",  "asf", "av1",  "avi",  "dav",  "dv",  "f4v",
		"flv",   "h264", "h265", "hevc", "ifv", "ivf",  "m1v",  "m2ts", "m2v", "m4v",
		"mjpeg", "mjpg", "mkv",  "mov",  "mp4", "mpeg", "mpg",  "mts",  "mxf", "nut",
		"ogv",   "qt",   "rm",   "rmvb", "ts",  "vob",  "webm", "wmv",  "y4m",
	};
	const char *dot = strrchr(name, '.');
	for (size_t i = 0; dot && i < ARRAY_LEN(endings); i++)
		if (strcasecmp(dot + 1, endings[i]) == 0)
			return true;
	return false;
}

bool walk_takes(const char *name, unsigned mode)
{
	enum walk_choice choice = walk_choose(name, mode);
	return choice == WALK_ENTER || (choice == WALK_TAKE && walk_is_video_name(name));
}

/* Puts `by` in the place of n bytes of the message. */
static void replace(struct err *err, const char *at, size_t n, const char *by)
{
	AUTO(mem_freep) char *text = mem_printf("%.*s%s%s", (int)(at - err->msg), err->msg, by, at + n);
	snprintf(err->msg, sizeof err->msg, "%s", text);
}

void walk_hide_path(struct err *err, const char *path)
{
	const char *const prefixes[] = {path, file_base(path)};
	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
		size_t n = strlen(prefixes[i]);
		if (n && strncmp(err->msg, prefixes[i], n) == 0 && strncmp(err->msg + n, ": ", 2) == 0)
			replace(err, err->msg, n + 2, "");
	}
	for (const char *at; *path && (at = strstr(err->msg, path));)
		replace(err, at, strlen(path), "the file");
}

static void add_fault(struct walk *w, const char *name, const struct err *err)
{
	w->faults = mem_room(w->faults, w->n_faults, &w->cap_faults, sizeof *w->faults);
	w->faults[w->n_faults++] = (struct walk_fault){text_line(name, NAME_MAX_BYTES),
	                                               text_line(err->msg, sizeof err->msg), err->code};
}

static void add_file(struct walk *w, const char *path, const char *name)
{
	w->files = mem_room(w->files, w->n, &w->cap_files, sizeof *w->files);
	w->files[w->n++] = (struct walk_file){mem_strdup(path), text_line(name, NAME_MAX_BYTES)};
}

/* A folder on the way down: its path, and its name in reports. */
struct place {
	const char *path, *name;
	int depth;
};

static int enter(struct walk *w, int fd, const struct place *at, struct cancel *cancel,
                 struct err *err);

static void fail(struct walk *w, const char *name, int errnum)
{
	struct err err;
	err_sys(&err, errnum, "cannot read the folder");
	add_fault(w, name, &err);
}

static int take_entry(struct walk *w, int fd, const struct place *at, const char *entry,
                      struct cancel *cancel, struct err *err)
{
	struct stat st;
	AUTO(mem_freep) char *path = file_join(at->path, entry);
	AUTO(mem_freep) char *name = *at->name ? file_join(at->name, entry) : mem_strdup(entry);
	if (fstatat(fd, entry, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT) /* gone meanwhile */
			fail(w, name, errno);
		return 0;
	}
	switch (walk_choose(entry, st.st_mode)) {
	case WALK_TAKE: add_file(w, path, name); return 0;
	case WALK_LINK: w->links++; return 0;
	case WALK_LEAVE: return 0;
	case WALK_ENTER: break;
	}
	AUTO(fd_closep)
	int below = openat(fd, entry, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (below < 0 || at->depth >= DEPTH_MAX) {
		fail(w, name, below < 0 ? errno : ELOOP);
		return 0;
	}
	return enter(w, below, &(struct place){path, name, at->depth + 1}, cancel, err);
}

static int enter(struct walk *w, int fd, const struct place *at, struct cancel *cancel,
                 struct err *err)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0), r = 0;
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	if (!d) {
		fail(w, at->name, errno);
		fd_closep(&copy);
		return 0;
	}
	for (struct dirent *e; r == 0 && (errno = 0, e = readdir(d));)
		r = cancel_fired(cancel) ? err_set(err, ERR_CANCELED, "interrupted")
		                         : take_entry(w, fd, at, e->d_name, cancel, err);
	if (r == 0 && errno)
		fail(w, at->name, errno);
	closedir(d);
	return r;
}

int walk_add(struct walk *w, const char *path, bool full, bool prefix, struct cancel *cancel,
             struct err *err)
{
	AUTO(mem_freep) char *real = realpath(path, NULL);
	AUTO(fd_closep) int fd = -1;
	struct err why;
	if (!real || !file_is_dir(real)) {
		if (file_open_input(path, &fd, &why) < 0) {
			walk_hide_path(&why, path);
			add_fault(w, file_base(path), &why);
		} else if (!real) { /* a deleted file that is still open */
			err_set(&why, ERR_NOENT, "no file has this name");
			add_fault(w, file_base(path), &why);
		} else {
			add_file(w, real, full ? real : file_base(path));
		}
		return 0;
	}
	/* Also one that cannot be read: the first gives the case its name. */
	w->roots = mem_grow(w->roots, w->n_roots + 1, sizeof *w->roots);
	w->roots[w->n_roots++] = mem_strdup(real);
	fd = open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		err_sys(&why, errno, "cannot read the folder");
		add_fault(w, file_base(path), &why);
		return 0;
	}
	const char *name = full ? real : prefix ? file_base(real) : "";
	return enter(w, fd, &(struct place){real, name, 0}, cancel, err);
}

static int by_path(const void *a, const void *b)
{
	const struct walk_file *x = a, *y = b;
	int c = strcmp(x->path, y->path);
	return c ? c : strcmp(x->name, y->name);
}

static int by_name(const void *a, const void *b)
{
	const struct walk_file *x = a, *y = b;
	int c = strcmp(x->name, y->name);
	return c ? c : strcmp(x->path, y->path);
}

static void file_clear(struct walk_file *f)
{
	free(f->path);
	free(f->name);
}

void walk_end(struct walk *w)
{
	size_t n = 0;
	if (!w->n)
		return;
	qsort(w->files, w->n, sizeof *w->files, by_path);
	for (size_t i = 0; i < w->n; i++) {
		if (n && strcmp(w->files[n - 1].path, w->files[i].path) == 0)
			file_clear(&w->files[i]);
		else
			w->files[n++] = w->files[i];
	}
	w->n = n;
	AUTO(mem_freep) struct named *named = mem_alloc(n, sizeof *named);
	for (size_t i = 0; i < n; i++)
		named[i] = (struct named){w->files[i].path, &w->files[i].name};
	names_differ(named, n);
	qsort(w->files, w->n, sizeof *w->files, by_name);
}

void walk_clear(struct walk *w)
{
	for (size_t i = 0; i < w->n; i++)
		file_clear(&w->files[i]);
	for (size_t i = 0; i < w->n_roots; i++)
		free(w->roots[i]);
	for (size_t i = 0; i < w->n_faults; i++) {
		free(w->faults[i].name);
		free(w->faults[i].reason);
	}
	free(w->files);
	free(w->roots);
	free(w->faults);
	*w = (struct walk){0};
}
