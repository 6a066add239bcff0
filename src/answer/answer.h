/* SPDX-License-Identifier: Apache-2.0 */
/* The answer to a question about videos: plain data, and its forms.
 *
 * Claims cite moments of videos; what a claim says was chosen by a model among
 * numbered findings, and times, counts and the verdicts "not found" and "not
 * seen" were made by the program. Strings are valid UTF-8 and owned by the
 * answer, and never NULL after answer_read() or ask_run(). Times: microseconds
 * from the start of the video's timeline; created and spent.wall: Unix time and
 * duration in microseconds. Pure functions, any thread. */
#ifndef VDET_ANSWER_ANSWER_H
#define VDET_ANSWER_ANSWER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "story/check.h"

#define ANSWER_FORMAT "vdet-answer/1"

enum answer_state {
	ANSWER_ANSWERED,
	ANSWER_PARTLY,    /* some of what was asked */
	ANSWER_NOT_FOUND, /* but not every sampled frame was examined for this question */
	ANSWER_NOT_SEEN,  /* every sampled frame in scope was */
	ANSWER_FAILED,    /* nothing could be examined */
	ANSWER_STATES
};
/* "answered", "partly", "not-found", "not-seen", "failed" */
const char *answer_state_name(enum answer_state s);

enum answer_kind {
	ASK_IS,
	ASK_WHEN,
	ASK_WHICH,
	ASK_HOW,
	ASK_COUNT,
	ASK_ORDER,
	ASK_SAID,
	ASK_WRITTEN,
	ASK_SUMMARY,
	ASK_COMPARE,
	ASK_NOT,
	ASK_LIST,
	ASK_KINDS
};
/* "is", "when", "which", … */
const char *answer_kind_name(enum answer_kind k);

/* A video (one stream of a file) in the scope of the question. */
struct answer_source {
	char *sha256, *name; /* of the file; without folders */
	int stream;          /* -1 = the default one */
	char *job;           /* id of the run whose statements were searched; "" = not analyzed */
	int64_t generation;  /* of its passages */
	size_t job_rank;     /* which of its jobs this is, from 1, the newest; 0 = not known */
	size_t n_jobs;       /* that it had when the question was answered; 0 = not known */
	int64_t from, to;    /* the part that was analyzed */
	char *report;        /* folder of its report, absolute; not in the JSON */
	bool deleted;        /* since the answer was made */

	/* Coverage: how much was examined for this question (windows, and their
	 * sum); the mean and the longest distance of the frames of its general
	 * description, and where that is; the sum of its holes. */
	size_t windows;
	int64_t examined, mean_gap, max_gap, max_gap_at, holes;
	size_t frames;  /* that were examined for this question; 0 = not known */
	size_t n_holes; /* 0 = not known, or none */
	char *unseen;   /* why nothing could be examined; "" = it could */
};

struct answer_frame {
	int64_t pts;
	/* of the JPEG that the model saw; "" = not known, for what the analysis
	 * described */
	char *picture_sha256;
	/* SHA-256 of the decoded planes before scaling, their pixel format with
	 * size, and how it was decoded; "" = not known */
	char *planes_sha256, *planes_format, *decode_path;
	/* mean gray levels in a grid of 16x9, in hexadecimal: how it looks, where
	 * another decoder returns other samples; "" = not known */
	char *gray;
	unsigned char *jpeg; /* small copy for people; NULL = none; not in the JSON */
	size_t jpeg_len;
};

enum answer_sense { SENSE_SEEN, SENSE_SAID, SENSE_WRITTEN, SENSES };
const char *answer_sense_name(enum answer_sense s); /* "seen", "said", "written" */

/* Where the videos show it. Numbered from 1 in texts: [1]. */
struct answer_cite {
	enum answer_sense sense;
	size_t source; /* index into sources */
	int64_t start, end;
	struct answer_frame *frames; /* in order of pts; at least one if seen */
	size_t n_frames;
	char *quote; /* of what was said or written; "" = none */
	/* where it comes from: "subtitle", "speech", "written"; "" = there is none,
	 * or it is not known, as in answers of older versions */
	char *quote_source;
	char *clock; /* time of day at its start; "" or NULL = not known */
	char *text;  /* what was found there: the statement that was checked */
	enum check_verdict verdict;
	double p;     /* probability of the verdict's letter A; < 0 = not known */
	char *reason; /* why it is unchecked; "" = it is not */
};

struct answer_claim {
	char *text;    /* without marks of citations */
	size_t *cites; /* indices into the cites of the answer, at least one */
	size_t n_cites;
	enum check_verdict verdict; /* the best of its cites */
};

struct answer_dropped {
	char *text, *reason;
};

/* What was done, in order: the chain of hashes that a signature covers. */
struct answer_step {
	char *kind;    /* "route", "search", "look", "compare", "compose", "check" */
	char *text;    /* for people: "cam2.mp4 0:41:00 - 0:42:00, 16 frames" */
	char *request; /* SHA-256 of everything that its result depends on */
	char *result;  /* SHA-256 of the result; "" = it failed */
};

struct answer_spent {
	int64_t requests, prompt_tokens, output_tokens, decode_time, wall;
};

/* What examining every sampled frame for the question would cost. */
struct answer_price {
	int64_t time, tokens, requests; /* -1 = not known */
};

struct answer {
	char *id;       /* hexadecimal */
	char *question; /* as it was asked */
	char *thread;   /* id of the answer that it follows; "" = none */
	enum answer_kind kind;
	enum answer_state state;
	bool thorough;
	char *text;    /* for people, with [n] */
	char *changed; /* why it was asked again: what changed since the last time; "" = nothing */
	char *choice;  /* of the given choices, the letter; "" = none were given, or none fits */

	struct answer_source *sources;
	size_t n_sources;
	struct answer_claim *claims;
	size_t n_claims;
	struct answer_cite *cites;
	size_t n_cites;
	struct answer_dropped *dropped;
	size_t n_dropped;
	struct answer_step *steps;
	size_t n_steps;
	char **unread; /* videos in scope that are not analyzed, by name */
	size_t n_unread;

	int64_t at_least, unsure; /* of a count; -1 = none was asked for */
	struct answer_spent spent;
	struct answer_price price;

	/* what made it */
	char *vdet_version, *engine, *model, *model_hash, *prompt_hash;
	bool demo_model;
	int64_t created;
};
/* Adds a citation, whose texts and frames are taken; returns its index. */
size_t answer_add_cite(struct answer *a, const struct answer_cite *c);
/* Adds a claim; takes text and cites. */
void answer_add_claim(struct answer *a, char *text, size_t *cites, size_t n,
                      enum check_verdict verdict);
void answer_free(struct answer *a); /* NULL is fine */
DEFINE_FREEP(struct answer, answer)

/* The object vdet-answer/1; docs/answer.schema.json describes it. Times are
 * seconds there. The caller owns it. */
json_t *answer_json(const struct answer *a);
/* The reverse, for text that may be hostile: every value is checked. ERR_FORMAT
 * says what is wrong. */
int answer_read(const json_t *json, struct answer **ret, struct err *err);

/* Appends it in the form of the terminal, as Markdown, or as a page that needs
 * no other file. ERR_LIMIT if `out` is too small. */
int answer_text(const struct answer *a, struct buf *out, struct err *err);
/* The same with where `page`, made by answer_html(), has each citation. */
int answer_text_page(const struct answer *a, const char *page, struct buf *out, struct err *err);
int answer_markdown(const struct answer *a, struct buf *out, struct err *err);
int answer_html(const struct answer *a, struct buf *out, struct err *err);

#endif
