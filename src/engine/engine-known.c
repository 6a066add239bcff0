/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of the engine, for any thread. */
#include "engine/engine-internal.h"

void engine_publish(struct engine *e, const struct engine_info *info, char *news)
{
	struct engine_known *k = mem_alloc(1, sizeof *k);
	*k = (struct engine_known){.info = *info, .news = news, .older = atomic_load(&e->known)};
	k->info.news = news ? news : "";
	atomic_store(&e->known, k);
}

const struct engine_info *engine_info(const struct engine *e)
{
	return &atomic_load(&e->known)->info;
}

int engine_slots(const struct engine *e)
{
	return engine_info(e)->slots;
}
