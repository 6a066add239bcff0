/* SPDX-License-Identifier: Apache-2.0 */
/* Units that two workers do. */
#include <stdlib.h>
#include <string.h>

#include "fleet/head-internal.h"

/* By the secret of this head: no worker can know which, and another run of the
 * same head chooses the same. */
bool fleet_head_twice(struct fleet_head *h, const struct runner_unit *u, double share)
{
	char nonce[WIRE_NONCE], part[9];

	wire_nonce(h->owner.secret, u, -1, nonce);
	memcpy(part, nonce, sizeof part - 1);
	part[sizeof part - 1] = '\0';
	return (double)strtoul(part, NULL, 16) < share * 4294967296.0;
}

void fleet_head_compared(struct fleet_head *h, const char *first, const char *second, bool same)
{
	pthread_mutex_lock(&h->lock);
	for (struct worker *w = h->workers; w; w = w->next)
		if (!strcmp(w->name, first) || !strcmp(w->name, second)) {
			w->compared++;
			w->differed += !same;
		}
	pthread_mutex_unlock(&h->lock);
}
