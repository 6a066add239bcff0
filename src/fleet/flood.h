/* SPDX-License-Identifier: Apache-2.0 */
/* How many messages of each worker a head looks at: those of one that sends too
 * many are dropped, so that the others are heard. One thread. */
#ifndef VDET_FLEET_FLOOD_H
#define VDET_FLEET_FLOOD_H

#include <stddef.h>
#include <stdint.h>

enum {
	FLOOD_RATE = 1000,    /* messages of 1 KiB in a second */
	FLOOD_BURST = 5000,   /* likewise, at once */
	FLOOD_SENDERS = 4096, /* that are known; of more, those that were silent longest are not */
	FLOOD_NEWS = 60,      /* seconds between warnings of the same sender */
};

struct flood {
	struct flood_sender *senders;
	size_t n;
};
void flood_clear(struct flood *f);

enum flood_verdict {
	FLOOD_TAKE,
	FLOOD_DROP,
	FLOOD_WARN, /* drop it, and say so: it is the first one for a while */
};
/* Of a message of `len` bytes that has come at `now` (clock_now()). */
enum flood_verdict flood_take(struct flood *f, const char *sender, size_t len, int64_t now);

#endif
