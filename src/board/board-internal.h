/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of the board, from the lowest to the highest; each needs
 * only files above it in this list:
 *
 *   board-json.c       jobs and videos as JSON
 *   board-state.c      the state in memory: locks, lookup, publishing, saving
 *   board-request.c    options that a request may set
 *   settings.c         changed defaults of new jobs
 *   board-metrics.c    metrics samples
 *   board-file.c       files in folders: where they are, whether they changed
 *   board-address.c    videos at addresses, which are read where they are
 *   board-artifacts.c  poster, storyboard and proxy of a video
 *   board-video.c      videos: adding, fetching, probing
 *   board-open.c       the file of a video and its frames, for requests
 *   board-job.c        new jobs
 *   board-members.c    the videos of a case, each with one of its jobs
 *   board-case.c       cases; names and tags of videos
 *   board-run.c        one turn of a job: analyze_file() on its thread
 *   board-chat.c       videos that came in a chat
 *   board-change.c     requests that change something
 *   board-summary.c    summaries of cases by the model
 *   board-ask-request.c  what a question asks for, and the videos it is about
 *   board-watch-hit.c  what came of a question that a standing one asked
 *   board-ask-run.c    questions that wait or are worked on
 *   board-ask.c        requests about questions and their answers
 *   board-watch.c      standing questions, and requests about them
 *   board-results.c    requests that read something
 *   board-search.c     search
 *   board-folder.c     files of watched folders come to the queue
 *   board-subjects.c   requests about subjects
 *   board.c            start, the manager thread, stop
 *
 * Locks, in the order in which they are taken: the progress of a job, `disk`,
 * `lock`. `disk` is held while a change is made in memory and saved, so that
 * the store sees changes in their order. `lock` guards all memory and is never
 * held while anything waits. Only the manager frees jobs and videos, so a
 * pointer to one is valid on the manager's thread, on the job's own thread, and
 * under `lock`. */
#ifndef VDET_BOARD_BOARD_INTERNAL_H
#define VDET_BOARD_BOARD_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ask/ask.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/pool.h"
#include "board/board.h"
#include "board/queue.h"
#include "job/progress.h"
#include "remote/web.h"
#include "store/board-ask.h"
#include "store/board-case.h"
#include "store/case.h"
#include "store/queue.h"

struct video {
	struct store_video row;
	json_t *names;   /* array of strings; NULL: only row.name */
	json_t *facts;   /* parsed; NULL while unknown */
	bool gone;       /* removed: no longer shown */
	bool busy;       /* a thread of the pool is preparing it */
	int64_t fetched; /* bytes, while it is fetched */
	bool unsaved;
	int64_t retry_at; /* monotonic: a fetch that found no space is not repeated before */
	bool has_poster, has_storyboard, has_proxy, makes_proxy;
	struct cancel *cancel; /* of the preparation */
	int held;              /* a chat uses it: it is not removed by itself */
	int64_t used;          /* by a chat of this run; Unix time, microseconds */
};

/* Why a running job stops before its end; a later value replaces an earlier
 * one. */
enum stop_reason { STOP_NONE, STOP_YIELD, STOP_PAUSE, STOP_CANCEL };

struct job {
	struct board *board;
	struct video *video;
	struct store_entry row;
	json_t *options; /* as set by the request */

	/* of the present turn, or of the last one */
	struct progress *progress;
	struct progress_view view;
	enum chunk_state *states;
	size_t n_chunks;
	int64_t events;
	bool in_chunks;
	struct cancel *cancel, *drain;
	enum stop_reason stop;
	int64_t *only;
	size_t n_only;
	/* The path and the stamp of the file when the turn began; "" = it could not
	 * be opened. Its own thread only, stamp with the lock. */
	char *path, *stamp;
	int64_t began, retry_at; /* monotonic; retry_at: not before */
	int tries;               /* consecutive failures that may pass */

	int64_t last_published; /* monotonic */
	bool moved, dirty;      /* since then: the progress, or more */
	bool unsaved, gone;
	bool has_thread, ended;
	pthread_t thread;
};

