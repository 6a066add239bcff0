/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
	struct timespec ts;
	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * CLOCK_SECOND + ts.tv_nsec / 1000;
}

int64_t clock_now(void)
{
	return read_clock(CLOCK_MONOTONIC);
}
int64_t clock_wall(void)
{
	return read_clock(CLOCK_REALTIME);
}

const char *clock_text(int64_t us, char out[static CLOCK_TEXT_MAX])
{
	const char *sign = us < 0 ? "-" : "";
	uint64_t ms = (us < 0 ? -(uint64_t)us : (uint64_t)us) / 1000;
	snprintf(out, CLOCK_TEXT_MAX, "%s%02" PRIu64 ":%02u:%02u.%03u", sign, ms / 3600000,
	         (unsigned)(ms / 60000 % 60), (unsigned)(ms / 1000 % 60), (unsigned)(ms % 1000));
	return out;
}

const char *clock_whole(int64_t us, char out[static CLOCK_TEXT_MAX])
{
	clock_text(us, out);
	out[strcspn(out, ".")] = '\0';
	return out;
}

const char *clock_short(int64_t us, char out[static CLOCK_TEXT_MAX])
{
	uint64_t s = us < 0 ? 0 : ((uint64_t)us + CLOCK_SECOND / 2) / CLOCK_SECOND;
	if (s >= 3600)
		snprintf(out, CLOCK_TEXT_MAX, "%" PRIu64 ":%02u:%02u", s / 3600, (unsigned)(s / 60 % 60),
		         (unsigned)(s % 60));
	else
		snprintf(out, CLOCK_TEXT_MAX, "%u:%02u", (unsigned)(s / 60), (unsigned)(s % 60));
	return out;
}

const char *clock_iso(int64_t unix_us, char out[static CLOCK_TEXT_MAX])
{
	time_t t = (time_t)(unix_us / CLOCK_SECOND);
	struct tm tm;
	if (!gmtime_r(&t, &tm) || !strftime(out, CLOCK_TEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm))
		out[0] = '\0';
	return out;
}

/* A plain decimal number: digits with at most one point; strtod alone would
 * take "nan", "0x1p3" and signs. */
static const char *parse_decimal(const char *s, double *ret)
{
	size_t digits = strspn(s, "0123456789"), n = digits;
	if (s[n] == '.') {
		size_t frac = strspn(s + n + 1, "0123456789");
		digits += frac;
		n += 1 + frac;
	}
	if (!digits)
		return NULL;
	*ret = strtod(s, NULL);
	return s + n;
}

static double unit_seconds(const char *unit)
{
	static const struct {
		const char *name;
		double seconds;
	} units[] = {
		{"", 1},   {"s", 1},    {"sec", 1},  {"ms", 1e-3},
		{"m", 60}, {"min", 60}, {"h", 3600}, {"d", 86400},
	};
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (!strcmp(unit, units[i].name))
			return units[i].seconds;
	return -1;
}

/* "1:02:03.5" as seconds and how many parts it had; what follows the last part
 * is *ret_rest. */
static int parse_parts(const char *s, double *ret, const char **ret_rest)
{
	double total = 0, part;
	for (int parts = 1;; parts++) {
		const char *end = parse_decimal(s, &part);
		if (!end || parts > 3 || (parts > 1 && part >= 60))
			return -1;
		total = total * 60 + part;
		if (*end != ':') {
			*ret = total;
			*ret_rest = end;
			return parts;
		}
		s = end + 1;
	}
}

int clock_parse(const char *s, int64_t *ret_us, struct err *err)
{
	double total = 0;
	const char *rest = s;
	int parts = parse_parts(s, &total, &rest);
	double unit = parts == 1 ? unit_seconds(rest) : parts > 1 && !*rest ? 1 : -1;
	if (unit < 0)
		return err_set(err, ERR_ARG,
		               "\"%s\" is not a time; write 90, 1:30, 01:01:30.5, 250ms, 5min or 2h", s);
	if (total * unit > 10 * 366 * 86400.0)
		return err_set(err, ERR_ARG, "\"%s\" is longer than ten years", s);
	*ret_us = llround(total * unit * 1e6);
	return 0;
}
