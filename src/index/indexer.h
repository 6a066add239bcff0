/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the index of a video: sandboxed children look (decoder-index.h), this
 * side judges (index-*.h).
 *
 * One packet scan; keyframes in parts, by several children at once; ranges that
 * are worth it are decoded in full. A child that fails is replaced, and the
 * part that killed it is divided until only what cannot be decoded is missing.
 * The result does not depend on the number of children. Blocks; observes
 * cancel. */
#ifndef VDET_INDEX_INDEXER_H
#define VDET_INDEX_INDEXER_H

#include <stdbool.h>

#include "base/cancel.h"
#include "base/err.h"
#include "decoder/decoder-index.h"
#include "index/index.h"
#include "store/store.h"

struct indexer_options {
	double effort;   /* share of the video that may be decoded closely, 0 to 1 */
	int64_t max_gap; /* microseconds without a keyframe after which the range is decoded */
	int64_t workers; /* children; 0 = one for each processor */
	bool scenes;     /* cuts exact to the frame, whatever that takes */
	bool fresh;      /* indexer_get(): make it anew, whatever the store has */
	struct decoder_options decoder;
	/* Called from any thread, one at a time: what is being done, and how much
	 * of it; may be NULL. */
	void (*progress)(void *ctx, const char *what, double fraction);
	void *ctx;
};

/* Step by step: the parts of a video become known one after the other, the
 * first one soon, and what is known does not change any more. Where a part ends
 * follows from the video alone. One thread at a time. fd: as decoder_open(),
 * and borrowed until the end, as is what the options point to. */
struct indexer;
int indexer_begin(int fd, const struct indexer_options *o, struct cancel *cancel,
                  struct indexer **ret, struct err *err);
/* The next part, or several where nothing can be decoded in the first ones. */
int indexer_step(struct indexer *i, struct err *err);
/* What is known, in as many parts as there are by now. Its arrays move with the
 * next step. */
const struct video_index *indexer_index(const struct indexer *i);
bool indexer_whole(const struct indexer *i);
struct video_index *indexer_take(struct indexer *i); /* once it is whole */
const struct packet_scan *indexer_packets(const struct indexer *i);
void indexer_free(struct indexer *i);
DEFINE_FREEP(struct indexer, indexer)

/* All of it at once. */
int indexer_run(int fd, const struct indexer_options *o, struct cancel *cancel,
                struct video_index **ret, struct err *err);

/* What was made before of this source with these options. ERR_NOENT. */
int indexer_load(struct store *s, const char *sha256, const struct indexer_options *o,
                 struct video_index **ret, struct err *err);
/* Keeps it for indexer_load(), unless parts of it failed: that may succeed
 * another time. */
int indexer_save(struct store *s, const char *sha256, const struct indexer_options *o,
                 const struct video_index *x, struct err *err);
/* Loads it, or makes and saves it. */
int indexer_get(struct store *s, const char *sha256, int fd, const struct indexer_options *o,
                struct cancel *cancel, bool *ret_cached, struct video_index **ret, struct err *err);

#endif
