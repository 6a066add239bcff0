/* SPDX-License-Identifier: Apache-2.0 */
/* What the child that reads writing sends: the input as a message, and as the
 * head of one with lines, which are then merged as if several frames had them.
 * */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "base/text.h"
#include "proc/wire.h"
#include "protocol/text-wire.h"
#include "screentext/lines-read.h"
#include "screentext/merge.h"

static void check(const struct text_lines *l)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct text_line *t = &l->lines[i];
		assert(text_is_utf8(t->text) && *t->text && !strpbrk(t->text, "\n\t\033"));
		assert(t->conf >= 0 && t->conf <= 1 && t->box.w > 0 && t->box.h > 0);
		assert(t->box.x + t->box.w <= TEXT_SCALE && t->box.y + t->box.h <= TEXT_SCALE);
	}
}

static void merge(const struct text_lines *l)
{
	AUTO(text_merge_freep) struct text_merge *m = text_merge_new();
	AUTO(text_passages_clear) struct text_passages p = {0};
	const struct text_lines none = {0};
	for (int64_t i = 0; i < 8; i++) {
		struct text_lines half = {l->lines, i % 3 ? l->n : l->n / 2};
		const struct text_reading r = {i * 1000000, i * 1000000, i * 1500000,
		                               i == 5 ? &none : &half};
		text_merge_add(m, &r);
	}
	text_merge_end(m, &p);
	for (size_t i = 0; i < p.n; i++)
		assert(p.items[i].end > p.items[i].start && text_is_utf8(p.items[i].text));
}

static void read_head(const json_t *head)
{
	AUTO(text_lines_clear) struct text_lines l = {0};
	struct err err;
	if (text_lines_read(head, 0, &l, &err) == 0) {
		check(&l);
		merge(&l);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct wire_limits limits = {.head = 1 << 20, .blob = 0};
	AUTO(wire_msg_clear) struct wire_msg m = {0};
	struct err err;
	size_t used;
	if (wire_parse(data, size, &limits, &m, &used, &err) == 0)
		read_head(m.head);
	json_auto_t *head = json_loadb((const char *)data, size, 0, NULL);
	read_head(head);
	return 0;
}
