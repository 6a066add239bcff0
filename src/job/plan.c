#include "job/plan.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"

enum { MAX_CHUNKS = 200000 };

static void fill_chunk(struct plan_chunk *c, int64_t start, int64_t end, int64_t frames)
{
	int64_t n = frames < end - start ? frames : end - start;
	*c = (struct plan_chunk){.start = start, .end = end, .times = mem_alloc((size_t)n, sizeof *c->times),
	                         .n_times = (size_t)n};
	for (int64_t k = 0; k < n; k++)
		c->times[k] = start + (int64_t)((__int128)(end - start) * (2 * k + 1) / (2 * n));
}

int plan_make(const struct plan_options *o, int64_t duration, struct plan **ret, struct err *err)
{
	char text[2][CLOCK_TEXT_MAX];
	int64_t to = o->to && o->to < duration ? o->to : duration;
	if (o->from >= duration)
		return err_set(err, ERR_ARG, "--from %s lies beyond the end of the video (%s)", clock_text(o->from, text[0]),
		               clock_text(duration, text[1]));
	if (o->from >= to)
		return err_set(err, ERR_ARG, "--from %s is not before --to %s", clock_text(o->from, text[0]),
		               clock_text(to, text[1]));
	int64_t length = to - o->from, n = (length + o->chunk_duration - 1) / o->chunk_duration;
	if (n > 1 && length - (n - 1) * o->chunk_duration < o->chunk_duration / 4)
		n--;
	if (n > MAX_CHUNKS)
		return err_set(err, ERR_LIMIT, "%" PRId64 " chunks are more than %d; raise --chunk-duration", n, MAX_CHUNKS);
	struct plan *p = mem_alloc(1, sizeof *p);
	*p = (struct plan){.from = o->from, .to = to, .chunks = mem_alloc((size_t)n, sizeof *p->chunks), .n_chunks = (size_t)n};
	for (int64_t i = 0; i < n; i++)
		fill_chunk(&p->chunks[i], o->from + i * o->chunk_duration,
		           i + 1 < n ? o->from + (i + 1) * o->chunk_duration : to, o->chunk_frames);
	*ret = p;
	return 0;
}

void plan_free(struct plan *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n_chunks; i++)
		free(p->chunks[i].times);
	free(p->chunks);
	free(p);
}
