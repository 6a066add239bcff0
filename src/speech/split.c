/* SPDX-License-Identifier: Apache-2.0 */
#include "speech/split.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

enum {
	FRAME = SPEECH_RATE / 100, /* samples of a frame: 10 ms */
	SECOND = 100,              /* frames */
	FLOOR = -96,               /* dB of full scale: digital silence, and below */
	SMOOTH = 2,                /* frames before and after one whose level it gets */
	AROUND = 10,               /* seconds before and after one that make its background */
	QUIET_SHARE = 10,          /* percent of these frames that are the background */
	SHORTEST = 6,              /* frames: what is shorter is a click */
	BEFORE = 25,               /* frames that are added to a stretch */
	AFTER = 30,
	BETWEEN = 30,
};
/* dB above the background: where a stretch begins, and goes on; and the level
 * of what can be heard at all. */
static const float begins = 5, goes_on = 3, audible = -66;

static const int64_t frame_time = CLOCK_SECOND / 100;
static const int64_t piece_gap = 5 * CLOCK_SECOND;

/* ---- levels ---- */

/* The energy of each frame without what is below the voice: a constant, and the
 * hum of the mains. */
static void energies(const int16_t *x, size_t frames, double *ret)
{
	/* of a high-pass filter at 120 Hz, used twice */
	const double keep = 1 / (1 + 2 * 3.14159265358979 * 120 / SPEECH_RATE);
	double in = x[0], mid = 0, out = 0;
	for (size_t f = 0; f < frames; f++) {
		double sum = 0;
		for (size_t i = f * FRAME; i < (f + 1) * FRAME; i++) {
			double was = mid;
			mid = keep * (mid + x[i] - in);
			out = keep * (out + mid - was);
			in = x[i];
			sum += out * out;
		}
		ret[f] = sum / FRAME;
	}
}

static float decibel(double energy)
{
	double db = 10 * log10(energy / (32768.0 * 32768.0) + 1e-12);
	return db < FLOOR ? FLOOR : (float)db;
}

/* The level of each frame, smoothed over its neighbours; the caller frees it. */
static float *levels(const int16_t *x, size_t frames)
{
	AUTO(mem_freep) double *e = mem_alloc(frames, sizeof *e);
	float *ret = mem_alloc(frames, sizeof *ret);
	energies(x, frames, e);
	for (size_t f = 0; f < frames; f++) {
		size_t from = f < SMOOTH ? 0 : f - SMOOTH;
		size_t to = f + SMOOTH + 1 < frames ? f + SMOOTH + 1 : frames;
		double sum = 0;
		for (size_t i = from; i < to; i++)
			sum += e[i];
		ret[f] = decibel(sum / (double)(to - from));
	}
	return ret;
}

/* How many frames have which level. Digital silence does not count: behind it
 * there is no background, and one that is cut out would hide that of the
 * rest. */
struct histogram {
	size_t counts[-FLOOR + 1], all;
};

static void count(struct histogram *h, const float *level, size_t frames, size_t second, int by)
{
	size_t to = (second + 1) * SECOND < frames ? (second + 1) * SECOND : frames;
	for (size_t f = second * SECOND; f < to; f++) {
		if (level[f] <= FLOOR)
			continue;
		size_t at = level[f] >= 0 ? -FLOOR : (size_t)(level[f] - FLOOR);
		h->counts[at] += (size_t)by;
		h->all += (size_t)by;
	}
}

static float quiet(const struct histogram *h)
{
	size_t want = h->all * QUIET_SHARE / 100, sum = 0;
	for (size_t i = 0; i < ARRAY_LEN(h->counts); i++) {
		sum += h->counts[i];
		if (sum > want)
			return (float)FLOOR + (float)i;
	}
	return 0;
}

/* The level of the background in each second; the caller frees it. */
static float *background(const float *level, size_t frames)
{
	size_t n = (frames + SECOND - 1) / SECOND;
	float *ret = mem_alloc(n, sizeof *ret);
	struct histogram h = {0};
	for (size_t s = 0; s < n && s < AROUND; s++)
		count(&h, level, frames, s, 1);
	for (size_t s = 0; s < n; s++) {
		if (s + AROUND < n)
			count(&h, level, frames, s + AROUND, 1);
		if (s > AROUND)
			count(&h, level, frames, s - AROUND - 1, -1);
		ret[s] = quiet(&h);
	}
	return ret;
}

