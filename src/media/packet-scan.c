/* SPDX-License-Identifier: Apache-2.0 */
#include "media/packet-scan.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

struct tally {
	const struct source *source;
	int64_t end; /* of the video */
	struct packet_counts w;
	size_t cap_bins, cap_keys;
};

void packet_counts_clear(struct packet_counts *w)
{
	free(w->bins);
	free(w->keys);
	*w = (struct packet_counts){0};
}

static uint32_t add(uint32_t a, int64_t b)
{
	return b > UINT32_MAX - (int64_t)a ? UINT32_MAX : a + (uint32_t)b;
}

/* Doubles the width of the bins. */
static struct packet_bin join(const struct packet_bin *a, const struct packet_bin *b)
{
	bool second = b->largest > a->largest;
	unsigned at = second ? 32768u + b->at / 2u : a->at / 2u;
	unsigned packets = (unsigned)a->packets + b->packets;
	return (struct packet_bin){.bytes = add(a->bytes, b->bytes),
	                           .largest = second ? b->largest : a->largest,
	                           .key_bytes = add(a->key_bytes, b->key_bytes),
	                           .at = (uint16_t)at,
	                           .packets = (uint16_t)(packets > UINT16_MAX ? UINT16_MAX : packets)};
}

static void widen(struct packet_counts *w)
{
	for (size_t i = 0; i < w->n_bins; i += 2) {
		const struct packet_bin none = {0};
		w->bins[i / 2] = join(&w->bins[i], i + 1 < w->n_bins ? &w->bins[i + 1] : &none);
	}
	w->n_bins = (w->n_bins + 1) / 2;
	w->bin *= 2;
	size_t n = 0;
	for (size_t i = 0; i < w->n_keys; i++)
		if (!n || w->keys[i].pts / w->bin != w->keys[n - 1].pts / w->bin)
			w->keys[n++] = w->keys[i];
	w->n_keys = n;
}

static struct packet_bin *bin_at(struct tally *t, int64_t time)
{
	struct packet_counts *w = &t->w;
	while (time / w->bin >= PACKET_BINS_MAX)
		widen(w);
	size_t i = (size_t)(time / w->bin);
	if (i >= t->cap_bins) {
		size_t cap = i + i / 2 + 1024;
		w->bins = mem_grow(w->bins, cap, sizeof *w->bins);
		memset(w->bins + t->cap_bins, 0, (cap - t->cap_bins) * sizeof *w->bins);
		t->cap_bins = cap;
	}
	for (; w->n_bins <= i; w->n_bins++)
		w->bins[w->n_bins] = (struct packet_bin){0};
	return &w->bins[i];
}

static void note_key(struct tally *t, int64_t time, const AVPacket *pkt)
{
	struct packet_counts *w = &t->w;
	/* Keyframes whose times jump back would not be in order, and are only
	 * counted. */
	if (time >= t->end || (w->n_keys && time / w->bin <= w->keys[w->n_keys - 1].pts / w->bin))
		return;
	w->keys = mem_room(w->keys, w->n_keys, &t->cap_keys, sizeof *w->keys);
	w->keys[w->n_keys++] =
		(struct packet_key){time, source_time(t->source, pkt->dts), add(0, pkt->size)};
}

static void on_packet(void *ctx, const AVPacket *pkt, int64_t time)
{
	struct tally *t = ctx;
	const int64_t latest = INT64_C(10) * 366 * 86400 * CLOCK_SECOND;
	t->w.packets++;
	t->w.bytes += pkt->size;
	if (pkt->flags & AV_PKT_FLAG_KEY)
		t->w.keyframes++;
	if (time > latest)
		return; /* a corrupt timestamp */
	int64_t at = time < 0 ? 0 : time;
	struct packet_bin *b = bin_at(t, at);
	if (pkt->flags & AV_PKT_FLAG_KEY) {
		b->key_bytes = add(b->key_bytes, pkt->size);
		note_key(t, at, pkt);
		return;
	}
	b->bytes = add(b->bytes, pkt->size);
	if (b->packets < UINT16_MAX)
		b->packets++;
	if ((uint32_t)pkt->size > b->largest) {
		b->largest = (uint32_t)pkt->size;
		b->at = (uint16_t)((__int128)(at % t->w.bin) * 65536 / t->w.bin);
	}
}

/* Estimates of what decoding a pixel costs in relation to H.264. */
static double codec_weight(enum AVCodecID id)
{
	switch (id) {
	case AV_CODEC_ID_MPEG1VIDEO:
	case AV_CODEC_ID_MPEG2VIDEO:
	case AV_CODEC_ID_MPEG4:
	case AV_CODEC_ID_H263:
	case AV_CODEC_ID_FLV1: return 0.5;
	case AV_CODEC_ID_HEVC:
	case AV_CODEC_ID_AV1: return 1.25;
	case AV_CODEC_ID_PRORES:
	case AV_CODEC_ID_DNXHD:
	case AV_CODEC_ID_JPEG2000: return 4;
	default: return strcmp(avcodec_get_name(id), "vvc") == 0 ? 4 : 1;
	}
}

static int64_t frame_cost(const AVCodecParameters *p)
{
	return (int64_t)((double)p->width * p->height * codec_weight(p->codec_id));
}

int packet_scan_run(struct source *s, struct packet_counts *ret, struct err *err)
{
	struct tally t = {.source = s, .w.bin = PACKET_BIN_WIDTH};
	int r = extent_measure(s, &t.w.extent, err);
	t.end = t.w.extent.duration;
	if (r == 0)
		r = extent_scan(s, on_packet, &t, &t.w.extent, err);
	if (r < 0) {
		packet_counts_clear(&t.w);
		return r;
	}
	/* All keyframes may precede an edit list, or none may be marked: decoding
	 * begins with the first frame. */
	if (!t.w.n_keys) {
		t.w.keys = mem_grow(t.w.keys, 1, sizeof *t.w.keys);
		t.w.keys[t.w.n_keys++] =
			(struct packet_key){t.w.extent.first > 0 ? t.w.extent.first : 0, CLOCK_NONE, 0};
	}
	t.w.frame_cost = frame_cost(s->st->codecpar);
	*ret = t.w;
	return 0;
}
