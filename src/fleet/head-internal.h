/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a head. Threads: those of the callers, each of which takes its
 * unit through run() and is the only one that publishes it; `collector` takes
 * results and hands them to the units; `notes` listens to workers and publishes
 * what there is to do; `keep` renews the ownership, and makes missing streams;
 * `asks` answers questions. */
#ifndef VDET_FLEET_HEAD_INTERNAL_H
#define VDET_FLEET_HEAD_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/wakeup.h"
#include "fleet/head.h"
#include "fleet/history.h"
#include "fleet/link.h"
#include "fleet/streams.h"
#include "fleet/wire.h"

enum {
	HEAD_LETTERS = 8,    /* results of one unit that are kept */
	HEAD_REPORTS = 16,   /* failures of one unit that are kept */
	HEAD_WORKERS = 4096, /* that are known at the same time */
	HEAD_UNITS = 16384,  /* likewise */
	HEAD_UNASKED = 512,  /* results of one worker that no one has asked for */
	HEAD_BUCKETS = 4096, /* a power of two */
	HEAD_MOST = 4096,    /* units to give out at the same time */
	HEAD_KINDS = 8,      /* of units, of which times are known */

	FAIL_WORKERS = 2, /* so many different workers report a failure: it failed */
	FAIL_REPORTS = 3, /* or so many reports, where there is one worker */
	/* So many deliveries without a word, on so many workers: it failed. */
	SILENT = 10,
	SILENT_WORKERS = 3,
	SILENT_STOP = 100, /* on any number of workers, if no other one could do it */
	STUCK = 5,         /* so many attempts that no worker was given any more */

	LONELY = 5, /* so many checks that find a unit with no one */

	BACK_PAUSE = 5,   /* seconds before a unit that was given back is given again */
	BACK_MOST = 3600, /* seconds of that: it failed */
	BACK_WARN = 60,   /* seconds between warnings of that */

	BEAT = 2,               /* seconds between notices to workers */
	NOTICE_GAP = 20 * 1000, /* microseconds between notices that publishing causes */
	WORKER_LOST = 15,       /* seconds without a beat of a worker */
	WORKER_FORGET = 86400,
	HELLO = 4,           /* seconds in which workers hear of a head, and answer */
	OPTIONAL_MOST = 600, /* seconds until a unit is begun that its caller can do, too */
	TWICE_MOST = 120,    /* likewise, that is done a second time */
	LOADS = 150,         /* of the last five minutes, … */
	LOAD_EVERY = 2,      /* … one in so many seconds */
	LOAD_GAP = 30,       /* seconds without a unit, after which work begins again */
	KEEP = 600,          /* seconds that results and units are kept that no one asked for */
};

/* A result that has arrived, and is not acknowledged. */
struct letter {
	struct wire_result result;
	char *worker, *reply; /* owned */
	uint64_t seq;         /* of its message */
};
void letter_clear(struct letter *l);

/* What a worker reported of a unit, or did not report. */
struct report {
	char worker[FLEET_NAME_MAX + 1];
	char text[WIRE_MAX_TEXT + 1];
	enum report_kind { REPORT_FAILED, REPORT_REFUSED, REPORT_SILENT, REPORT_BACK } kind;
	int64_t times;
	int64_t attempt; /* the last one, of those that its worker reported */
};

struct unit {
	struct unit *next, **at; /* in the list of all */
	struct unit *chain;      /* the next one in its bucket */
	char id[RUNNER_MAX_ID + 1];
	bool running;            /* a run() is there */
	struct runner_unit view; /* while it is; borrowed from its caller */
	struct wakeup *wake;     /* of that run() */
	int64_t attempt;         /* of what is in the stream, or was there last; 0: nothing */
	uint64_t seq;            /* of its message; 0: none */
	char nonce[WIRE_NONCE];  /* of the attempt */
	int64_t starts;          /* how often a worker began */
	struct wire_start last;  /* of those, the last one; no attempt: none, or it has ended */
	char last_worker[FLEET_NAME_MAX + 1];
	int64_t last_at; /* clock_now() */
	struct report reports[HEAD_REPORTS];
	size_t n_reports;
	struct letter letters[HEAD_LETTERS]; /* not looked at yet */
	size_t n_letters;
	struct letter given; /* what run() has returned, until it is settled */
	int stuck;           /* attempts that the server kept, and gave to no one */
	int lonely;          /* checks that found it with no one, though one could do it */
	bool check;          /* look whether the message is still there */
	int64_t back_since;  /* clock_now() of when it was first given back; 0: it was not */
	int64_t hold;        /* likewise until when it is not given again */
	int64_t since;       /* clock_now() of when it was last asked for or heard of */
	int64_t asked;       /* likewise, when this run() began */
	int64_t put;         /* likewise, when the attempt was put into the stream */
	int64_t held;        /* likewise, when a worker first said that it has the attempt; 0: none */
	/* Of what run() has returned: its kind, and how long its worker had it; 0:
	 * that is not known. */
	char kind[FLEET_NAME_MAX + 1];
	int64_t took;
};

