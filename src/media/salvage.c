/* SPDX-License-Identifier: Apache-2.0 */
#include "media/salvage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "media/box.h"
#include "media/salvage-internal.h"

enum {
	HEAD = 4 << 20, /* largest damaged area at the beginning */
	PATCH = 8,
};

void salvage_clear(struct salvage *s)
{
	input_free(s->in);
	*s = (struct salvage){0};
}

/* The input from `from` on, after `head` (n bytes, copied; may be empty). */
static struct input *from_here(struct input *in, int64_t from, const char *head, size_t n)
{
	struct input_piece *pieces = mem_alloc(2, sizeof *pieces);
	unsigned char *memory = mem_alloc(n + 1, 1);
	size_t first = n ? 1 : 0;
	if (n)
		memcpy(memory, head, n);
	pieces[0] = (struct input_piece){0, ~INT64_C(0)};
	pieces[first] = (struct input_piece){(int64_t)n, from};
	return input_open_pieces(in, pieces, first + 1, input_size(in) - from + (int64_t)n, memory);
}

/* ---- MP4: one damaged place ---- */

static bool is_box(const unsigned char *p, int64_t left)
{
	static const char types[][5] = {"moov", "mdat", "moof", "ftyp", "sidx", "styp"};
	uint32_t size = box_u32(p);
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (!memcmp(p + 4, types[i], 4))
			return (size >= 8 && size <= left) || (!memcmp(types[i], "mdat", 4) && size != 0);
	return false;
}

/* For boxes that are invalid at bad_at: the next intact box within reach, so
 * that the bytes between can be skipped; -1 if none. */
static int64_t next_box(const unsigned char *data, int64_t n, int64_t bad_at, int64_t size)
{
	for (int64_t i = 0; i + 8 <= n; i++)
		if (i >= PATCH && is_box(data + i, size - bad_at - i))
			return bad_at + i;
	return -1;
}

static int patch_mp4(struct input *in, int64_t bad_at, unsigned char *data, struct salvage *ret)
{
	int n = input_read(in, bad_at, data, HEAD);
	int64_t size = input_size(in), next = n > 0 ? next_box(data, n, bad_at, size) : -1;
	if (next < 0)
		return 1;

	struct input_piece *pieces = mem_alloc(3, sizeof *pieces);
	unsigned char *memory = mem_alloc(PATCH, 1);
	for (int i = 0; i < 4; i++)
		memory[i] = (unsigned char)((next - bad_at) >> (24 - 8 * i));
	memcpy(memory + 4, "free", 4);
	pieces[0] = (struct input_piece){0, 0};
	pieces[1] = (struct input_piece){bad_at, ~INT64_C(0)};
	pieces[2] = (struct input_piece){bad_at + PATCH, bad_at + PATCH};

	bool front = bad_at == 0;
	if (front)
		memmove(pieces, pieces + 1, 2 * sizeof *pieces);
	ret->in = input_open_pieces(in, pieces, front ? 2 : 3, size, memory);

	struct outline o;
	outline_read(ret->in, &o);
	if (!o.moov && !o.moof) {
		salvage_clear(ret);
		return 1;
	}

	ret->format = "mp4";
	snprintf(ret->what, sizeof ret->what,
	         "the MP4 file is damaged at byte %lld; it was skipped up to byte %lld",
	         (long long)bad_at, (long long)next);
	return 0;
}

/* ---- a damaged beginning ---- */

static int64_t find_bytes(const unsigned char *data, size_t n, const char *what, size_t len)
{
	const unsigned char *p = memmem(data, n, what, len);
	return p ? p - data : -1;
}

static int64_t find_ts(const unsigned char *data, int64_t n)
{
	enum { IN_A_ROW = 12, LONGEST = 204 };
	static const int steps[] = {188, 192, LONGEST};
	for (int64_t i = 0; i + IN_A_ROW * LONGEST < n; i++)
		for (size_t k = 0; k < ARRAY_LEN(steps) && data[i] == 0x47; k++) {
			int good = 1;
			while (good < IN_A_ROW && data[i + (int64_t)good * steps[k]] == 0x47)
				good++;
			if (good == IN_A_ROW)
				return i;
		}
	return -1;
}

/* Parameter sets of a raw stream: an H.264 SPS of a known profile, or an HEVC
 * VPS. */
static int64_t find_bare(const unsigned char *data, int64_t n, bool *ret_hevc)
{
	static const unsigned char profiles[] = {66, 77, 88, 100, 110, 122, 244};
	for (int64_t i = 0; i + 6 < n; i++) {
		if (data[i] || data[i + 1] || data[i + 2] != 1)
			continue;
		*ret_hevc = data[i + 3] == 0x40 && data[i + 4] == 0x01 && data[i + 5] == 0x0c;
		if (*ret_hevc || ((data[i + 3] & 0x1f) == 7 && data[i + 3] >> 5 && data[i + 3] < 0x80 &&
		                  memchr(profiles, data[i + 4], sizeof profiles)))
			return i;
	}
	return -1;
}

static int find_beginning(struct input *in, unsigned char *data, struct salvage *ret)
{
	static const char segment[] = "\x18\x53\x80\x67";
	static const char ebml[] = "\x1a\x45\xdf\xa3\x8b\x42\x82\x88matroska";
	bool hevc = false;
	int n = input_read(in, 0, data, HEAD);
	if (n <= 0)
		return 1;
	int64_t at = find_bytes(data, (size_t)n, segment, 4);
	if (at >= 0) {
		ret->in = from_here(in, at, ebml, sizeof ebml - 1);
		ret->format = "matroska";
	} else if ((at = find_ts(data, n)) >= 0) {
		ret->in = from_here(in, at, NULL, 0);
		ret->format = "mpegts";
	} else if ((at = find_bare(data, n, &hevc)) >= 0) {
		ret->in = from_here(in, at, NULL, 0);
		ret->format = hevc ? "hevc" : "h264";
	} else {
		return 1;
	}
	snprintf(ret->what, sizeof ret->what,
	         "the file's beginning is damaged; it is read from byte %lld on, as %s", (long long)at,
	         ret->format);
	return 0;
}

/* ---- the whole search ---- */

int salvage_find(struct input *in, const struct salvage_reference *ref, struct salvage *ret,
                 struct err *err)
{
	struct outline o;
	AUTO(salvage_clear) struct salvage s = {0};
	AUTO(mem_freep) unsigned char *data = malloc(HEAD);
	if (!data)
		return err_set(err, ERR_LIMIT, "no memory to search for pictures in a damaged video");
	outline_read(in, &o);
	bool mp4 = o.ftyp || o.mdat || o.moov;
	int r = o.bad_at >= 0 && (mp4 || !o.bad_at) ? patch_mp4(in, o.bad_at, data, &s) : 1;
	if (r == 1 && !mp4)
		r = find_beginning(in, data, &s);
	if (r == 1 && mp4 && (!o.moov || !strcmp(o.cut_type, "moov")))
		r = salvage_units(in, o.mdat_at, ref, &s, err);
	if (r == 0) {
		*ret = s;
		s = (struct salvage){0};
	}
	return r;
}