/* A summary of a case that is being written, or waits for its turn. */
struct summing {
	struct board *board;
	int64_t id;            /* of the case */
	struct cancel *cancel; /* once it is worked on; set with `lock` held */
	bool discarded;        /* changes with `disk` and `lock` held */
};

/* A question that waits for its turn, or is worked on. */
struct question {
	struct board *board;
	int64_t id;
	json_t *request, *shown; /* without the progress */
	struct cancel *cancel;   /* once it is worked on; set with `lock` held */
	bool discarded;          /* changes with `disk` and `lock` held */
	char *answer;            /* id; its thread only */

	/* with `lock` held */
	const char *step;
	char *video;                  /* "" = none */
	struct ask_progress progress; /* its numbers */
	uint64_t version;             /* of the last change, see board_ask_wait() */
	bool moved;                   /* since it was published */
	int64_t last_published;       /* monotonic */
};

enum {
	BOARD_PRIORITY_MAX = 100,
	BOARD_URL_MAX = 4000,
	BOARD_SAMPLES = 600,
	BOARD_SPACE_MIN = 8 << 20, /* with less free, no job starts */
};

struct board {
	struct board_setup setup;
	char *videos_dir, *reports_dir;
	struct settings *settings; /* NULL if setup.settings is */
	pthread_mutex_t disk, lock;
	pthread_cond_t wake; /* the manager: something changed */
	pthread_cond_t end;  /* the manager ended: over */
	bool changed;        /* since the manager looked last */
	struct video **videos;
	size_t n_videos;
	struct job **jobs; /* in the order of their ids */
	size_t n_jobs;
	bool stopping, stopped, started, over;
	int64_t disk_free; /* bytes, where our files are */
	bool disk_full;    /* less than BOARD_SPACE_MIN: jobs wait */
	bool save_failed;  /* and that was logged; with `disk` held */
	int64_t save_at;   /* manager only: saving failed, and is not tried before */
	int64_t chunks_done, chunks_holes;
	json_t *samples[BOARD_SAMPLES]; /* a ring */
	size_t n_samples;               /* in all */
	int64_t last_sample;            /* manager only; 0 = none yet */
	struct summing **summing;
	size_t n_summing;
	struct question **questions;
	size_t n_questions;
	uint64_t questions_version;
	pthread_cond_t asked;      /* a question changed */
	struct notifier *notifier; /* of hits; NULL if setup.notify is */
	bool watches_due;          /* a standing question may have a video to ask */
	int64_t watches_at;        /* manager only: when to look for one; 0 = never */
	/* Videos that a standing question could not be asked of, and when: they are
	 * asked after their next job. */
	struct unasked {
		int64_t watch, video, at; /* at: Unix time */
	} * unasked;
	size_t n_unasked, cap_unasked;
	char **watched; /* absolute paths of serve.watch_folder; do not change */
	size_t n_watched;
	struct cancel *folders_stop; /* of the thread that watches them */
	bool watches_folders;        /* it was started */
	pthread_t folders_thread;
	struct pool *pool, *preparing, *fetching, *copying, *summarizing, *asking;
	pthread_t manager;
};

/* ---- board-json.c, with the lock held */

json_t *board_job_json(const struct job *j);
json_t *board_video_json(const struct video *v);
json_t *board_id_json(int64_t id);
json_t *board_seconds(int64_t us);                /* null if negative */
json_t *board_moment(int64_t unix_us);            /* null if 0 */
bool board_plays(const struct video *v);          /* browsers play the file itself */
const char *board_type_of(const struct video *v); /* media type of the file, a literal */

/* ---- board-state.c */

/* AUTO(board_unlockp) struct board *locked = board_lock(b); */
struct board *board_lock(struct board *b);
void board_unlockp(struct board **b);
struct board *board_disk(struct board *b);
void board_undiskp(struct board **b);

/* Replaces an owned string by a copy of `text`; NULL counts as "". */
void board_set_text(char **to, const char *text);
/* A path of a file of this video; the caller frees. "" names the folder. */
char *board_video_path(const struct board *b, int64_t id, const char *name);
void board_free_job(struct job *j);
void board_free_video(struct video *v);

