/* Makes the index of a video: sandboxed children look (decoder-index.h), this side judges (index-*.h).
 *
 * One packet walk; keyframes in parts, by several children at once; close looks where they pay. A child that fails is
 * replaced, and the part that killed it is divided until only what cannot be decoded is missing. The result does not
 * depend on the number of children. Blocks; observes cancel. */
#ifndef VDET_JOB_INDEXER_H
#define VDET_JOB_INDEXER_H

#include <stdbool.h>

#include "base/cancel.h"
#include "base/err.h"
#include "job/decoder.h"
#include "job/index.h"
#include "store/store.h"

struct indexer_options {
	double effort;   /* share of the video that may be decoded closely, 0 to 1 */
	int64_t max_gap; /* microseconds without a keyframe that call for a close look */
	int64_t workers; /* children; 0 = one for each processor */
	bool scenes;     /* cuts exact to the frame, whatever that takes */
	bool fresh;      /* indexer_get(): make it anew, whatever the store has */
	struct decoder_options decoder;
	/* Called from any thread, one at a time: what is being done, and how much of it; may be NULL. */
	void (*progress)(void *ctx, const char *what, double fraction);
	void *ctx;
};

/* fd: as decoder_open(). */
int indexer_run(int fd, const struct indexer_options *o, struct cancel *cancel, struct video_index **ret,
                struct err *err);

/* The same, through the store: what was made before of this source with these options is only read. */
int indexer_get(struct store *s, const char *sha256, int fd, const struct indexer_options *o, struct cancel *cancel,
                bool *ret_cached, struct video_index **ret, struct err *err);

#endif
