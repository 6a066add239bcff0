/* SPDX-License-Identifier: Apache-2.0 */
/* The report: everything about one analyzed video, and its writers.
 *
 * The struct is plain data, built from the journal (report_load() in load.c);
 * the writers are pure functions of it, so the same journal gives the same
 * bytes. Strings are valid UTF-8 and owned by the report; what models and files
 * say is data, never markup. Times: microseconds from the start of the video's
 * timeline. */
#ifndef VDET_REPORT_REPORT_H
#define VDET_REPORT_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "store/store.h"
#include "store/transcript.h"
#include "story/check.h"
#include "story/story.h"
#include "story/sum-up.h"
#include "subjects/subjects.h"
#include "wallclock/wallclock.h"

struct report_sample {
	int64_t time, pts;    /* requested; shown */
	char *decode_path;    /* how it was decoded: "software", "concealed", … */
	char *fault;          /* "" or why there is no picture; then it was not sent to the model */
	bool repeated;        /* the frame of the sample before: sent once, with that one */
	unsigned char *thumb; /* small JPEG, may be NULL */
	size_t thumb_len;
	int width, height; /* of the picture that the model saw */
};

/* A chunk that a second pass was to describe again. */
struct report_second {
	char *context;   /* that the model was given; NULL: the chunk was not chosen */
	json_t *earlier; /* what the first pass said; NULL: the chunk says it still */
	char *reason;    /* why that is so; "" = it was not tried yet */
	char *now;       /* all that it states now; NULL without `earlier`, or nothing */
};

struct report_chunk {
	int64_t start, end;
	enum chunk_state state; /* CHUNK_DONE or CHUNK_HOLE */
	char *summary;          /* "" for a hole */
	size_t withdrawn;       /* statements about it; its summary may repeat them */
	char *reason;           /* "" unless a hole: why, for people; … */
	enum hole_code code;    /* … and for programs */
	char *option;           /* whose limit was reached, "vision-timeout"; "" = none */
	struct report_sample *samples;
	size_t n_samples;
	int attempts;                     /* answers asked for, from 1 */
	int64_t decode_time, engine_time; /* microseconds spent */
	int64_t prompt_tokens, cached_tokens, output_tokens;
	char *endpoint; /* that answered; "" if none did, or in reports written by older versions */
	struct report_second second;
};

/* What a second look at a statement found. */
struct report_check {
	enum check_verdict verdict;
	char letter;  /* that was answered, '-' = none of them; '\0' = it was not asked */
	double p[3];  /* probabilities of the letters; all 0 = not known */
	char *reason; /* why it is unchecked; "" = it is not */
	/* pts of the frames that were shown; not all of them are samples */
	int64_t *frames;
	size_t n_frames;
};

/* What the model said about frames of one chunk. */
struct report_part {
	int64_t start, end; /* pts of the first and last frame that show it */
	char *subject;      /* who or what it is about; "" if the model did not say */
	char *what;
	char *quote;     /* words of the transcript that it cites; "" = none */
	size_t chunk;    /* index into chunks */
	size_t index;    /* of this statement in the chunk's answer */
	size_t event;    /* number of what it was joined to, at any detail */
	bool by_model;   /* the model, not a rule, joined it to what was before */
	size_t *samples; /* indices into that chunk's samples, ascending, at least one */
	size_t n_samples;
	struct report_check check;
};

struct report_event {
	int64_t start, end;        /* of its first and last part */
	char *what;                /* one sentence for the whole; parts[0].subject is its subject */
	bool state;                /* only that something stays as it is; see story/story.h */
	struct report_part *parts; /* in order of start; at least one */
	size_t n_parts;
	const struct report_subject *subject; /* of the report; NULL: of none */
};

/* How much of the events is listed. */
enum report_detail {
	REPORT_LOW,    /* events */
	REPORT_NORMAL, /* events with their parts, and states apart */
	REPORT_ALL,    /* each statement of the model as an event of its own */
	REPORT_DETAILS_N
};

/* What the checks of a job are based on. */
struct report_checks {
	char *mode; /* "none", "doubtful", "all"; "none" where it was never checked */
	/* Of the model that checked; the controls are those of all jobs with this
	 * model and prompt. */
	char *model, *prompt;
	enum check_ability ability;
	struct check_controls controls;
	size_t counts[VERDICT_WITHDRAWN + 1]; /* statements by verdict */
};

struct report_option {
	char *name, *value; /* "chunk.duration", "300" */
};

struct report_endpoint {
	char *name;    /* of the configuration */
	size_t chunks; /* that it described */
	/* over all runs, as far as they were ended in order; 0 in reports written
	 * by older versions */
	int64_t requests, failures;
};