/* Measures the disk: disk_free, disk_full. Takes the lock. */
void board_check_disk(struct board *b);
/* How many events are listed of a job with this summary (board_detail()). */
int64_t board_listed(const struct board *b, const struct store_summary *s);
/* Bytes that uploaded and fetched videos take. Takes the lock. */
int64_t board_disk_used(struct board *b, const struct video *except);

/* The following need the lock. */
struct job *board_find_job(struct board *b, int64_t id);
/* Whether it came in a chat and is not kept; keeping it. */
#define BOARD_CHAT "chat" /* origin and tag */
#define CHAT_TAGS "[\"" BOARD_CHAT "\"]"
bool board_is_temporary(const struct video *v);
void board_keep_video(struct video *v);
struct video *board_find_video(struct board *b, int64_t id);
int board_need_job(struct board *b, int64_t id, struct job **ret, struct err *err);
int board_need_video(struct board *b, int64_t id, struct video **ret, struct err *err);
void board_wake(struct board *b);
void board_publish_job(struct board *b, struct job *j);
void board_publish_video(struct board *b, struct video *v);
/* For changes that its jobs show, too: its name and its length. */
void board_publish_video_and_jobs(struct board *b, struct video *v);
/* Asks a running job to stop; its thread ends some time later. */
void board_stop_job(struct job *j, enum stop_reason reason);
/* All jobs that are not gone, in the order of the queue; the caller frees. */
struct job **board_order(struct board *b, size_t *ret_n);
/* As queue.h takes them, one for each of b->jobs; the caller frees. */
struct queue_job *board_queue(struct board *b, int64_t now);

/* With `disk` held and without the lock: saves what is in memory. */
int board_save_job(struct board *b, struct job *j, struct err *err);
int board_save_video(struct board *b, struct video *v, struct err *err);
int board_save_changes(struct board *b, struct err *err); /* all that are not saved yet */
/* Logs that saving failed with `r` < 0, or works again: only if that is new. */
void board_note_saving(struct board *b, int r, const struct err *err);

/* ---- board-request.c */

/* The options of a request in canonical form: names sorted, values as text. */
int board_read_options(const struct analyze_options *base, const json_t *request, json_t **ret,
                       struct err *err);
/* A copy of `base` with these options set; freed by board_clear_options(). */
int board_make_options(const struct analyze_options *base, const json_t *set,
                       struct analyze_options *ret, struct err *err);
void board_clear_options(struct analyze_options *o);
/* A safe file name made from any text; the caller frees. */
char *board_file_name(const char *name);
int board_parse_id(const json_t *value, int64_t *ret, struct err *err);
/* ERR_ARG unless a request is an object with no other members than `keys`,
 * which end with NULL. */
int board_check_keys(const json_t *request, const char *const *keys, struct err *err);

/* ---- board-metrics.c */

/* Takes a sample if it is time; returns when the next is due. */
int64_t board_take_sample(struct board *b, int64_t now);

/* ---- board-file.c */

/* The real path of a file below one of serve.folders; the caller frees. */
int board_check_path(const struct board *b, const char *path, char **ret_real, struct err *err);
/* Likewise of a video that is here (origin "path"), which may also be below one
 * of the watched folders. */
int board_check_video_path(const struct board *b, const char *path, char **ret_real,
                           struct err *err);
/* The real paths of the watched folders that a request means by this name: the
 * last part of their paths, or more of it ("in", "cam1/in"); NULL = all. They
 * are there now. The caller frees with board_free_roots(). */
char **board_watched_roots(const struct board *b, const char *name, size_t *ret_n);
void board_free_roots(char **roots, size_t n);
/* Whether a watched folder has this name, even if it is not there now. */
bool board_is_watched_name(const struct board *b, const char *name);

/* How the fault of a job begins whose file was not there, or was another one:
 * such a job of a watched folder is tried again when its file is found again. */
#define BOARD_AWAY "the file is away: "
bool board_is_away(const char *fault);
/* ERR_NOENT. */
int board_file_away(const char *path, struct err *err);
int board_file_replaced(const char *path, struct err *err);

struct file_identity {
	char *path; /* real path */
	char sha256[HASH_HEX], stamp[FILE_STAMP_MAX];
};
void file_identity_clear(struct file_identity *f);
/* Of a file that does not change meanwhile; reads it unless the journal has its
 * SHA-256. */
