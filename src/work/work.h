/* SPDX-License-Identifier: Apache-2.0 */
/* Does units of work on the machine of a worker: a table from the kind of a
 * unit to the function that does it. The worker's own options decide how media
 * are decoded and which engine answers; a unit only says what is to be done. */
#ifndef VDET_WORK_WORK_H
#define VDET_WORK_WORK_H

#include <stdatomic.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/mem.h"
#include "decoder/decoder.h"
#include "engine/engine.h"
#include "memory/memory.h"
#include "runner/runner.h"

struct work;
struct work_texts;
struct work_index;

/* A video that is open for one lane. */
struct work_video {
	int fd;                          /* or -1 with a feed */
	const struct decoder_feed *feed; /* see struct decoder_options; NULL = fd is used */
	void *own;                       /* of who opened it */
};

/* How videos are had. */
struct work_videos {
	/* By SHA-256, for one lane; it may stay open for further units. `call`: see
	 * work_run(). */
	int (*open)(void *ctx, void *call, const char *sha256, struct cancel *cancel,
	            struct work_video *ret, struct err *err);
	/* Called once it is open, with the options that it will be decoded with:
	 * what is known of it already may be set. May be NULL. */
	void (*prepare)(struct work_video *v, const struct decoder_options *o);
	/* It is used for another unit. May be NULL. */
	void (*use)(struct work_video *v, void *call);
	/* Why bytes of it could not be had; false = they could. May be NULL. */
	bool (*fault)(struct work_video *v, struct err *ret);
	void (*close)(struct work_video *v);
	void *ctx;
};

struct work_meter {
	_Atomic int64_t frames; /* microseconds until frames were decoded, of all units */
};

struct work_setup {                 /* everything is borrowed */
	struct engine *engine;          /* started */
	struct memory *memory;          /* of the engine; may be NULL */
	struct decoder_options decoder; /* limits, devices and the sandbox of this machine */
	struct work_videos videos;
	struct work_texts *texts; /* see texts.h; NULL = none of these */
	struct work_index *index; /* see index.h; NULL = none of these */
	size_t lanes;             /* units at the same time, at least 1 */
	struct work_meter *meter; /* may be NULL */
};

struct work *work_new(const struct work_setup *setup);
void work_free(struct work *w); /* no unit may be in progress; NULL is fine */
DEFINE_FREEP(struct work, work)

/* What a unit is done for. */
struct work_call {
	struct cancel *cancel; /* ends it: ERR_CANCELED; may be NULL */
	/* Called after each frame and each token; may be NULL. */
	void (*progress)(void *ctx);
	void *ctx; /* also the `call` of struct work_videos */
};

/* Does one unit; any thread, as many at the same time as there are lanes. The
 * caller clears `ret`. ERR_UNSUPPORTED: this version cannot do such a unit.
 * Other errors: it failed, and would be a hole here. */
int work_run(struct work *w, const struct runner_unit *u, const struct work_call *call,
             struct runner_result *ret, struct err *err);

#endif