/* How long a worker has had units of a kind that are done. */
struct pace {
	char kind[FLEET_NAME_MAX + 1]; /* "": not used */
	int64_t n, longest;
};

struct worker {
	struct worker *next;
	char name[FLEET_NAME_MAX + 1];
	struct wire_beat beat;
	struct history history;
	int64_t heard; /* clock_now() */
	/* What this head has seen of it: units, and deliveries that ended without a
	 * word. */
	int64_t done, failed, refused, silent;
	int64_t compared, differed; /* units that another worker did, too */
	int64_t elsewhere;          /* units of its beat that are of other heads */
	int changes;                /* of the instance that has the name */
	struct pace paces[HEAD_KINDS];
};

/* A unit of an earlier head of this id, which no one has asked for yet. */
struct orphan {
	struct orphan *next;
	uint64_t seq;
	int64_t attempt;
	char id[RUNNER_MAX_ID + 1], nonce[WIRE_NONCE];
};

struct head_queue {
	struct head_queue *next;
	char name[WIRE_QUEUE];
	char *model, *source; /* owned */
	int64_t used;         /* clock_now() */
};

/* What a head has done since it was opened. */
struct head_counts {
	int64_t given;       /* attempts that were published */
	int64_t redelivered; /* attempts and deliveries beyond the first one of a unit */
	int64_t done, failed, refused, silent;
	int64_t holes; /* units that failed for good */
};

/* What there was at one moment. */
struct load {
	int64_t at;               /* clock_now() */
	int64_t waiting, results; /* units that no worker has begun, results for the head */
};

struct fleet_head {
	char id[17];
	char stream[STREAM_NAME], results[STREAM_NAME];
	int64_t ack_wait, check_every; /* microseconds */
	int replicas;
	struct fleet_head_hooks hooks;
	struct link *link;
	struct puller puller; /* of the collector */
	struct owner owner;
	struct cancel *stop;
	pthread_t collector, notes, keep, asks;
	bool threads; /* they are there */
	natsSubscription *note_sub, *order_sub, *ask_sub;

	pthread_cond_t heard; /* of a worker; with the lock */
	pthread_mutex_t lock; /* of what follows */
	struct unit *units;
	struct unit *buckets[HEAD_BUCKETS]; /* the same by their ids */
	size_t n_units;
	struct worker *workers;
	size_t n_workers;
	struct orphan *orphans;
	struct head_queue *queues;
	int64_t notified; /* of the last notice to workers */
	int64_t started;  /* clock_now() */
	bool notice;      /* another notice is due */
	uint64_t idle;    /* how often the collector found nothing more */
	uint64_t seen;    /* the last result in the stream that it has taken */
	bool mend;        /* something is missing in the server */
	char lost[300];   /* another head has taken over */
	bool warned;      /* that the server cannot be reached */
	struct head_counts counts;
	struct load loads[LOADS]; /* a ring */
	uint64_t n_loads;         /* that were added to it */
	int64_t work_since; /* clock_now(): since when there are units, with short gaps; 0: never */
	int64_t work_last;  /* likewise, when there were some */
	int64_t backed;     /* clock_now() of the last warning that a worker gave a unit back */
};

/* ---- head-units.c: what is decided about a unit; pure but for its fields */

