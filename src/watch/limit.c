/* SPDX-License-Identifier: Apache-2.0 */
#include "watch/limit.h"

#include "base/clock.h"

#define DAY (86400 * CLOCK_SECOND)
#define PAUSE_MAX (3600 * CLOCK_SECOND)

int64_t limit_day(int64_t now)
{
	int64_t rest = now % DAY;
	return now - (rest < 0 ? rest + DAY : rest);
}

int64_t limit_wait(int64_t used, int64_t limit, int64_t now)
{
	return !limit || used < limit ? 0 : limit_day(now) + DAY - now;
}

int64_t limit_pause(int tries)
{
	if (tries < 1)
		return 0;
	return tries > 12 ? PAUSE_MAX : CLOCK_SECOND << (tries - 1);
}
