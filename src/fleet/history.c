/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/history.h"

#include <string.h>

#include "base/clock.h"

/* Between two entries that are kept, and back to the oldest one. */
static const int64_t step = 20 * CLOCK_SECOND, window = 300 * CLOCK_SECOND;

void history_add(struct history *h, int64_t now, const struct fleet_figures *f)
{
	struct fleet_figures more;
	if (h->n && !fleet_figures_since(f, &h->entries[h->n - 1].figures, &more))
		h->n = 0;
	/* The last entry is always the newest that was heard. */
	if (h->n > 1 && h->entries[h->n - 1].at - h->entries[h->n - 2].at < step)
		h->n--;
	while (h->n && (h->n == HISTORY || h->entries[0].at + window < now))
		memmove(h->entries, h->entries + 1, sizeof *h->entries * --h->n);
	h->entries[h->n].at = now;
	h->entries[h->n++].figures = *f;
}

void history_restart(struct history *h)
{
	if (h->n > 1)
		h->entries[0] = h->entries[h->n - 1];
	h->n = h->n > 1 ? 1 : h->n;
}

bool history_recent(const struct history *h, struct fleet_figures *ret)
{
	*ret = (struct fleet_figures){0};
	return h->n > 1 &&
	       fleet_figures_since(&h->entries[h->n - 1].figures, &h->entries[0].figures, ret) &&
	       ret->uptime > 0;
}