struct unit *unit_find(struct fleet_head *h, const char *id);
struct unit *unit_find_or_add(struct fleet_head *h, const char *id); /* NULL: too many */
void unit_remove(struct fleet_head *h, struct unit *u);              /* frees it */
/* `attempt` is the one that the worker reports, 0 if the head itself says it. */
void unit_report(struct unit *u, enum report_kind kind, const char *worker, int64_t attempt,
                 const char *text);
/* Whether the worker has reported this attempt, or a later one: it is not heard
 * again about it. */
bool unit_was_reported(const struct unit *u, const char *worker, int64_t attempt);
/* A worker has begun: notes what became of the one before. */
void unit_start(struct fleet_head *h, struct unit *u, const struct wire_start *s,
                const char *worker);
/* The start that is open has ended without a word. */
void unit_end_silent(struct fleet_head *h, struct unit *u);
/* Counts what became of a delivery, for the worker and the whole. */
enum delivery_end { END_DONE, END_FAILED, END_REFUSED, END_SILENT };
void head_count(struct fleet_head *h, const char *worker, enum delivery_end end);
/* Whether it has failed for good; the message is its history. */
bool unit_has_failed(const struct fleet_head *h, const struct unit *u, struct err *err);
/* Who is not to do it next: those that refused it, and those that failed if
 * others are there. Ends with NULL; of the unit. */
void unit_avoid(const struct fleet_head *h, const struct unit *u,
                const char *ret[static WIRE_MAX_AVOID + 1]);
/* Whether no worker says that it has the unit, though one is idle that could do
 * it and has reported nothing of it. */
bool unit_is_lonely(const struct fleet_head *h, const struct unit *u);
/* Whether another worker than the one that is not to do it is there. */
bool unit_has_other(const struct fleet_head *h, const struct unit *u);
struct worker *worker_find(struct fleet_head *h, const char *name); /* NULL: none */
bool worker_lives(const struct worker *w);
bool worker_has(const struct worker *w, const char *id);
bool worker_serves(const struct worker *w, const char *model);
/* Whether a worker is there that has it, or could do it. */
bool unit_has_worker(const struct fleet_head *h, const struct unit *u);

bool unit_has_report(const struct unit *u, const char *worker); /* of any kind */

/* ---- head-late.c: how long a worker may have a unit; likewise */

/* How long the worker had a unit whose result this is; 0: that is not known. */
int64_t unit_took(const struct unit *u, const struct letter *l);
void worker_took(struct worker *w, const char *kind, int64_t took); /* 0: not known */
/* Whether to give it to another worker as well; sets why. */
bool unit_is_late(struct fleet_head *h, struct unit *u, char *ret_why, size_t size);

/* ---- head-check.c */

/* Looks whether the message of a unit is still there, and with somebody; gives
 * the unit again if not. An error: it failed for good. */
int unit_check(struct fleet_head *h, struct unit *u, struct cancel *cancel, struct err *err);

/* ---- head-run.c */

int head_run(void *ctx, const struct runner_unit *u, struct cancel *cancel,
             struct runner_result *ret, struct err *err);

/* ---- head-notes.c, head-collect.c: the main functions of threads */

void *head_collect(void *head);
void *head_notes(void *head);
void *head_keep(void *head);
void *head_asks(void *head);

/* ---- head-notify.c */

/* Publishes to all workers what there is to do. */
void head_notify_now(struct fleet_head *h);
/* The same, unless that was a moment ago: then the thread does it. */
void head_notify(struct fleet_head *h);
/* A unit is not wanted any more, in attempts below `before`. */
void head_notify_gone(struct fleet_head *h, const char *id, int64_t before);
/* One worker ends after the units that it has. */
int head_notify_drain(struct fleet_head *h, const char *worker, struct err *err);

/* ---- head-load.c */

/* With the lock held: how many units wait for a worker, are begun, have results
 * that wait for the head, and are not settled. */
struct head_units {
	int64_t waiting, begun, results, unsettled;
};
struct head_units head_count_units(const struct fleet_head *h);
/* Notes from time to time how many units wait. */
void head_note_load(struct fleet_head *h);
/* With the lock held. What waited in the last five minutes, but not before work
 * began; the caller owns it. */
json_t *head_load_json(const struct fleet_head *h);

/* ---- head-state.c */

/* Does what an order says, and writes its answer. */
void head_order(struct fleet_head *h, const natsMsg *m);

#endif
