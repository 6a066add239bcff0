/* SPDX-License-Identifier: Apache-2.0 */
/* `vdet fleet try`: a NATS server, a head and two workers on this machine
 * analyze the demo recording. */
#ifndef VDET_APP_FLEET_TRY_H
#define VDET_APP_FLEET_TRY_H

#include <stdbool.h>
#include <stdint.h>

#include "app/app.h"
#include "base/buf.h"
#include "proc/spawn.h"
#include "store/block.h"

struct fleet_try_options {
	double hours;
	char *dir; /* of the recording and its reports */
};
/* Returns an exit code. */
int app_fleet_try(struct app *app, const struct fleet_try_options *o);

/* ---- processes (fleet-try-run.c): they end with the thread that starts them,
 * and all of them have to be started by one */

enum { TRY_WORKERS = 2 };
struct try_worker {
	char name[24];
	struct child *child;
	int64_t done; /* chunks that the head has of it */
	bool ended;   /* and that was said */
};
struct try_run {
	const struct app *app; /* borrowed */
	const char *dir;       /* private folder for all that they write; borrowed */
	char *exe, *url;       /* this program; of the NATS server */
	char head[STORE_HEAD_ID];
	struct child *nats;
	struct try_worker workers[TRY_WORKERS];
};

/* Starts a NATS server on a free port of this machine, and the workers. */
int try_run_start(const struct app *app, const char *dir, struct try_run *ret, struct err *err);
/* Ends the server and the workers: asks first, and kills after some seconds. */
void try_run_stop(struct try_run *t);
void try_run_clear(struct try_run *t);

struct try_analysis { /* everything is borrowed */
	const char *video;
	const char *data_dir; /* of its journal */
	const char *output;   /* folder of the report */
	bool alone;           /* without the workers */
};
/* Runs `vdet analyze` to its end; prints what it prints. *ret_code is its exit
 * code. ERR_DIED if no one is left to do the work. */
int try_run_analyze(struct try_run *t, const struct try_analysis *a, int *ret_code,
                    struct err *err);

/* ---- reports (fleet-try-compare.c) */

struct try_comparison {
	size_t chunks, events; /* of the fleet's report */
	bool same;
	struct buf differences; /* a line each */
};
/* Compares two folders of reports. The caller frees the buffer. */
int try_compare(const char *fleet, const char *alone, struct try_comparison *ret, struct err *err);

#endif
