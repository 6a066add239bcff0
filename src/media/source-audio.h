/* SPDX-License-Identifier: Apache-2.0 */
/* The audio tracks of a file. One thread. */
#ifndef VDET_MEDIA_SOURCE_AUDIO_H
#define VDET_MEDIA_SOURCE_AUDIO_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "media/input.h"
#include "media/source.h"
#include "protocol/media-wire.h"

struct audio_track {
	int index;         /* of the stream in the file */
	const char *codec; /* constant */
	char language[16]; /* "" = the file does not say */
	char *title;       /* likewise; owned */
	int rate, channels;
	int64_t end; /* microseconds of the timeline, as stated by the file; 0 = not known */
	bool undecodable;
};

struct audio_tracks {
	struct audio_track tracks[MEDIA_AUDIO_MAX];
	size_t n;
	int best; /* index of the stream that is taken if none is named; -1 = none can be */
};
void audio_tracks_clear(struct audio_tracks *t);

/* Opens the input for it. The caller clears `ret`. */
int audio_list(struct input *in, const struct source_options *o, struct audio_tracks *ret,
               struct err *err);

#endif
