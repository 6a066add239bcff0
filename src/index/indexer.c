/* SPDX-License-Identifier: Apache-2.0 */
#include "index/indexer.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "detect/detect.h"
#include "index/choose.h"
#include "index/pool.h"

/* The first part is short, so that the first chunks can be planned soon: what
 * takes about a second to decode, but at least a minute. The others are long
 * enough to learn what is usual in the recording. */
static const int64_t part_first = 60 * CLOCK_SECOND, part_length = 600 * CLOCK_SECOND;
static const double part_pixels = 7e8;
static const int64_t part_alone = 180 * CLOCK_SECOND; /* a shorter video has one part */

/* The keyframes to decode: all, unless they are closer together than needed.
 * The caller frees them. */
static struct packet_key *choose_keys(const struct packet_scan *w, size_t *ret_n)
{
	int64_t spacing = w->duration / 3600, least = CLOCK_SECOND / 2, most = 2 * CLOCK_SECOND;
	struct packet_key *out = mem_alloc(w->n_keys + 1, sizeof *out);
	size_t n = 0;
	spacing = spacing < least ? least : spacing > most ? most : spacing;
	for (size_t i = 0; i < w->n_keys; i++)
		/* Half of the interval: keyframes nearly that far apart are all taken. */
		if (!n || w->keys[i].pts - out[n - 1].pts >= spacing / 2)
			out[n++] = w->keys[i];
	*ret_n = n;
	return out;
}

static int key_order(const void *a, const void *b)
{
	const struct index_key *x = a, *y = b;
	return (x->pts > y->pts) - (x->pts < y->pts);
}

/* Keys of the part; a key at its end belongs to the next part. */
static void gather_keys(const struct worker_pool *c, const struct findings *f,
                        struct video_index *x)
{
	size_t most = f->n_keys, n = 0;
	for (size_t i = 0; i < c->n; i++)
		most += c->tasks[i]->result.n_keys;
	AUTO(mem_freep) struct index_key *keys = mem_alloc(most + 1, sizeof *keys);
	for (size_t i = 0; i < f->n_keys; i++)
		keys[n++] = index_key_of(&f->keys[i]);
	for (size_t i = 0; i < c->n; i++)
		for (size_t k = 0; k < c->tasks[i]->result.n_keys; k++)
			keys[n++] = c->tasks[i]->result.keys[k];
	if (n)
		qsort(keys, n, sizeof *keys, key_order);
	x->keys = mem_grow(x->keys, x->n_keys + n + 1, sizeof *x->keys);
	for (size_t i = 0; i < n && (!f->to || keys[i].pts < f->to); i++)
		if (!x->n_keys || keys[i].pts > x->keys[x->n_keys - 1].pts)
			x->keys[x->n_keys++] = keys[i];
	int64_t last = 0;
	for (size_t i = 0; i <= x->n_keys; i++) {
		int64_t t = i < x->n_keys ? x->keys[i].pts : f->to ? f->to : x->duration;
		x->max_gap = t - last > x->max_gap ? t - last : x->max_gap;
		last = t;
	}
}

/* Cuts from decoded ranges and from keyframes; of two at the same place, the
 * one with the smaller uncertainty is kept. */
static void gather_cuts(const struct worker_pool *c, struct cut_list *l, struct video_index *x)
{
	for (size_t i = 0; i < c->n; i++)
		for (size_t k = 0; k < c->tasks[i]->result.cuts.n; k++)
			cut_list_add(l, &c->tasks[i]->result.cuts.items[k]);
	cut_list_sort(l);
	const int64_t slack = CLOCK_SECOND / 100; /* container times are rounded */
	size_t before = x->n_cuts;
	x->cuts = mem_grow(x->cuts, before + l->n + 1, sizeof *x->cuts);
	for (size_t i = 0; i < l->n; i++) {
		struct index_cut *prev = x->n_cuts > before ? &x->cuts[x->n_cuts - 1] : NULL,
						 *this = &l->items[i];
		if (this->pts < 0 || this->pts > x->duration)
			continue;
		if (this->end > x->duration)
			this->end = x->duration;
		bool same =
			prev && (this->pts <= prev->end || this->pts - this->uncertainty <= prev->pts + slack);
		if (!same)
			x->cuts[x->n_cuts++] = *this;
		else if (this->uncertainty < prev->uncertainty ||
		         (this->uncertainty == prev->uncertainty && this->score > prev->score))
			*prev = *this;
	}
}

