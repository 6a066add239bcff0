/* SPDX-License-Identifier: Apache-2.0 */
/* Finds where a clock is in the picture. Internal to job/wallclock.c. */
#ifndef VDET_JOB_WALLCLOCK_FIND_H
#define VDET_JOB_WALLCLOCK_FIND_H

#include "job/wallclock-look.h"

/* Reads a few frames over the recording: lines that are times, upright, and if
 * there are none turned, at the same place in several frames; of these the
 * place whose time advances. *ret_found: it is in v->place. Fails as
 * clock_view_read() does. */
int clock_find(struct clock_view *v, bool *ret_found, struct err *err);

#endif
