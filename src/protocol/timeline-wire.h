/* SPDX-License-Identifier: Apache-2.0 */
/* The timeline of a video: how the times of its container become one continuous
 * clock that starts at zero, and how long the video is. Made once by a media
 * child and given to every other child of the same file, so that all of them
 * use the same times. Times: microseconds; "container" times are those of the
 * file, all others are of the timeline. Pure functions; any thread. */
#ifndef VDET_PROTOCOL_TIMELINE_WIRE_H
#define VDET_PROTOCOL_TIMELINE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A run of packets whose container times need the same correction. */
struct timeline_part {
	int64_t pos;        /* byte where it begins */
	int64_t add;        /* added to every container time */
	int64_t begin, end; /* of its frames */
};

enum timeline_kind {
	TIMELINE_CLOCK_BACK,    /* the clock was set back: recordings joined, a restart, a wrap */
	TIMELINE_CLOCK_FORWARD, /* the clock was set forward: other streams continue without a gap */
	TIMELINE_NO_PICTURES,   /* time without pictures: another stream covers it */
	TIMELINE_UNDECIDED,     /* either of the two above */
	TIMELINE_KINDS
};
extern const char *const timeline_kind_name[TIMELINE_KINDS];

/* A discontinuity of the container's clock. */
struct timeline_gap {
	int64_t time;     /* of the frame after it */
	int64_t from, to; /* container times of the frames before and after it */
	enum timeline_kind kind;
	bool closed; /* the difference was taken out of the timeline */
};

/* Where decoding can begin. */
struct timeline_key {
	int64_t pos, time;
};

struct timeline {
	int64_t start;    /* container time for zero */
	int64_t first;    /* time of the first frame */
	int64_t duration; /* end of the last frame; 0 if not measured yet */
	int64_t header;   /* duration in the header, 0 if there is none */
	int64_t frames;   /* packets counted, 0 if the header was used */
	int64_t skipped;  /* time before the first keyframe that cannot be decoded */
	int64_t step;     /* usual distance of two frames, 0 if not known */
	bool measured;    /* the header's duration was wrong or absent */
	bool revised;     /* version 2 of the rules gave other times, see TIMELINE_VERSION */
	struct timeline_part *parts;
	size_t n_parts; /* 0 if no container time is corrected */
	struct timeline_gap *gaps;
	size_t n_gaps;
	struct timeline_key *keys; /* ascending; a selection, only if there are parts */
	size_t n_keys;
};
void timeline_clear(struct timeline *t); /* frees the arrays, and zeroes it */
/* `ret` is overwritten; the caller clears it. */
void timeline_copy(const struct timeline *t, struct timeline *ret);

enum {
	TIMELINE_GAPS_MAX = 4096,
	TIMELINE_KEYS_MAX = 16384,
	TIMELINE_BYTES_MAX = 1 << 20,
};

/* The form on the wire, of *ret_len bytes; the caller frees. */
unsigned char *timeline_write(const struct timeline *t, size_t *ret_len);
/* `ret` is overwritten, and cleared by the caller. False, with `ret` as it was,
 * if the bytes are not a valid timeline. */
bool timeline_read(const unsigned char *data, size_t len, struct timeline *ret);

#endif
