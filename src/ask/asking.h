/* SPDX-License-Identifier: Apache-2.0 */
/* A question while it is answered: what the steps of ask_run() share. Internal
 * to src/ask/. */
#ifndef VDET_ASK_ASKING_H
#define VDET_ASK_ASKING_H

#include <pthread.h>

#include "ask/ask.h"
#include "ask/route.h"
#include "base/hash.h"
#include "job/describe.h"
#include "job/requests.h"
#include "report/report.h"
#include "story/check.h"

/* A group of sampled frames that one request examines. */
struct ask_group {
	const int64_t *times; /* pts, ascending; of the source */
	size_t n;
	size_t chunk;
	bool likely;   /* the search found something there */
	bool examined; /* for this question */
	char letter;   /* 'A', 'B', 'C'; 0 = it was not asked */
	double p;      /* of the letter; < 0 = not known */
};

struct ask_source {
	char *path;
	const char *address; /* where it is read instead of a file; NULL = it is a file; borrowed */
	bool visible;        /* its file can be examined; else `unseen` says why not */
	char *unseen;
	struct report *report;
	int64_t generation;
	size_t job_rank, n_jobs; /* as in struct answer_source */
	int64_t from, to;        /* the part of it that is analyzed and asked about */
	int64_t *seen;           /* pts of all sampled frames of that part, ascending */
	size_t n_seen;
	struct ask_group *groups; /* all sampled frames, in order */
	size_t n_groups;
	struct ask_window *looked; /* windows that were looked at, in order of time */
	size_t n_looked, cap_looked;
};

/* A part of a video that is looked at again. */
struct ask_window {
	size_t source;
	int64_t start, end;
	double score;
	size_t density; /* frames */
	size_t part;    /* as of struct ask_finding */
};

enum { FINDING_FRAMES = 16 };

/* Something that was found at a moment of a video. */
struct ask_finding {
	size_t source;
	int64_t frames[FINDING_FRAMES];        /* pts, ascending; at least one */
	char sha256[FINDING_FRAMES][HASH_HEX]; /* of the pictures that were sent */
	size_t n;
	char *text;
	size_t part; /* of a question about two things: which of them, from 1; 0 = none */
	bool enough; /* the model said so */
	enum check_verdict verdict;
	double p; /* of A; < 0 = not known */
	char *reason;
};

/* How often something was seen. */
struct ask_times {
	int64_t at_least, unsure;
};

struct asking {
	const struct ask_context *context;
	const struct ask_request *request;
	struct run_context run;
	struct limit *limit;        /* the time of the budget; NULL = it has none */
	struct run_context limited; /* the same, canceled when that time ends, too */
	struct progress *quiet;     /* of `run`, without a listener */
	struct describe_options describe;
	int64_t from, to; /* the part of each video that is asked about; INT64_MAX = its end */
	/* The first time that the question names is after the end of all videos;
	 * by_clock >= 0: it is there in the video by the clock of the recording. */
	bool is_beyond;
	int64_t by_clock;
	const char *id;   /* in the journal */
	const char *salt; /* of the keys of looks: they are made again for it; "" = none */
	char prompts[HASH_HEX];
	char *model;      /* as check_model_name() */
	bool demo;        /* the demo model: it takes few pictures, and reads no prose */
	char *no_vectors; /* why queries have none, so that it is not tried again; NULL = they have */
	bool looks_only;  /* it cannot judge a statement by a letter */
	char *asked;      /* the question, without the times that make it one of a part */
	char *before;     /* the conversation, for the model; "" = none */
	struct route route;
	enum answer_sense about;  /* what the question is about */
	enum answer_sense quoted; /* what is said or written answers it; SENSE_SEEN: frames do */
	size_t part;              /* that is searched now, see struct ask_finding */
	struct ask_times times[ROUTE_PARTS]; /* of each part of a comparison */
	bool compared;                       /* every sampled frame was examined for both */
	struct reply_journal journal;
	struct requests requests;
	struct ask_source *sources;
	size_t n_sources;
	size_t n_away; /* servers of videos that could not be reached, one after the other */
	int64_t began, deadline, tokens_most; /* clock_now(); 0 = none */
	enum check_ability ability;
	char *disbelief; /* why its verdicts do not count; NULL = they do */

	pthread_mutex_t lock; /* guards what follows */
	struct answer_spent spent;
	struct answer_step *steps;
	size_t n_steps, cap_steps;
	struct ask_finding *findings; /* in order of source, then time, after each round */
	size_t n_findings, cap_findings;
	size_t failures;    /* one after the other */
	size_t failed;      /* looks whose replies could not be used */
	char *fault;        /* of them, for people; NULL = none */
	struct err stopped; /* why nothing more is asked; code 0 = it goes on */
	bool ended;         /* something was not done, as the time of the budget ended */
	_Atomic int letter_tokens;
	_Atomic size_t most; /* pictures of a request */
};

/* Whether a step may begin: the budget, of which `share` (0 to 1) may be used
 * up then, is not used up, nothing failed for good, and it was not
 * canceled. */
bool asking_goes_on(struct asking *a, double share);
/* Whether what runs with `limited` was canceled because the time of the budget
 * ended. */
bool asking_is_over(const struct asking *a);
/* Counts requests that were answered. */
void asking_spent(struct asking *a, int64_t requests, int64_t prompt_tokens, int64_t output_tokens);
/* A request about texts, see requests_object(); its tokens count. */
int asking_request(struct asking *a, const char *request, struct chat *chat, const char *key,
                   json_t **ret, struct err *err);
/* Adds a step for the record, with the SHA-256 of its result, a text; NULL = it
 * failed. Texts are copied. */
void asking_step(struct asking *a, const char *kind, const char *text, const char *request,
                 const char *result);
/* An error of the engine or the journal that ends the asking of more, or the
 * end of the budget, which is none. */
void asking_stop(struct asking *a, const struct err *why);
void asking_tell(struct asking *a, const struct ask_progress *p);
/* Adds a finding, or joins it with one that says the same of overlapping
 * frames; takes its texts. */
void asking_add(struct asking *a, struct ask_finding *f);
/* Whether what was found counts: it was shown, or could not be checked. */
bool asking_is_sure(enum check_verdict v);
void finding_clear(struct ask_finding *f);
/* Adds the frames of `from` that `into` lacks, as long as there is room. */
void finding_join(struct ask_finding *into, const struct ask_finding *from);

#endif