int board_identify(const struct board *b, const char *path, struct cancel *cancel,
                   struct file_identity *ret, struct err *err);
/* "" if it cannot be opened. */
void board_stamp_path(const char *path, char stamp[static FILE_STAMP_MAX]);
/* With the lock held: the SHA-256 that the file of a video has to have; "" = it
 * is not known, or the file is ours. The caller frees. */
char *board_file_hash(const struct video *v);
/* Opens a file that has to have this SHA-256 (""= any), which it had with this
 * stamp. ERR_NOENT if it has another one, ERR_BUSY if that is not known. */
int board_open_file(struct store *s, const char *path, const char *sha256, const char *stamp,
                    int *ret_fd, struct err *err);
/* The same of a video; takes the lock. */
int board_open_same(struct board *b, const struct video *v, const char *path, int *ret_fd,
                    struct err *err);
/* Whether it came from a watched folder; then its SHA-256. Takes the lock. */
bool board_is_found(struct board *b, const struct video *v, char sha256[static HASH_HEX]);
/* With `disk` and `lock` held: the file of the video is this one now. */
void board_move_file(struct board *b, struct video *v, const struct file_identity *to);
/* Looks where a file with this SHA-256 was seen; if one is there, it is the
 * file of the video now. Takes both locks. */
bool board_find_place(struct board *b, struct video *v, const char *sha256, struct cancel *cancel);

/* ---- board-address.c */

/* Whether a client may name this address; *ret_name, which the caller frees, is
 * the name of the file that it suggests. */
int board_check_address(const struct board *b, const char *url, char **ret_name, struct err *err);
/* Whether a video that is not here yet is to be read in place, and whether it
 * can be downloaded. */
bool board_reads_in_place(const struct board *b, const struct video *v);
bool board_may_fetch(const char *url);
/* With the lock held: whether it is read in place, and was read once. */
bool board_in_place(const struct video *v);

/* Of such a video; owned. */
struct away {
	char *address;
	char sha256[HASH_HEX];
	int64_t size;
};
/* With the lock held; false if it is none. */
bool board_take_away(const struct video *v, struct away *ret);
void away_clear(struct away *a);
/* Opens it, as its options allow now. `request`: for one that somebody waits
 * for, so that a server that does not answer is given up soon. */
int board_open_away(struct board *b, const struct away *a, bool request, struct cancel *cancel,
                    struct remote_video **ret, struct err *err);
/* The same for the first time: reads the whole video, unless the journal knows
 * it. ERR_UNSUPPORTED, ERR_PROTO: the server cannot send parts of it. */
int board_read_away(struct board *b, struct video *v,
                    void (*progress)(void *ctx, int64_t done, int64_t all), void *ctx,
                    struct remote_video **ret, struct err *err);
/* The hashes of its blocks, which go with the last job, and without which it
 * would have to be read again; false, and nothing, of another video. With
 * `disk` held; takes the lock. */
bool board_load_blocks(struct board *b, const struct video *v, struct away *ret,
                       struct hash_blocks *ret_blocks);
void board_keep_blocks(struct board *b, const struct away *a, const struct hash_blocks *blocks);
/* Removes what is kept of such a video, which is no longer known. With `disk`
 * held. */
void board_forget_away(struct board *b, const struct away *a, const struct hash_blocks *blocks);

/* A video that is open for a decoder: a file, or a feed. */
struct board_input {
	int fd; /* owned, unless `away` is set */
	const struct decoder_feed *feed;
	struct remote_video *away; /* owned */
};
/* Takes the lock; `path` is that of a file. */
int board_open_input(struct board *b, const struct video *v, const char *path,
                     struct board_input *ret, struct err *err);
void board_close_input(struct board_input *i);
/* Sets fd and feed; does not take `v` over. */
void board_set_input(struct board_input *i, struct remote_video *v);
/* A decoder of this video stream; -1 = the default one. */
int board_open_decoder(const struct board *b, const struct board_input *in, int stream,
                       struct cancel *cancel, struct decoder **ret, struct err *err);
/* For a request, which waits for a server not as long as a job. */
int board_open_request(struct board *b, const struct away *a, struct board_input *ret,
                       struct err *err);

