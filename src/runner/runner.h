/* SPDX-License-Identifier: Apache-2.0 */
/* Runs units of work somewhere: in this process, or on other machines. A unit
 * is a text that says everything that is needed to do it, so that it can be
 * done again anywhere; a runner moves it and does not interpret it. */
#ifndef VDET_RUNNER_RUNNER_H
#define VDET_RUNNER_RUNNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/mem.h"

enum {
	RUNNER_MAX_ID = 120,          /* characters of an id */
	RUNNER_MAX_BODY = 200 * 1000, /* bytes of a body, of a unit or a result */
	RUNNER_MAX_BLOBS = 256,       /* of one result */
	RUNNER_MAX_BLOB = 16 << 20,   /* bytes of one */
};

/* Data of a result that are too large for a message, named by SHA-256. */
struct runner_blob {
	char sha256[65];
	unsigned char *data; /* owned */
	size_t len;
};

struct runner_unit {    /* everything is borrowed */
	const char *id;     /* the same each time that it is run, see runner_id_valid() */
	const char *kind;   /* "chunk"; a runner does not interpret it */
	int schema;         /* version of the body; a worker refuses those that it does not know */
	const char *model;  /* hash or name of what the worker's engine must have; "" = any */
	const char *source; /* SHA-256 of the video that it is about; "" = none */
	const char *body;   /* JSON text, at most RUNNER_MAX_BODY bytes */
	int64_t timeout;    /* microseconds without progress after which it is given back; 0 = none */
	/* The caller can do it, too: run() returns ERR_NOENT where no worker is
	 * there that could, or none any more. Else it waits for one. */
	bool optional;
	/* The worker that is not to do it: run() fails with ERR_NOENT without
	 * another one. NULL = any. */
	const char *not_by;
};

struct runner_result {
	char *body; /* JSON text, at most RUNNER_MAX_BODY bytes; not checked */
	struct runner_blob *blobs;
	size_t n_blobs;
	char *worker;     /* name of who did it; "" = this process */
	int64_t attempts; /* how often it was started */
};
void runner_result_clear(struct runner_result *r);

struct runner {
	/* Blocks until the unit is done; any thread. ERR_CANCELED: `cancel` fired.
	 * ERR_PERM, ERR_BUSY: the runner cannot go on, which says nothing of the
	 * unit. Other errors: it failed for good, and the message has the history. */
	int (*run)(void *ctx, const struct runner_unit *u, struct cancel *cancel,
	           struct runner_result *ret, struct err *err);
	/* The result of the unit is in the journal (or is not wanted any more): the
	 * runner may forget it. Call it once for each successful run(), or
	 * reject(). */
	void (*settle)(void *ctx, const char *id);
	/* In place of settle(): the result is wrong. It counts as a failure of its
	 * worker, and the next run() of the unit gives it out again, or fails for
	 * good. NULL: the results are made by this process, and never wrong. */
	void (*reject)(void *ctx, const char *id, const char *why);
	/* How many units may be given to it at the same time, now: about two for
	 * each free slot of its workers, at least 1. Called about once a second
	 * while units are waited for. */
	int (*capacity)(void *ctx);
	/* Likewise of units with this model; 0: no worker is there that can do
	 * them. In its first seconds it waits until workers are heard of. NULL: it
	 * does no optional units. */
	int (*serves)(void *ctx, const char *model);
	/* Whether a unit that is done is to be given a second time, to another
	 * worker, and both results compared; no worker can know which before. Both
	 * functions may be NULL: none. */
	bool (*twice)(void *ctx, const struct runner_unit *u);
	/* What came of it. */
	void (*compared)(void *ctx, const char *first, const char *second, bool same);
	void *ctx;
};

/* Adds a copy of `data` and returns its name, which is valid until the next
 * call. The same data are added once. */
const char *runner_add_blob(struct runner_result *r, const unsigned char *data, size_t len);

/* NULL if there is none with the name. Its data were compared with it by what
 * received the result. */
const struct runner_blob *runner_find_blob(const struct runner_result *r, const char *sha256);

/* [A-Za-z0-9._-], 1 to RUNNER_MAX_ID characters. */
bool runner_id_valid(const char *id);

#endif
