/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/figures.h"

#include <stddef.h>

#include "base/clock.h"
#include "base/mem.h"

static const int64_t most = INT64_C(1) << 53;

#define AT(member) offsetof(struct fleet_figures, member)
static const struct {
	const char *name;
	size_t at;
	bool time;
} rows[] = {
	{"uptime", AT(uptime), true},
	{"busy", AT(busy), true},
	{"done", AT(done), false},
	{"failed", AT(failed), false},
	{"frames", AT(frames), true},
	{"engine", AT(engine), true},
	{"bytes", AT(bytes), true},
	{"send", AT(send), true},
	{"cache_hits", AT(cache_hits), false},
	{"cache_misses", AT(cache_misses), false},
	{"cache_hit_bytes", AT(cache_hit_bytes), false},
	{"cache_miss_bytes", AT(cache_miss_bytes), false},
};

static int64_t *member(struct fleet_figures *f, size_t row)
{
	return (int64_t *)((char *)f + rows[row].at);
}

static int64_t value(const struct fleet_figures *f, size_t row)
{
	return *(const int64_t *)((const char *)f + rows[row].at);
}

json_t *fleet_figures_write(const struct fleet_figures *f)
{
	json_t *o = json_object();
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		json_object_set_new(o, rows[i].name, json_integer((json_int_t)value(f, i)));
	return o;
}

bool fleet_figures_read(const json_t *o, struct fleet_figures *ret)
{
	*ret = (struct fleet_figures){0};
	if (o && !json_is_object(o))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const json_t *v = json_object_get(o, rows[i].name);
		if (!v)
			continue;
		if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > most)
			return false;
		*member(ret, i) = json_integer_value(v);
	}
	return true;
}

json_t *fleet_figures_json(const struct fleet_figures *f)
{
	json_t *o = json_object();
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		json_object_set_new(o, rows[i].name,
		                    rows[i].time ? json_real((double)value(f, i) / CLOCK_SECOND)
		                                 : json_integer((json_int_t)value(f, i)));
	return o;
}

bool fleet_figures_since(const struct fleet_figures *now, const struct fleet_figures *before,
                         struct fleet_figures *ret)
{
	*ret = (struct fleet_figures){0};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (value(now, i) < value(before, i))
			return false;
		*member(ret, i) = value(now, i) - value(before, i);
	}
	return true;
}
