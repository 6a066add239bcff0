/* SPDX-License-Identifier: Apache-2.0 */
/* Describes a video from its header, its packets, and its first frame. */
#ifndef VDET_MEDIA_PROBE_H
#define VDET_MEDIA_PROBE_H

#include <stdbool.h>

#include "base/clock.h"
#include "media/extent.h"
#include "media/reader.h"
#include "media/source.h"
#include "protocol/media-wire.h"

/* This much time without pictures at the start, or of sound after the end, is
 * reported: microseconds. */
#define PROBE_SILENT (10 * CLOCK_SECOND)

struct probe {
	struct extent extent;
	int width, height; /* as displayed */
	int coded_width, coded_height;
	int rotation; /* degrees clockwise that are applied */
	double fps;   /* 0 if unknown */
	bool variable_rate, interlaced, has_audio;
	/* Unix time of its beginning in microseconds, as the file has it; 0 = it
	 * does not say */
	int64_t recorded;
	char timecode[MEDIA_TIMECODE_MAX + 1]; /* of its first frame; "" = none */
	int timeline; /* version of the rules for its times, see TIMELINE_VERSION */
	const char *codec, *hdr, *pixel_format; /* static */
	/* Warnings for users: faults of the file, and assumptions; joined by "; ";
	 * "" if there are none. */
	char warning[590];
};

/* Decodes the first frame and measures the extent. Moves the source and calls
 * reader_moved(). */
int probe_run(struct source *s, struct reader *r, struct probe *ret, struct err *err);

#endif
