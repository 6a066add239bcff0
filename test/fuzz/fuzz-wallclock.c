/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks: the input as text that was recognized, as readings of a clock line by
 * line, as what the journal has, and as time zone data. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "base/clock.h"
#include "wallclock/fit.h"
#include "wallclock/local.h"

enum { POINTS = 200 };

static void ask(const struct wallclock *w)
{
	struct wallclock_time t;
	char out[WALLCLOCK_TEXT_MAX];
	for (int64_t at = 0; at < 100 * CLOCK_SECOND; at += 33 * CLOCK_SECOND)
		if (wallclock_at(w, at, &t))
			wallclock_text(&t, out);
}

static void read_lines(char *text)
{
	struct wallclock_point p[POINTS] = {0};
	struct wallclock_clock c = {0};
	size_t n = 0;
	char *save = NULL;
	for (char *l = strtok_r(text, "\n", &save); l && n < POINTS; l = strtok_r(NULL, "\n", &save)) {
		p[n].time = (int64_t)n * 7 * CLOCK_SECOND;
		p[n].timed = wallclock_parse(l, &p[n].reading) && p[n].reading.timed;
		n++;
	}
	if (wallclock_fit(p, n, &c)) {
		assert(c.n_fits >= 1 && c.fits[0].n_pieces == c.n_breaks + 1);
		for (size_t i = 0; i < c.n_breaks; i++)
			assert(c.breaks[i].before < c.breaks[i].after);
		const struct wallclock w = {.clocks = &c, .n_clocks = 1};
		ask(&w);
		wallclock_is_counter(&c);
	}
	wallclock_unfit(&c);
}

static void read_zone(const uint8_t *data, size_t size, struct wallclock *w)
{
	AUTO(wallclock_zone_freep) struct wallclock_zone *z = NULL;
	struct err err;
	if (wallclock_zone_read(data, size, &z, &err) < 0)
		return;
	for (int64_t t = -4000000000; t < 4000000000; t += 77777777) {
		wallclock_zone_offset(z, t);
		wallclock_zone_offset_local(z, t);
		wallclock_zone_changes(z, t, 3600);
	}
	wallclock_localize(w, z, "Europe/Berlin");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(mem_freep) char *text = strndup((const char *)data, size);
	AUTO(wallclock_freep) struct wallclock *w = NULL, *none = NULL;
	struct err err;
	if (wallclock_read(text, &w, &err) == 0 && *text) {
		ask(w);
		wallclock_localize(w, NULL, "");
		AUTO(mem_freep) char *again = wallclock_write(w);
		assert(again);
	}
	wallclock_read("", &none, &err);
	read_zone(data, size, none);
	read_lines(text);
	return 0;
}
