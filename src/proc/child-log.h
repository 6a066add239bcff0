/* SPDX-License-Identifier: Apache-2.0 */
/* The output of llama-server. Kept in a file of limited size (the previous one
 * as NAME.1), and its last lines in memory, to report why it ended. Belongs to
 * one thread. */
#ifndef VDET_PROC_CHILD_LOG_H
#define VDET_PROC_CHILD_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define SERVER_LOG_FILE_MAX ((int64_t)4 << 20) /* bytes */
#define SERVER_LOG_LINES 40

struct child_log {
	char *path;      /* NULL = no file */
	int fd;          /* -1 = not open; without a file that can be written, none is kept */
	int64_t size;    /* bytes in the file */
	struct buf line; /* that has not ended yet */
	char *last[SERVER_LOG_LINES]; /* a ring; `next` is the oldest */
	size_t next;
};

/* Overwrites `l`. Appends to `path` (copied; NULL or "" = no file), whose
 * folder is created; a file that cannot be written is not an error. */
void child_log_open(struct child_log *l, const char *path);
void child_log_close(struct child_log *l);
/* Takes the next bytes that the program wrote, in pieces of any size. */
void child_log_add(struct child_log *l, const char *data, size_t len);
/* Discards the lines in memory: the program is started again. */
void child_log_forget(struct child_log *l);
/* The lines that look like the cause of a failure, else the last lines; joined
 * to one line of limited length. The caller frees it. */
char *child_log_reason(const struct child_log *l);

#endif
