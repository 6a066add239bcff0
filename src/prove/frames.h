/* SPDX-License-Identifier: Apache-2.0 */
/* The cited frames of one source, decoded again. One thread at a time; blocks. */
#ifndef VDET_PROVE_FRAMES_H
#define VDET_PROVE_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "decoder/decoder.h"
#include "prove/read.h"

/* A frame as it is decoded here and now. Strings are never NULL. */
struct found_frame {
	int64_t time; /* that was asked for */
	int64_t pts;  /* of the frame that is shown then */
	char *planes_sha256, *planes_format, *decode_path, *gray;
	char *fault; /* why there is none; "" = there is one */
	bool lost;   /* the decoder failed, which says nothing about the frame */
};
struct found {
	struct found_frame *frames; /* in order of time, each once */
	size_t n;
};
void found_clear(struct found *f);

/* Decodes all frames that `f` cites of source number `source`, from `fd`. What
 * cannot be decoded has a fault; the only error is ERR_CANCELED. `o`: how
 * children are started; stream, rate and gaps are those of the source. */
int found_make(const struct cited_file *f, size_t source, int fd, const struct decoder_options *o,
               struct cancel *cancel, struct found *ret, struct err *err);
/* NULL if this time was not asked for. */
const struct found_frame *found_at(const struct found *f, int64_t time);

/* How a cited frame compares with the one that is found. */
enum found_match {
	FOUND_SAME,
	FOUND_LOST,        /* the decoder failed: it is not known */
	FOUND_GONE,        /* there is no frame at this time */
	FOUND_OTHER,       /* it is another one */
	FOUND_ALIKE,       /* other samples, but a picture that looks alike */
	FOUND_ELSEWISE,    /* other samples, decoded in another way: cannot be compared */
	FOUND_NO_IDENTITY, /* the file, or the decoder here, gives none */
	FOUND_MATCHES
};
enum found_match found_compare(const struct cited_frame *c, const struct found_frame *f);
/* How much the gray levels of their pictures differ: on average, and at most;
 * false if they are not known. */
bool found_difference(const struct cited_frame *c, const struct found_frame *f, double *ret_mean,
                      int *ret_most);
/* `o` for this source: its stream, and its rate and gaps if the file has them. */
struct decoder_options found_options(const struct cited_source *s, const struct decoder_options *o);

#endif
