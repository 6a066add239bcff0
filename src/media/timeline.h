/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the discontinuities of a container's clock and makes one continuous
 * timeline, for every container.
 *
 * A clock that is set back (joined recordings, a restarted camera, a
 * wraparound) begins a new part directly after the previous one. A clock that
 * is set forward is
 *   - closed as a clock error, if another stream continues without a gap;
 *   - kept as time without pictures, if another stream covers that time;
 *   - closed, and listed as undecided, if no other stream decides. Then it
 *     counts only in a stream of otherwise even frame times: a frame of a
 *     slide show or of a screen recording is shown long, without a gap.
 * A container that states the duration of each frame (MP4) has no gaps.
 *
 * One thread. Blocks while it reads the file. */
#ifndef VDET_MEDIA_TIMELINE_H
#define VDET_MEDIA_TIMELINE_H

#include <libavformat/avformat.h>
#include <stdbool.h>

#include "base/err.h"
#include "protocol/timeline-wire.h"

/* How forward jumps are handled: as described above, or always the same way. */
enum timeline_policy { TIMELINE_AUTO, TIMELINE_KEEP, TIMELINE_CLOSE };

/* Whether the times of this container are known only after all packets were
 * read. */
bool timeline_needs_scan(const AVFormatContext *fmt, const AVStream *st);

/* Reads all packets of `fmt`, which must be at its start; `start` is the
 * container time for zero. A recording that begins inside a group of pictures
 * begins with its first keyframe instead. Fills everything but the header's
 * duration; duration 0 if no packet has a time. ERR_LIMIT. */
int timeline_scan(AVFormatContext *fmt, AVStream *st, enum timeline_policy policy, int64_t start,
                  struct timeline *ret, struct err *err);

/* Corrects a packet's times. *part: the part of the previous packet, updated;
 * packets without a position belong to it. */
void timeline_adjust(const struct timeline *t, AVRational time_base, AVPacket *pkt, size_t *part);

/* The last key at or before t; NULL if there is none. */
const struct timeline_key *timeline_key_before(const struct timeline *t, int64_t t_us);

/* Whether container times are ascending, so that a seek by container time
 * works. *ret: the container time (minus start) for t. */
bool timeline_container_time(const struct timeline *t, int64_t t_us, int64_t *ret);

#endif
