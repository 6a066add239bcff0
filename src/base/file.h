/* SPDX-License-Identifier: Apache-2.0 */
/* Files and folders: whole reads, atomic writes, the standard places. Blocking;
 * thread-safe. */
#ifndef VDET_BASE_FILE_H
#define VDET_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/* Appends the whole file to `out`; ERR_LIMIT if it is larger than that
 * allows. */
int file_read(const char *path, struct buf *out, struct err *err);
/* Writes to `path`.tmp, syncs it and renames it: readers see the old file or
 * the new one whole. On failure the old one stays. What a killed process left
 * of it, the next write replaces. Mode 0666 less umask. */
int file_write(const char *path, const void *data, size_t len, struct err *err);
/* As file_write(), with mode 0600: for keys and passwords. */
int file_write_private(const char *path, const void *data, size_t len, struct err *err);
/* mkdir -p with mode 0777 less umask (0700 for `private`); a folder that exists
 * keeps its mode. */
int file_mkdirs(const char *path, bool private, struct err *err);
/* Removes a folder with everything in it, or a file; what is not there is no
 * error. Does not follow links. */
int file_remove_tree(const char *path, struct err *err);
bool file_exists(const char *path);
bool file_is_dir(const char *path);
/* Whether PATH has a program of this name. */
bool file_in_path(const char *name);
/* Whether this, a path or the name of a program in PATH, can be run. */
bool file_can_run(const char *program);
/* The program of this name: its name if PATH has it, else its path in `dir`
 * (NULL = none); NULL if it is in neither. The caller frees it. */
char *file_find_program(const char *name, const char *dir);
/* Whether a folder has no file but those whose names begin so. */
bool file_dir_has_only(const char *dir, const char *beginning);
/* Whether a path is below a folder; both are real paths. */
bool file_is_below(const char *path, const char *folder);

/* Opens a video for reading, close-on-exec; the caller closes it. An error for
 * what is not a regular file, is empty or missing, says what to do instead. */
int file_open_input(const char *path, int *ret_fd, struct err *err);

enum { FILE_STAMP_MAX = 160 };
/* A text that changes whenever an open file does: its size, time of change,
 * device and number. "" on failure. */
void file_stamp(int fd, char out[static FILE_STAMP_MAX]);
/* The same with the time of change of its attributes, which cannot be set as
 * that of its content can; but renames and links change it, too. */
void file_stamp_all(int fd, char out[static FILE_STAMP_MAX]);

/* Waits for an exclusive lock on an open file or folder; closing it releases
 * the lock. Returns 0 on file systems without locks, where processes are not
 * kept apart; -1 with errno on failure. */
int file_lock(int fd);
/* The same, but fails with EWOULDBLOCK where another process keeps the lock for
 * more than three seconds. A shorter time says little: what was killed while it
 * started a child leaves its locks to that child until this runs its own
 * program. */
int file_lock_now(int fd);

/* Opens a new file for reading and writing in `dir`, which has no name, so that
 * nothing is left of it unless file_give_name() succeeds. Mode 0600;
 * close-on-exec. */
int file_open_nameless(const char *dir, int *ret_fd, struct err *err);
/* Syncs such a file, or one of the same file system, and gives it a name (mode
 * 0666 less umask). ERR_ARG if the name exists. */
int file_give_name(int fd, const char *path, struct err *err);
/* Whether an open file has this name. */
bool file_is_at(int fd, const char *path);

char *file_join(const char *dir, const char *name); /* the caller frees */
const char *file_base(const char *path);            /* points into path */
/* The name, or if it is longer than `max` bytes its beginning and a hash of all
 * of it, so that a suffix fits into the 255 bytes of a file name. The caller
 * frees. */
char *file_short_name(const char *name, size_t max);
char *file_stem(const char *path); /* base name without its last extension; the caller frees */
/* $XDG_DATA_HOME/vdet or ~/.local/share/vdet; likewise for configuration. The
 * caller frees. */
char *file_data_dir(void);
char *file_config_dir(void);

#endif
