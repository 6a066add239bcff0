/* SPDX-License-Identifier: Apache-2.0 */
/* Videos, the queue of their analyses, and results: the server without its
 * network side.
 *
 * Thread-safe. Each call states how long it may block:
 *   quick   memory only; the net thread may call it
 *   disk    waits for the disk; call it from a thread of the pool
 *           (board_later())
 *   slow    may take seconds (decodes a frame)
 * JSON values and buffers that are returned belong to the caller. Errors have a
 * message for people and a code: ERR_ARG (wrong request), ERR_NOENT (unknown
 * job, video, …), ERR_PERM (not allowed on this server), ERR_BUSY (not in this
 * state), ERR_LIMIT (larger than allowed), ERR_NOSPC (no space),
 * ERR_UNSUPPORTED; all others are internal errors.
 *
 * Ids are positive numbers, never reused; in JSON they are strings of digits.
 * Times in JSON are seconds. The objects are described in openapi.json of the
 * API.
 *
 * Jobs run on threads of the board. All changes are journaled: however the
 * program ends, the next start continues the jobs that were queued or
 * running. */
#ifndef VDET_BOARD_BOARD_H
#define VDET_BOARD_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "board/events.h"
#include "board/settings.h"
#include "engine/engine.h"
#include "job/analyze.h"
#include "report/report.h"
#include "report/said.h"
#include "store/store.h"
#include "watch/notify.h"

struct board_options {
	int64_t jobs, turn, asks, drain_timeout;
	char *folders, *watch_folders, *s3;
	int64_t quota, video_max, free_min;
	bool fetch, fetch_private, fetch_copy, proxy;
	int64_t fetch_timeout;
	int64_t chat_videos, chat_bytes, chat_keep; /* microseconds */
};
struct opt_group;
struct remote_web;
extern const struct opt_group board_opt_group;

struct board;

/* All borrowed until board_free(). */
struct board_setup {
	const struct board_options *options;
	/* defaults of jobs */
	const struct analyze_options *analyze;
	/* what transcribes speech; NULL = nothing */
	const struct speech_options *speech;
	const struct speech_places *speech_places;
	/* the options table that the API shows and may change; NULL: none */
	const struct opt_set *settings;
	struct engine *engine;
	struct memory *memory;       /* of the engine; may be NULL */
	const struct runner *runner; /* does what a worker can; NULL = this process */
	struct store *store;
	/* reads videos at addresses; NULL: they are downloaded */
	struct remote_web *web;
	/* of standing questions; NULL: they are not sent anywhere */
	const struct notify_options *notify;
	struct events *events;
	const char *data_dir, *locks_dir;
	/* Adds to a metrics sample what the board does not know ("gpu": […]);
	 * called on the manager's thread; may be NULL. */
	void (*add_metrics)(void *ctx, json_t *sample);
	void *metrics_ctx;
	/* fired when running chunks are aborted, so that a start of the engine
	 * ends; may be NULL */
	struct cancel *abort;
};

/* Loads videos and jobs from the store, and starts the manager. */
int board_new(const struct board_setup *s, struct board **ret, struct err *err);
/* Starts no more chunks, waits for the running ones for at most
 * serve.drain_timeout, then aborts them. The next start continues all jobs.
 * Blocks. */
void board_stop(struct board *b);
void board_free(struct board *b); /* stops first */
DEFINE_FREEP(struct board, board)

/* Runs `work` on a thread of the pool; quick. False if too many calls wait. */
bool board_later(struct board *b, void (*work)(void *ctx), void *ctx);

/* ---- jobs */

/* {"seq": number of the last event in it, "jobs": [job…]} in the order of the
 * queue; quick. */
json_t *board_jobs(struct board *b);
int board_job(struct board *b, int64_t id, json_t **ret, struct err *err); /* quick */
/* A new job, from {"video": id | "path": … | "url": …, "prompt"?, "options"?:
 * {"chunk.duration": 60, …}, "priority"?}. If the same job exists, it is
 * returned instead of a second one. Disk. */
int board_submit(struct board *b, const json_t *request, json_t **ret_job, struct err *err);

/* The changed defaults of new jobs; NULL if the setup has no options table. */
struct settings *board_settings(struct board *b);

enum board_action { BOARD_PAUSE, BOARD_RESUME, BOARD_CANCEL, BOARD_RETRY };
/* By its name in a path ("pause"); -1 if unknown. */
int board_action_find(const char *name);
/* `body` may be NULL; {"chunks": [index…]} limits a retry to these holes.
 * Returns the job as it is now; a running one stops after its current chunks
 * ("stopping" says so). Disk. */
