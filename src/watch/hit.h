/* SPDX-License-Identifier: Apache-2.0 */
/* What is sent of a hit: a video of which a standing question is answered, or
 * partly. Pure functions. */
#ifndef VDET_WATCH_HIT_H
#define VDET_WATCH_HIT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "answer/answer.h"

#define HIT_FORMAT "vdet-hit/1"

/* The video, as strings; borrowed. */
struct hit_video {
	const char *name, *path; /* UTF-8; path "" = not known */
	const char *sha256;
};

bool hit_is(const struct answer *a);
/* {"format", "id": a text that is the same each time that this hit is sent, and
 * differs from those of others; "watch", "time", "question", "state", "text",
 * "answer": its id, "video": {"name", "path", "sha256"}, "moments": [{"start",
 * "end", "text", "verdict"}]}. `now`: Unix time in microseconds. The caller
 * owns it. */
json_t *hit_message(int64_t watch, const struct answer *a, const struct hit_video *v, int64_t now);
/* The same as text without paths of this machine; the caller frees. NULL if it
 * is not a message. */
char *hit_without_path(const char *message);
/* One line for people; the caller frees. */
char *hit_line(const char *message);

#endif