/* ---- stretches ---- */

struct stretches {
	struct speech_voice *items; /* in frames, until the end */
	size_t n, cap;
};

static void add(struct stretches *to, size_t begin, size_t end, size_t frames)
{
	if (end - begin < SHORTEST)
		return;
	int64_t from = begin < BEFORE ? 0 : (int64_t)(begin - BEFORE);
	int64_t until = end + AFTER < frames ? (int64_t)(end + AFTER) : (int64_t)frames;
	if (to->n && from < to->items[to->n - 1].end + BETWEEN) {
		to->items[to->n - 1].end = until;
		return;
	}
	to->items = mem_room(to->items, to->n, &to->cap, sizeof *to->items);
	to->items[to->n++] = (struct speech_voice){from, until};
}

void split_voices(const int16_t *samples, size_t n, struct speech_voice **ret, size_t *ret_n)
{
	size_t frames = n / FRAME, begin = 0;
	struct stretches found = {0};
	*ret = NULL;
	*ret_n = 0;
	if (!frames)
		return;
	AUTO(mem_freep) float *level = levels(samples, frames);
	AUTO(mem_freep) float *back = background(level, frames);
	bool in = false;
	for (size_t f = 0; f < frames; f++) {
		float above = level[f] - back[f / SECOND];
		bool loud = level[f] > audible && above > (in ? goes_on : begins);
		if (in && !loud)
			add(&found, begin, f, frames);
		if (loud && !in)
			begin = f;
		in = loud;
	}
	if (in)
		add(&found, begin, frames, frames);
	for (size_t i = 0; i < found.n; i++) {
		found.items[i].start *= frame_time;
		found.items[i].end *= frame_time;
	}
	*ret = found.items;
	*ret_n = found.n;
}

/* ---- parts and pieces ---- */

/* Where it is quietest, between two times. */
static int64_t quietest(const int16_t *x, size_t n, int64_t min, int64_t max)
{
	enum { WIDTH = 20 }; /* frames */
	size_t first = (size_t)(min / frame_time), last = (size_t)(max / frame_time), best = last;
	size_t frames = n / FRAME < last ? n / FRAME : last;
	if (frames < first + WIDTH)
		return max;
	AUTO(mem_freep) double *e = mem_alloc(frames - first, sizeof *e);
	energies(x + first * FRAME, frames - first, e);
	double sum = 0, least = INFINITY;
	for (size_t i = 0; i < frames - first; i++) {
		sum += e[i] - (i < WIDTH ? 0 : e[i - WIDTH]);
		if (i + 1 >= WIDTH && sum < least) {
			least = sum;
			best = first + i + 1 - WIDTH / 2;
		}
	}
	return (int64_t)best * frame_time;
}

int64_t split_end(const int16_t *samples, size_t n, const struct speech_voice *voices,
                  size_t n_voices, int64_t min, int64_t max)
{
	int64_t longest = 0, ret = -1, before = 0;
	for (size_t i = 0; i <= n_voices; i++) {
		int64_t from = before > min ? before : min;
		int64_t to = i < n_voices && voices[i].start < max ? voices[i].start : max;
		if (to - from > longest) {
			longest = to - from;
			ret = from + (to - from) / 2 / frame_time * frame_time;
		}
		if (i < n_voices)
			before = voices[i].end;
	}
	return ret >= 0 ? ret : quietest(samples, n, min, max);
}

void split_pieces(const struct speech_voice *voices, size_t n_voices, struct split_piece **ret,
                  size_t *ret_n)
{
	struct split_piece *pieces = mem_alloc(n_voices + 1, sizeof *pieces);
	size_t n = 0;
	for (size_t i = 0; i < n_voices; i++) {
		if (!n || voices[i].start - pieces[n - 1].end >= piece_gap)
			pieces[n++] = (struct split_piece){.start = voices[i].start, .first = i};
		pieces[n - 1].end = voices[i].end;
		pieces[n - 1].n++;
	}
	*ret = pieces;
	*ret_n = n;
}
