/* SPDX-License-Identifier: Apache-2.0 */
/* The requests AUDIO and SAMPLES of role `media` (protocol/media-wire.h).
 * Replies are sent on ROLE_SOCKET; an error that is returned has not been
 * sent. */
#ifndef VDET_CHILD_MEDIA_SAMPLES_H
#define VDET_CHILD_MEDIA_SAMPLES_H

#include <jansson.h>
#include <stdint.h>

#include "base/err.h"
#include "media/input.h"
#include "media/sound.h"
#include "media/source.h"

/* Where the last request ended, so that one that goes on there needs no seek.
 * Zero = nothing was read yet. */
struct samples {
	struct sound *sound;
	int track;
	int64_t at;          /* time of the next sample */
	const int16_t *rest; /* samples that were read beyond it, borrowed from `sound` */
	size_t n_rest;
};
void samples_clear(struct samples *s);

int media_audio(struct input *in, const struct source_options *options, struct err *err);
int media_samples(struct samples *s, struct input *in, const struct source_options *options,
                  const json_t *request, struct err *err);

#endif
