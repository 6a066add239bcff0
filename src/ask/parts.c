/* SPDX-License-Identifier: Apache-2.0 */
#include "ask/parts.h"

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

static void count(struct asking *a)
{
	AUTO(mem_freep) struct ask_moment *of = mem_alloc(a->n_findings + 1, sizeof *of);
	size_t n = 0;
	for (size_t i = 0; i < a->n_findings; i++) {
		const struct ask_finding *f = &a->findings[i];
		if (f->part == a->part && f->verdict != VERDICT_WITHDRAWN)
			of[n++] = (struct ask_moment){.source = f->source,
			                              .start = f->frames[0],
			                              .end = f->frames[f->n - 1],
			                              .sure = asking_is_sure(f->verdict)};
	}
	times_count(a, of, n, &a->times[a->part - 1]);
}

static int examine(struct asking *a, bool *examined, struct err *err)
{
	AUTO(mem_freep) char *statement = route_statement(a->route.parts[a->part - 1]);
	char *whole = a->route.statement;
	groups_reset(a);
	int r = rounds_mark(a, err);
	a->route.statement = statement;
	if (r == 0) {
		scan_run(a, a->request->thorough);
		r = verify_run(a, err);
	}
	a->route.statement = whole;
	count(a);
	groups_keep(a, examined, a->part == 1);
	return r;
}

int parts_find(struct asking *a, struct err *err)
{
	struct route *route = &a->route;
	char *question = route->question, *text = route->queries[0].text;
	size_t n_queries = route->n_queries, all, ignored;
	int r = 0;
	scan_count(a, &all, &ignored);
	AUTO(mem_freep) bool *examined = mem_alloc(all + 1, sizeof *examined);
	route->n_queries = 1;
	for (size_t i = 0; i < ROUTE_PARTS && r == 0; i++) {
		AUTO(mem_freep) char *of_part = route_part_question(route->parts[i]);
		route->question = of_part;
		route->queries[0].text = route->parts[i];
		a->part = i + 1;
		r = rounds_run(a, err);
		if (r == 0 && route->kind == ASK_COMPARE)
			r = examine(a, examined, err);
	}
	a->part = 0;
	route->question = question;
	route->queries[0].text = text;
	route->n_queries = n_queries;
	return r;
}
