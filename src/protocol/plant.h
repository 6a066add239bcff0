/* SPDX-License-Identifier: Apache-2.0 */
/* Events that the self-test plants into a copy of a recording
 * (selftest/selftest.h), as the media child draws them (media/plant.h). Plain
 * data. */
#ifndef VDET_PROTOCOL_PLANT_H
#define VDET_PROTOCOL_PLANT_H

#include <stdint.h>

enum plant_kind {
	PLANT_OBJECT,  /* something small that moves through the picture */
	PLANT_PICTURE, /* another one: its negative, turned by 180 degrees */
	PLANT_KINDS
};

enum { PLANTS_MAX = 1000 /* in one copy */ };

struct plant {
	enum plant_kind kind;
	int64_t start, end; /* [start, end), microseconds from the start of the copy */
	/* Of an object only. An upright ellipse whose size is a share of the
	 * width of the picture; its center moves in a straight line from (x0, y0)
	 * to (x1, y1), shares of width and height. */
	double width, height, x0, y0, x1, y1;
	int contrast;  /* to the picture behind it where it appears, in levels of luma: 1 to 200 */
	int blue, red; /* its chroma, -100 to 100 */
};

#endif
