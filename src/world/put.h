/* SPDX-License-Identifier: Apache-2.0 */
/* Times in the JSON files about a world. Internal. */
#ifndef VDET_WORLD_PUT_H
#define VDET_WORLD_PUT_H

#include <inttypes.h>
#include <stdio.h>

/* As seconds with three digits behind the point; t is not negative. */
static inline void put_time(FILE *f, int64_t t)
{
	fprintf(f, "%" PRId64 ".%03d", t / 1000000, (int)(t % 1000000 / 1000));
}

#endif
