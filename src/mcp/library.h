/* SPDX-License-Identifier: Apache-2.0 */
/* The videos that a client of MCP may know: of each the newest run that ended,
 * or, in the server, the runs that entries of its queue have; and their files.
 * Blocks for the disk; any thread. Times: microseconds. */
#ifndef VDET_MCP_LIBRARY_H
#define VDET_MCP_LIBRARY_H

#include "base/hash.h"
#include "mcp/context.h"

struct mcp_video {
	char *id;     /* of its run */
	char *name;   /* of the file, or as it was renamed in the server */
	char *sha256; /* of the file */
	char *dir;    /* of the report, absolute */
	char *path;   /* where the file was last, "" = not known */
	/* Where it is read instead of a file, see remote/web.h; not for clients.
	 * NULL = it is a file. */
	char *address;
	char *stamp; /* of the file, if `sha256` is known to be of that; "" = not known */
	char *summary;
	bool has_stream;
	int stream;
	int64_t size, duration, from, to;
	int64_t chunks, holes;
};
struct library {
	struct mcp_video *videos; /* newest first */
	size_t n, cap;
};
void library_clear(struct library *l);

/* ERR_CANCELED. */
int library_load(const struct mcp_setup *s, struct cancel *cancel, struct library *ret,
                 struct err *err);
/* By its whole id. ERR_NOENT says what to do. */
int library_find(const struct library *l, const char *id, const struct mcp_video **ret,
                 struct err *err);

/* Files whose content was compared with a hash. */
struct library_known;
struct library_known *library_known_new(void);
void library_known_free(struct library_known *k);

/* Opens the file of a video for reading, if it is where it is expected, within
 * the folder, and still has the content that was analyzed; reads all of it the
 * first time. The caller closes it. */
int library_open(const struct mcp_setup *s, struct library_known *k, const struct mcp_video *v,
                 struct cancel *cancel, int *ret_fd, struct err *err);

/* Whether an open file is really below the folder, whatever its path was. */
bool library_is_inside(int fd, const char *folder);

#endif
