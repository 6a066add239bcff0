/* SPDX-License-Identifier: Apache-2.0 */
/* Reads what is written in the pictures of a video: frames that the index says
 * are new, each text in two of them. Blocks for decoder and reader; one thread.
 * Times: microseconds of the video. */
#ifndef VDET_SCREENTEXT_SCAN_H
#define VDET_SCREENTEXT_SCAN_H

#include "base/cancel.h"
#include "decoder/decoder.h"
#include "screentext/merge.h"
#include "screentext/times.h"

struct text_scan_options {
	int fd; /* the video; borrowed, as all pointers */
	struct decoder_options decoder;
	struct text_reader *reader;
	const struct text_sample *samples; /* ascending; see text_samples_make() */
	size_t n_samples;
	int64_t to; /* of the last one: a second frame is read before */
	/* What is known of the writing in a frame that is read with this turn: then
	 * it is neither decoded nor read. False: nothing. May be NULL. The caller
	 * clears `ret`. */
	bool (*known)(void *ctx, int64_t time, int turn, struct text_lines *ret);
	/* What was read. May be NULL. */
	void (*note)(void *ctx, int64_t time, int turn, const struct text_lines *lines);
	void *ctx;
};

struct text_scan {
	struct text_passages passages;
	size_t frames;   /* read */
	size_t unread;   /* frames that could not be decoded or read */
	char *fault;     /* the first reason for that; NULL if there is none */
	int64_t reading; /* microseconds that reading took, without decoding */
};
void text_scan_clear(struct text_scan *s);

/* Where a scan may be cut: what is read from the sample on does not depend on
 * what was read before, but for what is known of its texts. */
bool text_scan_cut(const struct text_sample *before, const struct text_sample *sample);

/* Fails with ERR_CANCELED, or where nothing can be read any more: a reader or a
 * decoder that cannot be started. The caller clears `ret`, which is
 * overwritten. */
int text_scan_run(const struct text_scan_options *o, struct cancel *cancel, struct text_scan *ret,
                  struct err *err);

#endif
