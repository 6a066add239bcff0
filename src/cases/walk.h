/* SPDX-License-Identifier: Apache-2.0 */
/* Which files a case is about: those that are named, and all below the folders
 * that are named. Hidden files and folders, folders of reports (*.vdet,
 * *.vdet-case) and links are not entered, so that nothing outside of the folder
 * is read. Nothing is written. Blocks for the disk; one thread. */
#ifndef VDET_CASES_WALK_H
#define VDET_CASES_WALK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cancel.h"
#include "base/err.h"

struct walk_file {
	char *path; /* real path */
	char *name; /* valid UTF-8: below its folder, or without folders */
};

/* What could not be read. */
struct walk_fault {
	char *name, *reason;
	enum err_code code;
};

struct walk {
	struct walk_file *files; /* after walk_end(): by name, each path once */
	size_t n;
	char **roots; /* real paths of the folders that were named */
	size_t n_roots;
	struct walk_fault *faults;
	size_t n_faults;
	size_t links; /* that were not followed */
	size_t cap_files, cap_faults;
};

/* Adds a file, or a folder with what is below it. `full`: names are whole
 * paths; `prefix`: names begin with that of the folder. Something that cannot
 * be read becomes a fault. ERR_CANCELED. */
int walk_add(struct walk *w, const char *path, bool full, bool prefix, struct cancel *cancel,
             struct err *err);
void walk_end(struct walk *w);
void walk_clear(struct walk *w);

/* Takes the path out of a message, which is shown beside the file's name, so
 * that a report that is passed on does not reveal where the file was. */
void walk_hide_path(struct err *err, const char *path);

enum walk_choice {
	WALK_TAKE,  /* a file to be examined */
	WALK_ENTER, /* a folder */
	WALK_LINK,  /* not followed */
	WALK_LEAVE  /* hidden, a folder of reports, a device */
};
/* Pure. `mode`: of lstat(). */
enum walk_choice walk_choose(const char *name, unsigned mode);
/* Whether the ending of a name is one of videos, so that a file that cannot be
 * read as one is damaged rather than something else. Pure. */
bool walk_is_video_name(const char *name);
/* Whether a watched folder is entered, or a file of it is taken: one with the
 * name of a video. `mode`: of lstat(). Pure. */
bool walk_takes(const char *name, unsigned mode);

#endif
