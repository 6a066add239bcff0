/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the board, shared by its files: board.c (life, the manager),
 * board-run.c (one turn of a job), board-change.c (requests that change
 * something), board-video.c, board-show.c (JSON), board-request.c (what a
 * request may set).
 *
 * Locks, in the order in which they are taken: the progress of a job, `disk`,
 * `lock`. `disk` is held around a change together with its writing down, so
 * that the store sees changes in their order; `lock` guards everything in
 * memory and is never held while anything waits. Jobs and videos are freed by
 * the manager alone, so that a pointer to one is good on the manager's thread,
 * on the job's own, and under `lock`. */
#ifndef VDET_BOARD_BOARD_INTERNAL_H
#define VDET_BOARD_BOARD_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pool.h"
#include "board/board.h"
#include "board/queue.h"
#include "job/progress.h"
#include "store/queue.h"

struct video {
	struct store_video row;
	json_t *facts;   /* parsed; NULL while unknown */
	bool gone;       /* removed: not shown any more */
	bool busy;       /* a thread prepares it */
	int64_t fetched; /* bytes, while it is fetched */
	bool unsaved;
	bool has_proxy, makes_proxy;
	struct cancel *cancel; /* of the preparation */
};

/* Where a running job goes when it comes to rest before its end. */
enum rest { REST_NONE, REST_QUEUE, REST_PAUSE, REST_CANCEL };

struct job {
	struct board *board;
	struct video *video;
	struct store_entry row;
	json_t *options; /* as the request set them */
	/* of the present turn, or of the last one */
	struct progress *progress;
	struct progress_view view;
	char phase[24], detail[160];
	char *dots; /* a letter a chunk: . to do, r running, d done, h hole */
	int64_t events;
	bool in_chunks;
	bool fresh; /* not run yet by this server: it begins at the level of the others */
	struct cancel *cancel, *drain;
	enum rest rest;
	int64_t *only;
	size_t n_only;
	int64_t began, retry_at; /* monotonic; retry_at: not before */
	int tries;               /* in a row that failed for the engine's sake */
	int64_t told;            /* when the last "job" event went out */
	bool dirty, unsaved, gone;
	bool has_thread, ended;
	pthread_t thread;
};

enum { BOARD_PRIORITY_MAX = 100, BOARD_READINGS = 600 };

struct board {
	struct board_setup setup;
	char *videos_dir, *reports_dir;
	struct settings *settings; /* NULL if setup.settings is */
	pthread_mutex_t disk, lock;
	pthread_cond_t wake; /* the manager: something changed */
	pthread_cond_t end;  /* the manager has nothing left to do: over */
	bool news;           /* since the manager looked last */
	struct video **videos;
	size_t n_videos;
	struct job **jobs; /* in order of their numbers */
	size_t n_jobs;
	bool stopping, stopped, started, over;
	int64_t chunks_done, chunks_holes;
	json_t *readings[BOARD_READINGS]; /* a ring */
	size_t n_readings;                /* in all */
	int64_t last_reading;             /* manager only; 0 = none yet */
	struct pool *pool, *preparing, *copying;
	pthread_t manager;
};

/* AUTO(board_unlockp) struct board *locked = board_lock(b); */
struct board *board_lock(struct board *b);
void board_unlockp(struct board **b);
struct board *board_disk(struct board *b);
void board_undiskp(struct board **b);

/* With the lock held. */
struct job *board_find_job(struct board *b, int64_t id);
struct video *board_find_video(struct board *b, int64_t id);
int board_need_job(struct board *b, int64_t id, struct job **ret, struct err *err);
int board_need_video(struct board *b, int64_t id, struct video **ret, struct err *err);
void board_wake(struct board *b);
void board_tell_job(struct board *b, struct job *j);
void board_tell_video(struct board *b, struct video *v);
void board_halt(struct job *j, enum rest rest); /* tells a running job to come to rest */
/* All jobs that are not gone, in the order in which people see the queue; the
 * caller frees. */
struct job **board_order(struct board *b, size_t *ret_n);
/* as queue.h wants them, at the jobs' indices */
struct queue_job *board_queue(struct board *b, int64_t now);
/* for writing it down without the lock */
struct store_entry board_copy_entry(const struct store_entry *e);
struct store_video board_copy_video(const struct store_video *v);

/* With `disk` held and without the lock: writes down what is in memory. */
int board_save_job(struct board *b, struct job *j, struct err *err);
int board_save_video(struct board *b, struct video *v, struct err *err);

/* board-show.c, with the lock held */
json_t *board_job_json(struct board *b, const struct job *j);
json_t *board_video_json(struct board *b, const struct video *v);
json_t *board_seconds(int64_t us);     /* null if negative */
json_t *board_moment(int64_t unix_us); /* null if 0 */

/* board-readings.c: takes one if it is time; when the next is due */
int64_t board_take_reading(struct board *b, int64_t now);

/* board-run.c */
void board_on_progress(void *job, json_t *event); /* takes the lock */
void *board_run_job(void *job);
void board_free_job(struct job *j);

/* board-request.c */
/* Options as a request may set them, canonical: names in order, values as text. */
int board_read_options(const struct analyze_options *base, const json_t *request, json_t **ret,
                       struct err *err);
/* The options of a job: a copy of `base` with these; freed by
 * board_clear_options(). */
int board_make_options(const struct analyze_options *base, const json_t *set,
                       struct analyze_options *ret, struct err *err);
void board_clear_options(struct analyze_options *o);
/* a name that is safe in a folder of ours; the caller frees */
char *board_file_name(const char *name);
int board_parse_id(const json_t *value, int64_t *ret, struct err *err);

/* board-video.c */
/* Finds the video of a request, or makes it; with `disk` held. */
int board_take_video(struct board *b, const json_t *request, struct video **ret, struct err *err);
/* takes the row */
int board_add_video(struct board *b, struct store_video *row, struct video **ret, struct err *err);
/* with the lock held: looks at it on another thread */
void board_prepare(struct board *b, struct video *v);
/* likewise: what an earlier run did not come to make */
void board_want_pictures(struct board *b, struct video *v);
/* board-made.c: what is made of a video, and lies apart from it, whatever it is
 * called */
/* a path; the caller frees */
char *board_made(const struct board *b, int64_t id, const char *name);
void board_make_pictures(struct board *b, struct video *v, const char *path);
/* with the lock held: makes one if it is needed */
void board_want_proxy(struct board *b, struct video *v);
bool board_plays(const struct video *v); /* a browser plays it as it is */

int board_check_path(const struct board *b, const char *path, char **ret_real, struct err *err);
void board_free_video(struct video *v);
/* what a file looks like: it changes when the file does */
void board_stamp(int fd, char out[static 100]);

#endif
