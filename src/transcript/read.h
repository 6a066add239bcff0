/* SPDX-License-Identifier: Apache-2.0 */
/* Reads what is said from the text tracks of a video. Blocks for the decoder;
 * one thread. Times: microseconds of the video. */
#ifndef VDET_TRANSCRIPT_READ_H
#define VDET_TRANSCRIPT_READ_H

#include "decoder/decoder.h"
#include "decoder/texts-read.h"
#include "store/transcript.h"

struct transcript_range {
	int64_t from, to; /* what overlaps this part is kept */
	int64_t duration; /* of the video */
};

/* The subtitles in the file, in order of start. *ret_fault: why not all of them
 * are there, for people; "" = they are; the caller frees it and clears *ret. */
int transcript_read(struct decoder *d, const struct transcript_range *range,
                    struct store_transcript *ret, char **ret_fault, struct err *err);

/* The same from what the decoder has sent; takes its texts. Pure. */
void transcript_take(struct decoder_texts *from, const struct transcript_range *range,
                     struct store_transcript *ret, char **ret_fault);

#endif
