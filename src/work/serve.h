/* SPDX-License-Identifier: Apache-2.0 */
/* A worker of a fleet: takes units from heads, reads their videos from them,
 * and sends results back. */
#ifndef VDET_WORK_SERVE_H
#define VDET_WORK_SERVE_H

#include "fleet/options.h"
#include "work/texts.h"
#include "work/work.h"

struct work_serve { /* everything is borrowed */
	struct fleet_options link;
	struct engine *engine; /* started */
	struct memory *memory; /* of the engine; may be NULL */
	struct decoder_options decoder;
	struct work_texts_setup texts; /* what else it does, where it can */
	const char *cache_dir;         /* of the parts of videos that were read */
	int64_t cache_limit;           /* bytes */
	const char *path_map;          /* "FROM=TO", see remote/address.h; NULL or "" = none */
	const char *ca_file;           /* of heads' addresses; NULL or "" = as the system does */
	int64_t slots; /* units at the same time; 0 = one more than the engine has slots */
	/* Says what became of the connection; NULL = nothing is said. */
	void (*say)(void *ctx, const char *text);
	void *say_ctx;
};

/* Blocks until `drain` has fired and the units in progress are done, or a head
 * has drained it, or until `cancel` has fired. */
int work_serve(const struct work_serve *s, struct cancel *drain, struct cancel *cancel,
               struct err *err);

#endif
