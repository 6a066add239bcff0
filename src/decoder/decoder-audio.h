/* SPDX-License-Identifier: Apache-2.0 */
/* The sound of a file, read by the media child. As in decoder.h, everything is
 * checked, and an error return means that the child is gone. Requires no
 * probe. */
#ifndef VDET_DECODER_DECODER_AUDIO_H
#define VDET_DECODER_DECODER_AUDIO_H

#include "decoder/decoder.h"
#include "protocol/media-wire.h"

struct decoder_audio_track {
	int index;                      /* of the stream in the file */
	char *codec, *language, *title; /* "" = the file does not say; one line each */
	int rate, channels;
	int64_t end;      /* time at which it ends, as the file states it; 0 = it does not */
	bool undecodable; /* this machine has no decoder for it */
};

struct decoder_audio {
	struct decoder_audio_track *tracks; /* in order of index */
	size_t n;
	int best; /* index of the stream that is taken if none is named; -1 = none */
};
void decoder_audio_clear(struct decoder_audio *a);

/* The caller clears `ret`, also after an error. */
int decoder_audio(struct decoder *d, struct decoder_audio *ret, struct err *err);
/* Reads the head of the child's answer. Pure. ERR_PROTO. */
int decoder_audio_read(const json_t *head, struct decoder_audio *ret, struct err *err);

/* A part of the sound of one track. */
struct decoder_sound {
	int track;        /* index of the stream */
	int64_t from, to; /* at most MEDIA_SAMPLES_SECONDS */
	/* Times up to here, most often the duration of the video, are not taken for
	 * errors of the clock. */
	int64_t believed;
};
/* Sound that is there, but could not be decoded. */
struct decoder_lost {
	int64_t from, to;
};
struct decoder_lost_list {
	struct decoder_lost *items; /* in order; free() it */
	size_t n;
};
/* Samples of one channel, MEDIA_SAMPLES_RATE a second, the first at `from`:
 * sets *ret to a new array, and *ret_n to their number, which is what fits
 * into the part; what the sound does not have, or what could not be decoded,
 * is silence. *ret_ended: the sound ends before `to`. The second is appended
 * to `lost`, which may be NULL. A part that begins where the last one ended is
 * read on without a seek. The timeout of the decoder applies between two steps
 * of it. */
int decoder_samples(struct decoder *d, const struct decoder_sound *o, int16_t **ret, size_t *ret_n,
                    bool *ret_ended, struct decoder_lost_list *lost, struct err *err);
/* Appends what the head of DONE has of a request. Pure. ERR_PROTO. */
int decoder_lost_read(const json_t *head, const struct decoder_sound *o,
                      struct decoder_lost_list *to, struct err *err);

#endif
