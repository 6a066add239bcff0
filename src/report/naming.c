/* SPDX-License-Identifier: Apache-2.0 */
#include "report/naming.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"

enum { STEM_MAX = 160, FRONT_MAX = 60 }; /* bytes; file systems take 255 in all */

json_t *place_json(const struct place *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->n; i++)
		json_array_append_new(list, json_string(p->part[i]));
	return list;
}

void place_read(const json_t *j, struct place *ret)
{
	size_t i;
	json_t *part;

	*ret = (struct place){0};
	json_array_foreach ((json_t *)j, i, part) {
		const char *s = json_string_value(part);

		if (i < PLACE_PARTS_MAX)
			snprintf(ret->part[ret->n++], sizeof ret->part[0], "%s", s ? s : "");
	}
}

static void hash_part(const char *part, size_t len, char out[static PLACE_DIGITS + 1])
{
	char hex[HASH_HEX];
	AUTO(hash_freep) struct hash *h = hash_new();

	hash_add(h, part, len);
	hash_end(h, hex);
	snprintf(out, PLACE_DIGITS + 1, "%.*s", PLACE_DIGITS, hex);
}

static void split(struct naming *n)
{
	const char *end = n->path + strlen(n->path);

	while (end > n->path && n->place.n < PLACE_PARTS_MAX) {
		const char *begin = end;
		size_t i = n->place.n;

		while (begin > n->path && begin[-1] != '/')
			begin--;
		if (begin < end) {
			n->part[i] = begin;
			n->len[i] = (size_t)(end - begin);
			hash_part(begin, n->len[i], n->place.part[i]);
			n->place.n++;
		}
		end = begin > n->path ? begin - 1 : begin;
	}
}

void naming_start(struct naming *ret, const char *path, int64_t stream)
{
	char *absolute = realpath(path, NULL);

	*ret = (struct naming){.path = absolute ? absolute : mem_strdup(path),
	                       .stream = stream < 0 ? -1 : stream};
	split(ret);
}

void naming_clear(struct naming *n)
{
	free(TAKE(n->path));
}

/* At most `max` bytes, whole characters. */
static int cut(const char *s, size_t len, size_t max)
{
	if (len > max)
		for (len = max; len && ((unsigned char)s[len] & 0xc0) == 0x80; len--)
			;
	return (int)len;
}

static char *own_name(const struct naming *n)
{
	return n->extension ? mem_strdup(file_base(n->path)) : file_stem(n->path);
}

char *naming_text(const struct naming *n)
{
	AUTO(buf_free) struct buf front = BUF(PLACE_PARTS_MAX * 260);
	AUTO(mem_freep) char *whole = own_name(n);
	AUTO(mem_freep) char *stem = file_short_name(whole, STEM_MAX);
	char stream[32] = "", number[16] = "";

	for (size_t i = n->place.n; i-- > 1;)
		if (n->in_front[i])
			buf_addf(&front, "%.*s-", (int)n->len[i], n->part[i]);
	if (n->stream >= 0)
		snprintf(stream, sizeof stream, ".stream%" PRId64, n->stream);
	if (n->number)
		snprintf(number, sizeof number, "-%d", n->number);
	return mem_printf("%.*s%s%s%s", cut(buf_str(&front), front.len, FRONT_MAX), buf_str(&front),
	                  stem, stream, number);
}

bool naming_is_cut(const struct naming *n)
{
	AUTO(mem_freep) char *whole = own_name(n);

	return strlen(whole) > STEM_MAX;
}

void naming_next(struct naming *n, const struct place *owner)
{
	for (size_t i = 1; owner && i < n->place.n; i++) {
		bool differs = i >= owner->n || strcmp(n->place.part[i], owner->part[i]) != 0;

		if (differs && !n->in_front[i]) {
			n->in_front[i] = true;
			return;
		}
	}

	bool other_name = owner && owner->n && strcmp(n->place.part[0], owner->part[0]) != 0;
	if (other_name && !n->extension)
		n->extension = true;
	else
		n->number = n->number ? n->number + 1 : 2;
}
