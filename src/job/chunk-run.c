/* SPDX-License-Identifier: Apache-2.0 */
#include "job/chunk-run.h"

#include <stdlib.h>

#include "job/chunk-result.h"
#include "job/unit-run.h"

/* What is said and written in the chunk, if requests are to have it. */
static int take_texts(const struct chunk_run *how, struct chunk_unit *u, struct store_chunk *c,
                      struct err *err)
{
	const struct run_texts *texts = how->run->texts;
	int r = 0;
	if (texts)
		r = texts->take(texts->ctx, c->start, c->end, &u->texts, &u->n_texts, err);
	if (r < 0)
		c->code = HOLE_ENGINE; /* of speech or text */
	return r;
}

void chunk_given_clear(struct chunk_given *g)
{
	free(g->body);
	free(g->worker);
	*g = (struct chunk_given){0};
}

struct reading {
	const struct chunk_unit *unit;
	struct store_chunk *chunk;
	struct chunk_given *given;
};

static int read_result(void *ctx, const struct runner_result *result, struct err *err)
{
	const struct reading *r = ctx;
	int n = chunk_result_read(r->unit, result, r->chunk, err);
	if (n == 0)
		r->given->worker = mem_strdup(result->worker ? result->worker : "");
	return n;
}

struct unit_run chunk_run_unit(const struct chunk_run *how, const char *what)
{
	return (struct unit_run){.run = how->run,
	                         .what = what,
	                         .kind = CHUNK_UNIT_KIND,
	                         .schema = CHUNK_UNIT_SCHEMA,
	                         .source = how->source,
	                         .cancel = how->cancel};
}

static int make_and_run(const struct chunk_run *how, const struct plan_chunk *plan,
                        const char *context, struct store_chunk *c, struct chunk_given *given,
                        struct err *err)
{
	AUTO(mem_freep) char *body = NULL;
	AUTO(mem_freep)
	char *what = mem_printf("job %s chunk %zu", how->job, (size_t)c->index + 1);
	struct chunk_unit u = {
		.index = c->index, .plan = *plan, .describe = *how->options, .context = context};
	u.plan.start = c->start;
	u.plan.end = c->end;
	/* Of all, so that no worker knows which are done twice. */
	u.describe.identify = how->run->runner->twice;
	int r = take_texts(how, &u, c, err);
	if (r == 0)
		r = chunk_unit_write(&u, &body, err);
	if (r == 0) {
		struct reading reading = {&u, c, given};
		struct unit_run run = chunk_run_unit(how, what);
		run.read = read_result;
		run.ctx = &reading;
		unit_id(how->job, how->pass, c->index, body, given->unit);
		r = unit_run(&run, given->unit, body, err);
		given->body = how->run->runner->twice ? TAKE(body) : NULL;
	}
	prompt_texts_free(u.texts, u.n_texts);
	if (r < 0)
		given->unit[0] = '\0';
	return r;
}

int chunk_run(const struct chunk_run *how, const struct plan_chunk *plan, const char *context,
              struct store_chunk *c, struct chunk_given *given, struct err *err)
{
	struct err why = {0};
	*given = (struct chunk_given){0};
	progress_chunk(how->run->progress, (size_t)c->index, c->start, c->end, CHUNK_RUNNING, 0, 0);
	int r = make_and_run(how, plan, context, c, given, &why);
	if (r == -ERR_CANCELED || cancel_fired(how->cancel))
		return err_set(err, ERR_CANCELED, "interrupted");
	if (r == -ERR_PERM || r == -ERR_BUSY) /* of all chunks: nothing is said of this one */
		return err_set(err, why.code, "%s; the same command continues from here", why.msg);
	if (r < 0) {
		enum hole_code known = c->code, code = unit_failure_read(&why, &c->reason);
		c->state = CHUNK_HOLE;
		c->code = known ? known : code;
		c->option = mem_strdup(why.option ? why.option : "");
		c->summary = mem_strdup("");
	}
	return 0;
}
