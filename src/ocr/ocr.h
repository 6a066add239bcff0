/* SPDX-License-Identifier: Apache-2.0 */
/* Reads writing in pictures with Tesseract; for the child only. One thread. */
#ifndef VDET_OCR_OCR_H
#define VDET_OCR_OCR_H

#include <jansson.h>
#include <stddef.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "ocr/part.h"

struct ocr;

/* Loads the languages ("eng+deu"), and touches everything that the library
 * opens when it is first used, so that it can be locked up afterwards. data:
 * folder, "" = that of the library. ERR_NOENT if the data of a language is
 * missing. */
int ocr_open(const char *languages, const char *data, struct ocr **ret, struct err *err);
void ocr_free(struct ocr *o);
DEFINE_FREEP(struct ocr, ocr)
const char *ocr_version(void); /* "Tesseract 5.3.0" */
/* SHA-256 of the data of its languages, as they are on disk. ERR_IO. */
int ocr_data(const struct ocr *o, const char *languages, char out[static HASH_HEX],
             struct err *err);

/* The lines in a JPEG as TEXT_MSG_LINES has them (protocol/text-wire.h); the
 * caller owns *ret. */
int ocr_read(struct ocr *o, const void *jpeg, size_t len, const struct ocr_request *q, json_t **ret,
             struct err *err);

/* The role `text`. */
int text_worker_main(int argc, char **argv);

#endif
