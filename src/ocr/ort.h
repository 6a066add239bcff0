/* SPDX-License-Identifier: Apache-2.0 */
/* ONNX Runtime by its C API, from a library that is opened at run time; for the
 * child only. One thread; nothing is released that others use. */
#ifndef VDET_OCR_ORT_H
#define VDET_OCR_ORT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

struct ort;
struct ort_model;

enum { ORT_DIMS_MAX = 4 };

struct ort_output {
	int64_t dims[ORT_DIMS_MAX];
	size_t n_dims;
	size_t n;    /* product of dims */
	float *data; /* owned */
};
void ort_output_clear(struct ort_output *o);

/* Opens the library. ERR_NOENT, ERR_FORMAT (not a library that can be loaded,
 * or not ONNX Runtime), ERR_UNSUPPORTED (too old, or of another kind). */
int ort_open(const char *library, struct ort **ret, struct err *err);
void ort_free(struct ort *o); /* after its models */
DEFINE_FREEP(struct ort, ort)
const char *ort_version(const struct ort *o); /* "1.21.0"; owned by it */

/* Loads a model that has one input and one output. data may be freed
 * afterwards; name: of its file, for messages. ERR_FORMAT. */
int ort_model_open(struct ort *o, const void *data, size_t len, const char *name,
                   struct ort_model **ret, struct err *err);
void ort_model_free(struct ort_model *m);
DEFINE_FREEP(struct ort_model, ort_model)

/* Input: dims[0] * … * dims[3] numbers. The caller clears `ret`, which is
 * overwritten. ERR_FORMAT if the model does not take or give such numbers. */
int ort_model_run(struct ort_model *m, float *input, const int64_t dims[static ORT_DIMS_MAX],
                  struct ort_output *ret, struct err *err);

#endif