/* A part of the analyzed range that a given plan leaves out. */
struct report_stretch {
	int64_t start, end;
};

/* Who or what appears in the video; see subjects/subjects.h. */
struct report_subject {
	int64_t number;                   /* from 1; stays over the runs of the job */
	char *description;                /* of its first event, without article */
	char *name;                       /* that a person gave; "" = none */
	struct report_stretch *intervals; /* in which its events are, in order */
	size_t n_intervals;
	size_t *events, n_events, cap_events; /* indices into events */
	size_t *states, n_states, cap_states; /* indices into states */
	/* numbers of those that it may be the same as, ascending; and whether there
	 * are others */
	int64_t possible[SUBJECT_POSSIBLE_MAX];
	size_t n_possible;
	bool more_possible;
};

/* What a person changed of the subjects, in order. */
struct report_subject_edit {
	const char *kind; /* "rename", "merge", "split" */
	char *text;       /* the new name; "" of others */
	char *subject;    /* description of the first subject that it names */
	int64_t *frames;  /* that stand for its subjects, ascending */
	size_t n_frames;
	const char *fault; /* why it does not apply here; NULL = it does */
};

/* How the frames were chosen. */
struct report_plan {
	bool given;   /* by the user: the counts below, samples apart, are 0 */
	char *policy; /* "adaptive"; "" in reports written by older versions */
	char *text;   /* for people */
	int64_t budget, samples, floor, bursts, bursts_seen, shots; /* as struct plan has them */
	struct report_stretch *missed; /* bursts of activity without a frame, in order */
	size_t n_missed;
};

/* The result of indexing; all zero without an index. */
struct report_index {
	int64_t packets, keyframes, decoded, cuts;
	int64_t at_keyframes, closely; /* microseconds of video indexed in these ways */
	int64_t work_time;             /* microseconds that indexing took */
	unsigned char *curve;          /* activity over the whole video, 255 = the most */
	size_t n_curve;
	/* of the recording, as index/anomaly.h makes them; NULL in reports written
	 * by older versions */
	json_t *anomalies;
};

struct report {
	char *job; /* id, hexadecimal */
	char *vdet_version;
	int64_t created; /* Unix time in microseconds */
	bool complete;   /* every chunk done, and nothing left out */

	/* file name without folders (or the full path if the user asked for it) */
	char *source_name;
	char *source_sha256;
	int64_t source_size; /* bytes */
	int source_stream;   /* index in the file; -1 = the default one */
	char *container, *codec, *pixel_format, *hdr;
	int width, height, rotation;
	double fps;
	int64_t duration;     /* of the video */
	int64_t from, to;     /* the part that was analyzed */
	char *source_warning; /* "" or what is wrong with the file */
	/* of the file, and jumps of its clock, as the journal has them; NULL in
	 * journals of older versions */
	json_t *source_streams, *source_gaps;

	char *engine_kind, *engine_version, *model, *model_hash, *quantize, *cache_type;
	bool demo_model;
	char *prompt_hash; /* SHA-256 over all prompt texts and the schema */
	char *prompt;      /* what the user asked to look for; "" if nothing */
	struct report_option *options;
	size_t n_options;
	char *libraries; /* "libavcodec 59.37.100, …" */

	struct report_plan plan;
	struct report_index index;

	char *summary; /* of the whole */
	/* false: it is the plain timeline, because the model could not write one */
	bool summary_by_model;
	char *summary_fallback; /* "" or why */
	/* The same by sentence, whose entries are indices into events. Empty in a
	 * video without events, and in reports written by older versions. */
	struct story_summary sentences;

	struct report_chunk *chunks;
	size_t n_chunks;
	struct report_stretch *left_out; /* in order of start; in no chunk */
	size_t n_left_out;
	struct report_event *events; /* in order of start; states are in `states` */
	size_t n_events;
	struct report_event *states; /* in order of start */
	size_t n_states;
	/* statements that a check contradicts, each as an event of one part, in
	 * order of start; they are not in the events and states */
	struct report_event *withdrawn;
	size_t n_withdrawn;
	struct report_checks checks;
	bool second_pass; /* there was one, even if no chunk was chosen */
	enum report_detail detail;
	struct report_subject *subjects; /* in order of number */
	size_t n_subjects;
	struct report_subject_edit *subject_edits;
	size_t n_subject_edits;

	/* what is said and written, as far as it is known; a kind without sources
	 * was not looked for, as in reports written by older versions */
	struct store_transcript said;

	struct wallclock *clock; /* the time of day; NULL = it was not looked for */

	struct store_step *steps; /* what was done because memory was short, in order */
	size_t n_steps;
	/* Chunks that two workers of a fleet did, and those of them with different
	 * results, of which the first is here. */
	int64_t twice, different;
	struct report_endpoint *endpoints; /* that were used */
	size_t n_endpoints;

