/* SPDX-License-Identifier: Apache-2.0 */
/* The journal of everything that was done, in one SQLite file (WAL,
 * synchronous=FULL). All SQL of the program is in this module.
 *
 * Data is on disk when a call returns: a chunk's result is one transaction, so
 * a kill at any moment leaves it whole or absent. Thread-safe: one connection
 * behind a lock; calls block for the disk. Several processes may use one store
 * at once. Returned strings are owned by the structs and freed by their _clear
 * functions; times are microseconds, of presentation (start, end, time, pts),
 * of work (…_time) or Unix time (created, updated). */
#ifndef VDET_STORE_STORE_H
#define VDET_STORE_STORE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "store/chunk-state.h"

struct store;

/* Opens or creates the file, and migrates it to the current schema. A file of a
 * newer program is refused (ERR_UNSUPPORTED), and one that is not a store
 * (ERR_FORMAT). Errors of all calls: ERR_BUSY (another process held the lock
 * for ten seconds), ERR_NOSPC, ERR_PERM, ERR_FORMAT (damaged), ERR_IO. */
int store_open(const char *path, struct store **ret, struct err *err);
void store_free(struct store *s); /* no call may be in progress; NULL is fine */
DEFINE_FREEP(struct store, store)
/* What a module of a higher layer keeps for as long as the store is open: made
 * by the first call, and freed by store_free(). There is one, of
 * src/vectors/. */
void *store_attached(struct store *s, void *(*make)(void), void (*free_it)(void *attached));

enum store_job_state { STORE_JOB_RUNNING, STORE_JOB_COMPLETE, STORE_JOB_HOLES };
const char *store_job_state_name(enum store_job_state state);

struct store_job {
	char *id;  /* 12 hexadecimal digits; stays when a migration changes the key */
	char *key; /* SHA-256 of everything that the result depends on, see job/facts.h */
	char *source_name;
	char *facts;  /* JSON object: what the report says of source, engine, prompts and options */
	char *output; /* folder of the report, absolute */
	enum store_job_state state;
	char *summary; /* of the whole; "" until merged */
	bool summary_by_model;
	char *summary_fallback; /* why the model wrote none; "" if it did */
	char *sentences;        /* of the summary, see report/summary.h; "" = they are not known */
	int64_t created, updated;
	/* over all runs: of the runs; with at least one request at the engine */
	int64_t wall_time, engine_busy;
	int64_t chunks, done, holes; /* counts; filled when read */
};
void store_job_clear(struct store_job *j);
/* Replaces the facts in memory. */
void store_job_set_facts(struct store_job *j, const json_t *facts);

struct store_sample {
	int64_t time, pts;         /* requested; of the frame that is shown then */
	char *decode_path, *fault; /* "" or why there is no picture */
	int width, height;         /* of the picture that was sent, in pixels */
	char *planes;              /* SHA-256 of what was decoded; "" or NULL = not known; not kept */
	unsigned char *thumb;      /* JPEG */
	size_t thumb_len;          /* bytes */
};

struct store_event {
	char *subject; /* "" if the model did not say */
	char *what;
	char *quote;     /* words that were said or written, checked; NULL or "" = none */
	size_t *samples; /* indices into the chunk's samples, ascending */
	size_t n_samples;
};

struct store_chunk {
	int64_t index, start, end;
	enum chunk_state state; /* CHUNK_TODO, CHUNK_DONE or CHUNK_HOLE */
	char *summary;
	/* Of a hole: why, for people and for programs, and the option whose limit
	 * was reached ("vision-timeout"; NULL or "" = none). */
	char *reason;
	enum hole_code code;
	char *option;
	char *endpoint; /* that answered; "" without an answer */
	int64_t attempts, decode_time, engine_time, prompt_tokens, cached_tokens, output_tokens;
	double prefill_rate, decode_rate; /* tokens per second, 0 = not known */
	struct store_sample *samples;
	size_t n_samples;
	struct store_event *events;
	size_t n_events;
};
void store_chunk_clear(struct store_chunk *c);
void store_chunk_forget(struct store_chunk *c); /* its samples only */

/* Adds the job with its chunks (index, start, end), all still to do, in one
 * transaction. The run belongs to `entry` of the queue (store/queue.h), 0 =
 * none; ERR_CANCELED if that entry was removed. */
int store_job_add(struct store *s, const struct store_job *job, const struct store_chunk *chunks,
                  size_t n, int64_t entry, struct err *err);
/* Another chunk was done by two workers: facts.twice = {"chunks": N,
 * "different": N}, which new facts of the job do not replace. Any thread. */
int store_job_count_twice(struct store *s, const char *job, bool different, struct err *err);
/* More chunks of it, and new facts, in one transaction. */
int store_job_extend(struct store *s, const struct store_job *job, const struct store_chunk *chunks,
                     size_t n, struct err *err);
/* By id, a prefix of it (at least 3 digits), or a key. ERR_NOENT if there is
 * none, ERR_ARG if several ids have this prefix. */
int store_job_find(struct store *s, const char *id, struct store_job *ret, struct err *err);
/* When each of these jobs (whole ids) was last changed; 0: there is none. */
int store_jobs_updated(struct store *s, const char *const *ids, size_t n, int64_t *ret,
                       struct err *err);
/* Calls fn for each job, newest first; fn must not call the store. A result
 * other than 0 ends it, and is returned. */
int store_job_each(struct store *s, int (*fn)(void *ctx, const struct store_job *j), void *ctx,
                   struct err *err);
