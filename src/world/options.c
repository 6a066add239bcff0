/* SPDX-License-Identifier: Apache-2.0 */
/* The options of the world: one table of names and ranges for defaults, parsing
 * and checks. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

enum kind { SECONDS, NUMBER, INTEGER, SWITCH }; /* SECONDS are stored as int64 microseconds */

static const struct row {
	const char *name;
	enum kind kind;
	size_t offset;
	double def, min, max;
} rows[] = {
#define ROW(name, kind, member, def, min, max)                            \
	{                                                                     \
		name, kind, offsetof(struct world_options, member), def, min, max \
	}
	ROW("seed", INTEGER, seed, 1, -9e15, 9e15),
	ROW("duration", SECONDS, duration_us, 600, 10, 86400),
	ROW("events", NUMBER, events_per_hour, 60, 0, 1800),
	ROW("shortest", NUMBER, event_min_s, 3, 0.5, 600),
	ROW("longest", NUMBER, event_max_s, 40, 0.5, 3600),
	ROW("cuts", NUMBER, cuts_per_hour, 0, 0, 120),
	ROW("dropouts", NUMBER, dropouts_per_hour, 0, 0, 60),
	ROW("captions", NUMBER, captions_per_hour, 0, 0, 600),
	ROW("hour", NUMBER, start_hour, 10, 0, 24),
	ROW("noise", NUMBER, noise, 2, 0, 20),
	ROW("clock", SWITCH, clock, 1, 0, 1),
	ROW("pan", SWITCH, pan, 0, 0, 1),
	ROW("subjects", INTEGER, subjects, WORLD_PLAIN, WORLD_PLAIN, WORLD_HARD),
#undef ROW
};

enum { N_ROWS = sizeof rows / sizeof *rows };

static void store(struct world_options *o, const struct row *r, double v)
{
	void *p = (char *)o + r->offset;
	switch (r->kind) {
	case SECONDS: *(int64_t *)p = llround(v * 1e6); break;
	case INTEGER: *(int64_t *)p = llround(v); break;
	case NUMBER: *(double *)p = v; break;
	case SWITCH: *(bool *)p = v != 0; break;
	}
}

static double load(const struct world_options *o, const struct row *r)
{
	const void *p = (const char *)o + r->offset;
	switch (r->kind) {
	case SECONDS: return (double)*(const int64_t *)p / 1e6;
	case INTEGER: return (double)*(const int64_t *)p;
	case NUMBER: return *(const double *)p;
	case SWITCH: return *(const bool *)p;
	}
	return 0;
}

void world_options_default(struct world_options *o)
{
	memset(o, 0, sizeof *o);
	for (size_t i = 0; i < N_ROWS; i++)
		store(o, &rows[i], rows[i].def);
}

static const struct row *find(const char *name, size_t n)
{
	for (size_t i = 0; i < N_ROWS; i++)
		if (strlen(rows[i].name) == n && !memcmp(rows[i].name, name, n))
			return &rows[i];
	return NULL;
}

int world_options_parse(struct world_options *o, const char *text, char *msg, size_t cap)
{
	for (const char *s = text + strspn(text, " \n"); *s; s += strspn(s, " \n")) {
		size_t n = strcspn(s, " \n"), key = strcspn(s, "=");
		const struct row *r = key < n ? find(s, key) : NULL;
		if (!r) {
			snprintf(msg, cap, "'%.*s' is not a world option", (int)(n < 60 ? n : 60), s);
			return -1;
		}
		char *end;
		double v = strtod(s + key + 1, &end);
		if (end != s + n || end == s + key + 1 || !isfinite(v) || v < -9e15 || v > 9e15) {
			snprintf(msg, cap, "%s must be a number, not '%.*s'", r->name,
			         (int)(n - key - 1 < 60 ? n - key - 1 : 60), s + key + 1);
			return -1;
		}
		store(o, r, v);
		s += n;
	}
	return 0;
}

int world_options_check(const struct world_options *o, char *msg, size_t cap)
{
	for (size_t i = 0; i < N_ROWS; i++) {
		double v = load(o, &rows[i]);
		if (v >= rows[i].min && v <= rows[i].max)
			continue;
		snprintf(msg, cap, "%s must be from %g to %g, not %g", rows[i].name, rows[i].min,
		         rows[i].max, v);
		return -1;
	}
	if (o->event_max_s < o->event_min_s) {
		snprintf(msg, cap, "longest (%g s) must not be below shortest (%g s)", o->event_max_s,
		         o->event_min_s);
		return -1;
	}
	return 0;
}
