/* SPDX-License-Identifier: Apache-2.0 */
#include "media/box.h"

#include <string.h>

static uint64_t be(const unsigned char *p, int n)
{
	uint64_t v = 0;
	for (int i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

uint32_t box_u32(const unsigned char *p)
{
	return (uint32_t)be(p, 4);
}

static void copy_type(char out[5], const unsigned char *p)
{
	for (int i = 0; i < 4; i++)
		out[i] = p[i] >= 0x20 && p[i] < 0x7f ? (char)p[i] : '?';
	out[4] = '\0';
}

void outline_read(struct input *in, struct outline *ret)
{
	enum { MAX_BOXES = 100000 };
	struct outline o = {.bad_at = -1};
	int64_t size = input_size(in), pos = 0;
	while (o.boxes < MAX_BOXES && pos < size) {
		unsigned char h[16];
		int n = input_read(in, pos, h, sizeof h);
		if (n < 8)
			break;

		uint64_t len = be(h, 4), least = 8;
		if (len == 1 && n == 16) {
			len = be(h + 8, 8);
			least = 16;
		} else if (len == 0) {
			len = (uint64_t)(size - pos);
		}
		if (len < least) {
			o.bad_at = pos;
			copy_type(o.bad_type, h + 4);
			break;
		}

		o.ftyp |= !memcmp(h + 4, "ftyp", 4);
		o.moov |= !memcmp(h + 4, "moov", 4);
		o.moof |= !memcmp(h + 4, "moof", 4);
		if (!o.mdat && !memcmp(h + 4, "mdat", 4))
			o.mdat_at = pos + (int64_t)least;
		o.mdat |= !memcmp(h + 4, "mdat", 4);
		if (len > (uint64_t)(size - pos)) {
			copy_type(o.cut_type, h + 4);
			o.cut_missing = (int64_t)((len - (uint64_t)(size - pos)) & INT64_MAX);
			break;
		}
		pos += (int64_t)len;
		o.boxes++;
	}

	*ret = o;
}
