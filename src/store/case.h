/* SPDX-License-Identifier: Apache-2.0 */
/* The journal's part about cases: several videos that are reported together.
 * As store.h: thread-safe, data is on disk when a call returns, returned
 * strings are freed by the _clear functions. */
#ifndef VDET_STORE_CASE_H
#define VDET_STORE_CASE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "store/store.h"

struct store_case {
	char *id;     /* 12 hexadecimal digits */
	char *name;   /* as it was given, or the real path of a folder */
	char *output; /* folder of the report, absolute; "" = none yet */
	int64_t created, updated;
};
void store_case_clear(struct store_case *c);

/* The case of this name, which is added with this id if it is new. */
int store_case_open(struct store *s, const char *id, const char *name, struct store_case *ret,
                    struct err *err);
int store_case_set_output(struct store *s, const char *id, const char *output, struct err *err);

enum store_member_kind {
	STORE_MEMBER_VIDEO,
	STORE_MEMBER_FAULT, /* a video that cannot be read */
	STORE_MEMBER_OTHER  /* not a video */
};

/* Where the start of a video on the clock of the case comes from. */
enum store_clock { STORE_CLOCK_METADATA, STORE_CLOCK_FILE };

/* A file of a case, or one video stream of it. Strings are never NULL once
 * read. */
struct store_member {
	/* Real path, any bytes. Of a file that has another content now, with the
	 * source of the former one and a colon before it: "1f0c…:/a/b.mp4". */
	char *path;
	int64_t stream; /* index in the file, -1 = the default one */
	char *name;     /* as the report shows it */
	enum store_member_kind kind;
	char *stamp;    /* see file_stamp_all(); of the file when it was examined */
	char *source;   /* SHA-256; "" = not known yet */
	char *job;      /* id of its run; "" = not analyzed yet */
	char *settings; /* what the result depends on beside the file, see cases/done.h */
	char *fault;    /* of the last attempt; "" if it succeeded */
	int64_t start;  /* Unix time, microseconds */
	enum store_clock clock;
	int64_t duration;
};
void store_member_clear(struct store_member *m);

/* Adds the member, or replaces that of this path and stream. */
int store_member_save(struct store *s, const char *case_id, const struct store_member *m,
                      struct err *err);
/* All of this path. */
int store_member_remove(struct store *s, const char *case_id, const char *path, struct err *err);
/* In order of path and stream; the caller clears each and frees the array. */
int store_members_load(struct store *s, const char *case_id, struct store_member **ret,
                       size_t *ret_n, struct err *err);

/* A folder that was analyzed for the case: its real path. */
int store_case_root_add(struct store *s, const char *case_id, const char *path, struct err *err);
/* The folder of those added that `path` is, or is below; ERR_NOENT if there is
 * none. The caller frees *ret. */
int store_case_root_above(struct store *s, const char *case_id, const char *path, char **ret,
                          struct err *err);

/* An answer about several runs, by the SHA-256 of everything that it depends
 * on. The caller frees *ret; ERR_NOENT if there is none. */
int store_case_step_load(struct store *s, const char *case_id, const char *key, char **ret,
                         struct err *err);
/* `runs`: JSON array of the ids of the runs that it is about. */
int store_case_step_save(struct store *s, const char *case_id, const char *key, const char *kind,
                         const char *runs, const char *text, struct err *err);

#endif
