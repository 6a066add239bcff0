/* SPDX-License-Identifier: Apache-2.0 */
#include "media/sparse.h"

/* What the packet's opaque pointer is set to. */
static char filled;

int64_t sparse_step(const AVStream *st, AVRational rate, const AVPacket *pkt)
{
	if (pkt->duration > 0)
		return pkt->duration;
	if (rate.num <= 0 || rate.den <= 0)
		rate = (AVRational){25, 1};
	int64_t step = av_rescale_q(1, av_inv_q(rate), st->time_base);
	return step > 0 ? step : 1;
}

void sparse_fill(struct sparse_clock *c, const AVStream *st, AVRational rate, AVPacket *pkt)
{
	bool none = pkt->dts == AV_NOPTS_VALUE && pkt->pts == AV_NOPTS_VALUE;
	if (none && c->last == AV_NOPTS_VALUE)
		return;
	if (none) {
		if (__builtin_add_overflow(c->last, sparse_step(st, rate, pkt), &pkt->dts))
			pkt->dts = c->last;
		if (st->codecpar->video_delay == 0)
			pkt->pts = pkt->dts;
		pkt->opaque = &filled;
		c->filled = true;
	}
	c->last = pkt->dts != AV_NOPTS_VALUE ? pkt->dts : pkt->pts;
}

bool sparse_is_filled(const AVPacket *pkt)
{
	return pkt->opaque == &filled;
}
