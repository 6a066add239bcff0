/* SPDX-License-Identifier: Apache-2.0 */
#include "media/orient.h"

#include <stdlib.h>
#include <string.h>

#include "media/compat.h"

struct orient orient_from_matrix(const int32_t m[9])
{
	/* Screen x = a x + c y, screen y = b x + d y, with y downwards. */
	int64_t a = m[0], b = m[1], c = m[3], d = m[4];
	int64_t straight = (a < 0 ? -a : a) + (d < 0 ? -d : d),
			crossed = (b < 0 ? -b : b) + (c < 0 ? -c : c);
	if (straight >= crossed) {
		if (a < 0 && d < 0)
			return (struct orient){false, 180, "hflip,vflip"};
		if (a < 0)
			return (struct orient){false, 0, "hflip"};
		if (d < 0)
			return (struct orient){false, 0, "vflip"};
		return (struct orient){false, 0, ""};
	}
	if (b > 0 && c < 0)
		return (struct orient){true, 90, "transpose=clock"};
	if (b < 0 && c > 0)
		return (struct orient){true, 270, "transpose=cclock"};
	if (b > 0)
		return (struct orient){true, 90, "transpose=cclock_flip"};
	return (struct orient){true, 90, "transpose=clock_flip"};
}

static bool read_matrix(const AVStream *st, const AVFrame *frame, int32_t m[static 9])
{
	const AVFrameSideData *sd =
		frame ? av_frame_get_side_data(frame, AV_FRAME_DATA_DISPLAYMATRIX) : NULL;
	const uint8_t *data = compat_side_data(st, AV_PKT_DATA_DISPLAYMATRIX, 9 * sizeof *m);
	if (sd && sd->size >= 9 * sizeof *m)
		data = sd->data;
	if (!data)
		return false;
	memcpy(m, data, 9 * sizeof *m);
	return true;
}

bool orient_is_rounded(const AVStream *st, const AVFrame *frame)
{
	int32_t m[9];
	if (!read_matrix(st, frame, m))
		return false;
	int64_t a = llabs((int64_t)m[0]) + llabs((int64_t)m[4]);
	int64_t b = llabs((int64_t)m[1]) + llabs((int64_t)m[3]);
	return (a < b ? a : b) * 50 > (a < b ? b : a);
}

struct orient orient_of(const AVStream *st, const AVFrame *frame)
{
	int32_t m[9];
	return read_matrix(st, frame, m) ? orient_from_matrix(m) : (struct orient){false, 0, ""};
}
