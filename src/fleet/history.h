/* SPDX-License-Identifier: Apache-2.0 */
/* The figures of one worker in the last minutes. Pure. */
#ifndef VDET_FLEET_HISTORY_H
#define VDET_FLEET_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fleet/figures.h"

enum { HISTORY = 18 };

struct history {
	struct {
		int64_t at; /* clock_now() */
		struct fleet_figures figures;
	} entries[HISTORY]; /* the newest last */
	size_t n;
};

/* Adds what was heard at `now`. Figures that are lower than before are those of
 * a worker that was started again. */
void history_add(struct history *h, int64_t now, const struct fleet_figures *f);
/* Work begins now: what was before does not count. */
void history_restart(struct history *h);
/* What was added in the last five minutes, since the worker is known, or since
 * work began, by its own clock; false if that is not known yet. */
bool history_recent(const struct history *h, struct fleet_figures *ret);

#endif
