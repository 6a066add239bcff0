/* SPDX-License-Identifier: Apache-2.0 */
#include "index/form.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "protocol/index-wire.h"

enum {
	BINS_MAX = 4 << 20,
	CUTS_MAX = 4 << 20,
	KEYS_MAX = 8 << 20,
	SCORES_MAX = 8 << 20,
	PARTS_MAX = 1 << 20,
	HEAD = 15,
	CUT_BYTES = 29,
	KEY_BYTES = 22,
	SCORE_BYTES = 17
};

static const char magic[8] = "VDIX\0\0\0\3";

void video_index_free(struct video_index *x)
{
	if (!x)
		return;
	free(x->activity);
	free(x->detail);
	free(x->flags);
	free(x->cuts);
	free(x->keys);
	free(x->scores);
	free(x->parts);
	free(x);
}

struct video_index video_index_first(const struct video_index *x, size_t n)
{
	struct video_index y = *x;
	if (n > x->n_parts || x->parts[n - 1] >= x->duration)
		return y;
	int64_t end = x->parts[n - 1];
	y.n_parts = n;
	y.n_bins = (size_t)(end / x->bin);
	while (y.n_cuts && y.cuts[y.n_cuts - 1].pts > end)
		y.n_cuts--;
	while (y.n_keys && y.keys[y.n_keys - 1].pts >= end)
		y.n_keys--;
	while (y.n_scores && y.scores[y.n_scores - 1].pts >= end)
		y.n_scores--;
	return y;
}

const char *index_cut_name(enum index_cut_kind kind)
{
	static const char *const names[] = {"hard", "dissolve", "fade"};
	return (size_t)kind < ARRAY_LEN(names) ? names[kind] : "unknown";
}

static void put(struct buf *out, uint64_t v, int bytes)
{
	unsigned char b[8];
	for (int i = 0; i < bytes; i++)
		b[i] = (unsigned char)(v >> (8 * i));
	buf_add(out, b, (size_t)bytes);
}

static void put_float(struct buf *out, float f)
{
	uint32_t v;
	memcpy(&v, &f, sizeof v);
	put(out, v, 4);
}

void index_write(const struct video_index *x, struct buf *out)
{
	const int64_t head[HEAD] = {x->duration,         x->bin,
	                            (int64_t)x->n_bins,  (int64_t)x->n_cuts,
	                            (int64_t)x->n_keys,  x->packets,
	                            x->keyframes,        x->decoded,
	                            x->work_time,        x->first,
	                            x->decoded_time,     x->max_gap,
	                            x->failed,           (int64_t)x->n_parts,
	                            (int64_t)x->n_scores};

	buf_add(out, magic, sizeof magic);
	for (size_t i = 0; i < HEAD; i++)
		put(out, (uint64_t)head[i], 8);
	for (size_t i = 0; i < x->n_bins; i++)
		put_float(out, x->activity[i]);
	buf_add(out, x->detail, x->n_bins);
	buf_add(out, x->flags, x->n_bins);

	for (size_t i = 0; i < x->n_cuts; i++) {
		put(out, (uint64_t)x->cuts[i].pts, 8);
		put(out, (uint64_t)x->cuts[i].end, 8);
		put(out, (uint64_t)x->cuts[i].uncertainty, 8);
		put(out, x->cuts[i].kind, 1);
		put_float(out, x->cuts[i].score);
	}

	for (size_t i = 0; i < x->n_keys; i++) {
		put(out, (uint64_t)x->keys[i].pts, 8);
		put(out, x->keys[i].hash, 8);
		put(out, x->keys[i].luma, 1);
		put(out, x->keys[i].flags, 1);
		put_float(out, x->keys[i].sharpness);
	}

	for (size_t i = 0; i < x->n_scores; i++) {
		const struct index_score *s = &x->scores[i];
		put(out, (uint64_t)s->pts, 8);
		put_float(out, s->score);
		buf_add(out, (const uint8_t[]){s->share, s->x, s->y, s->w, s->h}, 5);
	}

	for (size_t i = 0; i < x->n_parts; i++)
		put(out, (uint64_t)x->parts[i], 8);
}

struct cursor {
	const unsigned char *p;
};

static uint64_t get(struct cursor *c, int bytes)
{
	uint64_t v = 0;
	for (int i = 0; i < bytes; i++)
		v |= (uint64_t)*c->p++ << (8 * i);
	return v;
}

static float get_float(struct cursor *c)
{
	uint32_t v = (uint32_t)get(c, 4);
	float f;
	memcpy(&f, &v, sizeof f);
	return isfinite(f) && f >= 0 ? f : 0;
}

