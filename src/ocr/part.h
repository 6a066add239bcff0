/* SPDX-License-Identifier: Apache-2.0 */
/* A request to read a picture: the part that it names, and the lines that
 * answer it. For the child only. */
#ifndef VDET_OCR_PART_H
#define VDET_OCR_PART_H

#include <jansson.h>

#include "ocr/found.h"
#include "ocr/image.h"

struct ocr_request {
	int mode;       /* enum text_wire_mode */
	int x, y, w, h; /* 1/TEXT_SCALE of the picture */
	int turn;       /* degrees clockwise */
};

/* Cuts the part of a picture out, and turns it: *ret_at has where it is. The
 * caller destroys *ret. ERR_ARG if it is too small. */
int part_cut(const struct ocr_request *q, PIX *whole, struct image_box *ret_at, PIX **ret,
             struct err *err);

/* Lines of such a part as TEXT_MSG_LINES has them (protocol/text-wire.h); the
 * caller owns the result. */
json_t *part_lines(const struct found_lines *f, const struct image_box *at, int turn, PIX *whole);

#endif
