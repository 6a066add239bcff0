/* SPDX-License-Identifier: Apache-2.0 */
#include "ask/parts.h"

#include <stdlib.h>

#include "ask/rounds.h"
#include "ask/scan.h"
#include "ask/times.h"
#include "ask/verify.h"
#include "base/mem.h"

/* ---- what was examined, which is of one part */

static void groups_reset(struct asking *a)
{
	for (size_t i = 0; i < a->n_sources; i++)
		for (size_t k = 0; k < a->sources[i].n_groups; k++) {
			struct ask_group *g = &a->sources[i].groups[k];
			g->likely = g->examined = false;
			g->letter = 0;
			g->p = -1;
		}
}

/* A group counts as examined for the question if it was for each part. */
static void groups_keep(struct asking *a, bool *examined, bool first)
{
	size_t n = 0;
	for (size_t i = 0; i < a->n_sources; i++)
		for (size_t k = 0; k < a->sources[i].n_groups; k++, n++) {
			struct ask_group *g = &a->sources[i].groups[k];
			examined[n] = g->examined && (first || examined[n]);
			g->examined = examined[n];
		}
}

/* ---- counts */

/* What is counted is that it is there, whatever the looks said it does. */
static void count(struct asking *a)
{
	AUTO(mem_freep) struct ask_moment *of = mem_alloc(a->n_findings + 1, sizeof *of);
	size_t n = 0;
	for (size_t i = 0; i < a->n_findings; i++) {
		struct ask_finding *f = &a->findings[i];
		if (f->part != a->part)
			continue;
		free(f->text);
		f->text = mem_strdup(a->route.statement);
		if (f->verdict != VERDICT_WITHDRAWN && !verify_is_open(a, f))
			of[n++] = (struct ask_moment){.source = f->source,
			                              .start = f->frames[0],
			                              .end = f->frames[f->n - 1],
			                              .sure = asking_is_sure(f->verdict)};
	}
	times_count(a, of, n, &a->times[a->part - 1]);
}

static int examine(struct asking *a, bool *examined, struct err *err)
{
	groups_reset(a);
	int r = rounds_mark(a, err);
	if (r == 0) {
		scan_run(a, a->request->thorough);
		r = verify_run(a, err);
	}
	if (a->route.kind == ASK_COMPARE)
		count(a);
	groups_keep(a, examined, a->part == 1);
	return r;
}

static int find_part(struct asking *a, bool *examined, struct err *err)
{
	struct route *route = &a->route;
	const char *thing = route->parts[a->part - 1];
	AUTO(mem_freep) char *question = route_part_question(thing);
	AUTO(mem_freep) char *statement = route_statement(thing);
	const struct route whole = *route;
	int r = 0;
	route->question = question;
	route->statement = statement;
	route->queries[0].text = route->parts[a->part - 1];
	route->n_queries = 1;
	if (route->kind == ASK_ORDER)
		r = rounds_run(a, err);
	if (r == 0 && (route->kind == ASK_COMPARE || a->request->thorough))
		r = examine(a, examined, err);
	*route = whole;
	return r;
}

int parts_find(struct asking *a, struct err *err)
{
	size_t all, both;
	int r = 0;
	scan_count(a, &all, &both);
	AUTO(mem_freep) bool *examined = mem_alloc(all + 1, sizeof *examined);
	for (a->part = 1; a->part <= ROUTE_PARTS && r == 0; a->part++)
		r = find_part(a, examined, err);
	a->part = 0;
	scan_count(a, &all, &both);
	a->compared = all == both;
	return r;
}
