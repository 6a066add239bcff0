/* SPDX-License-Identifier: Apache-2.0 */
/* New files in folders and below: those that are there, that are written or
 * moved there later, and that a folder brings which is moved there. Found by
 * inotify, and by a look at everything each period, at the start and after
 * events were lost. Each file is delivered once it is complete
 * (watch/settle.h), and again only after its content changed, or after it was
 * gone or had another name meanwhile. A folder that disappears is looked for
 * each second; that, and files and folders that cannot be read, are logged
 * once. Links are not followed. One thread; calls block for the disk. */
#ifndef VDET_WATCH_FOLDERS_H
#define VDET_WATCH_FOLDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/mem.h"

struct folders;

struct folders_options {
	char *const *roots; /* absolute paths; borrowed until folders_free() */
	size_t n;
	/* Whether a file of this name is delivered, or a folder is entered; `mode`
	 * as of lstat(). */
	bool (*takes)(const char *name, unsigned mode);
	int64_t period; /* microseconds between two looks at everything */
};

struct folders *folders_new(const struct folders_options *o);
void folders_free(struct folders *f); /* NULL is fine */
DEFINE_FREEP(struct folders, folders)

/* The next file that is complete; blocks until there is one, or `timeout`
 * microseconds have passed (negative: never): ERR_TIMEOUT, ERR_CANCELED. The
 * caller frees *ret_path. */
int folders_next(struct folders *f, int64_t timeout, struct cancel *cancel, char **ret_path,
                 struct err *err);
/* Delivers the file again, not before this time (clock_now()). */
void folders_again(struct folders *f, const char *path, int64_t at);
/* What was delivered could not be used: delivers it again, after a pause that
 * grows with each failure of the same content (watch/limit.h). How often it
 * has failed now. */
int folders_failed(struct folders *f, const char *path);

#endif
