/* SPDX-License-Identifier: Apache-2.0 */
#include "prove/recheck.h"

#include <stdlib.h>

#include "job/look.h"
#include "prove/frames.h"

struct recheck {
	struct run_context run;
	struct describe_options describe;
	struct describe_worker worker;
	struct looking looking;
};

struct recheck *recheck_new(const struct cited_source *source, int fd,
                            const struct prove_options *o)
{
	struct recheck *k = mem_alloc(1, sizeof *k);
	k->run = (struct run_context){.engine = o->engine, .cancel = o->cancel};
	k->describe = o->describe;
	k->describe.decoder = found_options(source, &o->describe.decoder);
	k->worker = (struct describe_worker){.run = &k->run, .options = &k->describe, .fd = fd};
	k->looking = (struct looking)LOOKING;
	return k;
}

void recheck_free(struct recheck *k)
{
	if (!k)
		return;
	describe_close(&k->worker);
	free(k);
}

int recheck_cite(struct recheck *k, const struct cited *c, enum check_verdict *ret,
                 char **ret_reason, struct err *err)
{
	AUTO(mem_freep) int64_t *times = mem_alloc(c->n_frames + 1, sizeof *times);
	struct store_answer answer;
	for (size_t i = 0; i < c->n_frames; i++)
		times[i] = c->frames[i].pts;
	size_t n = mem_sort_times(times, c->n_frames);
	struct look l = {
		.cited = times, .n_cited = n, .seen = times, .n_seen = n, .from = c->start, .to = c->end};
	*ret_reason = NULL;
	int r = look_open(&k->worker, &k->looking, &l, err);
	if (r == 0)
		r = look_ask(&k->worker, &k->looking, &l, c->text, &answer, ret_reason, err);
	if (r == 0)
		*ret = check_judge(answer.letter, answer.p);
	look_close(&l);
	return r;
}
