/* SPDX-License-Identifier: Apache-2.0 */
/* Converts libav's error codes, and keeps its last log message, for error
 * messages. One thread only. */
#ifndef VDET_MEDIA_NOTE_H
#define VDET_MEDIA_NOTE_H

#include "base/err.h"

/* From now on, captures libav's log instead of writing it to standard error,
 * and limits its single allocations. */
void note_start(void);
void note_clear(void);
unsigned long note_count(void); /* number of error lines so far */
const char *note_last(void);    /* the last error line since note_clear(), "" if none */

/* Sets err from an AVERROR code: the text, then libav's message. Returns
 * -err->code. */
int note_error(struct err *err, int av_code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
