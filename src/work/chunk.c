/* SPDX-License-Identifier: Apache-2.0 */
#include "work/chunk.h"

#include <string.h>

#include "job/chunk-result.h"

int work_chunk_read(const struct runner_unit *u, struct chunk_unit *ret, struct err *err)
{
	return chunk_unit_read(u->body, ret, err);
}

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

/* Frames that could not be had are no property of the video, also where the
 * rest of the chunk was described. */
static int check_bytes(struct work_lane *l, struct err *err)
{
	const struct work_videos *videos = &l->setup->videos;
	struct err why;
	if (!videos->fault || !videos->fault(&l->video, &why))
		return 0;
	return err_set(err, ERR_IO, "the video cannot be read: %s", why.msg);
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
	if (r == 0)
		r = check_bytes(l, err);
	if (r < 0)
		return r;
	return c.state == CHUNK_DONE ? chunk_result_write(&c, ret, err) : chunk_result_failure(&c, err);
}

int work_chunk_run(struct work_lane *l, const struct runner_unit *u, struct chunk_unit *chunk,
                   struct runner_result *ret, struct err *err)
{
	int r = hash_is_hex(u->source) ? 0 : err_set(err, ERR_FORMAT, "the unit names no video");
	if (r == 0)
		r = work_lane_use(l, u->source, &chunk->describe, err);
	return r < 0 ? r : describe(l, chunk, ret, err);
}
