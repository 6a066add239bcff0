/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "base/clock.h"
#include "decoder/decoder-index.h"
#include "decoder/decoder-output.h"
#include "selftest/selftest.h"

enum {
	KBIT_MIN = 50, /* so that even a still picture can be encoded */
	BYTES_MORE = 256 << 20,
};

struct share {
	const struct selftest *t;
	void (*progress)(void *ctx, double fraction);
	void *ctx;
};

static void on_done(void *ctx, int64_t at)
{
	const struct share *s = ctx;
	s->progress(s->ctx, fmin(1, (double)at / (double)s->t->duration));
}

/* As the recording is encoded, so that the index finds the copy like it. */
static void imitate(const struct packet_scan *scan, struct decoder_planting *p)
{
	double seconds = (double)scan->duration / 1e6;
	double keyframes = scan->keyframes > 0 ? (double)scan->keyframes : 1;
	double kbit = (double)scan->bytes * 8 / 1000 / seconds;
	p->keyframe_s = fmin(fmax(seconds / keyframes, 0.1), 60);
	p->kbit = kbit > KBIT_MIN ? (int64_t)fmin(kbit, INT32_MAX) : KBIT_MIN;
}

int selftest_copy(const struct selftest *t, int fd, const struct decoder_options *o,
                  void (*progress)(void *ctx, double fraction), void *ctx, struct cancel *cancel,
                  int out_fd, struct err *err)
{
	AUTO(decoder_freep) struct decoder *d = NULL;
	AUTO(packet_scan_clear) struct packet_scan scan = {0};
	AUTO(mem_freep) struct plant *plants = mem_alloc(t->n, sizeof *plants);
	for (size_t i = 0; i < t->n; i++)
		plants[i] = t->events[i].plant;
	struct decoder_planting p = {
		.from = t->from, .to = t->from + t->duration, .plants = plants, .n = t->n};

	int r = decoder_open(fd, o, cancel, &d, err);
	if (r == 0)
		r = decoder_packets(d, &scan, err);
	if (r < 0)
		return r;
	imitate(&scan, &p);

	struct share share = {t, progress, ctx};
	const int64_t expected = t->duration / CLOCK_SECOND * p.kbit * 125;
	const struct decoder_output out = {
		.fd = out_fd, .max = 4 * expected + BYTES_MORE, .progress = on_done, .ctx = &share};
	return decoder_plant(d, &p, &out, err);
}

/* Whether a picture begins within the event; times are known to a bin. */
static bool is_shown(const struct packet_scan *scan, const struct plant *p)
{
	size_t a = (size_t)(p->start / scan->bin + 1), b = (size_t)(p->end / scan->bin);
	for (size_t i = a; i < b && i < scan->n_bins; i++)
		if (scan->bins[i].packets || scan->bins[i].key_bytes)
			return true;
	return false;
}

int selftest_drop_hidden(struct selftest *t, int copy_fd, const struct decoder_options *o,
                         struct cancel *cancel, struct err *err)
{
	AUTO(decoder_freep) struct decoder *d = NULL;
	AUTO(packet_scan_clear) struct packet_scan scan = {0};
	int r = decoder_open(copy_fd, o, cancel, &d, err);
	if (r == 0)
		r = decoder_packets(d, &scan, err);
	if (r < 0)
		return r;

	size_t kept = 0;
	for (size_t i = 0; i < t->n; i++)
		if (is_shown(&scan, &t->events[i].plant))
			t->events[kept++] = t->events[i];
	t->hidden = t->n - kept;
	t->n = kept;
	t->duration = scan.duration;
	return kept ? 0
	            : err_set(err, ERR_FORMAT,
	                      "no picture shows any of the events: each is shown for too long");
}
