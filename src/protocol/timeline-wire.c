/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/timeline-wire.h"

#include <stdlib.h>
#include <string.h>

enum { HEAD = 12, PART = 4, GAP = 5, KEY = 2, WORD = 8 };

const char *const timeline_kind_name[TIMELINE_KINDS] = {"clock-back", "clock-forward",
                                                        "no-pictures", "undecided"};

/* Small: the program cannot continue without it. */
static void *allocate(size_t n, size_t size)
{
	void *p = calloc(n, size);
	if (!p)
		abort();
	return p;
}

void timeline_clear(struct timeline *t)
{
	free(t->parts);
	free(t->gaps);
	free(t->keys);
	*t = (struct timeline){0};
}

static void *copy_array(const void *items, size_t n, size_t size)
{
	void *out = allocate(n + 1, size);
	if (n)
		memcpy(out, items, n * size);
	return out;
}

void timeline_copy(const struct timeline *t, struct timeline *ret)
{
	*ret = *t;
	ret->parts = copy_array(t->parts, t->n_parts, sizeof *t->parts);
	ret->gaps = copy_array(t->gaps, t->n_gaps, sizeof *t->gaps);
	ret->keys = copy_array(t->keys, t->n_keys, sizeof *t->keys);
}

static void put(unsigned char **p, int64_t v)
{
	for (int i = 0; i < WORD; i++)
		*(*p)++ = (unsigned char)((uint64_t)v >> (8 * i));
}

static int64_t get(const unsigned char **p)
{
	uint64_t v = 0;
	for (int i = 0; i < WORD; i++)
		v |= (uint64_t) * (*p)++ << (8 * i);
	return (int64_t)v;
}

static size_t length_of(size_t parts, size_t gaps, size_t keys)
{
	return WORD * (HEAD + parts * PART + gaps * GAP + keys * KEY);
}

unsigned char *timeline_write(const struct timeline *t, size_t *ret_len)
{
	*ret_len = length_of(t->n_parts, t->n_gaps, t->n_keys);
	unsigned char *out = allocate(*ret_len, 1), *p = out;
	const int64_t head[HEAD] = {
		t->start,           t->first,  t->duration, t->header,           t->frames,
		t->skipped,         t->step,   t->measured, (int64_t)t->n_parts, (int64_t)t->n_gaps,
		(int64_t)t->n_keys, t->revised};

	for (size_t i = 0; i < HEAD; i++)
		put(&p, head[i]);
	for (size_t i = 0; i < t->n_parts; i++) {
		put(&p, t->parts[i].pos);
		put(&p, t->parts[i].add);
		put(&p, t->parts[i].begin);
		put(&p, t->parts[i].end);
	}
	for (size_t i = 0; i < t->n_gaps; i++) {
		put(&p, t->gaps[i].time);
		put(&p, t->gaps[i].from);
		put(&p, t->gaps[i].to);
		put(&p, t->gaps[i].kind);
		put(&p, t->gaps[i].closed);
	}
	for (size_t i = 0; i < t->n_keys; i++) {
		put(&p, t->keys[i].pos);
		put(&p, t->keys[i].time);
	}
	return out;
}

static bool read_items(const unsigned char *p, struct timeline *t)
{
	bool sound = true;
	t->parts = allocate(t->n_parts + 1, sizeof *t->parts);
	t->gaps = allocate(t->n_gaps + 1, sizeof *t->gaps);
	t->keys = allocate(t->n_keys + 1, sizeof *t->keys);

	for (size_t i = 0; i < t->n_parts; i++) {
		t->parts[i].pos = get(&p);
		t->parts[i].add = get(&p);
		t->parts[i].begin = get(&p);
		t->parts[i].end = get(&p);
		sound &= t->parts[i].pos >= 0;
	}
	for (size_t i = 0; i < t->n_gaps; i++) {
		t->gaps[i].time = get(&p);
		t->gaps[i].from = get(&p);
		t->gaps[i].to = get(&p);
		int64_t kind = get(&p), closed = get(&p);
		sound &= kind >= 0 && kind < TIMELINE_KINDS && (closed == 0 || closed == 1);
		t->gaps[i].kind = sound ? (enum timeline_kind)kind : TIMELINE_UNDECIDED;
		t->gaps[i].closed = closed == 1;
	}
	for (size_t i = 0; i < t->n_keys; i++) {
		t->keys[i].pos = get(&p);
		t->keys[i].time = get(&p);
		sound &= t->keys[i].pos >= 0;
	}

	return sound;
}

bool timeline_read(const unsigned char *data, size_t len, struct timeline *ret)
{
	int64_t head[HEAD] = {0};
	const unsigned char *p = data;
	for (size_t i = 0; i < HEAD && len >= HEAD * WORD; i++)
		head[i] = get(&p);
	bool sound = len >= HEAD * WORD && head[8] >= 0 && head[8] <= TIMELINE_GAPS_MAX + 1 &&
	             head[9] >= 0 && head[9] <= TIMELINE_GAPS_MAX && head[10] >= 0 &&
	             head[10] <= TIMELINE_KEYS_MAX && (head[7] == 0 || head[7] == 1) && head[2] >= 0 &&
	             (head[11] == 0 || head[11] == 1);
	if (!sound || len != length_of((size_t)head[8], (size_t)head[9], (size_t)head[10]))
		return false;

	struct timeline t = {.start = head[0],
	                     .first = head[1],
	                     .duration = head[2],
	                     .header = head[3],
	                     .frames = head[4],
	                     .skipped = head[5],
	                     .step = head[6],
	                     .measured = head[7] == 1,
	                     .n_parts = (size_t)head[8],
	                     .n_gaps = (size_t)head[9],
	                     .n_keys = (size_t)head[10],
	                     .revised = head[11] == 1};
	if (!read_items(p, &t)) {
		timeline_clear(&t);
		return false;
	}
	*ret = t;
	return true;
}
