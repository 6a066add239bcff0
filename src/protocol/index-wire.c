/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/index-wire.h"

#include <math.h>
#include <string.h>

static unsigned char *put(unsigned char *p, uint64_t v, int bytes)
{
	for (int i = 0; i < bytes; i++)
		*p++ = (unsigned char)(v >> (8 * i));
	return p;
}

static uint64_t get(const unsigned char **p, int bytes)
{
	uint64_t v = 0;
	for (int i = 0; i < bytes; i++)
		v |= (uint64_t) * (*p)++ << (8 * i);
	return v;
}

void packet_bin_put(unsigned char *p, const struct packet_bin *b)
{
	p = put(p, b->bytes, 4);
	p = put(p, b->largest, 4);
	p = put(p, b->key_bytes, 4);
	p = put(p, b->packets, 2);
	put(p, b->at, 2);
}

void packet_bin_get(const unsigned char *p, struct packet_bin *b)
{
	b->bytes = (uint32_t)get(&p, 4);
	b->largest = (uint32_t)get(&p, 4);
	b->key_bytes = (uint32_t)get(&p, 4);
	b->packets = (uint16_t)get(&p, 2);
	b->at = (uint16_t)get(&p, 2);
}

void packet_key_put(unsigned char *p, const struct packet_key *k)
{
	p = put(p, (uint64_t)k->pts, 8);
	p = put(p, (uint64_t)k->dts, 8);
	put(p, k->bytes, 4);
}

void packet_key_get(const unsigned char *p, struct packet_key *k)
{
	k->pts = (int64_t)get(&p, 8);
	k->dts = (int64_t)get(&p, 8);
	k->bytes = (uint32_t)get(&p, 4);
}

void signature_put(unsigned char *p, const struct signature *s)
{
	uint32_t sharpness;
	memcpy(&sharpness, &s->sharpness, sizeof sharpness);
	p = put(p, (uint64_t)s->pts, 8);
	p = put(p, s->hash, 8);
	p = put(p, sharpness, 4);
	p = put(p, s->mean, 1);
	p = put(p, s->deviation, 1);
	p = put(p, s->flags, 2);
	memcpy(p, s->luma, sizeof s->luma);
	p += sizeof s->luma;
	memcpy(p, s->chroma, sizeof s->chroma);
	p += sizeof s->chroma;
	for (int i = 0; i < SIGNATURE_LEVELS; i++)
		p = put(p, s->levels[i], 2);
}

bool signature_get(const unsigned char *p, struct signature *s)
{
	s->pts = (int64_t)get(&p, 8);
	s->hash = get(&p, 8);
	uint32_t sharpness = (uint32_t)get(&p, 4), sum = 0;
	memcpy(&s->sharpness, &sharpness, sizeof sharpness);
	s->mean = (uint8_t)get(&p, 1);
	s->deviation = (uint8_t)get(&p, 1);
	uint64_t flags = get(&p, 2);
	s->flags = (uint8_t)flags;
	memcpy(s->luma, p, sizeof s->luma);
	p += sizeof s->luma;
	memcpy(s->chroma, p, sizeof s->chroma);
	p += sizeof s->chroma;
	for (int i = 0; i < SIGNATURE_LEVELS; i++)
		sum += s->levels[i] = (uint16_t)get(&p, 2);
	/* Each level is rounded separately. */
	return isfinite(s->sharpness) && s->sharpness >= 0 && sum <= 65535 + SIGNATURE_LEVELS &&
	       !(flags & ~UINT64_C(3));
}

void grid_put(unsigned char *p, const struct grid *g)
{
	p = put(p, (uint64_t)g->pts, 8);
	memcpy(p, g->luma, sizeof g->luma);
	memcpy(p + sizeof g->luma, g->chroma, sizeof g->chroma);
}

void grid_get(const unsigned char *p, struct grid *g)
{
	g->pts = (int64_t)get(&p, 8);
	memcpy(g->luma, p, sizeof g->luma);
	memcpy(g->chroma, p + sizeof g->luma, sizeof g->chroma);
}