struct indexer {
	struct indexer_options o;
	struct worker_pool c;
	struct packet_scan scan;
	struct packet_key *keys; /* keyframes to decode */
	size_t n_keys, next;     /* index of the first that is not decoded yet */
	float *packets;
	/* the keyframe at the end of the previous part, if there is one */
	struct signatures last;
	struct grids last_grid;
	int64_t began;
	struct video_index *x; /* has bins for the whole video; those of later parts are empty */
};

/* The grids of the part: of decoded ranges, and of keyframes elsewhere; the
 * caller clears the result. */
static struct grids gather_grids(const struct worker_pool *c, const struct grids *keys)
{
	struct grids out = {0};
	size_t k = 0;
	for (size_t i = 0; i < c->n; i++) {
		const struct task *t = c->tasks[i];
		for (; k < keys->n && keys->items[k].pts < t->range.from; k++)
			grids_add(&out, &keys->items[k]);
		for (size_t m = 0; m < t->grids.n; m++)
			if (!out.n || t->grids.items[m].pts > out.items[out.n - 1].pts)
				grids_add(&out, &t->grids.items[m]);
		while (k < keys->n && t->done && keys->items[k].pts < t->range.to)
			k++;
	}
	for (; k < keys->n; k++)
		if (!out.n || keys->items[k].pts > out.items[out.n - 1].pts)
			grids_add(&out, &keys->items[k]);
	return out;
}

static void add_scores(struct video_index *x, const struct grids *g, int64_t end)
{
	AUTO(mem_freep) struct detection *all = mem_alloc(g->n + 1, sizeof *all);
	detect_block(g->items, g->n, all);
	x->scores = mem_grow(x->scores, x->n_scores + g->n + 1, sizeof *x->scores);
	int64_t last = x->n_scores ? x->scores[x->n_scores - 1].pts : -1;
	for (size_t i = 0; i < g->n; i++) {
		const struct detection *d = &all[i];
		if (d->pts <= last || d->pts >= end)
			continue;
		x->scores[x->n_scores++] = (struct index_score){.pts = d->pts,
		                                                .score = d->score,
		                                                .share = (uint8_t)(d->share * 255),
		                                                .x = d->x,
		                                                .y = d->y,
		                                                .w = d->w,
		                                                .h = d->h};
		last = d->pts;
	}
}

/* Adds the results of a part to the index. */
static void assemble(struct indexer *ix, const struct findings *part, const struct interval *list,
                     size_t n)
{
	struct worker_pool *c = &ix->c;
	struct video_index *x = ix->x;
	AUTO(cut_list_clear) struct cut_list cuts = {0};
	AUTO(mem_freep) struct range *seen = mem_alloc(c->n + 1, sizeof *seen);
	AUTO(mem_freep) struct decoded_range *decoded = mem_alloc(c->n + 1, sizeof *decoded);
	struct findings f = *part;
	for (size_t i = 0; i < c->n; i++) {
		const struct task *t = c->tasks[i];
		if (!t->done || !t->result.frames)
			continue;
		seen[f.n_decoded] = t->range;
		decoded[f.n_decoded++] = t->result.range;
		x->decoded += t->result.frames;
		x->decoded_time += t->range.to - t->range.from;
	}
	f.ranges = decoded;
	choose_cuts(list, n, seen, f.n_decoded, &cuts);
	gather_cuts(c, &cuts, x);
	gather_keys(c, &f, x);
	activity_fill(&f, ix->packets, list, n, x);
	x->failed = c->failed;
	x->parts = mem_grow(x->parts, x->n_parts + 1, sizeof *x->parts);
	x->parts[x->n_parts++] = f.to ? f.to : x->duration;
}

