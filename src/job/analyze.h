/* SPDX-License-Identifier: Apache-2.0 */
/* One analysis: a video file in, a report out, all steps in between in the
 * journal.
 *
 * analyze_file() reads top to bottom: open → probe → plan → for each chunk
 * frames, describe, journal → merge → report, with hashing and the engine's
 * start beside. It blocks; chunks run on threads of its own, each with a
 * decoder child of its own. */
#ifndef VDET_JOB_ANALYZE_H
#define VDET_JOB_ANALYZE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "engine/engine.h"
#include "job/options.h"
#include "job/progress.h"
#include "memory/memory.h"
#include "models/fit.h"
#include "speech/speech.h"
#include "store/store.h"

struct remote_web;

struct analyze {
	const struct analyze_options *options;
	struct engine *engine;
	struct store *store;
	struct memory *memory; /* of the engine; NULL = memory is not watched */
	/* folder that gets a folder per report where options->output is empty; NULL
	 * = the current one */
	const char *reports_dir;
	/* holds a lock file per job: two processes never work on one job */
	const char *locks_dir;
	/* of the model, to compute its tokens; NULL = not known */
	const struct fit_model *shape;
	/* what transcribes speech; NULL = nothing */
	const struct speech_options *speech;
	const struct speech_places *speech_places;
	const struct runner *runner; /* does the chunks; NULL = this process */
	struct progress *progress;
	struct cancel *cancel;
	/* The rest is for a queue of jobs, and may be left out. */
	/* once fired, no further chunk is started: ERR_CANCELED after those in
	 * progress */
	struct cancel *drain;
	int64_t queue_entry; /* of store/queue.h, that has this job; 0 = none */
	/* of the file, if known: it is not computed again, unless the file does not
	 * have this stamp (file_stamp(); NULL = any) */
	const char *sha256, *stamp;
	const char *expected;   /* SHA-256 that the file has to have; NULL = any */
	struct remote_web *web; /* for videos at addresses; NULL = only files are read */
	const int64_t *only;    /* of the chunks to do, only these; NULL = all */
	size_t n_only;
};

enum analyze_outcome {
	ANALYZE_COMPLETE,
	ANALYZE_HOLES,
	ANALYZE_EMPTY /* not one chunk succeeded */
};

struct analyze_result {
	enum analyze_outcome outcome;
	char *job;        /* id; the caller frees the strings */
	char *dir;        /* where the report is */
	char *earlier;    /* where the previous report of another run was moved; may be NULL */
	char *first_hole; /* reason of the first hole, "" if none */
	size_t chunks, holes, resumed;
	/* of an error, too: the file does not have the expected SHA-256 */
	bool other_content;
	bool unchecked;   /* a check failed; the same call tries it again */
	int64_t left_out; /* microseconds of the range that a given plan leaves out */
	size_t missed;    /* bursts of activity without a frame */
	/* Frames that the model saw; of them, those with concealed damage. */
	size_t pictures, damaged;
};
void analyze_result_clear(struct analyze_result *r);

/* `path` may be an address, see remote/web.h. Blocks. ERR_CANCELED leaves
 * everything that is finished in the journal; the same call continues from
 * there. On other errors the message begins with the file's name. */
int analyze_file(const struct analyze *a, const char *path, struct analyze_result *ret,
                 struct err *err);

#endif
