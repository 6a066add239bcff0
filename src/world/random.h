/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers that are the same on every machine: SplitMix64. The state is
 * one number, owned by the caller. */
#ifndef VDET_WORLD_RANDOM_H
#define VDET_WORLD_RANDOM_H

#include <stdint.h>

static inline uint64_t random_mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static inline uint64_t random_next(uint64_t *state)
{
	return random_mix(*state += 0x9e3779b97f4a7c15u);
}

/* Uniform in [lo, hi). */
static inline double random_in(uint64_t *state, double lo, double hi)
{
	return lo + (hi - lo) * ((double)(random_next(state) >> 11) * 0x1p-53);
}

/* 0 … n-1 */
static inline int random_below(uint64_t *state, int n)
{
	return (int)(random_next(state) % (uint64_t)n);
}

#endif
