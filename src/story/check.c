/* SPDX-License-Identifier: Apache-2.0 */
#include "story/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define Z 1.959963984540054 /* of the normal distribution, for 95 % on both sides */

const char *check_verdict_name(enum check_verdict v)
{
	static const char *const names[] = {"", "unchecked", "shown", "unsure", "withdrawn"};
	return (size_t)v < ARRAY_LEN(names) ? names[v] : "";
}

enum check_verdict check_judge(char letter, const double p[static 3])
{
	if (!letter)
		return VERDICT_UNCHECKED;
	bool known = p[0] + p[1] + p[2] > 0;
	if (letter == 'A' && (!known || p[0] >= CHECK_SHOWN))
		return VERDICT_SHOWN;
	if (letter == 'B' && (!known || p[1] >= CHECK_WITHDRAWN))
		return VERDICT_WITHDRAWN;
	return VERDICT_UNSURE;
}

/* ---- controls */

void check_interval(size_t k, size_t n, double *ret_low, double *ret_high)
{
	*ret_low = 0;
	*ret_high = 1;
	if (!n)
		return;
	double size = (double)n, p = (double)k / size, z2 = Z * Z;
	double middle = (p + z2 / (2 * size)) / (1 + z2 / size);
	double half = Z / (1 + z2 / size) * sqrt(p * (1 - p) / size + z2 / (4 * size * size));
	*ret_low = k ? fmax(0, middle - half) : 0;
	*ret_high = k < n ? fmin(1, middle + half) : 1;
}

static bool is_acceptable(size_t wrong, size_t n)
{
	double low, high;
	check_interval(wrong, n, &low, &high);
	return high <= CHECK_ERROR_MOST;
}

size_t check_controls_needed(size_t wrong)
{
	for (size_t n = CHECK_CONTROLS; n <= CHECK_CONTROLS_MOST; n++)
		if (is_acceptable(wrong, n))
			return n;
	return CHECK_CONTROLS; /* no number of them helps */
}

enum check_ability check_ability(const struct check_controls *c)
{
	if (c->no < CHECK_CONTROLS || c->yes < CHECK_CONTROLS)
		return CHECK_UNKNOWN;
	if (2 * c->silent >= c->no + c->yes)
		return CHECK_UNABLE;
	return is_acceptable(c->false_yes, c->no) && is_acceptable(c->false_no, c->yes) ? CHECK_ABLE
	                                                                                : CHECK_UNABLE;
}

/* ---- pictures */

/* Index of the first of the n ascending times that is not below `time`. */
static size_t lower_bound(int64_t time, const int64_t *times, size_t n)
{
	size_t low = 0;
	while (low < n) {
		size_t middle = low + (n - low) / 2;
		if (times[middle] < time)
			low = middle + 1;
		else
			n = middle;
	}
	return low;
}

bool check_is_among(int64_t time, const int64_t *times, size_t n)
{
	size_t i = lower_bound(time, times, n);
	return i < n && times[i] == time;
}

/* The times that are chosen so far, ascending. */
struct choice {
	int64_t *times;
	size_t n, most;
};

static void choose(struct choice *c, int64_t time)
{
	size_t at = lower_bound(time, c->times, c->n);
	if (c->n == c->most || (at < c->n && c->times[at] == time))
		return;
	memmove(&c->times[at + 1], &c->times[at], (c->n - at) * sizeof *c->times);
	c->times[at] = time;
	c->n++;
}

/* A third of the way to the sampled frame before or after `time`. */
static void choose_beside(struct choice *c, int64_t time, bool after, const int64_t *seen,
                          size_t n_seen, int64_t end)
{
	size_t i = lower_bound(time, seen, n_seen);
	int64_t other = end;
	if (after && i < n_seen && seen[i] == time)
		i++;
	if (after && i < n_seen)
		other = seen[i];
	else if (!after && i > 0)
		other = seen[i - 1];
	int64_t beside = time + (other - time) / 3;
	if (after ? beside > time : beside < time)
		choose(c, beside);
}

size_t check_times(const int64_t *cited, size_t n, const int64_t *seen, size_t n_seen, int64_t from,
                   int64_t to, size_t most, int64_t out[static CHECK_PICTURES])
{
	struct choice c = {.times = out, .most = most < CHECK_PICTURES ? most : CHECK_PICTURES};
	size_t k = n < CHECK_CITED ? n : CHECK_CITED;
	k = k < c.most ? k : c.most;
	if (!k)
		return 0;
	int64_t shown[CHECK_CITED];
	for (size_t i = 0; i < k; i++) {
		shown[i] = cited[k > 1 ? i * (n - 1) / (k - 1) : 0];
		choose(&c, shown[i]);
	}
	/* Before the first and after the last one say the most. */
	choose_beside(&c, shown[0], false, seen, n_seen, from);
	choose_beside(&c, shown[k - 1], true, seen, n_seen, to);
	for (size_t i = 0; i < k; i++) {
		choose_beside(&c, shown[i], false, seen, n_seen, from);
		choose_beside(&c, shown[i], true, seen, n_seen, to);
	}
	return c.n;
}