	/* microseconds over all runs of this job: of work; with at least one
	 * request at the engine */
	int64_t wall_time, engine_busy;
	double prefill_rate, decode_rate; /* tokens/s over the job; 0 if unknown */
};

#define REPORT_DETAILS "low|normal|all" /* names of enum report_detail, in order */
/* REPORT_DETAILS_N where `name` is none of them. */
enum report_detail report_detail_of(const char *name);
#define REPORT_DETAIL_HELP                                                                         \
	"What is listed: low: events; normal: events with their parts, and apart from them what only " \
	"stays as it is; all: each statement of the model as an event of its own."

/* A statement in the form in which the story takes it; borrows its texts. */
struct story_part report_story_part(const struct report *r, const struct report_part *p);
/* All statements, also of states and those that are withdrawn, in order of
 * chunk, then index; borrowed from `r`. The caller frees the array. */
const struct report_part **report_parts(const struct report *r, size_t *ret_n);
/* The numbers of the chunks in the story: consecutive for neighbours, with one
 * left out where a plan leaves a gap. The caller frees. */
size_t *report_chunk_numbers(const struct report *r);

/* Builds the report of a journaled job, given as in store_job_find(). Blocks
 * for the disk. ERR_NOENT if there is none. */
int report_load(struct store *s, const char *job, enum report_detail detail, struct report **ret,
                struct err *err);
/* The same without pictures, which are most of it. */
int report_load_text(struct store *s, const char *job, enum report_detail detail,
                     struct report **ret, struct err *err);
/* Only the bursts of activity without a frame, in order; the caller frees *ret.
 * Blocks for the disk. ERR_NOENT if there is no such job. */
int report_missed_find(struct store *s, const char *job, struct report_stretch **ret, size_t *ret_n,
                       struct err *err);
void report_free(struct report *r);

/* Keeps the numbers of the subjects in the journal, so that no later run gives
 * them to others. Blocks for the disk. */
int report_subjects_keep(struct store *s, const struct report *r, struct err *err);
/* A change of the subjects of a job by a person. */
struct report_subject_change {
	enum subject_op op;
	bool undo;              /* instead: the last edit of this source does not apply any more */
	const int64_t *numbers; /* of subjects; of a merge, the first one stays */
	size_t n;
	const char *text; /* the new name */
	/* of a split: indices into events and states of the report of the detail
	 * "normal" */
	const size_t *events, *states;
	size_t n_events, n_states;
};
/* Saves it for all runs of the source; *ret is the report after it, without
 * pictures. ERR_ARG (wrong name, or nothing to change), ERR_NOENT (there is no
 * such subject, event or edit). Blocks for the disk. */
int report_subjects_change(struct store *s, const char *job, const struct report_subject_change *c,
                           struct report **ret, struct err *err);
DEFINE_FREEP(struct report, report)

bool report_has_holes(const struct report *r);
/* Microseconds of the analyzed range that a given plan leaves out. */
int64_t report_left_out(const struct report *r);

/* The longest stretch within [from, to] without a sample that the model saw,
 * and its length divided by their number; 0 where there are none. */
void report_coverage(const struct report *r, int64_t *ret_max_gap, int64_t *ret_mean_gap);

/* Writers: append to `out`; ERR_LIMIT if it is too small.
 * docs/report.schema.json describes the JSON. Pure. */
int report_json(const struct report *r, struct buf *out, struct err *err);
int report_markdown(const struct report *r, struct buf *out, struct err *err);
int report_html(const struct report *r, struct buf *out, struct err *err); /* self-contained */
/* WebVTT chapters and events */
int report_vtt(const struct report *r, struct buf *out, struct err *err);
int report_csv(const struct report *r, struct buf *out, struct err *err); /* events, RFC 4180 */

/* The list of events, states or what was withdrawn as it is in the JSON. */
json_t *report_events_json(const struct report *r, const struct report_event *events, size_t n);

/* The lists `subjects` and `subject_edits` of the JSON. */
json_t *report_subjects_json(const struct report *r);
json_t *report_subject_edits_json(const struct report *r);

/* The object `checks` of the JSON. */
json_t *report_checks_json(const struct report *r);

/* By the name of the format; ERR_ARG if it is unknown. */
int report_print(const struct report *r, const char *format, struct buf *out, struct err *err);

/* Writes report.FORMAT into `dir` (created if needed) for each of `formats`
 * ("html,json,md,vtt,csv" or "all"), each file atomically. */
int report_write(const struct report *r, const char *dir, const char *formats, struct err *err);
/* ERR_ARG that lists the known ones unless `formats` is valid. */
int report_check_formats(const char *formats, struct err *err);

#endif
