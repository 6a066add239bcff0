/* SPDX-License-Identifier: Apache-2.0 */
/* The top-level boxes of an MP4/QuickTime file, read only to report what is
 * wrong with it. */
#ifndef VDET_MEDIA_BOX_H
#define VDET_MEDIA_BOX_H

#include <stdbool.h>
#include <stdint.h>

#include "media/input.h"

struct outline {
	int boxes; /* number of intact boxes before the end or the first bad one */
	bool ftyp, moov, moof, mdat;
	int64_t mdat_at;     /* offset of the content of the first mdat, if any */
	int64_t bad_at;      /* offset of the first box with an impossible size, -1 if none */
	char bad_type[5];    /* its type, printable */
	char cut_type[5];    /* the box that is longer than the file, "" if none */
	int64_t cut_missing; /* number of missing bytes */
};

void outline_read(struct input *in, struct outline *ret);
/* Four bytes, big-endian. */
uint32_t box_u32(const unsigned char *p);

#endif
