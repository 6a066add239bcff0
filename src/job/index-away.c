/* SPDX-License-Identifier: Apache-2.0 */
#include "job/index-away.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "job/index-unit.h"
#include "job/unit-run.h"

enum { OWNER_DIGITS = 16 }; /* of the source, in the ids of units */

struct index_giver {
	const struct run_context *run;
	const char *source;
	struct decoder_options decoder;
	char model[HASH_HEX];
	struct index_away away;
	_Atomic int given, decoded;
};

static int serves(void *ctx)
{
	const struct index_giver *g = ctx;
	return unit_serves(g->run, g->model);
}

/* One range with a runner. */
struct giving {
	struct index_unit unit;
	struct signatures *to;
	struct grids *grids;
};

static int take_result(void *ctx, const struct runner_result *result, struct err *err)
{
	const struct giving *g = ctx;
	return index_result_read(&g->unit, result, g->to, g->grids, err);
}

static int decode(void *ctx, const struct index_look *look, struct cancel *cancel,
                  struct signatures *ret, struct grids *ret_grids, struct err *err)
{
	struct index_giver *g = ctx;
	struct giving giving = {{.decoder = g->decoder, .look = *look}, ret, ret_grids};
	AUTO(mem_freep) char *body = NULL;
	AUTO(mem_freep) char *what = mem_printf("index of %.12s", g->source);
	AUTO(mem_freep) char *owner = mem_printf("%.*s", OWNER_DIGITS, g->source);
	char id[RUNNER_MAX_ID + 1];
	const struct unit_run how = {.run = g->run,
	                             .what = what,
	                             .kind = INDEX_UNIT_KIND,
	                             .schema = INDEX_UNIT_SCHEMA,
	                             .source = g->source,
	                             .cancel = cancel,
	                             .model = g->model,
	                             .optional = true,
	                             .read = take_result,
	                             .ctx = &giving};
	int r = index_unit_write(&giving.unit, &body, err);
	if (r < 0)
		return r;
	unit_id(owner, INDEX_UNIT_KIND, look->from / CLOCK_SECOND, body, id);
	g->given++;
	r = unit_run(&how, id, body, err);
	g->decoded += r == 0;
	if (r == 0)
		unit_settle(g->run, id);
	else if (r != -ERR_CANCELED)
		log_info("[index of %.12s] a range is decoded here: %s", g->source, err->msg);
	return r;
}

struct index_giver *index_giver_new(const struct run_context *run, const char *source,
                                    const struct decoder_options *o)
{
	const struct describe_options pictures = {.decoder = *o};
	bool software = !o->hwaccel || strcmp(o->hwaccel, "none") == 0;
	struct err err;
	if (!run->runner || !run->runner->serves || !software || !unit_possible(&pictures))
		return NULL;
	AUTO(index_giver_freep) struct index_giver *g = mem_alloc(1, sizeof *g);
	*g = (struct index_giver){.run = run, .source = source, .decoder = *o};
	g->away = (struct index_away){serves, decode, g};
	if (index_unit_model(g->model, &err) < 0) {
		log_info("close looks of the index are not given to workers: %s", err.msg);
		return NULL;
	}
	return TAKE(g);
}

void index_giver_free(struct index_giver *g)
{
	if (g && g->given > 0)
		log_info("[index of %.12s] workers decoded %d of the %d ranges that they were given",
		         g->source, g->decoded, g->given);
	free(g);
}

const struct index_away *index_giver_away(const struct index_giver *g)
{
	return &g->away;
}
