/* SPDX-License-Identifier: Apache-2.0 */
#include "watch/folders.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "watch/limit.h"
#include "watch/settle.h"

enum { DEPTH_MAX = 200, EVENTS_BYTES = 64 << 10 };
#define MISSING_PERIOD CLOCK_SECOND
#define EVENTS                                                                          \
	(IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_ATTRIB | IN_MOVED_FROM | IN_DELETE | \
	 IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK)

struct file {
	char *path;
	struct stamp stamp; /* at the last look */
	bool delivered;     /* with this stamp */
	int fault;          /* errno of the last look; that was logged */
	int failures;       /* see folders_failed() */
	/* clock_now() since when it is the same, of the next look, and before which
	 * there is none unless it changes */
	int64_t since, look_at, not_before;
	uint64_t scan; /* that it was seen in last */
};

struct root {
	const char *path;
	int fault; /* errno: why it cannot be read; 0 = it can be, or is not known */
};

struct folders {
	struct folders_options options;
	struct root *roots;
	int fd;        /* of inotify; -1 = there is none */
	char **places; /* by watch descriptor: the path of its folder; NULL = none */
	size_t n_places;
	bool limited;        /* the limit of watches was reached, and that was logged */
	struct file **files; /* by path */
	size_t n, cap;
	uint64_t scan;
	int64_t scan_at, missing_at; /* of the next look at everything, at missing roots */
};

struct folders *folders_new(const struct folders_options *o)
{
	struct folders *f = mem_alloc(1, sizeof *f);
	*f = (struct folders){.options = *o,
	                      .roots = mem_alloc(o->n + 1, sizeof *f->roots),
	                      .fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK)};
	for (size_t i = 0; i < o->n; i++)
		f->roots[i] = (struct root){.path = o->roots[i]};
	if (f->fd < 0)
		log_warning("new files are noticed only by looking at all of them: inotify: %s",
		            strerror(errno));
	return f;
}

static void free_file(struct file *file)
{
	free(file->path);
	free(file);
}

void folders_free(struct folders *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->n; i++)
		free_file(f->files[i]);
	for (size_t i = 0; i < f->n_places; i++)
		free(f->places[i]);
	free(f->files);
	free(f->places);
	free(f->roots);
	fd_closep(&f->fd);
	free(f);
}

/* ---- files */

/* Where the path is, or would be. */
static size_t place_of(const struct folders *f, const char *path)
{
	size_t low = 0, high = f->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(f->files[middle]->path, path) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct file *find_file(const struct folders *f, const char *path)
{
	size_t i = place_of(f, path);
	return i < f->n && strcmp(f->files[i]->path, path) == 0 ? f->files[i] : NULL;
}

static struct file *add_file(struct folders *f, const char *path)
{
	size_t i = place_of(f, path);
	struct file *file = mem_alloc(1, sizeof *file);
	*file = (struct file){.path = mem_strdup(path), .stamp.size = -1};
	f->files = mem_room(f->files, f->n, &f->cap, sizeof(struct file *));
	memmove(f->files + i + 1, f->files + i, (f->n - i) * sizeof(struct file *));
	f->files[i] = file;
	f->n++;
	return file;
}

/* It is there; it is looked at soon, unless it was delivered as it is. */
static void note_file(struct folders *f, const char *path, const struct stat *st)
{
	struct file *file = find_file(f, path);
	struct stamp now = settle_stamp(st);
	if (!file)
		file = add_file(f, path);
	file->scan = f->scan;
	if (!settle_is_same(&file->stamp, &now))
		file->not_before = file->look_at = 0;
	else if (!file->delivered)
		file->look_at = file->not_before;
}

static void note_file_fault(struct file *file, int fault)
{
	AUTO(mem_freep) char *name = text_line(file->path, 1000);
	if (fault && fault != file->fault)
		log_warning("%s cannot be read: %s; waiting until it can be", name, strerror(fault));
	file->fault = fault;
}

/* Whether it is complete, and was not delivered as it is. */
static bool is_ready(struct file *file, int64_t now)
{
	struct settle look;
	settle_look(file->path, &look);
	note_file_fault(file, look.fault);
	if (!settle_is_same(&file->stamp, &look.stamp)) {
		file->stamp = look.stamp;
		file->since = now;
		file->delivered = false;
		file->failures = 0;
	}
	/* What comes in the place of one that is gone is an event, or in a scan. */
	bool gone = look.stamp.size < 0;
	int64_t wait = settle_wait(&look, now - file->since);
	bool ready = !gone && !file->delivered && wait == 0;
	file->delivered |= ready;
	file->look_at = gone || file->delivered ? INT64_MAX : now + wait;
	return ready;
}

void folders_again(struct folders *f, const char *path, int64_t at)
{
	struct file *file = find_file(f, path);
	if (!file)
		return;
	file->delivered = false;
	file->look_at = file->not_before = at;
}

int folders_failed(struct folders *f, const char *path)
{
	struct file *file = find_file(f, path);
	if (!file)
		return 1;
	/* The first pause is that of the third failure, four seconds. */
	folders_again(f, path, clock_now() + limit_pause(++file->failures + 2));
	return file->failures;
}

/* ---- scanning */

static void add_watch(struct folders *f, const char *path)
{
	int wd = f->fd < 0 ? -1 : inotify_add_watch(f->fd, path, EVENTS);
	if (wd < 0) {
		if (f->fd >= 0 && errno == ENOSPC && !f->limited) {
			log_warning("new files in some folders are noticed only by looking at all of them: "
			            "the limit fs.inotify.max_user_watches is reached");
			f->limited = true;
		}
		return;
	}
	if ((size_t)wd >= f->n_places) {
		size_t n = (size_t)wd * 2 + 16;
		f->places = mem_grow(f->places, n, sizeof(char *));
		memset(f->places + f->n_places, 0, (n - f->n_places) * sizeof(char *));
		f->n_places = n;
	}
	free(f->places[wd]);
	f->places[wd] = mem_strdup(path);
}

static void scan_folder(struct folders *f, const char *path, int depth, struct cancel *cancel);

static void scan_entry(struct folders *f, int fd, const char *dir, const char *name, int depth,
                       struct cancel *cancel)
{
	struct stat st;
	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !f->options.takes(name, st.st_mode))
		return;
	AUTO(mem_freep) char *path = file_join(dir, name);
	if (S_ISDIR(st.st_mode))
		scan_folder(f, path, depth + 1, cancel);
	else if (S_ISREG(st.st_mode))
		note_file(f, path, &st);
}