/* ---- board-artifacts.c */

/* A path below the folder of artifacts; the caller frees. */
char *board_artifact_path(const struct board *b, int64_t id, const char *name);
/* With the lock held: notes which artifacts exist. */
void board_note_artifacts(struct board *b, struct video *v);
/* Poster and storyboard; blocks. `in` NULL: opens the video. */
void board_make_pictures(struct board *b, struct video *v, const char *path,
                         const struct board_input *in);
/* With the lock held: makes a proxy on another thread if one is needed. */
void board_request_proxy(struct board *b, struct video *v);

/* ---- board-job.c */

/* What a request asks of a job; owned. */
struct new_job {
	json_t *options;
	char *text; /* the options in canonical form */
	int64_t priority;
};
void board_clear_new_job(struct new_job *n);
/* A job that is neither saved nor in the queue; row.id and row.video are 0. */
struct job *board_make_job(struct board *b, const struct new_job *n);
/* With the lock held: a saved job enters the queue. */
void board_insert_job(struct board *b, struct job *j, struct video *v);
/* With the lock held: a job of this video with these options that is not failed
 * or canceled. */
struct job *board_find_same(struct board *b, const struct video *v, const char *options);
/* Saves a new job and adds it to the queue; with `disk` held. */
int board_add_job(struct board *b, struct video *v, const struct new_job *n, struct job **ret,
                  struct err *err);
/* With the lock held: the last place in the queue; how much work the job counts
 * as having had, when it comes to the queue. */
double board_last_place(const struct board *b);
void board_level(struct board *b, struct job *j);
/* A job of all streams (MEDIA_STREAM_ALL) becomes one of the first moving
 * stream, and the others get jobs of their own, with the same options. `o`:
 * those of the job; its stream is set. On the job's thread, without locks. */
int board_split_streams(struct job *j, const char *path, struct analyze_options *o,
                        struct err *err);

/* ---- board-members.c */

/* The videos of a case as cases/print.h takes them; owned. */
struct case_members {
	struct store_member *rows;
	bool *away; /* of each: it is at an address */
	size_t n;
	bool any_result; /* of at least one of them */
	/* Of all that a summary is made of: the names of the videos, and which runs
	 * there are, in which state. */
	char made_of[HASH_HEX];
};
/* Takes the lock; reads the store. */
int board_take_members(struct board *b, const struct store_board_case *c, struct case_members *ret,
                       struct err *err);
void board_clear_members(struct case_members *m);

/* ---- board-case.c */

/* The cases that a video is in, and how many; the caller frees. */
int64_t *board_cases_with(struct board *b, int64_t video, size_t *ret_n);
/* With `disk` held, so that the last event has the last state. */
void board_publish_case(struct board *b, int64_t id);
/* Likewise those with this video whose summary may be outdated by a change of
 * it, or of its jobs. */
void board_publish_summaries(struct board *b, int64_t video);
/* A summary of the case that is being written is discarded; its thread ends
 * some time later. With `disk` held; takes the lock. */
void board_stop_summing(struct board *b, int64_t id);

/* ---- board-change.c */

/* What a request asks of a job, with the defaults that were changed. ERR_ARG if
 * it has other members than `keys`, which end with NULL. */
int board_read_job(struct board *b, const json_t *request, const char *const *keys,
                   struct new_job *ret, struct err *err);
/* With the lock held: a job that has ended is queued again, not saved yet. */
void board_requeue(struct board *b, struct job *j);
/* The options of a job that sets none; freed by board_clear_options(). */
int board_default_options(struct board *b, struct analyze_options *ret, struct err *err);

/* ---- board-summary.c */

/* Goes on with summaries that the last server did not finish. */
int board_resume_summaries(struct board *b, struct err *err);

/* ---- board-ask-request.c */

/* ERR_ARG unless it is what board_ask_add() takes. */
int board_check_ask(const json_t *body, struct err *err);

/* What a question is about, as ask_run() takes it; owned. */
struct asked {
	struct ask_video *videos;
	char **unread;
	size_t n, cap, n_unread, cap_unread;
	char *thread;
};
/* Of a request that was checked. `need`: a video that does not exist is an
 * error, else it is named as unread. ERR_BUSY if no video has a result. Takes
 * the lock; reads the store. */