/* With its chunks. It is not an error if there is none. */
int store_job_remove(struct store *s, const char *id, struct err *err);
/* Keeps how many events the statements of a job are joined to. */
int store_job_count_events(struct store *s, const char *id, int64_t events, struct err *err);
/* Everything of a job but id, key and creation; adds `wall` and `busy`
 * (microseconds) to its times. */
int store_job_update(struct store *s, const struct store_job *j, int64_t wall, int64_t busy,
                     struct err *err);

/* A chunk's result, whole, in one transaction; replaces what was there.
 * ERR_NOENT if the job was removed. */
int store_chunk_save(struct store *s, const char *job, const struct store_chunk *c,
                     struct err *err);
/* These chunks are to do again; in one transaction. */
int store_chunks_reset(struct store *s, const char *job, const int64_t *chunks, size_t n,
                       struct err *err);
enum store_detail {
	STORE_BARE, /* without samples and events */
	STORE_ALL,
	/* without the thumbnails: thumb is NULL, thumb_len says whether there is
	 * one */
	STORE_TEXT,
};
/* Reads all chunks in order; the caller clears each and frees the array. */
int store_chunks_load(struct store *s, const char *job, enum store_detail detail,
                      struct store_chunk **ret, size_t *ret_n, struct err *err);

/* Every file whose hash was ever computed here. One of a size that is not known
 * is new, before its hash is known. */
int store_source_note(struct store *s, const char *sha256, int64_t size, struct err *err);
int store_source_known(struct store *s, int64_t size, bool *ret, struct err *err);

/* What is analyzed: one video stream of a file. Zeroed but for the hash it is
 * the stream that is chosen by default. */
struct store_source {
	const char *sha256; /* of the file */
	bool has_stream;
	int stream; /* its index in the file */
};

/* The index of a source, by a text that names everything else it depends on;
 * loading appends it to `out`. ERR_NOENT if there is none; saving replaces. */
int store_index_load(struct store *s, const struct store_source *source, const char *options,
                     struct buf *out, struct err *err);
/* The newest one of this source, with any options; not the decisions of a
 * budget, which are stored here too. */
int store_index_latest(struct store *s, const struct store_source *source, struct buf *out,
                       struct err *err);
int store_index_save(struct store *s, const struct store_source *source, const char *options,
                     const void *data, size_t len, struct err *err);

/* What an endpoint used on a day (since 1970, UTC): adds, and returns the sum. */
struct store_spending {
	int64_t requests, prompt_tokens, output_tokens;
	double money; /* in the currency of the endpoint's prices */
};
int store_spend(struct store *s, const char *endpoint, int64_t day,
                const struct store_spending *add, struct store_spending *ret, struct err *err);

/* An answer about a whole job, by the SHA-256 of everything that it depends on.
 * ERR_NOENT if there is none; adding replaces. The caller frees *ret. */
int store_answer_find(struct store *s, const char *job, const char *request, char **ret,
                      struct err *err);
int store_answer_add(struct store *s, const char *job, const char *request, const char *text,
                     struct err *err);

/* ---- checks of statements; see job/check.h */

/* The answer to a check. */
struct store_answer {
	/* the letter that was answered, '-' for none of them; '\0': it was not
	 * checked */
	char letter;
	double p[3]; /* of A, B, C; all 0 = not known */
};

struct store_verdict {
	int64_t chunk, index; /* of the statement: event `index` of that chunk */
	struct store_answer answer;
	int64_t *frames; /* pts of the frames that were shown */
	size_t n_frames;
	char *reason; /* why it was not checked, or why there is no letter; "" = none */
	/* What was asked, and how: a verdict of another model or prompt counts as
	 * none. */
	char *model, *prompt;
};
void store_verdicts_free(struct store_verdict *v, size_t n); /* NULL is fine */

/* Replaces the verdicts about these statements, in one transaction. */
int store_verdicts_save(struct store *s, const char *job, const struct store_verdict *v, size_t n,
                        struct err *err);
/* In order of their statements. A chunk that is saved again has none. */
int store_verdicts_load(struct store *s, const char *job, struct store_verdict **ret, size_t *ret_n,
                        struct err *err);

/* A check whose right answer is known. */
struct store_control {
	char *model, *prompt, *kind, *job;
	int64_t chunk, index; /* of the statement that it was made from */
	char *what;           /* the statement that was checked */
	char expected;        /* 'A' or 'B' */
	struct store_answer answer;
};
void store_controls_free(struct store_control *c, size_t n); /* NULL is fine */

/* The same control is kept once, with its last answer. */
int store_control_save(struct store *s, const struct store_control *c, struct err *err);
/* Those of one job, without the answers' probabilities. */
int store_controls_load(struct store *s, const char *job, const char *model, const char *prompt,
                        struct store_control **ret, size_t *ret_n, struct err *err);

/* How a model did in the controls: A where B was right, and the reverse. */
struct store_controls {
	int64_t no, false_yes; /* controls whose statement is false; of them answered A */
	int64_t yes, false_no; /* likewise */
	int64_t silent;        /* of all, answered with none of the letters */
};
/* Over all jobs. An answer counts as A or B from these probabilities on, or,
 * where they are not known, by its letter. */
int store_controls_count(struct store *s, const char *model, const char *prompt, double least_a,
                         double least_b, struct store_controls *ret, struct err *err);

/* What was done while a job ran because memory was short. */
struct store_step {
	int64_t time; /* Unix time, microseconds */
	char *what, *why;
};
int store_step_add(struct store *s, const char *job, int64_t time, const char *what,
                   const char *why, struct err *err);
int store_steps_load(struct store *s, const char *job, struct store_step **ret, size_t *ret_n,
                     struct err *err);
/* NULL is fine. */
void store_steps_free(struct store_step *steps, size_t n);

#endif
