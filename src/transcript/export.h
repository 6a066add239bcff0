/* SPDX-License-Identifier: Apache-2.0 */
/* Forms of a transcript. Pure. */
#ifndef VDET_TRANSCRIPT_EXPORT_H
#define VDET_TRANSCRIPT_EXPORT_H

#include "base/buf.h"
#include "base/err.h"
#include "report/said.h"
#include "store/transcript.h"

#define TRANSCRIPT_FORMATS "txt|srt|vtt|json"

/* Appends the segments that are chosen, in one of these formats. ERR_ARG:
 * the format or the choice is not known; ERR_LIMIT: `out` is too small. */
int transcript_print(const struct store_transcript *t, const char *format,
                     const struct said_choice *choice, struct buf *out, struct err *err);

#endif
