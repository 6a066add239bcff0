/* SPDX-License-Identifier: Apache-2.0 */
#include "media/salvage-internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "media/box.h"

enum {
	UNIT_MAX = 8 << 20,
	WINDOW = 2 * UNIT_MAX,
	UNITS_MAX = 8 << 20,
	PARAMS_MAX = 64 << 10,
	PICTURES_MIN = 2, /* fewer may be random data */
};

/* A part of the input in memory. */
struct window {
	struct input *in;
	unsigned char *data;
	int64_t at;
	size_t n;
};

struct units {
	bool hevc;
	/* a start code and a unit alternate; the first unit is the parameter sets */
	struct input_piece *pieces;
	size_t n, cap;
	int64_t size;
	unsigned pictures, params; /* params: bits of the kinds that were found */
};

static void units_clear(struct units *u)
{
	free(u->pieces);
	*u = (struct units){0};
}

/* `need` bytes at pos, or NULL. */
static const unsigned char *window_at(struct window *w, int64_t pos, size_t need)
{
	if (pos >= w->at && pos + (int64_t)need <= w->at + (int64_t)w->n)
		return w->data + (pos - w->at);
	w->at = pos;
	w->n = 0;
	while (w->n < WINDOW) {
		int r = input_read(w->in, pos + (int64_t)w->n, w->data + w->n, WINDOW - w->n);
		if (r <= 0)
			break;
		w->n += (size_t)r;
	}
	return need <= w->n ? w->data : NULL;
}

struct bits {
	const unsigned char *p;
	size_t n, at;
};

static unsigned bit(struct bits *b)
{
	unsigned v = b->at < 8 * b->n ? b->p[b->at / 8] >> (7 - b->at % 8) & 1u : 0;
	b->at++;
	return v;
}

/* An Exp-Golomb number; a large one if it is invalid. */
static unsigned golomb(struct bits *b)
{
	int zeros = 0;
	while (zeros < 20 && !bit(b))
		zeros++;
	unsigned v = 1;
	for (int i = 0; i < zeros; i++)
		v = v << 1 | bit(b);
	return v - 1;
}

/* Kinds of units. PARAMS_… are bits. */
enum kind {
	NONE = -1,
	OTHER = 0,
	PARAMS_SEQUENCE = 1,
	PARAMS_PICTURE = 2,
	PARAMS_VIDEO = 4,
	SLICE = 8,
	FIRST_SLICE = 9
};

static enum kind h264_kind(const unsigned char *p, size_t len)
{
	unsigned type = p[0] & 0x1f, ref = p[0] >> 5;
	if (p[0] & 0x80)
		return NONE;
	if (type == 7 || type == 8)
		return ref && len < PARAMS_MAX ? type == 7 ? PARAMS_SEQUENCE : PARAMS_PICTURE : NONE;
	if (type == 6 || type == 9)
		return !ref && len < PARAMS_MAX ? OTHER : NONE;
	if ((type != 1 && type != 5) || (type == 5 && !ref))
		return NONE;
	struct bits b = {p + 1, len - 1, 0};
	unsigned first = golomb(&b), slice = golomb(&b), set = golomb(&b);
	if (first > 139264 || slice > 9 || set > 31 || (type == 5 && slice % 5 != 2 && slice % 5 != 4))
		return NONE;
	return first ? SLICE : FIRST_SLICE;
}

static enum kind hevc_kind(const unsigned char *p, size_t len)
{
	unsigned type = p[0] >> 1 & 0x3f, layer = (p[0] & 1u) << 5 | p[1] >> 3, tid = p[1] & 7;
	if (p[0] & 0x80 || layer || !tid)
		return NONE;
	if (type >= 32 && type <= 34)
		return len < PARAMS_MAX ? type == 32   ? PARAMS_VIDEO
		                          : type == 33 ? PARAMS_SEQUENCE
		                                       : PARAMS_PICTURE
		                        : NONE;
	if (type == 35 || type == 39 || type == 40)
		return len < PARAMS_MAX ? OTHER : NONE;
	if (type > 21 || (type > 9 && type < 16))
		return NONE;
	struct bits b = {p + 2, len - 2, 0};
	bool first = bit(&b);
	if (type >= 16)
		bit(&b);
	return golomb(&b) > 63 ? NONE : first ? FIRST_SLICE : SLICE;
}

/* A unit contains no start code, and does not end in a zero. */
static bool is_whole(const unsigned char *p, size_t len)
{
	if (!p[len - 1])
		return false;
	for (size_t i = 2; i < len; i++)
		if (p[i] <= 2 && !p[i - 1] && !p[i - 2])
			return false;
	return true;
}

/* The length of the unit whose length field is at pos, and its kind; 0 if there
 * is none. */
static size_t unit_at(struct window *w, int64_t pos, bool hevc, enum kind *ret)
{
	const unsigned char *p = window_at(w, pos, 8);
	size_t len = p ? box_u32(p) : 0;
	if (len < 4 || len > UNIT_MAX || !(p = window_at(w, pos, 4 + len)))
		return 0;
	*ret = hevc ? hevc_kind(p + 4, len) : h264_kind(p + 4, len);
	return *ret != NONE && is_whole(p + 4, len) ? len : 0;
}

