/* SPDX-License-Identifier: Apache-2.0 */
#include "job/summary.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void notes_add(struct notes *t, int64_t start, int64_t end, const char *text)
{
	struct note *last = t->n ? &t->items[t->n - 1] : NULL;
	if (last && last->end == start && strcmp(last->text, text) == 0) {
		last->end = end;
		return;
	}
	t->items = mem_grow(t->items, t->n + 1, sizeof *t->items);
	t->items[t->n++] = (struct note){start, end, mem_strdup(text)};
}

void notes_clear(struct notes *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->items[i].text);
	free(t->items);
	*t = (struct notes){0};
}

static const char *stamp(const struct notes *t, int64_t us, char out[static CLOCK_TEXT_MAX])
{
	return t->stamp ? t->stamp(us, out) : clock_whole(us, out);
}

static size_t note_size(const struct notes *t, const struct note *n)
{
	char time[CLOCK_TEXT_MAX];
	return strlen(n->text) + 2 * strlen(stamp(t, n->start, time)) + sizeof "[ - ] \n";
}

size_t notes_fit(const struct notes *t, size_t first, size_t max)
{
	size_t n = 0, size = 0;
	for (; first + n < t->n; n++) {
		size += note_size(t, &t->items[first + n]);
		/* a request with fewer than two notes would not shorten anything */
		if (size > max && n >= 2)
			break;
	}
	return n;
}

void notes_print(const struct notes *t, size_t first, size_t n, struct buf *out)
{
	char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX];
	for (size_t i = first; i < first + n; i++)
		buf_addf(out, "[%s - %s] %s\n", stamp(t, t->items[i].start, a),
		         stamp(t, t->items[i].end, b), t->items[i].text);
}

/* One level of the tree: each group of notes that fits becomes one note. */
static int shorten(struct notes *t, size_t max,
                   int (*ask)(void *, const char *, char **, struct err *), void *ctx,
                   struct err *err)
{
	AUTO(notes_clear) struct notes shorter = {.stamp = t->stamp};
	for (size_t first = 0, n; first < t->n; first += n) {
		AUTO(buf_free) struct buf text = BUF(max + 65536);
		AUTO(mem_freep) char *answer = NULL;
		n = notes_fit(t, first, max);
		const struct note *a = &t->items[first], *z = &t->items[first + n - 1];
		if (n == 1) { /* the last one, left over */
			notes_add(&shorter, a->start, a->end, a->text);
			continue;
		}
		notes_print(t, first, n, &text);
		int r = buf_check(&text, "the notes of one summary request", err);
		if (r == 0)
			r = ask(ctx, buf_str(&text), &answer, err);
		if (r < 0)
			return r;
		notes_add(&shorter, a->start, z->end, answer);
	}
	notes_clear(t);
	*t = shorter;
	shorter = (struct notes){0};
	return 0;
}

int summary_make(const struct notes *notes, size_t max,
                 int (*ask)(void *, const char *, char **, struct err *), void *ctx, char **ret,
                 struct err *err)
{
	AUTO(notes_clear) struct notes t = {.stamp = notes->stamp};
	for (size_t i = 0; i < notes->n; i++)
		notes_add(&t, notes->items[i].start, notes->items[i].end, notes->items[i].text);
	if (!t.n)
		return err_set(err, ERR_FORMAT, "no chunk was described, so nothing can be summarized");
	while (t.n > 1) {
		int r = shorten(&t, max, ask, ctx, err);
		if (r < 0)
			return r;
	}
	*ret = TAKE(t.items[0].text);
	return 0;
}

char *summary_timeline(const struct notes *events, size_t max_lines, bool described)
{
	struct buf out = BUF(1 << 20);
	char at[CLOCK_TEXT_MAX];
	if (!events->n)
		buf_adds(&out, described ? "Nothing was seen to happen."
		                         : "No chunk was described: it is not known what happened.");
	for (size_t i = 0; i < events->n && i < max_lines; i++)
		buf_addf(&out, "%s%s %s", i ? "\n" : "", stamp(events, events->items[i].start, at),
		         events->items[i].text);
	if (events->n > max_lines)
		buf_addf(&out, "\nand %zu more", events->n - max_lines);
	return buf_take(&out);
}
