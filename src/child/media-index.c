/* SPDX-License-Identifier: Apache-2.0 */
#include "child/media-index.h"

#include <stdlib.h>

#include "media/packet-scan.h"
#include "proc/spawn.h"
#include "proc/wire.h"
#include "protocol/media-wire.h"

static int answer_packets(const struct packet_counts *w, struct err *err)
{
	size_t bins = w->n_bins * PACKET_BIN_BYTES, len = bins + w->n_keys * PACKET_KEY_BYTES;
	AUTO(mem_freep) unsigned char *blob = malloc(len + 1);
	if (!blob)
		return err_set(err, ERR_LIMIT, "no memory for the packets' sizes");
	for (size_t i = 0; i < w->n_bins; i++)
		packet_bin_put(blob + i * PACKET_BIN_BYTES, &w->bins[i]);
	for (size_t i = 0; i < w->n_keys; i++)
		packet_key_put(blob + bins + i * PACKET_KEY_BYTES, &w->keys[i]);
	json_auto_t *head =
		json_pack("{s:I s:I s:I s:I s:I s:I s:I s:I s:I}", "first", (json_int_t)w->extent.first,
	              "duration", (json_int_t)w->extent.duration, "bin", (json_int_t)w->bin, "bins",
	              (json_int_t)w->n_bins, "keys", (json_int_t)w->n_keys, "packets",
	              (json_int_t)w->packets, "keyframes", (json_int_t)w->keyframes, "bytes",
	              (json_int_t)w->bytes, "frame_cost", (json_int_t)w->frame_cost);
	const struct wire_part part = {blob, len};
	return wire_send(ROLE_SOCKET, MEDIA_PACKETS_INFO, head, &part, 1, 0, NULL, err);
}

int media_index_packets(struct source *s, struct reader *r, struct err *err)
{
	AUTO(packet_counts_clear) struct packet_counts w = {0};
	int e = source_reopen(s, err);
	if (e == 0)
		e = packet_scan_run(s, &w, err);
	if (e < 0)
		return e;
	reader_moved(r, w.extent.duration);
	return answer_packets(&w, err);
}

/* Results to be sent, as soon as there are enough for a message. */
struct batch {
	size_t n, n_grids;
	unsigned char data[SIGNATURES_MAX * SIGNATURE_BYTES];
	unsigned char grids[GRIDS_MAX * GRID_BYTES];
};

static int flush(struct batch *b, struct err *err)
{
	json_auto_t *head =
		json_pack("{s:I, s:I}", "n", (json_int_t)b->n, "grids", (json_int_t)b->n_grids);
	const struct wire_part parts[] = {{b->data, b->n * SIGNATURE_BYTES},
	                                  {b->grids, b->n_grids * GRID_BYTES}};
	int r = b->n ? wire_send(ROLE_SOCKET, MEDIA_SIGNATURES, head, parts, 2, 0, NULL, err) : 0;
	b->n = b->n_grids = 0;
	return r;
}

static int on_picture(void *ctx, const struct signature *s, const struct grid *g, struct err *err)
{
	struct batch *b = ctx;
	signature_put(b->data + b->n++ * SIGNATURE_BYTES, s);
	if (g)
		grid_put(b->grids + b->n_grids++ * GRID_BYTES, g);
	return b->n == SIGNATURES_MAX || b->n_grids == GRIDS_MAX ? flush(b, err) : 0;
}

static int finish(struct batch *b, int r, struct err *err)
{
	if (r == 0)
		r = flush(b, err);
	return r < 0 ? r : wire_send(ROLE_SOCKET, MEDIA_DONE, NULL, NULL, 0, 0, NULL, err);
}

int media_index_keys(struct index_scan *x, const json_t *request, struct err *err)
{
	const json_t *list = json_object_get(request, "times");
	size_t n = json_array_size(list);
	if (!n || n > MEDIA_TIMES_MAX)
		return err_set(err, ERR_PROTO, "invalid number of keyframes: %zu", n);
	const json_t *dts = json_object_get(request, "dts");
	AUTO(mem_freep) struct packet_key *keys = mem_alloc(n, sizeof *keys);
	AUTO(mem_freep) struct batch *b = mem_alloc(1, sizeof *b);
	for (size_t i = 0; i < n; i++)
		keys[i] = (struct packet_key){.pts = json_integer_value(json_array_get(list, i)),
		                              .dts = json_integer_value(json_array_get(dts, i))};
	return finish(b, index_scan_keys(x, keys, n, on_picture, b, err), err);
}

int media_index_stretch(struct index_scan *x, const json_t *request, struct err *err)
{
	int64_t from, to;
	bool all;
	int r = wire_int(request, "from", INT64_MIN, INT64_MAX, &from, err);
	if (r == 0)
		r = wire_int(request, "to", from, INT64_MAX, &to, err);
	if (r == 0)
		r = wire_bool(request, "all", &all, err);
	if (r < 0)
		return r;
	AUTO(mem_freep) struct batch *b = mem_alloc(1, sizeof *b);
	return finish(b, index_scan_stretch(x, from, to, all, on_picture, b, err), err);
}