static void get_bytes(struct cursor *c, uint8_t *out, size_t n)
{
	memcpy(out, c->p, n);
	c->p += n;
}

static bool read_bins(struct cursor *c, struct video_index *x)
{
	bool sound = true;
	x->activity = mem_alloc(x->n_bins, sizeof *x->activity);
	x->detail = mem_alloc(x->n_bins, 1);
	x->flags = mem_alloc(x->n_bins, 1);
	for (size_t i = 0; i < x->n_bins; i++)
		x->activity[i] = get_float(c);
	get_bytes(c, x->detail, x->n_bins);
	get_bytes(c, x->flags, x->n_bins);
	for (size_t i = 0; i < x->n_bins; i++)
		sound &= x->detail[i] <= INDEX_DECODED;
	return sound;
}

static bool read_cuts(struct cursor *c, struct video_index *x)
{
	int64_t last = 0;
	bool sound = true;
	x->cuts = mem_alloc(x->n_cuts + 1, sizeof *x->cuts);
	for (size_t i = 0; i < x->n_cuts; i++) {
		struct index_cut *k = &x->cuts[i];
		k->pts = (int64_t)get(c, 8);
		k->end = (int64_t)get(c, 8);
		k->uncertainty = (int64_t)get(c, 8);
		uint64_t kind = get(c, 1);
		k->kind = (enum index_cut_kind)kind;
		k->score = get_float(c);
		sound &= k->pts >= last && k->end >= k->pts && k->end <= x->duration &&
		         k->uncertainty >= 0 && kind <= INDEX_CUT_FADE;
		last = k->pts;
	}
	return sound;
}

static bool read_keys(struct cursor *c, struct video_index *x)
{
	int64_t last = INT64_MIN;
	bool sound = true;
	x->keys = mem_alloc(x->n_keys + 1, sizeof *x->keys);
	for (size_t i = 0; i < x->n_keys; i++) {
		struct index_key *k = &x->keys[i];
		k->pts = (int64_t)get(c, 8);
		k->hash = get(c, 8);
		k->luma = (uint8_t)get(c, 1);
		k->flags = (uint8_t)get(c, 1);
		k->sharpness = get_float(c);
		sound &= k->pts > last;
		last = k->pts;
	}
	return sound;
}

static bool read_scores(struct cursor *c, struct video_index *x)
{
	int64_t last = INT64_MIN;
	bool sound = true;
	x->scores = mem_alloc(x->n_scores + 1, sizeof *x->scores);
	for (size_t i = 0; i < x->n_scores; i++) {
		struct index_score *s = &x->scores[i];
		s->pts = (int64_t)get(c, 8);
		s->score = get_float(c);
		uint8_t rest[5];
		get_bytes(c, rest, sizeof rest);
		s->share = rest[0];
		s->x = rest[1];
		s->y = rest[2];
		s->w = rest[3];
		s->h = rest[4];
		sound &= s->pts > last && s->x + s->w <= GRID_W && s->y + s->h <= GRID_H;
		last = s->pts;
	}
	return sound;
}

static bool read_parts(struct cursor *c, struct video_index *x)
{
	int64_t last = 0;
	bool sound = true;
	x->parts = mem_alloc(x->n_parts + 1, sizeof *x->parts);
	for (size_t i = 0; i < x->n_parts; i++) {
		x->parts[i] = (int64_t)get(c, 8);
		sound &= x->parts[i] > last && x->parts[i] <= x->duration;
		last = x->parts[i];
	}
	return sound && last == x->duration;
}

int index_parse(const void *data, size_t len, struct video_index **ret, struct err *err)
{
	const size_t head_len = sizeof magic + HEAD * 8;
	AUTO(video_index_freep) struct video_index *x = mem_alloc(1, sizeof *x);
	if (len < head_len || memcmp(data, magic, sizeof magic) != 0)
		return err_set(err, ERR_FORMAT, "this is not an index");

	struct cursor c = {(const unsigned char *)data + sizeof magic};
	int64_t head[HEAD];
	for (size_t i = 0; i < HEAD; i++)
		head[i] = (int64_t)get(&c, 8);
	*x = (struct video_index){.duration = head[0],
	                          .bin = head[1],
	                          .packets = head[5],
	                          .keyframes = head[6],
	                          .decoded = head[7],
	                          .work_time = head[8],
	                          .first = head[9],
	                          .decoded_time = head[10],
	                          .max_gap = head[11],
	                          .failed = head[12]};

	bool sound = x->duration > 0 && x->bin > 0 && head[2] > 0 && head[2] <= BINS_MAX &&
	             head[3] >= 0 && head[3] <= CUTS_MAX && head[4] >= 0 && head[4] <= KEYS_MAX &&
	             head[2] == (x->duration - 1) / x->bin + 1 && head[13] > 0 &&
	             head[13] <= PARTS_MAX && head[14] >= 0 && head[14] <= SCORES_MAX;
	if (!sound || len != head_len + (size_t)head[2] * 6 + (size_t)head[3] * CUT_BYTES +
	                         (size_t)head[4] * KEY_BYTES + (size_t)head[14] * SCORE_BYTES +
	                         (size_t)head[13] * 8)
		return err_set(err, ERR_FORMAT, "the index is damaged");

	x->n_bins = (size_t)head[2];
	x->n_cuts = (size_t)head[3];
	x->n_keys = (size_t)head[4];
	x->n_parts = (size_t)head[13];
	x->n_scores = (size_t)head[14];

	if (!read_bins(&c, x) || !read_cuts(&c, x) || !read_keys(&c, x) || !read_scores(&c, x) ||
	    !read_parts(&c, x))
		return err_set(err, ERR_FORMAT, "the index is damaged");
	*ret = TAKE(x);
	return 0;
}