int board_take_asked(struct board *b, const json_t *request, bool need, struct asked *ret,
                     struct err *err);
void board_clear_asked(struct asked *a);
/* Borrows all arguments; `language` if the request names none. */
struct ask_request board_ask_request(const json_t *request, const struct asked *a,
                                     const char *language, const char *choices[ASK_CHOICES_MAX]);

/* ---- board-watch-hit.c */

/* The standing question that this question is of; 0 = of none. */
int64_t board_watch_of(const json_t *request);
/* Journals that this video was asked, with the hit if it is one, and publishes
 * that. `a` NULL: it was not answered, for the reason `fault`. Nothing if the
 * question is of no standing one, or of one that was deleted. Takes the
 * lock. */
int board_note_watched(struct board *b, const json_t *request, const struct answer *a,
                       const char *fault, struct err *err);

/* ---- board-watch.c, on the manager's thread */

/* Asks what standing questions are due to ask; when to look again. */
int64_t board_ask_watched(struct board *b, int64_t now);

/* ---- board-ask-run.c */

json_t *board_ask_json(const struct store_board_ask *row);
/* The following two need the lock. */
json_t *board_question_json(const struct question *q);
struct question *board_find_question(struct board *b, int64_t id);
/* With the lock held: publishes progress that is due; when more is. */
int64_t board_publish_questions(struct board *b, int64_t now);
/* Queues a saved question; it as JSON. Takes the lock. */
json_t *board_start_question(struct board *b, const struct store_board_ask *row);
/* It is discarded; its thread ends some time later. With `disk` held; takes the
 * lock. */
void board_stop_question(struct board *b, int64_t id);
/* Goes on with questions that the last server did not finish. */
int board_resume_questions(struct board *b, struct err *err);

/* ---- board-upload.c */

/* Moves the file of an upload into the folder of its video, unless it is there.
 * True if row->path was changed and has to be saved. */
bool board_move_upload(struct board *b, struct store_video *row);
/* Reads the names that uploads gave to videos. */
int board_load_names(struct board *b, struct err *err);

/* What arrived: as the arguments of board_upload(); all borrowed. */
struct board_receipt {
	const char *id, *path, *name, *sha256, *origin;
	const json_t *request;
};
int board_receive(struct board *b, const struct board_receipt *what, struct board_arrival *ret,
                  struct err *err);
/* The row of a video of this file, which is READY. */
int board_describe_file(const struct board_receipt *what, struct store_video *ret, struct err *err);

/* ---- board-video.c */

/* The video of an address, added if it is new; `origin` "url" or BOARD_CHAT.
 * With `disk` held. */
int board_take_url(struct board *b, const char *url, const char *origin, struct video **ret,
                   struct err *err);

/* Adds a saved video in memory, and prepares it; takes the contents of `row`. */
struct video *board_insert_video(struct board *b, struct store_video *row);

/* The video of a request, added if it is new; with `disk` held. */
int board_get_video(struct board *b, const json_t *request, struct video **ret, struct err *err);
/* With the lock held: fetches if needed, and probes, on another thread. */
void board_prepare(struct board *b, struct video *v);
/* With the lock held: makes pictures that an earlier run did not finish. */
void board_request_pictures(struct board *b, struct video *v);
/* With the lock held: likewise one that failed, whose file is there again; and
 * whether a file that was changed still has the same content. */
void board_prepare_again(struct board *b, struct video *v);
void board_verify(struct board *b, struct video *v);

/* ---- board-folder.c */

/* Reads serve.watch_folder; ERR_ARG. */
int board_read_folders(struct board *b, struct err *err);
/* Starts to watch the folders; nothing if there is none. */
int board_watch_folders(struct board *b, struct err *err);
/* Ends that, after folders_stop was fired; blocks until a file that is being
 * read is given up. */
void board_unwatch_folders(struct board *b);

/* ---- board-run.c */

void *board_run_job(void *job); /* the job's thread */
/* A progress_listener; takes the lock. */
void board_on_progress(void *job, const struct progress_event *event);

#endif
