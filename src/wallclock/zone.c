/* SPDX-License-Identifier: Apache-2.0 */
#include "wallclock/zone.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"

enum { HEAD = 44, CHANGES_MAX = 4096, TYPES_MAX = 256, FILE_BYTES_MAX = 1 << 20 };

struct change {
	int64_t at; /* Unix time */
	int before, after;
};

struct wallclock_zone {
	int first; /* before all changes */
	struct change *changes;
	size_t n;
};

void wallclock_zone_free(struct wallclock_zone *z)
{
	if (z)
		free(z->changes);
	free(z);
}

/* ---- TZif ---- */

struct part {
	const unsigned char *at; /* behind the head */
	size_t times, types, letters, leaps, standard, ut;
};

static uint32_t get32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t get64(const unsigned char *p)
{
	return (int64_t)((uint64_t)get32(p) << 32 | get32(p + 4));
}

static size_t part_bytes(const struct part *p, size_t time)
{
	return p->times * (time + 1) + p->types * 6 + p->letters + p->leaps * (time + 4) + p->standard +
	       p->ut;
}

/* The part that begins at p; width: bytes of a time. */
static bool open_part(const unsigned char *p, size_t len, size_t width, struct part *ret)
{
	if (len < HEAD || memcmp(p, "TZif", 4) != 0)
		return false;
	*ret = (struct part){.at = p + HEAD,
	                     .ut = get32(p + 20),
	                     .standard = get32(p + 24),
	                     .leaps = get32(p + 28),
	                     .times = get32(p + 32),
	                     .types = get32(p + 36),
	                     .letters = get32(p + 40)};
	return ret->times <= CHANGES_MAX && ret->types >= 1 && ret->types <= TYPES_MAX &&
	       ret->letters <= CHANGES_MAX && ret->leaps <= CHANGES_MAX && ret->ut <= TYPES_MAX &&
	       ret->standard <= TYPES_MAX && part_bytes(ret, width) <= len - HEAD;
}

static struct wallclock_zone *take_part(const struct part *p, size_t width)
{
	const unsigned char *types = p->at + p->times * width, *infos = types + p->times;
	struct wallclock_zone *z = mem_alloc(1, sizeof *z);
	z->changes = mem_alloc(p->times + 1, sizeof *z->changes);
	z->first = (int)(int32_t)get32(infos);
	int before = z->first;
	for (size_t i = 0; i < p->times; i++) {
		const unsigned char *at = p->at + i * width;
		if (types[i] >= p->types)
			continue;
		int after = (int)(int32_t)get32(infos + (size_t)types[i] * 6);
		z->changes[z->n++] =
			(struct change){.at = width == 8 ? get64(at) : (int64_t)(int32_t)get32(at),
		                    .before = before,
		                    .after = after};
		before = after;
	}
	return z;
}

static bool plausible(const struct wallclock_zone *z)
{
	const int most = 26 * 3600;
	bool ok = abs(z->first / 2) <= most / 2;
	for (size_t i = 0; i < z->n; i++)
		ok &= z->changes[i].after >= -most && z->changes[i].after <= most &&
		      z->changes[i].at > INT64_MIN / 4 && z->changes[i].at < INT64_MAX / 4 &&
		      (i == 0 || z->changes[i].at > z->changes[i - 1].at);
	return ok;
}

int wallclock_zone_read(const void *data, size_t len, struct wallclock_zone **ret, struct err *err)
{
	const unsigned char *p = data;
	struct part one, two;
	AUTO(wallclock_zone_freep) struct wallclock_zone *z = NULL;
	if (!open_part(p, len, 4, &one))
		return err_set(err, ERR_FORMAT, "it is not a file of time zone data");
	size_t first = HEAD + part_bytes(&one, 4);
	if (p[4] >= '2' && open_part(p + first, len - first, 8, &two))
		z = take_part(&two, 8);
	else
		z = take_part(&one, 4);
	if (!plausible(z))
		return err_set(err, ERR_FORMAT, "its times are impossible");
	*ret = TAKE(z);
	return 0;
}

/* ---- names ---- */

static bool read_offset(const char *s, int *ret)
{
	int sign = *s == '-' ? -1 : 1, digits[4];
	size_t n = 0;
	if (*s != '+' && *s != '-')
		return false;
	for (s++; *s; s++) {
		if (*s == ':' && n == 2)
			continue;
		if (!isdigit((unsigned char)*s) || n == 4)
			return false;
		digits[n++] = *s - '0';
	}
	if (n != 2 && n != 4)
		return false;
	int hours = digits[0] * 10 + digits[1], minutes = n == 4 ? digits[2] * 10 + digits[3] : 0;
	*ret = sign * (hours * 3600 + minutes * 60);
	return hours <= 14 && minutes <= 59;
}

static bool is_name(const char *s)
{
	size_t n = strlen(s);
	if (n == 0 || n > 60 || !isalpha((unsigned char)*s) || strstr(s, "//") || s[n - 1] == '/')
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("_+-/", *s))
			return false;
	return true;
}

int wallclock_zone_open(const char *name, struct wallclock_zone **ret, struct err *err)
{
	AUTO(buf_free) struct buf data = BUF(FILE_BYTES_MAX);
	struct err own;
	int offset = 0;
	if (read_offset(name, &offset) || strcmp(name, "UTC") == 0) {
		*ret = mem_alloc(1, sizeof **ret);
		(*ret)->first = *name == 'U' ? 0 : offset;
		return 0;
	}
	if (!is_name(name))
		return err_set(
			err, ERR_ARG,
			"a time zone is a name like Europe/Berlin, or an offset like +01:00, not '%.60s'",
			name);
	AUTO(mem_freep) char *path = mem_printf("/usr/share/zoneinfo/%s", name);
	int r = file_read(path, &data, &own);
	if (r == 0)
		r = wallclock_zone_read(data.data ? data.data : "", data.len, ret, &own);
	if (r < 0)
		return err_set(
			err, ERR_ARG,
			"the time zone '%s' is not known here: %s; state the offset from UTC instead, "
			"like +01:00, or install the package tzdata",
			name, own.msg);
	return 0;
}

/* ---- questions ---- */

int wallclock_zone_offset(const struct wallclock_zone *z, int64_t unix_s)
{
	int offset = z->first;
	for (size_t i = 0; i < z->n && z->changes[i].at <= unix_s; i++)
		offset = z->changes[i].after;
	return offset;
}

int wallclock_zone_offset_local(const struct wallclock_zone *z, int64_t local_s)
{
	int offset = z->first;
	for (size_t i = 0; i < z->n; i++) {
		/* before the change it is still the time of the old offset */
		const struct change *c = &z->changes[i];
		int later = c->before > c->after ? c->before : c->after;
		if (local_s < c->at + later)
			break;
		offset = c->after;
	}
	return offset;
}

bool wallclock_zone_changes(const struct wallclock_zone *z, int64_t local_s, int64_t jump)
{
	const int64_t near = 5400;
	for (size_t i = 0; i < z->n; i++) {
		const struct change *c = &z->changes[i];
		if (c->after - c->before == jump && llabs(c->at + c->before - local_s) <= near)
			return true;
	}
	return false;
}
