/* SPDX-License-Identifier: Apache-2.0 */
/* Progress of one analysis: its state now, and a stream of typed events.
 *
 * The threads of a run report; any thread may read. Events go to one listener,
 * in order, under the lock of the progress: the listener must not call back.
 * What an event points to is valid during the call. Times are microseconds:
 * start and end of the video, others of the monotonic clock. JSON is made at
 * the edges only, by progress-json.h for the command line. */
#ifndef VDET_JOB_PROGRESS_H
#define VDET_JOB_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "store/chunk-state.h"
#include "store/store.h"

enum progress_phase {
	PHASE_STARTING,
	PHASE_OPENING,
	PHASE_HASHING,
	PHASE_ENGINE,
	PHASE_INDEX,
	PHASE_CHUNKS,
	PHASE_TEXTS,
	PHASE_JOINING,
	PHASE_CHECKING,
	PHASE_SECOND_PASS,
	PHASE_SUMMARY,
	PHASE_REPORT,
	PHASE_PREVIEW,
	PHASE_SELFTEST,
	PHASE_ASKING,
	PHASE_VECTORS,
};
/* "starting", "opening", "hashing", … */
const char *progress_phase_name(enum progress_phase phase);

struct progress_chunk {
	size_t index;
	enum chunk_state state;
	int64_t start, end;
	/* Frames while decoding, prompt tokens in prefill (total 0 = unknown); in
	 * an answer, done counts the tokens written. */
	int64_t done, total;
	int64_t elapsed, left; /* of the work on this chunk; left -1 = unknown */
};

struct progress_view {
	enum progress_phase phase;
	char detail[160];                 /* of the phase: "loading model", "1.2 of 2.7 GB" */
	size_t video, videos;             /* of a case: which one, from 1, of how many; 0 = no case */
	size_t chunks, done, holes;       /* done includes holes */
	bool planned;                     /* chunks is final; else it is an estimate */
	double fraction;                  /* 0 to 1 over all chunks, shares of running ones included */
	int64_t left;                     /* of the run, -1 = unknown */
	double prefill_rate, decode_rate; /* tokens/s of the last answers; 0 = unknown */
	struct progress_chunk active[64];
	size_t n_active;
};

enum progress_event_type {
	PROGRESS_VIDEO,  /* of a case: the next video, see the view */
	PROGRESS_SOURCE, /* the video was probed */
	PROGRESS_PHASE,  /* phase or detail changed: see the view */
	PROGRESS_HASH,   /* the hash of the source is known */
	PROGRESS_BEGIN,  /* the journal is open, or has more chunks */
	PROGRESS_CHUNK,  /* the state of a chunk changed */
	PROGRESS_RESULT, /* a chunk was journaled, done or as a hole */
	PROGRESS_UPDATE, /* something else in the view changed */
	PROGRESS_REPORT, /* the report was written */
	PROGRESS_CASE,   /* the report of the case was written */
	PROGRESS_ERROR,  /* a file failed, or the whole command */
	PROGRESS_END,    /* the last event of a command */
};
enum { PROGRESS_EVENT_TYPES = PROGRESS_END + 1 };

struct progress_event {
	enum progress_event_type type;
	const struct progress_view *view; /* after the event; set by progress_emit() */
	union {
		const char *video; /* name of the one that is next */
		struct {
			const char *name, *codec, *warning; /* warning "" = none */
			int64_t duration;
			int width, height;
			double fps;
		} source;
		const char *sha256; /* of PROGRESS_HASH */
		struct {
			const char *job; /* id in the journal */
			const enum chunk_state *states;
			size_t n;
		} begin;
		struct {
			size_t index;
			enum chunk_state state;
			int64_t start, end;
		} chunk;
		const struct store_chunk *result;
		struct {
			const char *job, *dir;
			size_t chunks, holes, resumed;
		} report;
		struct {
			const char *id, *dir;
			size_t videos, before, failed, skipped;
			bool complete;
		} cases;
		struct {
			const char *file, *code, *message; /* file NULL = the command */
		} error;
		int exit_code; /* of PROGRESS_END */
	};
};

struct progress;
typedef void (*progress_listener)(void *ctx, const struct progress_event *event);

/* listener may be NULL */
struct progress *progress_new(progress_listener listener, void *ctx);
void progress_free(struct progress *p);
DEFINE_FREEP(struct progress, progress)

/* Copies `detail`; emits nothing if nothing changed. */
void progress_phase(struct progress *p, enum progress_phase phase, const char *detail);
/* Sends an event that changes nothing in the view. */
void progress_emit(struct progress *p, const struct progress_event *event);
/* So many requests of this phase, of `total`, are done: sets the detail, and
 * the time left of the view. */
void progress_steps(struct progress *p, size_t done, size_t total);
/* The next video of a case: `number`, from 1, of `videos`; 0, 0 and NULL after
 * the last one. */
void progress_video(struct progress *p, size_t number, size_t videos, const char *name);
/* A new file: forgets the chunks. `finished` of them were done by an earlier
 * run. */
void progress_begin(struct progress *p, size_t chunks, size_t finished, size_t parallel);
/* The number of chunks and of threads changed. */
void progress_grow(struct progress *p, size_t chunks, size_t parallel);
/* Whether the number of chunks in the next calls is final; it is at first. */
void progress_planned(struct progress *p, bool planned);
/* So many are worked on at the same time now; only more than before counts:
 * those that are given to workers that have gone wait for others. */
void progress_parallel(struct progress *p, size_t parallel);
/* A chunk is worked on, or, with CHUNK_DONE and CHUNK_HOLE, finished. */
void progress_chunk(struct progress *p, size_t index, int64_t start, int64_t end,
                    enum chunk_state state, int64_t done, int64_t total);
/* A chunk is in the journal: its result, then its state. */
void progress_result(struct progress *p, const struct store_chunk *c);
void progress_rates(struct progress *p, double prefill, double decode);
void progress_read(struct progress *p, struct progress_view *ret);

/* Time left, pure: `done` chunks took `spent` in all (this run's only);
 * `active` ones are `fractions[i]` done after `elapsed[i]`; `waiting` others
 * follow; `parallel` run at once. Returns -1 as long as nothing is known. The
 * mean time of a chunk is spent / done, or, before the first is done, the mean
 * of elapsed / fraction. */
int64_t progress_estimate(size_t done, int64_t spent, const double *fractions,
                          const int64_t *elapsed, size_t active, size_t waiting, size_t parallel,
                          int64_t *ret_mean);
/* Likewise the time between two chunks that end, of the last ones: `ends` are
 * n moments, ascending. -1 with fewer than five, or fewer than run at once. */
int64_t progress_pace(const int64_t *ends, size_t n, size_t parallel, int64_t now);

#endif
