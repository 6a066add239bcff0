/* SPDX-License-Identifier: Apache-2.0 */
/* Lines through readings in which one digit was taken for another. Internal. */
#ifndef VDET_WALLCLOCK_MISREAD_H
#define VDET_WALLCLOCK_MISREAD_H

#include "wallclock/series.h"

/* Looks for the line from which most others differ by one digit that was taken
 * for another one, always the same two. Those that are between parts of this
 * line are taken out, with their readings marked as not used; so are those at
 * the beginning and at the end if the same two digits were confused elsewhere,
 * too. So on with other digits, until nothing is left to take out. */
void misread_drop(struct series *s);

/* Whether line k + 1 may be line k with one digit misread, or the other way
 * round, by two digits that look alike: `ret`. */
bool misread_is_doubtful(const struct series *s, size_t k, char ret[static 2]);

#endif
