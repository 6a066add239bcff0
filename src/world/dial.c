/* SPDX-License-Identifier: Apache-2.0 */
#include "dial.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const char *const world_dial_format_name[WORLD_DIAL_FORMATS] = {"ymd",  "dmy",    "mdy",
                                                                "time", "twelve", "minutes"};

static const char *const patterns[WORLD_DIAL_FORMATS] = {
	"%Y-%m-%d %H:%M:%S", "%d/%m/%Y %H:%M:%S", "%m-%d-%Y %I:%M:%S ",
	"%H:%M:%S",          "%I:%M:%S",          "%Y-%m-%d %H:%M",
};

static int fail(char *msg, size_t cap, const char *what, const char *value)
{
	snprintf(msg, cap, "%s, not '%.60s'", what, value);
	return -1;
}

static int parse_sets(struct world_dial *d, const char *sets, char *msg, size_t cap)
{
	const char *want = "times at which the clock is set are written like 90+37,1200-60";
	for (const char *s = sets; *s;) {
		char *end, *after;
		double at = strtod(s, &end);
		double by = *end == '+' || *end == '-' ? strtod(end, &after) : 0;
		if (end == s || by == 0 || (*after && *after != ',') || !(at > 0) || !(at < 86400) ||
		    !(fabs(by) < 1e8))
			return fail(msg, cap, want, s);
		size_t n = d->n_sets;
		if (n == WORLD_DIAL_SETS || (n && llround(at * 1e6) <= d->sets[n - 1].at_us))
			return fail(msg, cap, "the clock can be set 16 times, in order", s);
		d->sets[n].at_us = llround(at * 1e6);
		d->sets[n].by_us = llround(by * 1e6);
		d->n_sets++;
		s = *after ? after + 1 : after;
	}
	return 0;
}

int world_dial_parse(struct world_dial *d, const char *start, const char *format, double speed,
                     const char *sets, char *msg, size_t cap)
{
	struct tm tm = {0};
	*d = (struct world_dial){.speed = speed};
	if (!*start)
		return *sets ? fail(msg, cap, "setting the clock needs its start", sets) : 0;
	const char *end = strptime(start, "%Y-%m-%d %H:%M:%S", &tm);
	if (!end || *end || tm.tm_year < 71 || tm.tm_year > 200)
		return fail(msg, cap, "the start of the clock is written like 2026-11-30 14:05:09", start);
	d->start_us = (int64_t)timegm(&tm) * 1000000;
	int f = 0;
	while (f < WORLD_DIAL_FORMATS && strcmp(world_dial_format_name[f], format) != 0)
		f++;
	if (f == WORLD_DIAL_FORMATS)
		return fail(msg, cap, "the clock's format must be one of those listed", format);
	d->format = (enum world_dial_format)f;
	if (!(speed >= 0.01 && speed <= 1000))
		return fail(msg, cap, "the clock's speed must be from 0.01 to 1000", "");
	return parse_sets(d, sets, msg, cap);
}

int64_t world_dial_at(const struct world_dial *d, int64_t t_us)
{
	int64_t at = d->start_us + (int64_t)llround((double)t_us * d->speed);
	for (size_t i = 0; i < d->n_sets && d->sets[i].at_us <= t_us; i++)
		at += d->sets[i].by_us;
	return at;
}

void world_dial_text(const struct world_dial *d, int64_t t_us, char out[static WORLD_DIAL_TEXT])
{
	struct tm tm;
	/* a time of 14:05:09 is shown until the next second, also if it is a
	 * microsecond early */
	time_t at = (time_t)floor(((double)world_dial_at(d, t_us) + 1) / 1e6);
	gmtime_r(&at, &tm);
	size_t n = strftime(out, WORLD_DIAL_TEXT, patterns[d->format], &tm);
	if (d->format == WORLD_DIAL_MDY)
		snprintf(out + n, WORLD_DIAL_TEXT - n, "%s", tm.tm_hour < 12 ? "AM" : "PM");
	if (d->format == WORLD_DIAL_TWELVE && out[0] == '0')
		memmove(out, out + 1, strlen(out));
}