/* Kept as a file is, without looks at it, so that it is logged once. */
static void note_unreadable(struct folders *f, const char *path, int fault)
{
	struct file *file = find_file(f, path);
	if (!file)
		file = add_file(f, path);
	file->scan = f->scan;
	file->look_at = INT64_MAX;
	note_file_fault(file, fault);
}

/* The watch is added first, so that nothing is missed in between. */
static void scan_folder(struct folders *f, const char *path, int depth, struct cancel *cancel)
{
	AUTO(fd_closep)
	int fd = depth > DEPTH_MAX
	             ? -1
	             : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (depth ? O_NOFOLLOW : 0));
	if (fd < 0 && depth && depth <= DEPTH_MAX && errno != ENOENT && errno != ELOOP)
		note_unreadable(f, path, errno);
	int copy = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	if (!d) {
		fd_closep(&copy);
		return;
	}
	add_watch(f, path);
	for (struct dirent *e; !cancel_fired(cancel) && (e = readdir(d));)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			scan_entry(f, fd, path, e->d_name, depth, cancel);
	closedir(d);
}

/* It is gone, or what is below it: what comes back is delivered again. */
static void forget(struct folders *f, const char *path)
{
	size_t kept = 0;
	for (size_t i = 0; i < f->n; i++) {
		if (strcmp(f->files[i]->path, path) == 0 || file_is_below(f->files[i]->path, path))
			free_file(f->files[i]);
		else
			f->files[kept++] = f->files[i];
	}
	f->n = kept;
}

/* What was not seen by the last scan is gone. */
static void forget_gone(struct folders *f)
{
	size_t kept = 0;
	for (size_t i = 0; i < f->n; i++) {
		if (f->files[i]->scan == f->scan)
			f->files[kept++] = f->files[i];
		else
			free_file(f->files[i]);
	}
	f->n = kept;
}

/* errno: why a folder cannot be read; 0 = it can be. */
static int fault_of(const char *path)
{
	AUTO(fd_closep) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? errno : 0;
}

static void note_root(struct root *r)
{
	int fault = fault_of(r->path);
	AUTO(mem_freep) char *name = text_line(r->path, 1000);
	if (fault == ENOENT && fault != r->fault)
		log_warning("%s is not there; waiting for it", name);
	else if (fault && fault != r->fault)
		log_warning("%s cannot be read: %s; waiting until it can be", name, strerror(fault));
	else if (!fault && r->fault)
		log_warning("%s is there again", name);
	r->fault = fault;
}

