/* SPDX-License-Identifier: Apache-2.0 */
/* Reads writing in pictures with the networks of PP-OCR; for the child only.
 * One thread. */
#ifndef VDET_OCR_PPOCR_H
#define VDET_OCR_PPOCR_H

#include <jansson.h>
#include <stddef.h>

#include "base/err.h"
#include "base/mem.h"
#include "ocr/part.h"

struct ppocr;

/* Reads the models in a folder, without the library. ERR_NOENT, ERR_LIMIT. */
int ppocr_open(const char *models, struct ppocr **ret, struct err *err);
/* Loads the library, gives it the models, and uses both once, so that nothing
 * else has to be opened later. ERR_NOENT, ERR_FORMAT, ERR_UNSUPPORTED. */
int ppocr_start(struct ppocr *p, const char *library, struct err *err);
void ppocr_free(struct ppocr *p);
DEFINE_FREEP(struct ppocr, ppocr)
/* "PP-OCRv4, ONNX Runtime 1.21.0", once it is started; owned by it. */
const char *ppocr_name(const struct ppocr *p);

/* SHA-256 of its models. */
const char *ppocr_data(const struct ppocr *p);

/* As ocr_read(). */
int ppocr_read(struct ppocr *p, const void *jpeg, size_t len, const struct ocr_request *q,
               json_t **ret, struct err *err);

#endif
