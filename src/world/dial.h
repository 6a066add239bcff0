/* SPDX-License-Identifier: Apache-2.0 */
/* The date and time that is drawn into a world, as a camera does: it may run
 * fast or slow, and be set. Pure; any thread. */
#ifndef VDET_WORLD_DIAL_H
#define VDET_WORLD_DIAL_H

#include <stddef.h>
#include <stdint.h>

enum world_dial_format {
	WORLD_DIAL_YMD,     /* 2026-11-30 14:05:09 */
	WORLD_DIAL_DMY,     /* 30/11/2026 14:05:09 */
	WORLD_DIAL_MDY,     /* 11-30-2026 02:05:09 PM */
	WORLD_DIAL_TIME,    /* 14:05:09 */
	WORLD_DIAL_TWELVE,  /* 2:05:09 */
	WORLD_DIAL_MINUTES, /* 2026-11-30 14:05 */
	WORLD_DIAL_FORMATS
};
extern const char *const world_dial_format_name[WORLD_DIAL_FORMATS];

enum { WORLD_DIAL_SETS = 16, WORLD_DIAL_TEXT = 40 };

struct world_dial {
	int64_t start_us; /* what it shows at the start, from 1970-01-01 00:00:00; 0 = no dial */
	enum world_dial_format format;
	double speed; /* seconds that it counts in a second */
	struct {
		int64_t at_us, by_us;
	} sets[WORLD_DIAL_SETS]; /* ascending */
	size_t n_sets;
};

/* start: "2026-11-30 14:05:09", "" = no dial; sets: "90+37,1200.5-60": at 90 s
 * it is set 37 s forward, at 1200.5 s 60 s back. Returns 0, or -1 with one line
 * in msg. */
int world_dial_parse(struct world_dial *d, const char *start, const char *format, double speed,
                     const char *sets, char *msg, size_t cap);
int64_t world_dial_at(const struct world_dial *d, int64_t t_us);
void world_dial_text(const struct world_dial *d, int64_t t_us, char out[static WORLD_DIAL_TEXT]);

#endif