int board_control(struct board *b, int64_t id, enum board_action action, const json_t *body,
                  json_t **ret, struct err *err);
/* {"priority": -100…100, "before": job id, or null for the end}; disk. */
int board_change(struct board *b, int64_t id, const json_t *body, json_t **ret, struct err *err);
/* Deletes the job, its journal and report; disk. */
int board_remove(struct board *b, int64_t id, struct err *err);

/* {"seq", "chunks": […]} and {"seq", "events": […], "states": […]}, also while
 * the job runs; disk. */
int board_chunks(struct board *b, int64_t id, json_t **ret, struct err *err);
int board_events(struct board *b, int64_t id, enum report_detail detail, json_t **ret,
                 struct err *err);
/* What is said or written, in a format of transcript/export.h, and a name for
 * the file; disk. ERR_NOENT before there are results. */
int board_transcript(struct board *b, int64_t id, const char *format,
                     const struct said_choice *choice, struct buf *out, char **ret_name,
                     struct err *err);
/* {"seq", "subjects": […], "edits": […]}; disk. */
int board_subjects(struct board *b, int64_t id, json_t **ret, struct err *err);
/* {"kind": "rename", "subject": number, "text"} | {"kind": "merge",
 * "subjects": [number…]} | {"kind": "split", "subject": number, "events"?:
 * [index…], "states"?: [index…]} | {"kind": "undo"}. Returns the subjects as
 * they are now. Disk. */
int board_subjects_edit(struct board *b, int64_t id, const json_t *body, json_t **ret,
                        struct err *err);
/* What is listed where a request does not say: report.detail. Quick. */
enum report_detail board_detail(const struct board *b);
/* The small picture of one sample of a chunk, JPEG; disk. */
int board_thumb(struct board *b, int64_t id, int64_t chunk, int64_t sample, struct buf *out,
                struct err *err);
/* The report so far, in "json", "md", "html", "vtt" or "csv"; ERR_NOENT before
 * the first chunks are planned. *ret_name is a file name (the caller frees).
 * Disk. */
int board_report(struct board *b, int64_t id, const char *format, enum report_detail detail,
                 struct buf *out, char **ret_name, struct err *err);
struct board_query {
	const char *words;
	int64_t video;    /* 0 = all */
	const char *kind; /* "any", "event", "summary", "said", "written" */
	int64_t from, to; /* microseconds of the videos; to 0 = the end */
	size_t skip, limit;
};
/* {"hits": […], "more": whether `limit` left some out} that have all of the
 * words: first the events of subjects with such a name, then what the model
 * said; newest jobs first. ERR_NOENT: there is no such video. Disk. */
int board_search(struct board *b, const struct board_query *q, json_t **ret, struct err *err);

/* ---- videos */

json_t *board_videos(struct board *b); /* {"seq", "videos": […]}; quick */
int board_video(struct board *b, int64_t id, json_t **ret, struct err *err); /* quick */
/* Deletes its jobs, too, and its file if that was uploaded or fetched. Disk. */
int board_video_remove(struct board *b, int64_t id, struct err *err);

/* Sheet n of the storyboard, from 0, is BOARD_STORYBOARD + n. */
enum board_file { BOARD_SOURCE, BOARD_PROXY, BOARD_POSTER, BOARD_STORYBOARD_VTT, BOARD_STORYBOARD };
/* Opens a file of a video for reading; *ret_type is its media type (a literal).
 * ERR_NOENT until it exists. Disk. */
int board_video_open(struct board *b, int64_t id, enum board_file which, int *ret_fd,
                     const char **ret_type, struct err *err);
/* Whether videos may be read at this address now. Quick. */
bool board_reads(const struct board *b, const char *address);
/* A video that is read at an address has no file here, but a request may have
 * parts of it. Quick. */
struct board_away {
	bool is; /* it is one; else the rest is 0 */
	int64_t size;
	char sha256[HASH_HEX];
	const char *type; /* a literal */
};
int board_video_away(struct board *b, int64_t id, struct board_away *ret, struct err *err);
/* Reads a part of it into a file, at its place. Slow. */
int board_video_fill(struct board *b, int64_t id, int fd, int64_t from, int64_t len,
                     struct err *err);
/* The frame that this video stream (-1 = the default one) shows at `time`, as
 * JPEG, its long side at most `size` pixels (0 = full size); slow. */
int board_frame(struct board *b, int64_t id, int stream, int64_t time, int size, struct buf *out,
                int64_t *ret_pts, struct err *err);
/* Of this video stream (-1 = the default one): {"duration", "activity": […],
 * "cuts": [{"time", "kind"}]}; ERR_NOENT until a job has indexed it. Disk. */
