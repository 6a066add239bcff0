/* SPDX-License-Identifier: Apache-2.0 */
#include "job/after-chunks.h"

#include "base/clock.h"
#include "job/check.h"
#include "job/join.h"
#include "job/second.h"
#include "job/step-options.h"

struct chunks_options analyze_chunks(const struct analyze *a)
{
	return (struct chunks_options){.describe = analyze_describe(a->options),
	                               .workers = a->options->workers,
	                               .drain = a->drain};
}

static int verify(const struct analyze *a, const struct run_context *context,
                  const struct after_source *src, struct store_job *job, bool *ret_unchecked,
                  struct err *err)
{
	struct check_options o = analyze_check(a->options);
	o.deadline = src->deadline;
	o.drain = a->drain;
	o.source = src->sha256;
	return check_run(context, &o, src->fd, job, ret_unchecked, err);
}

/* Of what the chunks say now. */
static int join_and_verify(const struct analyze *a, const struct run_context *context,
                           const struct after_source *src, struct store_job *job, bool fresh,
                           struct after_done *t, struct err *err)
{
	const struct join_options join = {.fresh = fresh, .deadline = src->deadline};
	bool joined;
	int r = join_run(context, &join, job, &joined, err);
	if (r == 0)
		r = verify(a, context, src, job, &t->unchecked, err);
	t->joined |= r == 0 && joined;
	return r;
}

static int second_pass(const struct analyze *a, const struct run_context *context,
                       const struct after_source *src, struct store_job *job, struct after_done *t,
                       struct err *err)
{
	struct second_options o = {.chunks = analyze_chunks(a),
	                           .fresh = src->fresh,
	                           .stamp = src->stamp,
	                           .from = a->options->from,
	                           .to = a->options->to ? a->options->to : src->duration};
	o.chunks.source = src->sha256;
	int64_t left = src->deadline - clock_now();
	if (src->deadline)
		o.chunks.time_limit = left > 1 ? left : 1;
	return second_run(context, &o, src->fd, job, &t->again, err);
}

int after_chunks(const struct analyze *a, const struct run_context *context,
                 const struct after_source *src, struct store_job *job, struct after_done *ret,
                 struct err *err)
{
	*ret = (struct after_done){0};
	int r = join_and_verify(a, context, src, job, src->fresh, ret, err);
	if (r < 0 || a->options->passes < 2)
		return r;
	r = second_pass(a, context, src, job, ret, err);
	return r == 0 && ret->again ? join_and_verify(a, context, src, job, true, ret, err) : r;
}
