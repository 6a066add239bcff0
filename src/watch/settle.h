/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a file that appeared is complete: no one writes to it, and it does
 * not change any more. Pure, but for settle_look().
 */
#ifndef VDET_WATCH_SETTLE_H
#define VDET_WATCH_SETTLE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

enum writer {
	WRITER_NONE,
	WRITER_OPEN,   /* somebody has it open for writing */
	WRITER_UNKNOWN /* the file system, or the owner of the file, does not say */
};

/* What changes whenever the content of a file does. */
struct stamp {
	uint64_t device, number;
	int64_t size, changed; /* bytes, -1 = there is none; Unix time in nanoseconds */
};
struct stamp settle_stamp(const struct stat *st);
bool settle_is_same(const struct stamp *a, const struct stamp *b);

/* A look at a file. */
struct settle {
	struct stamp stamp;
	int64_t age; /* microseconds since its last change by its own clock */
	enum writer writer;
	int fault; /* errno: it is there, but cannot be opened; else 0 */
};

/* Opens the file for a moment. Blocks for the disk. */
void settle_look(const char *path, struct settle *ret);

/* How long to wait, in microseconds, before the next look; 0: it is complete.
 * `unchanged`: how long its stamp has been the same in looks at it. */
int64_t settle_wait(const struct settle *s, int64_t unchanged);

#endif