static void scan_all(struct folders *f, struct cancel *cancel)
{
	f->scan++;
	for (size_t i = 0; i < f->options.n; i++) {
		note_root(&f->roots[i]);
		scan_folder(f, f->roots[i].path, 0, cancel);
	}
	if (!cancel_fired(cancel))
		forget_gone(f);
	f->scan_at = clock_now() + f->options.period;
	f->missing_at = clock_now() + MISSING_PERIOD;
}

/* ---- events */

/* A folder that is watched is gone, or has another name now. What is at its old
 * name, if anything, is another one; a new name is an event of its parent. */
static void on_self(struct folders *f, int wd, struct cancel *cancel)
{
	AUTO(mem_freep) char *path = TAKE(f->places[wd]);
	forget(f, path);
	inotify_rm_watch(f->fd, wd);
	for (size_t i = 0; i < f->options.n; i++)
		if (strcmp(f->roots[i].path, path) == 0)
			f->scan_at = 0;
	if (f->scan_at)
		scan_folder(f, path, 1, cancel);
}

static void on_event(struct folders *f, const struct inotify_event *e, struct cancel *cancel)
{
	bool known = e->wd >= 0 && (size_t)e->wd < f->n_places && f->places[e->wd];
	if (e->mask & IN_Q_OVERFLOW)
		f->scan_at = 0;
	else if (known && e->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT))
		on_self(f, e->wd, cancel);
	else if (known && e->len) {
		AUTO(mem_freep) char *dir = mem_strdup(f->places[e->wd]);
		AUTO(mem_freep) char *path = file_join(dir, e->name);
		if (e->mask & (IN_MOVED_FROM | IN_DELETE))
			forget(f, path);
		AUTO(fd_closep) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0)
			scan_entry(f, fd, dir, e->name, 1, cancel);
	}
}

static void take_events(struct folders *f, struct cancel *cancel)
{
	AUTO(mem_freep) char *data = mem_alloc(1, EVENTS_BYTES);
	ssize_t n;
	while (f->fd >= 0 && !cancel_fired(cancel) && (n = read(f->fd, data, EVENTS_BYTES)) > 0) {
		struct inotify_event e;
		for (char *at = data; at + sizeof e <= data + n; at += sizeof e + e.len) {
			memcpy(&e, at, sizeof e);
			on_event(f, (const struct inotify_event *)(const void *)at, cancel);
		}
	}
}

static void look_for_missing(struct folders *f)
{
	for (size_t i = 0; i < f->options.n; i++)
		if ((f->roots[i].fault == 0) != (fault_of(f->roots[i].path) == 0))
			f->scan_at = 0;
	f->missing_at = clock_now() + MISSING_PERIOD;
}

/* ---- delivering */

static struct file *next_ready(struct folders *f, int64_t *ret_next)
{
	int64_t now = clock_now();
	*ret_next = f->scan_at < f->missing_at ? f->scan_at : f->missing_at;
	for (size_t i = 0; i < f->n; i++) {
		struct file *file = f->files[i];
		if (file->look_at <= now && is_ready(file, now))
			return file;
		if (file->look_at < *ret_next)
			*ret_next = file->look_at;
	}
	return NULL;
}

static void wait_until(struct folders *f, int64_t at, struct cancel *cancel)
{
	int64_t left = at - clock_now();
	struct pollfd p[] = {{.fd = f->fd, .events = POLLIN},
	                     {.fd = cancel_fd(cancel), .events = POLLIN}};
	if (left > 0)
		poll(p, 2, left > 3600 * CLOCK_SECOND ? 3600 * 1000 : (int)(left / 1000) + 1);
}

int folders_next(struct folders *f, int64_t timeout, struct cancel *cancel, char **ret_path,
                 struct err *err)
{
	int64_t until = timeout < 0 ? INT64_MAX : clock_now() + timeout, next;
	for (;;) {
		take_events(f, cancel);
		if (clock_now() >= f->missing_at)
			look_for_missing(f);
		if (clock_now() >= f->scan_at)
			scan_all(f, cancel);
		if (cancel_fired(cancel))
			return err_set(err, ERR_CANCELED, "interrupted");

		struct file *file = next_ready(f, &next);
		if (file) {
			*ret_path = mem_strdup(file->path);
			return 0;
		}
		if (clock_now() >= until)
			return err_set(err, ERR_TIMEOUT, "no new file");
		wait_until(f, next < until ? next : until, cancel);
	}
}
