/* SPDX-License-Identifier: Apache-2.0 */
#include "index/range-result.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

/* the least distance of two frames that are compared for motion */
static const int64_t apart = CLOCK_SECOND / 2;
static const int64_t apart_least = CLOCK_SECOND / 5; /* the same, at the start of a range */
static const int64_t keep_every = CLOCK_SECOND / 5;

void range_result_clear(struct range_result *r)
{
	free(r->range.motion);
	free(r->keys);
	cut_list_clear(&r->cuts);
	*r = (struct range_result){0};
}

struct index_key index_key_of(const struct signature *s)
{
	unsigned flags = (signature_is_blank(s) && s->mean < 128 ? INDEX_BLACK : 0) |
	                 (s->flags & SIGNATURE_TORN ? INDEX_TORN : 0);
	return (struct index_key){.pts = s->pts,
	                          .hash = s->hash,
	                          .luma = s->mean,
	                          .flags = (uint8_t)flags,
	                          .sharpness = s->sharpness};
}

/* Much less sharp than a frame within a second, at similar contrast. */
static bool is_blurred(const struct signature *s, size_t n, size_t i)
{
	float best = 0;
	for (size_t k = i; k-- > 0 && s[i].pts - s[k].pts <= CLOCK_SECOND;)
		if (abs(s[k].deviation - s[i].deviation) < 12 && s[k].sharpness > best)
			best = s[k].sharpness;
	for (size_t k = i + 1; k < n && s[k].pts - s[i].pts <= CLOCK_SECOND; k++)
		if (abs(s[k].deviation - s[i].deviation) < 12 && s[k].sharpness > best)
			best = s[k].sharpness;
	return best > 30 && s[i].sharpness < 0.3f * best;
}

static void judge_motion(const struct signature *s, size_t n, struct range_result *r)
{
	size_t before = 0;
	r->range.motion = mem_alloc(n + 1, sizeof *r->range.motion);
	for (size_t i = 0; i < n && s[i].pts < r->range.to; i++) {
		while (before + 1 < i && s[i].pts - s[before + 1].pts >= apart)
			before++;
		struct motion m = {.pts = s[i].pts, .change = -1, .flags = index_key_of(&s[i]).flags};
		if (s[i].pts - s[before].pts >= apart_least) {
			m.change = signature_change(&s[before], &s[i]);
			if (m.change < 0.05f && signature_distance(&s[before], &s[i]) < 0.05f)
				m.flags |= INDEX_FROZEN;
		}
		if (is_blurred(s, n, i))
			m.flags |= INDEX_BLURRED;
		r->range.motion[r->range.n++] = m;
	}
}

static void keep_keys(const struct signature *s, size_t n, struct range_result *r)
{
	r->keys = mem_alloc(n + 1, sizeof *r->keys);
	for (size_t i = 0; i < n && s[i].pts < r->range.to; i++) {
		if (r->n_keys && s[i].pts - r->keys[r->n_keys - 1].pts < keep_every)
			continue;
		r->keys[r->n_keys] = index_key_of(&s[i]);
		r->keys[r->n_keys++].flags = r->range.motion[i].flags;
	}
	r->keys = mem_grow(r->keys, r->n_keys + 1, sizeof *r->keys);
}

void range_judge(const struct signature *s, size_t n, int64_t from, int64_t to, bool exact,
                 bool at_start, struct range_result *ret)
{
	struct range_result r = {.range = {.from = from, .to = to}, .frames = (int64_t)n};
	struct cut_list all = {0};
	cuts_find(s, n, exact, at_start, &all);
	for (size_t i = 0; i < all.n; i++)
		if (all.items[i].pts > from && all.items[i].pts <= to)
			cut_list_add(&r.cuts, &all.items[i]);
	cut_list_clear(&all);
	judge_motion(s, n, &r);
	keep_keys(s, n, &r);
	*ret = r;
}
