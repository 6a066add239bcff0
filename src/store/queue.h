/* SPDX-License-Identifier: Apache-2.0 */
/* The server's part of the journal: videos, and the queue of their analyses.
 * As store.h: thread-safe, data is on disk when a call returns, returned
 * strings are freed by the _clear functions. */
#ifndef VDET_STORE_QUEUE_H
#define VDET_STORE_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "store/store.h"

enum store_video_state { STORE_VIDEO_FETCHING, STORE_VIDEO_READY, STORE_VIDEO_FAILED };

struct store_video {
	int64_t id; /* positive */
	/* never NULL once read; "" = none, or not known yet */
	char *name;
	char *origin; /* "upload", "url" or "path" */
	char *source; /* the address that was given for origin "url" */
	char *path;   /* of the file, absolute */
	char *sha256;
	char *stamp;           /* state of the file that sha256 belongs to, see file_stamp() */
	char *facts;           /* JSON object: what probing it found */
	char *fault;           /* why it is not usable */
	char *tags;            /* JSON array of strings; NULL counts as none */
	bool has_stream;       /* false: the stream that is chosen by default */
	int stream;            /* index of the video stream in the file */
	int64_t size, created; /* bytes; Unix time in microseconds */
	enum store_video_state state;
};
void store_video_clear(struct store_video *v);

enum store_entry_state {
	STORE_ENTRY_QUEUED,
	STORE_ENTRY_RUNNING,
	STORE_ENTRY_PAUSED,
	STORE_ENTRY_DONE,
	STORE_ENTRY_HOLES,
	STORE_ENTRY_FAILED,
	STORE_ENTRY_CANCELED,
};

struct store_entry {
	int64_t id, video, priority;
	int64_t served; /* microseconds of work so far */
	double place;   /* order within a priority, see board/queue.h */
	/* never NULL once read: JSON object of the request; id of the run; why it
	 * failed */
	char *options, *journal, *fault;
	int64_t created, started, ended; /* Unix time in microseconds, 0 = not yet */
	enum store_entry_state state;
};
void store_entry_clear(struct store_entry *e);

int store_video_add(struct store *s, const struct store_video *v, int64_t *ret_id, struct err *err);
/* all but id and creation */
int store_video_update(struct store *s, const struct store_video *v, struct err *err);
/* In one transaction with its entries, and with the runs in the journal that no
 * other entry has. */
int store_video_remove(struct store *s, int64_t id, struct err *err);
/* All of them, in order of id; the caller clears each and frees the array. */
int store_videos_load(struct store *s, struct store_video **ret, size_t *ret_n, struct err *err);

int store_entry_add(struct store *s, const struct store_entry *e, int64_t *ret_id, struct err *err);
/* all but id, video, creation; an empty `journal` leaves the one that is there */
int store_entry_update(struct store *s, const struct store_entry *e, struct err *err);
/* In one transaction with its run in the journal, unless another entry has the
 * same. */
int store_entry_remove(struct store *s, int64_t id, struct err *err);
/* As store_videos_load(). */
int store_entries_load(struct store *s, struct store_entry **ret, size_t *ret_n, struct err *err);
/* The largest ids that videos and entries ever had here; 0 = there was none. */
int store_ids_used(struct store *s, int64_t *ret_video, int64_t *ret_entry, struct err *err);

/* A complete upload. Several may be of the same video. */
struct store_upload {
	char *id, *name;               /* never NULL once read */
	int64_t video, job, completed; /* job: 0 = none; completed: Unix time, microseconds */
};
void store_upload_clear(struct store_upload *u);

/* Marks an upload as complete in one transaction, together with its results:
 * adds the video `v` unless that is NULL, and the entry `e` of that video
 * unless that is NULL; sets their ids in *u (and e->video). */
int store_upload_add(struct store *s, struct store_upload *u, const struct store_video *v,
                     struct store_entry *e, struct err *err);
/* ERR_NOENT: the upload is not complete. */
int store_upload_find(struct store *s, const char *id, struct store_upload *ret, struct err *err);
/* All of them, oldest first; the caller clears each and frees the array. */
int store_uploads_load(struct store *s, struct store_upload **ret, size_t *ret_n, struct err *err);

/* A file that was found in a watched folder comes to the queue once. As
 * store_upload_add(); `source` is its SHA-256, *video that of the entry. */
int store_found_add(struct store *s, const char *source, int64_t *video,
                    const struct store_video *v, struct store_entry *e, struct err *err);
int store_found_has(struct store *s, const char *source, bool *ret, struct err *err);

/* The summary of a job that lists show. The caller frees `states`. */
struct store_summary {
	char *states;       /* a letter a chunk: '.' to do, 'd' done, 'h' hole */
	int64_t statements; /* of the model, in the journal */
	int64_t events;     /* that the report joins them to; before there is one, as above */
};
int store_summary(struct store *s, const char *job, struct store_summary *ret, struct err *err);

/* Appends the thumbnail (JPEG) of one sample. ERR_NOENT if there is none. */
int store_thumb(struct store *s, const char *job, int64_t chunk, int64_t sample, struct buf *out,
                struct err *err);

enum store_found {
	STORE_FOUND_ANY,
	STORE_FOUND_EVENTS,
	STORE_FOUND_SUMMARIES,
	STORE_FOUND_SAID,
	STORE_FOUND_WRITTEN, /* in the picture */
};
struct store_hit {
	enum store_found found; /* not STORE_FOUND_ANY */
	bool speech;            /* what is said was recognized by an engine */
	char *job;
	int64_t chunk, event; /* event -1: of none; of what is said or written the
	                       * chunk is that in which it begins */
	char *text;
	int64_t start, end; /* of the event's frames, or of the chunk */
	int64_t sample;     /* whose thumbnail shows it; -1 = none */
};
struct store_query {
	/* NULL is between alternatives; none of these is empty. */
	const char *const *words;
	size_t n;
	/* JSON array of ids: only in these runs; NULL = in those that entries of
	 * the queue have */
	const char *jobs;
	enum store_found found;
	int64_t from, to; /* what overlaps this part of the video; to 0 = its end */
	size_t limit;     /* of hits */
};
/* Where all the words of an alternative occur, in events, in summaries of
 * chunks, in what is said and what is written; newest jobs first, then in order
 * of time. Words match as prefixes, and an English plural as its singular, too;
 * case and accents are ignored (SQLite's FTS5, unicode61). If nothing is found
 * for an alternative, its letters are searched anywhere, also inside words. To
 * be freed with store_hits_free(). ERR_ARG unless there are 1 to 16 words. */
int store_search(struct store *s, const struct store_query *q, struct store_hit **ret,
                 size_t *ret_n, struct err *err);
void store_hits_free(struct store_hit *hits, size_t n);
/* The runs of the query, newest first, of whose source a person gave a subject
 * a name in which one of the words occurs; the case of ASCII letters is
 * ignored. At most STORE_NAMED_MAX; store_ids_free(). */
enum { STORE_NAMED_MAX = 1000 };
int store_search_names(struct store *s, const struct store_query *q, char ***ret, size_t *ret_n,
                       struct err *err);
void store_ids_free(char **ids, size_t n);

#endif
