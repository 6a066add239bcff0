#include "job/plan.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "job/plan-parts.h"

enum { MAX_CHUNKS = 200000 };

const char *const plan_policy_name[PLAN_POLICIES] = {"even", "keyframe", "adaptive", "scene"};

static void fill_chunk(struct plan_chunk *c, int64_t start, int64_t end, int64_t frames)
{
	int64_t n = frames < end - start ? frames : end - start;
	*c = (struct plan_chunk){
		.start = start, .end = end, .times = mem_alloc((size_t)n, sizeof *c->times), .n_times = (size_t)n};
	for (int64_t k = 0; k < n; k++)
		c->times[k] = start + (int64_t)((__int128)(end - start) * (2 * k + 1) / (2 * n));
}

static int64_t plan_end(const struct plan_options *o, int64_t duration)
{
	return o->to && o->to < duration ? o->to : duration;
}

static int count_chunks(const struct plan_options *o, int64_t length, int64_t *ret, struct err *err)
{
	int64_t n = (length + o->chunk_duration - 1) / o->chunk_duration;
	if (n > 1 && length - (n - 1) * o->chunk_duration < o->chunk_duration / 4)
		n--;
	if (n > MAX_CHUNKS)
		return err_set(err, ERR_LIMIT, "%" PRId64 " chunks are more than %d; raise --chunk-duration", n, MAX_CHUNKS);
	*ret = n;
	return 0;
}

static void plan_even(const struct plan_options *o, int64_t n, struct plan *p)
{
	p->chunks = mem_alloc((size_t)n, sizeof *p->chunks);
	p->n_chunks = (size_t)n;
	for (int64_t i = 0; i < n; i++) {
		int64_t start = p->from + i * o->chunk_duration, overlap = i ? o->chunk_overlap : 0;
		fill_chunk(&p->chunks[i], start - overlap > p->from ? start - overlap : p->from,
		           i + 1 < n ? p->from + (i + 1) * o->chunk_duration : p->to, o->chunk_frames);
	}
}

/* Moves each sample to the nearest picture of the index in its chunk: where it looked closely, that may be none that
 * is coded by itself. */
static void snap_to_keys(const struct video_index *x, struct plan_chunk *c)
{
	size_t kept = 0;
	for (size_t i = 0; i < c->n_times; i++) {
		const struct index_key *best = NULL;
		for (size_t k = plan_key_from(x, c->start); k < x->n_keys && x->keys[k].pts < c->end; k++)
			if (!best || llabs(x->keys[k].pts - c->times[i]) < llabs(best->pts - c->times[i]))
				best = &x->keys[k];
		int64_t t = best ? best->pts : c->times[i];
		if (!kept || t > c->times[kept - 1])
			c->times[kept++] = t;
	}
	c->n_times = kept;
}

static void plan_by_activity(const struct plan_options *o, const struct video_index *x, struct plan *p)
{
	size_t n;
	AUTO(plan_view_freep)
	struct plan_view *v =
		plan_view_new(o, x, p->from, p->to, (size_t)(o->pairs && p->budget > 1 ? p->budget / 2 : p->budget));
	AUTO(mem_freep) struct plan_look *looks = plan_choose(v, &n, &p->seen);
	for (size_t i = 0; i < n; i++)
		p->floor += looks[i].floor;
	p->bursts = v->n_bursts;
	p->shots = v->n_shots;
	plan_cut(v, looks, n, p);
}

size_t plan_count_samples(const struct plan *p)
{
	size_t n = 0;
	int64_t last = -1;
	for (size_t i = 0; i < p->n_chunks; i++)
		for (size_t k = 0; k < p->chunks[i].n_times; k++)
			if (p->chunks[i].times[k] > last) {
				last = p->chunks[i].times[k];
				n++;
			}
	return n;
}

static int check_chunks(const struct plan_options *o, struct err *err)
{
	char text[2][CLOCK_TEXT_MAX];
	if (o->chunk_min > o->chunk_duration)
		return err_set(err, ERR_ARG, "--chunk-min %s is more than --chunk-duration %s",
		               clock_text(o->chunk_min, text[0]), clock_text(o->chunk_duration, text[1]));
	if (o->chunk_max && o->chunk_max < o->chunk_duration)
		return err_set(err, ERR_ARG, "--chunk-max %s is less than --chunk-duration %s",
		               clock_text(o->chunk_max, text[0]), clock_text(o->chunk_duration, text[1]));
	if (o->chunk_overlap >= o->chunk_duration)
		return err_set(err, ERR_ARG, "--chunk-overlap %s is not less than --chunk-duration %s",
		               clock_text(o->chunk_overlap, text[0]), clock_text(o->chunk_duration, text[1]));
	if (o->pairs && o->chunk_frames < 2)
		return err_set(err, ERR_ARG, "--sample-pairs needs --chunk-frames 2 or more");
	return 0;
}

int plan_check(const struct plan_options *o, int64_t duration, struct err *err)
{
	char text[2][CLOCK_TEXT_MAX];
	int64_t to = plan_end(o, duration), n;
	if (o->from >= duration)
		return err_set(err, ERR_ARG, "--from %s lies beyond the end of the video (%s)", clock_text(o->from, text[0]),
		               clock_text(duration, text[1]));
	if (o->from >= to)
		return err_set(err, ERR_ARG, "--from %s is not before --to %s", clock_text(o->from, text[0]),
		               clock_text(to, text[1]));
	int r = check_chunks(o, err);
	return r < 0 ? r : count_chunks(o, to - o->from, &n, err);
}

int plan_make(const struct plan_options *o, int64_t duration, const struct video_index *index, struct plan **ret,
              struct err *err)
{
	int64_t to = plan_end(o, duration), n = 0;
	int r = plan_check(o, duration, err);
	if (r == 0)
		r = count_chunks(o, to - o->from, &n, err);
	if (r < 0)
		return r;
	bool known = index && index->bin > 0 && index->n_bins > 0 && index->activity;
	struct plan *p = mem_alloc(1, sizeof *p);
	*p = (struct plan){
		.duration = duration, .from = o->from, .to = to, .policy = o->policy, .budget = n * o->chunk_frames};
	if (known && (o->policy == PLAN_ADAPTIVE || o->policy == PLAN_SCENE)) {
		plan_by_activity(o, index, p);
	} else {
		plan_even(o, n, p);
		for (size_t i = 0; known && o->policy == PLAN_KEYFRAME && i < p->n_chunks; i++)
			snap_to_keys(index, &p->chunks[i]);
	}
	p->samples = plan_count_samples(p);
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
