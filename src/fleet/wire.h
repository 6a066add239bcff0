/* SPDX-License-Identifier: Apache-2.0 */
/* What heads and workers say to each other (docs/protocols.md): a line of JSON,
 * and in units and results the body after it. Whatever is read may be hostile.
 * Pure functions. */
#ifndef VDET_FLEET_WIRE_H
#define VDET_FLEET_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "fleet/figures.h"
#include "runner/runner.h"

enum {
	WIRE_MAX = 256 << 10,    /* bytes of a message */
	WIRE_MAX_TEXT = 400,     /* bytes of a model's name, of a fault */
	WIRE_MAX_AVOID = 16,     /* workers that are not to do a unit */
	WIRE_MAX_MODELS = 64,    /* of a worker */
	WIRE_MAX_UNITS = 256,    /* that a worker has at the same time */
	WIRE_MAX_QUEUES = 1000,  /* of a head, in one beat */
	WIRE_MAX_REPORT = 8192,  /* bytes of what a worker says of itself */
	WIRE_SECRET = 32,        /* bytes */
	WIRE_NONCE = 33,         /* characters, with NUL */
	WIRE_QUEUE = 2 * 16 + 4, /* likewise */
	WIRE_SUBJECT = 256,      /* likewise */
};

/* ---- a unit */

struct wire_unit { /* owned */
	char *id, *kind, *model, *source, *body;
	int schema;
	int64_t timeout;  /* microseconds */
	int64_t attempt;  /* from 1: how often its head has given it out */
	int64_t ack_wait; /* microseconds */
	char nonce[WIRE_NONCE];
	char *avoid[WIRE_MAX_AVOID]; /* workers that have failed */
	size_t n_avoid;
};
void wire_unit_clear(struct wire_unit *u);
struct runner_unit wire_unit_view(const struct wire_unit *u); /* borrows from u */

/* The queue that the unit belongs to: one for each model and source, which is
 * also the name of its consumer. */
void wire_queue(const char *model, const char *source, char out[static WIRE_QUEUE]);
/* "vdet.HEAD.unit.MODEL.SOURCE". */
void wire_unit_subject(const char *head, const char *model, const char *source,
                       char out[static WIRE_SUBJECT]);
/* What only the head can know of this attempt: a result repeats it. */
void wire_nonce(const unsigned char secret[static WIRE_SECRET], const struct runner_unit *u,
                int64_t attempt, char out[static WIRE_NONCE]);
/* ERR_ARG for a unit that is not as runner.h says. `avoid` ends with NULL. */
int wire_unit_write(const struct runner_unit *u, int64_t attempt, const char *nonce,
                    int64_t ack_wait, const char *const *avoid, struct buf *out, struct err *err);
int wire_unit_read(const char *data, size_t len, struct wire_unit *ret, struct err *err);

/* ---- what a worker says of a unit */

enum wire_state {
	WIRE_DONE,
	WIRE_FAILED,
	WIRE_REFUSED, /* this worker never can do it */
	WIRE_BACK,    /* something around it keeps this worker from doing it now */
};

struct wire_result { /* owned */
	char *id, *body, *fault;
	enum wire_state state;
	int64_t attempt, delivery;
	char nonce[WIRE_NONCE];
	char (*blobs)[65]; /* SHA-256 */
	size_t n_blobs;
};
void wire_result_clear(struct wire_result *r);
/* `body` and `fault` may be NULL. */
int wire_result_write(const struct wire_result *r, struct buf *out, struct err *err);
int wire_result_read(const char *data, size_t len, struct wire_result *ret, struct err *err);

struct wire_start { /* a worker begins a unit */
	char id[RUNNER_MAX_ID + 1], nonce[WIRE_NONCE];
	int64_t attempt, delivery;
};
void wire_start_write(const struct wire_start *s, struct buf *out);
int wire_start_read(const char *data, size_t len, struct wire_start *ret, struct err *err);

/* ---- notices of a head to all workers */

struct wire_queue_row {
	char *model, *source; /* owned */
	int64_t waiting;      /* units that no worker has begun */
};
struct wire_notice { /* owned */
	struct wire_queue_row *queues;
	size_t n_queues;
	char *gone;     /* this unit is not wanted any more; NULL: nothing of this */
	int64_t before; /* attempts of it below this */
	bool drain;     /* to one worker only */
};
void wire_notice_clear(struct wire_notice *t);
int wire_notice_write(const struct wire_notice *t, struct buf *out, struct err *err);
int wire_notice_read(const char *data, size_t len, struct wire_notice *ret, struct err *err);

/* ---- what a worker says of itself */

struct wire_beat { /* owned */
	char instance[WIRE_NONCE];
	int64_t slots;
	bool draining;
	char *models[WIRE_MAX_MODELS];
	size_t n_models;
	char *units[WIRE_MAX_UNITS];
	size_t n_units;
	char *report; /* JSON object */
	struct fleet_figures figures;
};
void wire_beat_clear(struct wire_beat *b);
int wire_beat_write(const struct wire_beat *b, struct buf *out, struct err *err);
int wire_beat_read(const char *data, size_t len, struct wire_beat *ret, struct err *err);

/* ---- subjects */

/* Random hexadecimal digits. */
void wire_random(char out[static WIRE_NONCE]);
/* The n-th token, from 0, of a subject; false if there is none or it is longer
 * than `size` allows. */
bool wire_token(const char *subject, int n, char *out, size_t size);
/* How often JetStream has delivered a message, and its place in the stream, as
 * the subject for its acknowledgement says; false if it is none. */
bool wire_delivery(const char *reply, int64_t *ret_times, uint64_t *ret_seq);
/* The stream that such a subject names; false as for wire_token(), or if it is
 * none. */
bool wire_stream(const char *reply, char *out, size_t size);

#endif
