/* SPDX-License-Identifier: Apache-2.0 */
/* Forms of a transcript. Pure. */
#ifndef VDET_TRANSCRIPT_EXPORT_H
#define VDET_TRANSCRIPT_EXPORT_H

#include "base/buf.h"
#include "base/err.h"
#include "store/transcript.h"

#define TRANSCRIPT_FORMATS "txt|srt|vtt|json"
enum { TRANSCRIPT_ALL = -1 };

/* Appends the segments of one track, or of all, in one of these formats.
 * ERR_ARG: there is no such format; ERR_LIMIT: `out` is too small. */
int transcript_print(const struct store_transcript *t, const char *format, int track,
                     struct buf *out, struct err *err);

#endif
