/* SPDX-License-Identifier: Apache-2.0 */
#include "job/chunk-run.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "job/chunk-result.h"
#include "job/chunk-unit.h"

/* A worker that neither decodes a frame nor receives a token for so long is
 * taken for lost. Longer than an engine may take for one request. */
#define WITHOUT_PROGRESS (30 * 60 * CLOCK_SECOND)

bool chunk_run_possible(const struct describe_options *o)
{
	const char *reference = o->decoder.reference;
	return !reference || !*reference;
}

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

static int run_unit(const struct chunk_run *how, const struct chunk_unit *u, const char *body,
                    const char *id, struct store_chunk *c, bool *ret_settle, struct err *err)
{
	const struct runner *runner = how->run->runner;
	char model[HASH_HEX];
	chunk_unit_model(engine_info(how->run->engine), model);
	const struct runner_unit unit = {.id = id,
	                                 .kind = CHUNK_UNIT_KIND,
	                                 .schema = CHUNK_UNIT_SCHEMA,
	                                 .model = model,
	                                 .source = how->source,
	                                 .body = body,
	                                 .timeout = WITHOUT_PROGRESS};

	for (;;) {
		AUTO(runner_result_clear) struct runner_result result = {0};
		int r = runner->run(runner->ctx, &unit, how->cancel, &result, err);
		*ret_settle = r == 0;
		if (r < 0)
			return r;
		r = chunk_result_read(u, &result, c, err);
		if (r == 0)
			return 0;
		log_warning("[job %s chunk %zu] worker %s: %s", how->job, (size_t)c->index + 1,
		            result.worker ? result.worker : "", err->msg);
		if (!runner->reject)
			return r;
		runner->reject(runner->ctx, id, err->msg);
	}
}

static int make_and_run(const struct chunk_run *how, const struct plan_chunk *plan,
                        const char *context, struct store_chunk *c,
                        char unit[static RUNNER_MAX_ID + 1], struct err *err)
{
	AUTO(mem_freep) char *body = NULL;
	bool settle = false;
	struct chunk_unit u = {
		.index = c->index, .plan = *plan, .describe = *how->options, .context = context};
	u.plan.start = c->start;
	u.plan.end = c->end;
	int r = take_texts(how, &u, c, err);
	if (r == 0)
		r = chunk_unit_write(&u, &body, err);
	if (r == 0) {
		chunk_unit_id(how->job, how->pass, c->index, body, unit);
		r = run_unit(how, &u, body, unit, c, &settle, err);
	}
	prompt_texts_free(u.texts, u.n_texts);
	if (!settle)
		*unit = '\0';
	return r;
}

int chunk_run(const struct chunk_run *how, const struct plan_chunk *plan, const char *context,
              struct store_chunk *c, char unit[static RUNNER_MAX_ID + 1], struct err *err)
{
	struct err why = {0};
	*unit = '\0';
	progress_chunk(how->run->progress, (size_t)c->index, c->start, c->end, CHUNK_RUNNING, 0, 0);
	int r = make_and_run(how, plan, context, c, unit, &why);
	if (r == -ERR_CANCELED || cancel_fired(how->cancel))
		return err_set(err, ERR_CANCELED, "interrupted");
	if (r < 0) {
		enum hole_code known = c->code, code = chunk_result_hole(&why, &c->reason);
		c->state = CHUNK_HOLE;
		c->code = known ? known : code;
		c->option = mem_strdup(why.option ? why.option : "");
		c->summary = mem_strdup("");
	}
	return 0;
}