int board_index(struct board *b, int64_t id, int stream, json_t **ret, struct err *err);

/* {"name"?: text, "tags"?: [text…]}; returns the video as it is now. Disk. */
int board_video_change(struct board *b, int64_t id, const json_t *body, json_t **ret,
                       struct err *err);

/* ---- cases: videos that are reported together; a video may be in several */

/* {"seq", "cases": [case…]}; disk, as all. */
int board_cases(struct board *b, json_t **ret, struct err *err);
int board_case(struct board *b, int64_t id, json_t **ret, struct err *err);
/* {"name": text, "videos"?: [id…]}; ERR_BUSY if the name is another's. */
int board_case_add(struct board *b, const json_t *body, json_t **ret, struct err *err);
/* {"name"?: text, "add"?: [id…], "remove"?: [id…]}; as a whole or not at all. */
int board_case_change(struct board *b, int64_t id, const json_t *body, json_t **ret,
                      struct err *err);
int board_case_remove(struct board *b, int64_t id, struct err *err); /* its videos stay */
/* Has the model write a summary of the case, which replaces the last one; the
 * state is in the case. Nothing is done while one is written. ERR_BUSY if no
 * video has a result. */
int board_case_summarize(struct board *b, int64_t id, json_t **ret, struct err *err);
/* The summary that is being written is given up; ERR_BUSY if there is none. */
int board_case_cancel_summary(struct board *b, int64_t id, json_t **ret, struct err *err);
/* The report in "json", "html", "md" or "csv"; of each video the latest job
 * that ended, else the latest. Without links to the reports of the videos:
 * browsers refuse them from a page in a sandbox. *ret_name as of
 * board_report(). */
int board_case_report(struct board *b, int64_t id, const char *format, struct buf *out,
                      char **ret_name, struct err *err);

/* ---- questions about videos: ask/ask.h answers them, on threads of the board
 * beside the jobs; docs/ask.md describes requests and answers */

enum { BOARD_ASKS_WAITING = 100 }; /* questions that may wait for a thread */

/* {"question": text, one of "videos": [id…], "case": id and "all": true,
 * "thread"?: id of the question that it follows, "thorough"?: bool, "again"?:
 * bool, "budget"?: "60s" or "40ktok", "language"?: text, "choices"?: [text…]}.
 * `who` asks, "" = not known. Which runs of the videos are searched is decided
 * when it is worked on; videos without one that ended are named in the answer.
 * Returns the question, see board_ask(). ERR_NOENT (a video, the case, the
 * question that it follows), ERR_BUSY (no video has a result yet, or what it
 * follows is not answered), ERR_LIMIT (too many wait: try again later). Disk. */
int board_ask_add(struct board *b, const json_t *body, const char *who, json_t **ret,
                  struct err *err);
struct board_asks_query {
	int64_t before, case_id; /* ids less than that; about that case; 0 = all */
	size_t limit;
};
/* {"seq", "asks": [question…], "more"}, newest first, without their answers;
 * disk. */
int board_asks(struct board *b, const struct board_asks_query *query, json_t **ret,
               struct err *err);
/* The question: what was asked, "state" ("waiting", "running", "done",
 * "failed", "canceled"), "progress" while it runs, "result" and "text" of the
 * answer, "spent"; with "answer" (vdet-answer/1, null until it is done) and
 * "places" (of each of its sources the ids of video and job here, or null).
 * Disk. */
int board_ask(struct board *b, int64_t id, json_t **ret, struct err *err);
/* As board_ask(), as soon as it changed after *version (0 = at once), which is
 * set, or has ended, or `timeout` microseconds have passed. ERR_CANCELED when
 * the server stops. Blocks: not for a thread of the pool. */
int board_ask_wait(struct board *b, int64_t id, uint64_t *version, int64_t timeout, json_t **ret,
                   struct err *err);
/* The answer as "json" (as it is in the journal, signed), "html" or "md";
 * ERR_BUSY until there is one. *ret_name as of board_report(). Disk. */
int board_ask_answer(struct board *b, int64_t id, const char *format, struct buf *out,
                     char **ret_name, struct err *err);
/* The small picture of a cited frame, JPEG; citations count from 1, frames from
 * 0. Disk. */
int board_ask_picture(struct board *b, int64_t id, int64_t cite, int64_t index, struct buf *out,
                      struct err *err);
/* Gives up a question that waits or runs, else ERR_BUSY. What was done is kept:
 * the same question asked again goes on with it. Disk. */
