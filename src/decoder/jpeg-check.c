/* SPDX-License-Identifier: Apache-2.0 */
#include "decoder/jpeg-check.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
	SOI = 0xd8,
	EOI = 0xd9,
	SOS = 0xda,
	SOF0 = 0xc0,
	DHT = 0xc4,
	DQT = 0xdb,
	DRI = 0xdd,
	COM = 0xfe,
	APP0 = 0xe0
};

static unsigned be16(const unsigned char *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

/* Coded data up to the end: only stuffed bytes and restart markers may follow
 * an 0xff. */
static bool scan_ends_well(const unsigned char *p, const unsigned char *end)
{
	while ((p = memchr(p, 0xff, (size_t)(end - p)))) {
		if (end - p < 2)
			return false;
		if (p[1] == EOI)
			return p + 2 == end;
		if (p[1] != 0 && (p[1] < 0xd0 || p[1] > 0xd7))
			return false;
		p += 2;
	}
	return false;
}

int jpeg_check(const unsigned char *data, size_t len, int width, int height, struct err *err)
{
	bool frame = false;
	if (len < 4 || data[0] != 0xff || data[1] != SOI)
		return err_set(err, ERR_PROTO, "a picture is not a JPEG");
	for (size_t i = 2; len - i >= 4;) {
		unsigned marker = data[i + 1], size = be16(data + i + 2);
		const unsigned char *body = data + i + 4;
		if (data[i] != 0xff || size < 2 || size > len - i - 2)
			return err_set(err, ERR_PROTO, "a JPEG is malformed at byte %zu", i);
		if (marker == SOF0) {
			if (frame || size != 17 || body[0] != 8 || be16(body + 1) != (unsigned)height ||
			    be16(body + 3) != (unsigned)width || body[5] != 3)
				return err_set(err, ERR_PROTO, "a JPEG has the wrong size (expected %dx%d)", width,
				               height);
			frame = true;
		} else if (marker == SOS) {
			if (frame && scan_ends_well(data + i + 2 + size, data + len))
				return 0;
			return err_set(err, ERR_PROTO, "a JPEG is cut off");
		} else if (marker != DHT && marker != DQT && marker != DRI && marker != COM &&
		           (marker & 0xf0) != APP0) {
			return err_set(err, ERR_PROTO, "a JPEG has the unexpected marker %02x", marker);
		}
		i += 2 + size;
	}
	return err_set(err, ERR_PROTO, "a JPEG is cut off");
}

void jpeg_thumb_size(int *w, int *h, int size)
{
	int side = *w > *h ? *w : *h;
	if (side <= size)
		return;
	*w = (int)(((int64_t)*w * size * 2 + side) / (2 * (int64_t)side));
	*h = (int)(((int64_t)*h * size * 2 + side) / (2 * (int64_t)side));
	*w = *w < 1 ? 1 : *w;
	*h = *h < 1 ? 1 : *h;
}