static void add_unit(struct units *u, int64_t from, size_t len, enum kind kind)
{
	if (u->n + 2 > u->cap) {
		u->cap = 2 * u->cap + 1024;
		u->pieces = mem_grow(u->pieces, u->cap, sizeof *u->pieces);
	}
	u->pieces[u->n++] = (struct input_piece){u->size, ~INT64_C(0)};
	u->pieces[u->n++] = (struct input_piece){u->size + 4, from};
	u->size += 4 + (int64_t)len;
	u->pictures += kind == FIRST_SLICE;
	u->params |= kind < SLICE ? (unsigned)kind : 0;
}

static int scan(struct input *in, int64_t pos, struct units *u, struct err *err)
{
	struct window w = {.in = in, .data = malloc(WINDOW)};
	AUTO(mem_freep) unsigned char *room = w.data;
	if (!room)
		return err_set(err, ERR_LIMIT, "no memory to search for pictures in a damaged video");
	for (int64_t end = input_size(in); pos + 8 < end && u->n < UNITS_MAX;) {
		enum kind kind;
		size_t len = unit_at(&w, pos, u->hevc, &kind);
		if (len)
			add_unit(u, pos + 4, len, kind);
		pos += len ? 4 + (int64_t)len : 1;
	}
	return input_error(in) ? err_sys(err, input_error(in), "cannot read the file") : 0;
}

/* ---- parameter sets ---- */

static void add_set(struct buf *out, const unsigned char *p, size_t len)
{
	buf_add(out, "\0\0\0\1", 4);
	buf_add(out, p, len);
}

/* `count` sets, each after a length of two bytes; returns the number of bytes
 * read, 0 if they are invalid. */
static size_t add_sets(struct buf *out, const unsigned char *p, size_t n, unsigned count)
{
	size_t at = 0;
	for (; count; count--) {
		if (at + 2 > n || at + 2 + (size_t)(p[at] << 8 | p[at + 1]) > n)
			return 0;
		size_t len = (size_t)(p[at] << 8 | p[at + 1]);
		add_set(out, p + at + 2, len);
		at += 2 + len;
	}
	return at;
}

/* avcC, hvcC or data that already has start codes, with start codes. */
static bool convert_params(const struct salvage_reference *ref, struct buf *out)
{
	const unsigned char *p = ref->params;
	size_t n = ref->params_len, at;
	if (n >= 4 && !p[0] && !p[1] && p[2] <= 1)
		return buf_add(out, p, n) == 0;
	if (!ref->hevc) {
		if (n < 8 || p[0] != 1 || !(at = add_sets(out, p + 6, n - 6, p[5] & 0x1f)) || 6 + at >= n)
			return false;
		return add_sets(out, p + 7 + at, n - 7 - at, p[6 + at]) > 0;
	}
	if (n < 23)
		return false;
	unsigned arrays = p[22];
	for (at = 23; arrays; arrays--) {
		size_t used = at + 3 <= n ? add_sets(out, p + at + 3, n - at - 3,
		                                     (unsigned)(p[at + 1] << 8 | p[at + 2]))
		                          : 0;
		if (!used)
			return false;
		at += 3 + used;
	}
	return out->len > 0;
}

/* ---- the whole search ---- */

static int finish(struct input *in, struct units *u, const struct salvage_reference *ref,
                  struct salvage *ret)
{
	AUTO(buf_free) struct buf params = BUF(PARAMS_MAX);
	if (ref && !convert_params(ref, &params))
		return 1;
	/* In memory: a start code, then the parameter sets. The pieces follow them. */
	unsigned char *memory = mem_alloc(4 + params.len, 1);
	memory[3] = 1;
	if (params.len)
		memcpy(memory + 4, params.data, params.len);
	bool first = params.len > 0;
	struct input_piece *pieces = mem_alloc(u->n + first, sizeof *pieces);
	pieces[0] = (struct input_piece){0, ~INT64_C(4)};
	for (size_t i = 0; i < u->n; i++)
		pieces[i + first] =
			(struct input_piece){u->pieces[i].at + (int64_t)params.len, u->pieces[i].from};
	ret->in = input_open_pieces(in, pieces, u->n + first, u->size + (int64_t)params.len, memory);
	ret->format = u->hevc ? "hevc" : "h264";
	ret->fps = ref ? ref->fps : 0;
	snprintf(ret->what, sizeof ret->what,
	         "the index (moov) is missing; %u pictures were found in the media data%s, and their "
	         "times are computed from their numbers",
	         u->pictures, ref ? " (decoded with the parameters of the reference file)" : "");
	return 0;
}

int salvage_units(struct input *in, int64_t from, const struct salvage_reference *ref,
                  struct salvage *ret, struct err *err)
{
	for (int i = 0; i < 2; i++) {
		AUTO(units_clear) struct units u = {.hevc = ref ? ref->hevc : i == 1};
		const unsigned needed = PARAMS_SEQUENCE | PARAMS_PICTURE | (u.hevc ? PARAMS_VIDEO : 0);
		int r = scan(in, from, &u, err);
		if (r < 0)
			return r;
		if (u.pictures >= PICTURES_MIN && (ref || (u.params & needed) == needed))
			return finish(in, &u, ref, ret);
		if (ref)
			break;
	}
	return 1;
}
