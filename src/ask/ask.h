/* SPDX-License-Identifier: Apache-2.0 */
/* Answers a question about videos, with moments that show it.
 *
 * ask_run() reads top to bottom: what is asked → what was said of such things
 * before (search/find.h) → fresh, denser frames of those moments, and of groups
 * of sampled frames that no description mentions → enough? → sentences from
 * numbered findings → each citation checked by a second look → what was
 * examined. A model chooses among numbered things; times, counts, order, "not
 * found" and "not seen" come from here.
 *
 * Each reply of the model is in the journal (store/ask.h) before it counts: the
 * same call continues after a kill, and returns a finished answer as it is,
 * byte for byte, unless something of its videos changed since.
 *
 * Times: microseconds of the video's timeline, or durations. */
#ifndef VDET_ASK_ASK_H
#define VDET_ASK_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "answer/answer.h"
#include "base/cancel.h"
#include "base/err.h"
#include "engine/engine.h"
#include "job/options.h"
#include "memory/memory.h"
#include "runner/runner.h"
#include "store/store.h"

enum {
	ASK_QUESTION_MAX = 2000, /* bytes */
	ASK_CHOICES_MAX = 8,
	ASK_VIDEOS_MAX = 10000,
};

/* What is being done. */
struct ask_progress {
	const char *id;            /* of the answer in the journal */
	const char *step;          /* a literal: "starting", "search", "look", "check", "compose" */
	const char *video;         /* name; "" = none */
	int64_t start, end;        /* of the window that is examined */
	size_t done, total;        /* windows or citations of this step */
	struct answer_spent spent; /* so far, without decode_time and wall */
};

struct remote_web;

/* What it works with; all borrowed, and may be used by several calls at once. */
struct ask_context {
	struct engine *engine;
	struct store *store;
	struct memory *memory;                 /* NULL = GPU memory is not watched */
	const struct analyze_options *options; /* how frames are decoded and shown */
	const struct runner *runner;           /* does looks and checks; NULL = this process */
	struct remote_web *web;                /* for videos at addresses; NULL = none is read */
	struct cancel *cancel;                 /* once fired: ERR_CANCELED */
	/* Called from any thread, one call at a time; may be NULL. */
	void (*progress)(void *ctx, const struct ask_progress *p);
	void *ctx;
};

/* A video that the question is about. */
struct ask_video {
	char *job;  /* id of its run */
	char *path; /* of the file; "" = it is not known where it is */
	/* Instead of a file: where the video is read, see remote/web.h; it is in no
	 * answer. NULL = it is a file. */
	char *address;
};
void ask_videos_free(struct ask_video *v, size_t n); /* NULL is fine */

struct ask_request {
	const char *question;
	const struct ask_video *videos;
	size_t n_videos;
	char *const *unread; /* names of videos in scope that are not analyzed */
	size_t n_unread;
	const char *thread;         /* id of an answer that it follows; "" = none */
	const char *const *choices; /* possible answers; the best one is named */
	size_t n_choices;
	/* Only this part of each video; to 0 = its end. Times in the question
	 * restrict it further, see route_range(). */
	int64_t from, to;
	const char *language;  /* of the answer; "" = any */
	bool thorough;         /* every sampled frame is examined */
	bool again;            /* even if it was answered before */
	int64_t budget_time;   /* 0 = none */
	int64_t budget_tokens; /* of prompts; 0 = none, or ASK_TOKENS unless thorough */
};
#define ASK_TOKENS 40000

/* ERR_ARG unless this can be asked. */
int ask_check_question(const char *question, struct err *err);

/* Blocks for engine, decoders and disk. *ret_json: the answer as it is in the
 * journal. ERR_ARG (no question, too long, no video), ERR_CANCELED (what was
 * done is kept); other errors: the engine cannot be used, or the journal cannot
 * be written. A video that cannot be examined is named in the answer. */
int ask_run(const struct ask_context *c, const struct ask_request *q, struct answer **ret,
            char **ret_json, struct err *err);

/* A finished answer of the journal, with its pictures; ERR_NOENT (none of this
 * id), ERR_BUSY (it is not finished). */
int ask_load(struct store *s, const char *id, struct answer **ret, char **ret_json,
             struct err *err);

/* A single look at frames of a video, without an answer of its own. */
struct ask_look {
	int64_t start, end; /* microseconds */
	size_t frames;      /* evenly spaced; at most ASK_LOOK_FRAMES */
};
enum { ASK_LOOK_FRAMES = 32 };
struct ask_seen {
	int64_t *shown; /* pts of the frames that the model saw, ascending */
	size_t n_shown;
	int64_t *frames; /* of those, what shows it */
	size_t n_frames;
	char *text; /* what the model says */
};
void ask_seen_clear(struct ask_seen *s);
/* Blocks for engine and decoder. The result is kept in the journal: the same
 * look again needs no request. ERR_ARG, ERR_NOENT (there is no such run, or its
 * file cannot be examined), ERR_CANCELED; others as of ask_run(). */
int ask_look_at(const struct ask_context *c, const struct ask_video *video,
                const struct ask_look *look, const char *question, struct ask_seen *ret,
                struct err *err);

/* SHA-256 of the file at `path`, from the journal if it was seen there and did
 * not change since, else by reading it. *ret_path: its real path; the caller
 * frees. */
int ask_identify(struct store *s, const char *path, struct cancel *cancel,
                 char ret_sha256[static 65], char **ret_path, struct err *err);

#endif
