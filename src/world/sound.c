/* SPDX-License-Identifier: Apache-2.0 */
#include "sound.h"

#include <math.h>

#include "random.h"

enum {
	PHRASE = 4 * SOUND_RATE, /* a phrase is either speech or silence */
	SYLLABLE = SOUND_RATE / 5,
	HARMONICS = 12,
};

static const double tau = 6.283185307179586;

/* The two lowest formants of five vowels, Hz. */
static const double vowels[5][2] = {{730, 1090}, {530, 1840}, {270, 2290}, {570, 840}, {300, 870}};

struct syllable {
	int64_t number;
	double pitch;
	double strength[HARMONICS];
};

/* The gain of a frequency for this vowel. */
static double resonance(const double vowel[2], double hz)
{
	double a = (hz - vowel[0]) / 120, b = (hz - vowel[1]) / 180;
	return 1 / (1 + a * a) + 0.5 / (1 + b * b);
}

static void syllable_make(const struct world *w, int64_t number, struct syllable *s)
{
	uint64_t phrase = random_mix((uint64_t)w->o.seed ^
	                             (uint64_t)(number * SYLLABLE / PHRASE + 77) * 0x9e3779b97f4a7c15u);
	uint64_t rnd = random_mix(phrase ^ (uint64_t)number);
	bool speaks = random_in(&phrase, 0, 1) < 0.3 && random_in(&rnd, 0, 1) < 0.85;
	const double *vowel = vowels[random_below(&rnd, 5)];
	s->number = number;
	s->pitch = random_in(&phrase, 95, 210) * random_in(&rnd, 0.94, 1.06);
	for (int h = 0; h < HARMONICS; h++)
		s->strength[h] = speaks ? resonance(vowel, s->pitch * (h + 1)) / (h + 2) : 0;
}

void sound_fill(const struct world *w, int64_t first, size_t n, int16_t *out)
{
	struct syllable s = {.number = -1};
	for (size_t i = 0; i < n; i++) {
		int64_t at = first + (int64_t)i;
		if (s.number != at / SYLLABLE)
			syllable_make(w, at / SYLLABLE, &s);
		double t = (double)(at % SYLLABLE) / SYLLABLE,
			   seconds = (double)(at % SOUND_RATE) / SOUND_RATE;
		double hum = 0.02 * sin(tau * 50 * seconds), voice = 0;
		for (int h = 0; h < HARMONICS && s.strength[0] > 0; h++)
			voice += s.strength[h] * sin(tau * s.pitch * (h + 1) * t * SYLLABLE / SOUND_RATE);
		out[i] = (int16_t)lround(12000 * (hum + voice * sin(tau / 2 * t)));
	}
}
