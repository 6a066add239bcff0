/* SPDX-License-Identifier: Apache-2.0 */
/* What libav says: its error codes as ours, and the last complaint it logged,
 * for messages. One thread only. */
#ifndef VDET_MEDIA_NOTE_H
#define VDET_MEDIA_NOTE_H

#include "base/err.h"

/* Catches libav's log from now on, nothing of which goes to standard error; and
 * bounds its single allocations. */
void note_start(void);
void note_clear(void);
unsigned long note_count(void); /* error lines so far */
const char *note_last(void);    /* the last error line since note_clear(), "" if none */

/* Sets err from an AVERROR code: the text, then libav's own words. Returns
 * -err->code. */
int note_error(struct err *err, int av_code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
