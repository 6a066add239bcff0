/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the index of a video: sandboxed children decode (decoder-index.h), and
 * this module evaluates the results.
 *
 * One packet scan; then keyframes, by several children at once; then selected
 * ranges are decoded in full. A child that fails is replaced, and its task is
 * divided until only what cannot be decoded is missing. The result does not
 * depend on the number of children. Blocks; observes cancel. */
#ifndef VDET_INDEX_INDEXER_H
#define VDET_INDEX_INDEXER_H

#include <stdbool.h>

#include "base/cancel.h"
#include "base/err.h"
#include "decoder/decoder-index.h"
#include "index/index.h"
#include "store/store.h"

#define INDEX_EFFORT_AUTO (-1.0)

/* A range to decode: see decoder_stretch(), with at most INDEX_FRAMES_MOST
 * pictures. */
struct index_look {
	int64_t from, to;
	bool all;
};
enum { INDEX_FRAMES_MOST = 200000 }; /* half an hour at 100 frames per second */

/* Decodes ranges elsewhere, beside the children. A range is never waited for: a
 * child that has nothing else to do decodes it, too, and the first result is
 * taken. Both must be the same. */
struct index_away {
	/* How many it takes at the same time, now. */
	int (*serves)(void *ctx);
	/* Decodes one; any thread. Blocks until `cancel` fires. After an error the
	 * range is decoded here. */
	int (*decode)(void *ctx, const struct index_look *look, struct cancel *cancel,
	              struct signatures *ret, struct grids *ret_grids, struct err *err);
	void *ctx;
};

struct indexer_options {
	/* share of the video that may be decoded in full, 0 to 1; or
	 * INDEX_EFFORT_AUTO: as much as costs at most as 1920x1080 at 30 frames per
	 * second */
	double effort;
	int64_t max_gap; /* microseconds without a keyframe after which a range is decoded */
	int64_t workers; /* children; 0 = one for each processor */
	bool scenes;     /* cuts are exact to the frame, whatever it costs */
	bool fresh;      /* indexer_get(): do not use a stored index */
	struct decoder_options decoder;
	const struct index_away *away; /* NULL = none */
	/* Called from any thread, one at a time, with the current phase and the
	 * fraction that is done; may be NULL. */
	void (*progress)(void *ctx, const char *what, double fraction);
	void *ctx;
};

/* Makes the index in steps: each step adds at least one part, and finished
 * parts do not change. The end of a part depends only on the video. One thread
 * at a time. fd: as in decoder_open(); it and everything that the options point
 * to must remain valid until indexer_free(). */
struct indexer;
/* Scans the packets. Errors as of the decoder, also of the calls below. */
int indexer_begin(int fd, const struct indexer_options *o, struct cancel *cancel,
                  struct indexer **ret, struct err *err);
/* Makes the next part, or several if nothing can be decoded in the first ones.
 * ERR_FORMAT if no keyframe of the video can be decoded. `err` not NULL. */
int indexer_step(struct indexer *i, struct err *err);
/* The index so far, with the parts that are finished. Its arrays may move in
 * the next step. */
const struct video_index *indexer_index(const struct indexer *i);
bool indexer_whole(const struct indexer *i); /* all parts are made */
/* Hands the complete index to the caller, who frees it. */
struct video_index *indexer_take(struct indexer *i);
const struct packet_scan *indexer_packets(const struct indexer *i); /* until indexer_free() */
void indexer_free(struct indexer *i);
DEFINE_FREEP(struct indexer, indexer)

/* Makes the whole index; the caller frees it. */
int indexer_run(int fd, const struct indexer_options *o, struct cancel *cancel,
                struct video_index **ret, struct err *err);

/* Loads the stored index of this source with these options. ERR_NOENT if there
 * is none. */
int indexer_load(struct store *s, const char *sha256, const struct indexer_options *o,
                 struct video_index **ret, struct err *err);
/* Stores it for indexer_load(), unless some parts failed, which may succeed
 * later. */
int indexer_save(struct store *s, const char *sha256, const struct indexer_options *o,
                 const struct video_index *x, struct err *err);
/* Loads the index, or makes and stores it; *ret_cached: it was loaded. */
int indexer_get(struct store *s, const char *sha256, int fd, const struct indexer_options *o,
                struct cancel *cancel, bool *ret_cached, struct video_index **ret, struct err *err);

#endif