int board_ask_cancel(struct board *b, int64_t id, json_t **ret, struct err *err);
/* Deletes the question and its answer; one that runs is given up. Disk. */
int board_ask_remove(struct board *b, int64_t id, struct err *err);

/* ---- standing questions: each video is asked once, when a job of it has
 * ended; docs/ask.md describes requests and hits */

/* {"question": text, one of "folder": name of a watched folder, or path in
 * serve.folders, and "all": true,
 * "existing"?: bool, videos with a result are asked, too, "thorough"?: bool,
 * "language"?: text, "webhook"?: address, of an administrator only}. The same
 * request is the same standing question. Disk, as all. */
int board_watch_add(struct board *b, const json_t *body, const char *who, bool admin, json_t **ret,
                    struct err *err);
/* {"seq", "watches": […], "folders": names of the watched folders} */
int board_watches(struct board *b, json_t **ret, struct err *err);
/* With "latest": its last hits, newest first. */
int board_watch(struct board *b, int64_t id, json_t **ret, struct err *err);
/* With its hits; its questions and answers stay. */
int board_watch_remove(struct board *b, int64_t id, struct err *err);

/* ---- uploads */

/* Whether a file of this size is accepted now: ERR_LIMIT (serve.video_max),
 * ERR_NOSPC (the disk, or serve.quota; the message names the option).
 * `coming` is what other uploads have still to send. Disk. */
int board_room(struct board *b, int64_t bytes, int64_t coming, struct err *err);
/* What became of an upload. */
struct board_arrival {
	json_t *video, *job; /* job: NULL if there is none */
	char *fault;         /* why there is no job although one was asked for; else NULL */
};
void board_arrival_clear(struct board_arrival *a);
/* Takes over a complete upload, whose file `path` is synced, in data_dir and on
 * the same file system. One transaction marks the upload `id` as complete and
 * adds video and job; from then on the file belongs to the board, which moves
 * it. On error the file stays, and the call can be repeated. If an uploaded or
 * fetched video has the same SHA-256, and its file does too when it is read
 * again, the upload becomes one more name of that video and `path` is removed.
 * `sha256` may be NULL: it is then computed by the first job. `request` is
 * {"analyze"?: false, and what board_submit() takes beside the video}; NULL:
 * {}. The caller clears *ret. Disk. */
int board_upload(struct board *b, const char *id, const char *path, const char *name,
                 const char *sha256, const json_t *request, struct board_arrival *ret,
                 struct err *err);
/* Whether board_upload() can make a job of this request, by the checks of
 * board_submit(): asked before the bytes are sent. Quick. */
int board_check_upload(struct board *b, const json_t *request, struct err *err);
/* Whether the upload is complete; ids of its video and job (0: none). Disk. */
bool board_upload_find(struct board *b, const char *id, int64_t *ret_video, int64_t *ret_job);
/* Whether this is the file of a video. */
bool board_has_file(struct board *b, const char *path);

/* ---- videos that came in a chat: with the tag "chat", and removed some time
 * after their last use unless a person removes that tag, adds them to a case or
 * uploads the same file (options chat.*) */

/* Takes over the file `path` of `size` bytes as board_upload() does, as the
 * upload `id`, without a job; and a video by its address, which is fetched as
 * that of a job. Returns the video, held: board_chat_hold() with false releases
 * it. ERR_NOSPC: too many are in use. Disk. */
int board_chat_file(struct board *b, const char *id, const char *path, int64_t size,
                    const char *name, const char *sha256, json_t **ret, struct err *err);
int board_chat_address(struct board *b, const char *url, json_t **ret, struct err *err);
/* A video that is held, as often as it was, is not removed by itself. Quick. */
void board_chat_hold(struct board *b, int64_t id, bool hold);
/* Removes those whose time is over. Disk. */
void board_chat_sweep(struct board *b);

/* ---- for /metrics and /readyz; quick */

struct board_figures {
	int64_t videos, jobs, queued, running, paused, done, holes, failed, canceled;
	int64_t chunks_done, chunks_holes; /* since the server started */
	double prefill_rate, decode_rate;  /* tokens/s, over the running jobs */
	int64_t slots, busy_time;          /* of the engine; microseconds with a request in flight */
	int64_t disk_free, disk_used;      /* bytes; used by uploaded and fetched videos */
	int64_t waiting;                   /* calls that wait for a thread of the pool */
	bool disk_full;                    /* jobs wait for space */
	bool stopping;
};
/* {"now": sample, "history": [sample…], "recommendations": […]}; quick. Each
 * sample is also an event. */
json_t *board_performance(struct board *b);
void board_figures(struct board *b, struct board_figures *ret);

#endif