/* Decodes the ranges of the part, and extends the index. */
static int judge(struct indexer *ix, const struct findings *f, const struct grids *keys,
                 struct err *err)
{
	size_t n, n_ranges;
	int64_t end = f->to ? f->to : ix->x->duration;
	int64_t budget = choose_budget(ix->o.effort, &ix->scan, f->from, end, ix->x->decoded_time);
	AUTO(mem_freep) struct interval *list = activity_intervals(f, ix->packets, ix->x, &n);
	AUTO(mem_freep)
	struct range *ranges =
		choose_ranges(list, n, ix->packets, ix->x, ix->o.max_gap, budget, ix->o.scenes, &n_ranges);
	ix->c.begins = (ix->c.begins + ix->c.ends) / 2;
	ix->c.ends = (double)end / (double)ix->x->duration;
	int r = pool_decode_ranges(&ix->c, ranges, n_ranges, err);
	if (r == 0) {
		AUTO(grids_clear) struct grids grids = gather_grids(&ix->c, keys);
		assemble(ix, f, list, n);
		add_scores(ix->x, &grids, end);
	}
	pool_drop(&ix->c);
	return r;
}

/* The approximate end of the next part. */
static int64_t part_end(const struct indexer *ix)
{
	int64_t duration = ix->x->duration;
	double pixels = (double)ix->scan.packets * (double)ix->scan.frame_cost;
	double share = pixels > part_pixels ? part_pixels / pixels : 1;
	int64_t first = (int64_t)(share * (double)duration);
	first = first < part_first ? part_first : first > part_length ? part_length : first;
	int64_t end = first + (int64_t)ix->x->n_parts * part_length;
	return duration <= part_alone || duration - end <= part_length / 2 ? duration : end;
}

/* What the keyframes of a part show, with the one that the previous part ended
 * with. */
struct key_pictures {
	struct signatures signatures;
	struct grids grids;
};

static void key_pictures_clear(struct key_pictures *k)
{
	signatures_clear(&k->signatures);
	grids_clear(&k->grids);
}

static void carry(struct indexer *ix, const struct signature *s, const struct grids *grids)
{
	ix->last.n = ix->last_grid.n = 0;
	signatures_add(&ix->last, s);
	if (grids->n && grids->items[grids->n - 1].pts == s->pts)
		grids_add(&ix->last_grid, &grids->items[grids->n - 1]);
}

static int add_part(struct indexer *ix, struct err *err)
{
	AUTO(key_pictures_clear) struct key_pictures keys = {0};
	const struct signatures *found = &keys.signatures;
	struct video_index *x = ix->x;
	int64_t nominal = part_end(ix), from = x->n_parts ? x->parts[x->n_parts - 1] : 0;
	size_t begin = ix->next, n = begin;
	while (n < ix->n_keys && (n <= begin || ix->keys[n - 1].pts < nominal))
		n++;
	bool last = n == ix->n_keys;
	size_t carried = ix->last.n;
	if (carried)
		signatures_add(&keys.signatures, &ix->last.items[0]);
	if (ix->last_grid.n)
		grids_add(&keys.grids, &ix->last_grid.items[0]);
	ix->c.begins = (double)from / (double)x->duration;
	ix->c.ends = (double)nominal / (double)x->duration;
	int r = pool_scan_keys(&ix->c, ix->keys + begin, n - begin, &keys.signatures, &keys.grids, err);
	if (r < 0)
		return r;

	/* A part ends with a decoded keyframe, if possible. */
	bool any = found->n && found->items[found->n - 1].pts > from;
	const struct findings f = {.scan = &ix->scan,
	                           .from = from,
	                           .to = last  ? 0
	                                 : any ? found->items[found->n - 1].pts
	                                       : ix->keys[n - 1].pts,
	                           .keys = found->items,
	                           .n_keys = found->n,
	                           .max_gap = ix->o.max_gap};
	r = judge(ix, &f, &keys.grids, err);
	ix->next = n;
	ix->last.n = ix->last_grid.n = 0;
	if (any)
		carry(ix, &found->items[found->n - 1], &keys.grids);
	x->decoded += (int64_t)(found->n - carried);
	x->work_time = clock_now() - ix->began;
	return r;
}

