/* SPDX-License-Identifier: Apache-2.0 */
#include "work/chunk.h"

#include <string.h>

#include "job/chunk-result.h"

/* The texts that the unit brings; for struct run_texts. */
static int take_texts(void *ctx, int64_t from, int64_t to, struct prompt_text **ret, size_t *ret_n,
                      struct err *err)
{
	const struct chunk_unit *u = ctx;
	(void)from;
	(void)to;
	(void)err;
	struct prompt_text *t = mem_alloc(u->n_texts + 1, sizeof *t);
	for (size_t i = 0; i < u->n_texts; i++) {
		const struct prompt_text *text = &u->texts[i];
		char *line = mem_strdup(text->line);
		t[i] = (struct prompt_text){text->time, line, line + (text->text - text->line)};
	}
	*ret = t;
	*ret_n = u->n_texts;
	return 0;
}

static int describe(struct work_lane *l, struct chunk_unit *chunk, struct runner_result *ret,
                    struct err *err)
{
	AUTO(store_chunk_clear)
	struct store_chunk c = {
		.index = chunk->index, .start = chunk->plan.start, .end = chunk->plan.end};
	const struct run_texts texts = {take_texts, chunk};
	l->run.texts = chunk->n_texts ? &texts : NULL;
	progress_begin(l->run.progress, 1, 0, 1);
	int r = describe_chunk(&l->describe, &chunk->plan, chunk->context, &c, err);
	l->run.texts = NULL;
	work_lane_decoded(l, c.decode_time);
	/* Also where the rest of the chunk was described. */
	if (r == 0)
		r = work_lane_bytes(l, err);
	if (r < 0)
		return r;
	return c.state == CHUNK_DONE ? chunk_result_write(&c, ret, err)
	                             : unit_failure(c.code, c.reason, err);
}

int work_chunk_run(struct work_lane *l, const struct runner_unit *u, void *chunk_unit,
                   struct runner_result *ret, struct err *err)
{
	struct chunk_unit *chunk = chunk_unit;
	int r = work_lane_use(l, u->source, &chunk->describe, err);
	return r < 0 ? r : describe(l, chunk, ret, err);
}
