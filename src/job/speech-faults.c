/* SPDX-License-Identifier: Apache-2.0 */
#include "job/speech-faults.h"

#include <stdlib.h>

#include "base/mem.h"

void speech_faults_clear(struct speech_faults *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->items[i].text);
	free(f->items);
	*f = (struct speech_faults){0};
}

void speech_faults_add(struct speech_faults *f, int64_t start, const char *text)
{
	f->items = mem_room(f->items, f->n, &f->cap, sizeof *f->items);
	f->items[f->n++] = (struct speech_fault){start, mem_strdup(text)};
}

static int compare(const void *a, const void *b)
{
	const struct speech_fault *x = a, *y = b;
	return x->start < y->start ? -1 : x->start > y->start;
}

void speech_faults_list(struct speech_faults *f, size_t most, struct buf *out)
{
	if (f->n)
		qsort(f->items, f->n, sizeof *f->items, compare);
	for (size_t i = 0; i < f->n && i < most; i++)
		buf_addf(out, "%s%s", i ? "; " : "", f->items[i].text);
	if (f->n > most)
		buf_addf(out, "; and %zu parts more", f->n - most);
}