static json_t *seconds(int64_t us)
{
	return json_real((double)us / 1e6);
}

static json_t *flags_json(uint8_t flags)
{
	static const char *const names[] = {"black", "frozen", "blurred", "fading", "torn"};
	json_t *a = json_array();
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (flags & 1u << i)
			json_array_append_new(a, json_string(names[i]));
	return a;
}

static json_t *bins_json(const struct video_index *x)
{
	static const char *const details[] = {"packets", "keyframes", "decoded"};
	json_t *a = json_array();
	for (size_t i = 0; i < x->n_bins; i++) {
		json_t *bin = json_pack("{s:f s:s}", "activity", round(x->activity[i] * 1000) / 1000,
		                        "look", details[x->detail[i] <= INDEX_DECODED ? x->detail[i] : 0]);
		if (x->flags[i])
			json_object_set_new(bin, "flags", flags_json(x->flags[i]));
		json_array_append_new(a, bin);
	}
	return a;
}

json_t *index_json(const struct video_index *x)
{
	json_t *cuts = json_array(), *keys = json_array(), *scores = json_array();
	for (size_t i = 0; i < x->n_scores; i++)
		json_array_append_new(scores, json_pack("[o, f, f]", seconds(x->scores[i].pts),
		                                        round((double)x->scores[i].score * 10) / 10,
		                                        round(x->scores[i].share / 2.55) / 100));
	for (size_t i = 0; i < x->n_cuts; i++) {
		const struct index_cut *c = &x->cuts[i];
		json_array_append_new(
			cuts, json_pack("{s:o s:o s:o s:s s:f}", "time", seconds(c->pts), "end",
		                    seconds(c->end), "uncertainty", seconds(c->uncertainty), "kind",
		                    index_cut_name(c->kind), "score", round(c->score * 1000) / 1000));
	}
	for (size_t i = 0; i < x->n_keys; i++) {
		const struct index_key *k = &x->keys[i];
		char hash[17];
		snprintf(hash, sizeof hash, "%016" PRIx64, k->hash);
		json_t *key = json_pack("{s:o s:s s:i s:f}", "time", seconds(k->pts), "hash", hash, "luma",
		                        k->luma, "sharpness", round(k->sharpness));
		if (k->flags)
			json_object_set_new(key, "flags", flags_json(k->flags));
		json_array_append_new(keys, key);
	}
	return json_pack(
		"{s:s s:i s:o s:o s:I s:I s:I s:o s:o s:I s:o s:o s:o s:o s:o s:o}", "format", "vdet-index",
		"version", INDEX_FORM_VERSION, "duration", seconds(x->duration), "first", seconds(x->first),
		"packets", (json_int_t)x->packets, "keyframes", (json_int_t)x->keyframes, "decoded",
		(json_int_t)x->decoded, "looked", seconds(x->decoded_time), "max_gap", seconds(x->max_gap),
		"failed", (json_int_t)x->failed, "work_time", seconds(x->work_time), "bin", seconds(x->bin),
		"bins", bins_json(x), "cuts", cuts, "pictures", keys, "scores", scores);
}

void index_vtt(const struct video_index *x, struct buf *out)
{
	buf_adds(out, "WEBVTT\n");
	int64_t from = 0;
	for (size_t i = 0, chapter = 1; i <= x->n_cuts; i++) {
		char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX];
		int64_t to = i < x->n_cuts ? x->cuts[i].pts : x->duration;
		if (to - from < 1000)
			continue;
		buf_addf(out, "\n%zu\n%s --> %s\nShot %zu\n", chapter, clock_text(from, a),
		         clock_text(to, b), chapter);
		from = to;
		chapter++;
	}
}
