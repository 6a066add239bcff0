/* SPDX-License-Identifier: Apache-2.0 */
/* Counts the time that something takes, which has limits of its own, as
 * progress of the unit. */
#ifndef VDET_WORK_TICKER_H
#define VDET_WORK_TICKER_H

#include <pthread.h>
#include <stdbool.h>

#include "work/lane.h"

struct ticker {
	struct work_lane *lane;
	struct cancel *over, *silence;
	pthread_t thread;
	bool started;
};

/* Both on the thread of the lane. What ends the unit fires `silence`, too, if
 * that is not NULL; it has to remain until ticker_end(). */
void ticker_start(struct ticker *t, struct work_lane *l, struct cancel *silence);
void ticker_end(struct ticker *t);

#endif
