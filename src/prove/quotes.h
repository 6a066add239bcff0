/* SPDX-License-Identifier: Apache-2.0 */
/* Quotes and texts of one source, compared with the subtitles of its video,
 * which are read again. What an engine recognized is not compared. One thread
 * at a time; blocks. */
#ifndef VDET_PROVE_QUOTES_H
#define VDET_PROVE_QUOTES_H

#include "base/cancel.h"
#include "base/err.h"
#include "decoder/decoder.h"
#include "prove/read.h"
#include "store/transcript.h"

struct quotes {
	struct store_transcript subtitles;
	char *fault; /* why they could not be read, or not all; "" = they are there */
};
void quotes_clear(struct quotes *q);

/* Reads the subtitles of `fd`; `o` as found_options() makes them. The only
 * error is ERR_CANCELED. */
int quotes_read(int fd, const struct decoder_options *o, struct cancel *cancel, struct quotes *ret,
                struct err *err);

enum quote_match {
	QUOTE_SAME,       /* a subtitle of the file at this time */
	QUOTE_OTHER,      /* there is no such subtitle at this time */
	QUOTE_UNREAD,     /* the subtitles could not be read */
	QUOTE_RECOGNIZED, /* by an engine: nothing to compare it with */
};
/* `source`: as in struct cited; "" is one of subtitles. */
enum quote_match quotes_compare(const struct quotes *q, const char *source, int64_t start,
                                const char *text);

/* How many subtitles that begin in a part of the video a report lacks. */
size_t quotes_lacking(const struct quotes *q, const struct cited_file *f);

#endif
