/* SPDX-License-Identifier: Apache-2.0 */
#include "job/check-run.h"

#include "job/unit-result.h"

/* ---- here */

static int ask_all(struct describe_worker *w, struct looking *k, struct look *l,
                   const struct check_unit *u, struct check_result *ret, struct err *err)
{
	int r = look_open(w, k, l, err);
	for (size_t i = 0; r == 0 && i < u->n; i++) {
		struct check_reply *reply = &ret->replies[ret->n++];
		r = look_ask(w, k, l, u->what[i], &reply->answer, &reply->reason, err);
		for (reply->n = 0; r == 0 && reply->n < l->n; reply->n++)
			reply->pts[reply->n] = l->pictures[reply->n].pts;
	}
	return r;
}

int check_unit_do(struct describe_worker *w, const struct check_unit *u, struct check_result *ret,
                  struct err *err)
{
	struct looking k = {.max_tokens = u->max_tokens, .most = u->most};
	struct look l = {.cited = u->cited,
	                 .n_cited = u->n_cited,
	                 .seen = u->seen,
	                 .n_seen = u->n_seen,
	                 .from = u->from,
	                 .to = u->to};
	int r = ask_all(w, &k, &l, u, ret, err);
	look_close(&l);
	ret->max_tokens = k.max_tokens;
	ret->requests = l.requests;
	ret->prompt_tokens = l.prompt_tokens;
	ret->output_tokens = l.output_tokens;
	return r;
}

/* ---- by the runner */

struct reading {
	const struct check_unit *unit;
	struct check_result *result;
};

static int read_result(void *ctx, const struct runner_result *result, struct err *err)
{
	const struct reading *r = ctx;
	return check_result_read(r->unit, result, r->result, err);
}

/* The id says what is to be done, and not what was learned from other answers
 * meanwhile: a run that continues begins without that, and finds its units. */
static int name_unit(const struct check_give *how, const struct check_unit *u,
                     char unit[static RUNNER_MAX_ID + 1], struct err *err)
{
	struct check_unit plain = *u;
	AUTO(mem_freep) char *body = NULL;
	plain.max_tokens = 1;
	int r = check_unit_write(&plain, &body, err);
	if (r == 0)
		unit_id(how->owner, how->pass, how->index, body, unit);
	return r;
}

int check_unit_give(const struct check_give *how, const struct check_unit *u,
                    struct check_result *ret, char unit[static RUNNER_MAX_ID + 1], struct err *err)
{
	AUTO(mem_freep) char *body = NULL;
	AUTO(mem_freep) char *what = mem_printf("%s %s", how->pass, how->owner);
	struct reading reading = {u, ret};
	const struct unit_run run = {.run = how->run,
	                             .what = what,
	                             .kind = CHECK_UNIT_KIND,
	                             .schema = CHECK_UNIT_SCHEMA,
	                             .source = how->source,
	                             .cancel = how->cancel,
	                             .read = read_result,
	                             .ctx = &reading};
	struct err why = {0};
	*unit = '\0';
	int r = name_unit(how, u, unit, err);
	if (r == 0)
		r = check_unit_write(u, &body, err);
	if (r < 0) {
		*unit = '\0';
		return r;
	}
	r = unit_run(&run, unit, body, &why);
	if (r == 0)
		return 0;
	*unit = '\0';
	return unit_failure_error(&why, err);
}
