/* SPDX-License-Identifier: Apache-2.0 */
/* What a time zone says of clocks. Pure. */
#ifndef VDET_WALLCLOCK_LOCAL_H
#define VDET_WALLCLOCK_LOCAL_H

#include "wallclock/wallclock.h"
#include "wallclock/zone.h"

/* Fills the offsets of all pieces that are not known to be UTC, moves clocks of
 * UTC to local time, and says which breaks are changes of daylight saving time.
 * zone NULL: none is stated. `name` is kept. Can be called again with another
 * one. */
void wallclock_localize(struct wallclock *w, const struct wallclock_zone *zone, const char *name);

#endif