bool indexer_whole(const struct indexer *ix)
{
	const struct video_index *x = ix->x;
	return x->n_parts && x->parts[x->n_parts - 1] == x->duration;
}

int indexer_step(struct indexer *ix, struct err *err)
{
	int r = 0;
	do
		r = indexer_whole(ix) ? 0 : add_part(ix, err);
	while (r == 0 && !ix->x->n_keys && !indexer_whole(ix));
	if (r < 0 || ix->x->n_keys)
		return r;
	*err = ix->c.err;
	return ix->c.failed ? -(int)err->code
	                    : err_set(err, ERR_FORMAT, "no keyframe could be decoded");
}

/* The first child, which scans the packets. One that dies is replaced, once:
 * what kills the second one as well is in the file. */
static int scan_packets(struct indexer *ix, struct err *err)
{
	int r;
	int tries = 0;

	do {
		struct decoder *d = NULL;
		r = decoder_open(ix->c.fd, &ix->o.decoder, ix->c.cancel, &d, err);
		if (r == 0)
			r = decoder_packets(d, &ix->scan, err);

		if (r == 0)
			ix->c.spares[ix->c.n_spares++] = TAKE(d);
		decoder_free(d);
	} while (r == -ERR_DIED && ++tries < 2);
	return r;
}

int indexer_begin(int fd, const struct indexer_options *o, struct cancel *cancel,
                  struct indexer **ret, struct err *err)
{
	AUTO(indexer_freep) struct indexer *ix = mem_alloc(1, sizeof *ix);
	ix->o = *o;
	ix->began = clock_now();
	ix->x = mem_alloc(1, sizeof *ix->x);
	pool_init(&ix->c, fd, &ix->o, &ix->scan, cancel);
	if (o->progress)
		o->progress(o->ctx, "packets", 0);
	int r = scan_packets(ix, err);
	if (r < 0)
		return r;

	struct video_index *x = ix->x;
	activity_bins(&ix->scan, x);
	x->packets = ix->scan.packets;
	x->keyframes = ix->scan.keyframes;
	x->first = ix->scan.first;
	ix->keys = choose_keys(&ix->scan, &ix->n_keys);
	ix->packets = activity_packets(&(struct findings){.scan = &ix->scan}, x);
	*ret = TAKE(ix);
	return 0;
}

const struct video_index *indexer_index(const struct indexer *ix)
{
	return ix->x;
}

struct video_index *indexer_take(struct indexer *ix)
{
	return TAKE(ix->x);
}

const struct packet_scan *indexer_packets(const struct indexer *ix)
{
	return &ix->scan;
}

void indexer_free(struct indexer *ix)
{
	if (!ix)
		return;
	pool_clear(&ix->c);
	packet_scan_clear(&ix->scan);
	free(ix->keys);
	free(ix->packets);
	signatures_clear(&ix->last);
	grids_clear(&ix->last_grid);
	video_index_free(ix->x);
	free(ix);
}

int indexer_run(int fd, const struct indexer_options *o, struct cancel *cancel,
                struct video_index **ret, struct err *err)
{
	AUTO(indexer_freep) struct indexer *ix = NULL;
	struct err own;
	err = err ? err : &own;
	int r = indexer_begin(fd, o, cancel, &ix, err);
	while (r == 0 && !indexer_whole(ix))
		r = indexer_step(ix, err);
	if (r == 0)
		*ret = indexer_take(ix);
	return r;
}
