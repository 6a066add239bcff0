/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures of a video: decoded from its file, or the small ones that the
 * journal has. Blocks; any thread. Times: microseconds. */
#ifndef VDET_MCP_PICTURES_H
#define VDET_MCP_PICTURES_H

#include <semaphore.h>

#include "mcp/context.h"
#include "mcp/library.h"

struct picture {
	int64_t time, pts; /* requested; of the frame */
	unsigned char *jpeg;
	size_t len;
	char *fault; /* why there is none; NULL = there is one */
};

struct picture_request {
	const struct mcp_video *video;
	const int64_t *times; /* ascending */
	size_t n;
	int size; /* long side in pixels, of those that are decoded */
	struct cancel *cancel;
	void (*progress)(void *ctx, size_t done); /* may be NULL */
	void *ctx;
};

struct pictures {
	struct picture *all; /* in the order of the times */
	size_t n;
	char *note; /* why they are not from the file; NULL = they are */
};
void pictures_clear(struct pictures *p);

/* How many files are decoded at once. */
enum { PICTURES_AT_ONCE = 2 };

/* `turn` is a semaphore of PICTURES_AT_ONCE. */
int pictures_take(const struct mcp_setup *s, struct library_known *k, sem_t *turn,
                  const struct picture_request *q, struct pictures *ret, struct err *err);

#endif
