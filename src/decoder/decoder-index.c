/* SPDX-License-Identifier: Apache-2.0 */
#include "decoder/decoder-index.h"

#include <stdlib.h>

#include "base/clock.h"
#include "decoder/decoder-internal.h"
#include "protocol/media-wire.h"

void packet_scan_clear(struct packet_scan *w)
{
	free(w->bins);
	free(w->keys);
	*w = (struct packet_scan){0};
}

static int read_packets_head(const json_t *h, struct packet_scan *w, struct err *err)
{
	int64_t bins = 0, keys = 0;
	struct {
		const char *key;
		int64_t min, max, *ret;
	} ints[] = {
		{"first", -DECODER_LATEST, DECODER_LATEST, &w->first},
		{"duration", 1, DECODER_LATEST, &w->duration},
		{"bin", PACKET_BIN_WIDTH, DECODER_LATEST, &w->bin},
		{"bins", 0, PACKET_BINS_MAX, &bins},
		{"keys", 0, PACKET_KEYS_MAX, &keys},
		{"packets", 1, INT64_MAX, &w->packets},
		{"keyframes", 0, INT64_MAX, &w->keyframes},
		{"bytes", 0, INT64_MAX, &w->bytes},
		{"frame_cost", 0, INT64_C(1) << 40, &w->frame_cost},
	};
	for (size_t i = 0; i < ARRAY_LEN(ints); i++) {
		int r = wire_int(h, ints[i].key, ints[i].min, ints[i].max, ints[i].ret, err);
		if (r < 0)
			return r;
	}
	w->n_bins = (size_t)bins;
	w->n_keys = (size_t)keys;
	return 0;
}

static int read_packets(const struct wire_msg *m, struct packet_scan *w, struct err *err)
{
	int r = read_packets_head(m->head, w, err);
	if (r < 0)
		return r;
	size_t bins = w->n_bins * PACKET_BIN_BYTES;
	if (m->blob_len != bins + w->n_keys * PACKET_KEY_BYTES)
		return err_set(err, ERR_PROTO, "the length of the packet sizes is wrong");
	w->bins = mem_alloc(w->n_bins + 1, sizeof *w->bins);
	w->keys = mem_alloc(w->n_keys + 1, sizeof *w->keys);
	for (size_t i = 0; i < w->n_bins; i++)
		packet_bin_get(m->blob + i * PACKET_BIN_BYTES, &w->bins[i]);
	int64_t last = -1;
	for (size_t i = 0; i < w->n_keys; i++) {
		packet_key_get(m->blob + bins + i * PACKET_KEY_BYTES, &w->keys[i]);
		if (w->keys[i].pts <= last || w->keys[i].pts > w->duration)
			return err_set(err, ERR_PROTO, "the keyframes are not in order");
		last = w->keys[i].pts;
	}
	return 0;
}

int decoder_packets(struct decoder *d, struct packet_scan *ret, struct err *err)
{
	AUTO(wire_msg_clear) struct wire_msg m = {0};
	AUTO(packet_scan_clear) struct packet_scan w = {0};
	int r = decoder_request(d, MEDIA_PACKETS, NULL, err);
	if (r == 0)
		r = decoder_receive(d, MEDIA_PACKETS_INFO, MEDIA_PACKETS_INFO, WIRE_BLOB_MAX, &m, err);
	if (r < 0)
		return r;
	if (read_packets(&m, &w, err) < 0)
		return decoder_give_up(d, err);
	*ret = w;
	w = (struct packet_scan){0};
	return 0;
}

/* Reduces *left by the number of signatures. */
static int read_pictures(const struct wire_msg *m, size_t *left, struct signatures *out,
                         struct grids *grids, struct err *err)
{
	int64_t n, n_grids;
	int r = wire_int(m->head, "n", 1, SIGNATURES_MAX, &n, err);
	if (r == 0)
		r = wire_int(m->head, "grids", 0, n < GRIDS_MAX ? n : GRIDS_MAX, &n_grids, err);
	if (r < 0)
		return r;
	if ((size_t)n > *left)
		return err_set(err, ERR_PROTO, "an invalid number of signatures was sent: %lld",
		               (long long)n);
	*left -= (size_t)n;
	return pictures_read(m->blob, m->blob_len, (size_t)n, (size_t)n_grids, out, grids, err);
}

/* Receives everything up to DONE; at most `left` signatures. */
static int take_pictures(struct decoder *d, size_t left, struct signatures *out,
                         struct grids *grids, struct err *err)
{
	const size_t most = SIGNATURES_MAX * SIGNATURE_BYTES + GRIDS_MAX * GRID_BYTES;
	for (;;) {
		AUTO(wire_msg_clear) struct wire_msg m = {0};
		int r = decoder_receive(d, MEDIA_SIGNATURES, MEDIA_DONE, most, &m, err);
		if (r < 0 || m.type == MEDIA_DONE)
			return r;
		if (read_pictures(&m, &left, out, grids, err) < 0)
			return decoder_give_up(d, err);
	}
}

int decoder_keys(struct decoder *d, const struct packet_key *keys, size_t n, struct signatures *out,
                 struct grids *grids, struct err *err)
{
	json_t *times = json_array(), *dts = json_array();
	for (size_t i = 0; i < n; i++) {
		json_array_append_new(times, json_integer(keys[i].pts));
		json_array_append_new(dts, json_integer(keys[i].dts));
	}
	json_auto_t *head = json_pack("{s:o s:o}", "times", times, "dts", dts);
	int r = decoder_request(d, MEDIA_KEYS, head, err);
	return r < 0 ? r : take_pictures(d, n, out, grids, err);
}

int decoder_stretch(struct decoder *d, int64_t from, int64_t to, bool all, size_t max,
                    struct signatures *out, struct grids *grids, struct err *err)
{
	json_auto_t *head =
		json_pack("{s:I s:I s:b}", "from", (json_int_t)from, "to", (json_int_t)to, "all", all);
	int r = decoder_request(d, MEDIA_STRETCH, head, err);
	return r < 0 ? r : take_pictures(d, max, out, grids, err);
}
