/* SPDX-License-Identifier: Apache-2.0 */
/* Time zones: what local time is ahead of UTC, and when daylight saving time
 * changes. Files of the system's zone data (TZif, RFC 8536) are read without
 * the C library, which has one zone for a whole process. One thread at a time
 * may change a zone; reading is free for all. */
#ifndef VDET_WALLCLOCK_ZONE_H
#define VDET_WALLCLOCK_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

struct wallclock_zone;
void wallclock_zone_free(struct wallclock_zone *z);
DEFINE_FREEP(struct wallclock_zone, wallclock_zone)

/* "Europe/Berlin", "UTC", "+01:00", "-0330". Reads a file of the system.
 * ERR_ARG if there is no such zone. The caller frees *ret. */
int wallclock_zone_open(const char *name, struct wallclock_zone **ret, struct err *err);
/* From the bytes of a TZif file. ERR_FORMAT. */
int wallclock_zone_read(const void *data, size_t len, struct wallclock_zone **ret, struct err *err);

/* Seconds that local time is ahead of UTC: at a Unix time, and at a local time
 * (of two that are possible, the first). */
int wallclock_zone_offset(const struct wallclock_zone *z, int64_t unix_s);
int wallclock_zone_offset_local(const struct wallclock_zone *z, int64_t local_s);
/* Whether clocks are changed by `jump` seconds within an hour and a half of
 * this local time. */
bool wallclock_zone_changes(const struct wallclock_zone *z, int64_t local_s, int64_t jump);

#endif
