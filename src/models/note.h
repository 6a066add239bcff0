/* SPDX-License-Identifier: Apache-2.0 */
/* Progress messages for users while model files are fetched or made. */
#ifndef VDET_MODELS_NOTE_H
#define VDET_MODELS_NOTE_H

/* Calls `fn` (may be NULL) with a line, which is cut after 299 bytes. */
void note_line(void (*fn)(void *ctx, const char *line), void *ctx, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
